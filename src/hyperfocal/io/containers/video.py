"""A film that is being read: one decoder, moved forwards frame by frame.

Going back means decoding again from the start, because jumps to a frame's number are exact in few
kinds of film. A stack that is fused is read forwards, once for each pass.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from hyperfocal.frame import Samples


@dataclass
class Film:
    """The frames of a file in their order; safe to read from several threads."""

    path: Path
    _capture: Any = None
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def frame(self, index: int) -> Samples:
        """(height, width, 3) RGB, 8 bits; raises EOFError behind the last frame."""
        with self._lock:
            if self._capture is None or index < self._next:
                self._capture, self._next = opened(self.path), 0
            while self._next < index:
                self._require(self._capture.grab())
            found, samples = self._capture.read()
            self._require(found)
            shown: Samples = cv2.cvtColor(samples, cv2.COLOR_BGR2RGB)
            return shown

    def count(self) -> int:
        """The number of frames that can be decoded; takes as long as decoding all of them."""
        with self._lock:
            capture, found = opened(self.path), 0
            while capture.grab():
                found += 1
            return found

    def _require(self, found: bool) -> None:
        if not found:
            raise EOFError(f"frame {self._next + 1} cannot be decoded")
        self._next += 1


def bits_of(pixel_format: float) -> int:
    """Bits of a sample by FFmpeg's tag of the pixel format (libavcodec/raw.c); 8 where unknown.

    Planar tags are Y or G, the number of planes, their subsampling and the bits: `Y3`, 11, 10;
    from the other end where samples are.
    """
    tag = (int(pixel_format) & 0xFFFFFFFF).to_bytes(4, "little")
    for order in (tag, tag[::-1]):
        if order[0] in b"YG" and order[1] in b"1234" and 8 < order[3] <= 16:
            return order[3]
        if order in _PACKED:
            return _PACKED[order]
    return 8


# The last byte of the first four is the bits of a pixel: 48 is "0", 64 is "@".
_PACKED = {
    b"RGB0": 16, b"BGR0": 16, b"RBA@": 16, b"BRA@": 16, b"P010": 10, b"P210": 10, b"P410": 10,
    b"P012": 12, b"P212": 12, b"P412": 12, b"P016": 16, b"P216": 16, b"P416": 16, b"Y210": 10,
    b"Y212": 12, b"XV30": 10, b"XV36": 12,
}  # fmt: skip


def opened(path: Path) -> Any:
    """A decoder before the first frame; ValueError where there is none for this film."""
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        # Absolute, because FFmpeg takes a name such as `http:host` for an address.
        capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    finally:
        logging.setLogLevel(level)
    if not capture.isOpened():
        raise ValueError("no decoder reads it")
    return capture
