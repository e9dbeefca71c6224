"""LSM, the TIFF of Zeiss's confocal microscopes; read as any TIFF, its channels chosen by number.

Only read.
"""

from __future__ import annotations

from hyperfocal.io.formats import tiff

SUFFIXES = (".lsm",)
SIGNATURES = tiff.SIGNATURES
DTYPES = tiff.DTYPES
METADATA: tuple[str, ...] = ()

open = tiff.open
open_set = tiff.open_set
is_whole = tiff.is_whole
