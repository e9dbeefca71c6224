"""Small pictures and the metadata that they carry, built by hand from the specifications."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hyperfocal.errors import FormatError
from hyperfocal.frame import FrameInfo


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Smooth, so that JPEG keeps it, and different in every direction and channel."""

    def make(channels: int = 3, dtype: str = "uint8", height: int = 48, width: int = 80):
        rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
        planes = [0.9 * rows + 0.1 * columns, 0.2 * rows + 0.7 * columns**2, 0.5 - 0.4 * rows]
        pixels = np.stack(planes[:channels], axis=2)
        peak = np.iinfo(dtype).max if dtype.startswith("u") else 1.5
        return np.ascontiguousarray((pixels * peak).astype(dtype))

    return make


@pytest.fixture
def exif() -> Callable[..., bytes]:
    """Make, orientation, and below them an exposure time and a maker note."""

    def make(orientation: int = 1, order: str = "<") -> bytes:
        def entry(tag: int, kind: int, count: int, form: str, value: object) -> bytes:
            head = struct.pack(order + "HHI", tag, kind, count)
            return head + struct.pack(order + form, value).ljust(4, b"\0")

        first, make_at, child = 8, 8 + 2 + 3 * 12 + 4, 8 + 2 + 3 * 12 + 4 + 6
        return b"".join(
            [
                (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first),
                struct.pack(order + "H", 3),
                entry(271, 2, 6, "I", make_at),
                entry(274, 3, 1, "H", orientation),
                entry(34665, 4, 1, "I", child),
                struct.pack(order + "I", 0) + b"Camra\0",
                struct.pack(order + "H", 2),
                entry(33434, 5, 1, "I", child + 2 + 2 * 12 + 4),
                entry(37500, 7, 4, "4s", b"note"),
                struct.pack(order + "III", 0, 1, 125),
            ]
        )

    return make


@pytest.fixture
def icc() -> Callable[..., bytes]:
    """No real profile, but one whose header names its colours; as long as asked for."""

    def make(channels: int = 3, length: int = 500) -> bytes:
        head = bytes(16) + {1: b"GRAY", 3: b"RGB "}[channels]
        return head + (bytes(range(256)) * (length // 256 + 1))[: length - len(head)]

    return make


@pytest.fixture
def like() -> Callable[..., FrameInfo]:
    """What a frame of these samples would say of itself."""

    def make(samples: np.ndarray, **metadata: bytes | None) -> FrameInfo:
        return FrameInfo("like", *samples.shape, samples.dtype, **metadata)

    return make


@pytest.fixture
def complaint() -> Callable[..., str]:
    """The one line that a call complains of a file with; the file's name is in it."""

    def make(path: Path, call: Callable[[], object]) -> str:
        with pytest.raises(FormatError) as caught:
            call()
        text = str(caught.value)
        assert path.name in text
        assert "\n" not in text
        return text

    return make
