"""A small stack that comes with the package, so that everything can be tried at once."""

from __future__ import annotations

from pathlib import Path


def example() -> Path:
    """A folder of six frames of a beetle, 512×384, focused from near to far.

    >>> sorted(path.name for path in example().glob("*.jpg"))[0]
    'frame_000.jpg'
    """
    return Path(__file__).parent
