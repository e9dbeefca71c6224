"""What a file may declare before it is believed: every limit of reading, in one place.

Sizes and counts in a file are claims. Each is held against the file's own length, or against one
of these limits, before memory or time goes into it; docs/reliability.md has them as a table.
"""

from __future__ import annotations

from pathlib import Path

from hyperfocal.errors import FormatError

# Megapixels that are believed however small the file is; `--largest-picture` raises this.
LARGEST_PICTURE = 16.0
# Bytes of samples for each byte of a larger picture's file. Cameras stay below 30; JPEG without
# progression cannot pass 170, and Deflate passes 250 where a picture is all but empty.
LARGEST_RATIO = 250.0
# The same where an even area is described once, whatever its size: AVIF, HEIF, WebP, films.
LARGEST_RATIO_OF_MODELS = 2000.0
# The same for a moving picture that is decoded at once, most of whose frames may say "as before".
LARGEST_RATIO_OF_FILMS = 20_000.0

MOST_FRAMES = 65535  # of a stack; decision maps have 16 bits
MOST_PLANES = 1 << 20  # of all channels and time points of an OME-Zarr
MOST_CHUNKS = 1 << 16  # of one frame of an OME-Zarr
LARGEST_CHUNK = 64 << 20  # bytes of a Zarr chunk that are believed however small its file is
MOST_SCANS = 64  # of a progressive JPEG; encoders write about ten, and each decodes the whole
MOST_PICTURES = 4096  # still ones in a HEIF or AVIF

LARGEST_METADATA = 16 << 20  # bytes of a profile, an EXIF block, a box, a tag's value
LARGEST_DIRECTORY = 64 << 20  # bytes of all values of a TIFF directory and those below it
DEEPEST_DIRECTORY = 3  # Interoperability, in Exif, in the page's own


def require_frame_count(path: Path, count: int) -> None:
    """FormatError for a file that declares more frames than a stack may have."""
    if count > MOST_FRAMES:
        raise FormatError(
            f"{path} declares {count} frames, and a stack has {MOST_FRAMES} at most; export a "
            "part of them"
        )
