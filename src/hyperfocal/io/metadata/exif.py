"""EXIF orientation: found, applied to samples, and set to upright in the block that is carried.

XMP is asked where the block has none. Nothing else in the block changes, but for a thumbnail of a
turned frame, which is unlinked.
"""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np

from hyperfocal.frame import Samples
from hyperfocal.io.containers import tiff_directories as directories
from hyperfocal.io.metadata import xmp

_ORIENTATION = 274
_UPRIGHT = 1
_FORMS = {3: "H", 4: "I"}

# Orientation: whether rows become columns first, then the axis that cv2.flip mirrors.
_TURNS: dict[int, tuple[bool, int | None]] = {
    1: (False, None),
    2: (False, 1),
    3: (False, -1),
    4: (False, 0),
    5: (True, None),
    6: (True, 1),
    7: (True, -1),
    8: (True, 0),
}


def orientation_of(exif: bytes | None, packet: bytes | None = None) -> int:
    """1…8, as the block says or else the XMP packet; 1 where neither says what means something."""
    orientation, entry, _, _ = _stored(exif or b"")
    if entry is None:
        orientation = xmp.orientation_of(packet) or _UPRIGHT
    return orientation if orientation in _TURNS else _UPRIGHT


def swaps_sides(orientation: int) -> bool:
    """Whether height and width change places."""
    return _TURNS[orientation][0]


def turned(samples: Samples, orientation: int) -> Samples:
    """The samples as a viewer would show them."""
    is_transposed, axis = _TURNS[orientation]
    shape = samples.shape
    if is_transposed:
        samples = cv2.transpose(samples)
        shape = (shape[1], shape[0], shape[2])
    if axis is not None:
        samples = cv2.flip(samples, axis)
    return np.ascontiguousarray(samples).reshape(shape)


def turned_back(samples: Samples, orientation: int) -> Samples:
    """What `turned` makes these samples of."""
    # All turns but the quarters are their own opposites.
    return turned(samples, {6: 8, 8: 6}.get(orientation, orientation))


def upright(exif: bytes) -> bytes:
    """The same block, saying that the frame needs no turning."""
    orientation, entry, directory, order = _stored(exif)
    if entry is None or orientation == _UPRIGHT:
        return exif
    patched = bytearray(exif)
    struct.pack_into(order + _FORMS[entry.kind], patched, entry.position, _UPRIGHT)
    # The thumbnail is stored unturned, and no viewer would know any more.
    struct.pack_into(order + "I", patched, directory.next_position, 0)
    return bytes(patched)


def _stored(
    exif: bytes,
) -> tuple[int, directories.Entry | None, directories.Directory, str]:
    try:
        layout, offset = directories.layout_of(exif)
        directory = directories.read(io.BytesIO(exif), offset, layout, wanted=(_ORIENTATION,))
    except (struct.error, ValueError):
        return _UPRIGHT, None, directories.Directory(), "<"
    entry = directory.entries.get(_ORIENTATION)
    if entry is None or entry.kind not in _FORMS or entry.length != 1 or layout.is_big:
        return _UPRIGHT, None, directory, layout.order
    (orientation,) = struct.unpack(layout.order + _FORMS[entry.kind], entry.value)
    return orientation, entry, directory, layout.order
