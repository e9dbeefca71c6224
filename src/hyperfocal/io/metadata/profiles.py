"""ICC profiles: whether one describes samples of so many channels, and whether it is sRGB."""

from __future__ import annotations

_SPACES = {1: b"GRAY", 3: b"RGB "}


def fitting(icc: bytes | None, channels: int) -> bytes | None:
    """The profile, or None where it is for other colours: grey samples of an RGB frame, say.

    A viewer that meets the wrong kind of profile refuses the file or shows it wrongly.
    """
    return icc if icc is not None and icc[16:20] == _SPACES[channels] else None


def is_srgb(icc: bytes) -> bool:
    """Whether the profile calls itself sRGB, which files without a profile are taken for."""
    return b"sRGB" in icc or "sRGB".encode("utf-16-be") in icc
