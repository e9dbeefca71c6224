"""What methods share whose every pixel depends on the whole picture."""

from __future__ import annotations


class WholePicture:
    """Works on the picture as one tile."""

    @property
    def halo(self) -> None:
        return None

    @property
    def grid(self) -> int:
        return 1
