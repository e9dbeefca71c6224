"""OME-TIFF: what microscopes' programs share; read as any TIFF, written with its pixel size.

A depth map is the second image of the file. Carries pixel size, ICC profile and EXIF tags, but no
description of channels, of the instrument or of the stage.
OME-TIFF specification 6, Open Microscopy Environment.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.io.files import require_dtype
from hyperfocal.io.formats import tiff
from hyperfocal.io.metadata import ome

SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.btf")
SIGNATURES = tiff.SIGNATURES
DTYPES = tiff.DTYPES
METADATA = (*tiff.METADATA, "pixel_um")

open = tiff.open
open_set = tiff.open_set
is_whole = tiff.is_whole


def save(
    path: Path, samples: Samples, like: FrameInfo, *, depth: NDArray[np.float32] | None = None
) -> None:
    """Write exactly these samples, with the pixel size, profile and EXIF tags of `like`.

    A `depth` map becomes a second image, float32.
    """
    require_dtype(path, samples, DTYPES, "OME-TIFF")
    height, width, channels = samples.shape
    info = FrameInfo(path.name, height, width, channels, samples.dtype, pixel_um=like.pixel_um)
    unit = "frames" if like.step_um is None else "µm"
    told = None if depth is None else f"Depth in {unit}, from the first frame"
    byte_count = samples.nbytes + (0 if depth is None else depth.nbytes)
    tiff.write(
        path,
        samples,
        like,
        is_big=byte_count > tiff.LARGEST_CLASSIC,
        depth=depth,
        described=ome.description(info, depth=told),
    )
