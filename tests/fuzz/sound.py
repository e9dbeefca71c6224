"""Small sound files of every format that can be read here, to be damaged."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import tifffile

from hyperfocal.frame import FrameInfo, Samples
from hyperfocal.io import formats

_HEIGHT, _WIDTH = 36, 52
_EXIF = (
    b"II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x69\x87\x04\0\x01\0\0\0\x26\0\0\0"
    b"\0\0\0\0\x01\0\x9d\x82\x05\0\x01\0\0\0\x38\0\0\0\0\0\0\0\x1c\0\0\0\x05\0\0\0"
)


def files(folder: Path) -> dict[str, Path]:
    """A sound file, or folder, for each kind."""
    made = {}
    for name, (suffix, write) in _kinds().items():
        path = folder / name / f"a{suffix}"
        path.parent.mkdir(parents=True)
        write(path)
        made[name] = path
    return made


def picture(number: int, dtype: str = "uint8", channels: int = 3) -> Samples:
    """Coarse structure and noise."""
    rng = np.random.default_rng(number)
    coarse = rng.random((_HEIGHT // 4, _WIDTH // 4, channels)).repeat(4, 0).repeat(4, 1)
    mixed = 0.8 * coarse + 0.2 * rng.random((_HEIGHT, _WIDTH, channels))
    if dtype == "float32":
        return mixed.astype(np.float32)
    return (mixed * np.iinfo(dtype).max).astype(dtype)


def _kinds() -> dict[str, tuple[str, Callable[[Path], None]]]:
    deep = [picture(number, "uint16", 1)[:, :, 0] for number in range(3)]
    kinds = {
        f"{suffix[1:]} {dtype}": (suffix, _own(suffix, dtype))
        for suffix in (".png", ".jpg", ".webp", ".jxl", ".bmp", ".ppm", ".npy", ".tif")
        for dtype in formats.dtypes(suffix)
        if suffix in formats.writable_suffixes()
    }
    kinds |= {
        "npy stack": (".npy", lambda path: np.save(path, np.stack(deep))),
        "tiff pages": (
            ".tif",
            lambda path: tifffile.imwrite(
                path, np.stack(deep), metadata=None, photometric="minisblack"
            ),
        ),
        "tiff lzw": (".tif", lambda path: tifffile.imwrite(path, picture(0), compression="lzw")),
        "tiff tiles": (
            ".tif",
            lambda path: tifffile.imwrite(path, picture(0), tile=(16, 16), compression="zstd"),
        ),
        "tiff big": (
            ".btf",
            lambda path: tifffile.imwrite(path, picture(0), bigtiff=True, byteorder=">"),
        ),
        "imagej": (
            ".tif",
            lambda path: tifffile.imwrite(
                path, np.stack(deep), imagej=True, metadata={"axes": "ZYX", "spacing": 2.0}
            ),
        ),
        "ome": (
            ".ome.tif",
            lambda path: tifffile.imwrite(path, np.stack(deep), metadata={"axes": "ZYX"}),
        ),
        "jpeg progressive": (".jpg", _opencv([cv2.IMWRITE_JPEG_PROGRESSIVE, 1])),
        "gif": (".gif", lambda path: path.write_bytes(imagecodecs.gif_encode(picture(0)[:, :, 0]))),
        "avif": (".avif", lambda path: path.write_bytes(imagecodecs.avif_encode(picture(0)))),
        "avi": (".avi", _film("MJPG")),
        "mp4": (".mp4", _film("mp4v")),
    }
    if importlib.util.find_spec("zarr"):
        kinds |= {f"zarr {number}": (".ome.zarr", _zarr(number)) for number in (2, 3)}
    if importlib.util.find_spec("pillow_heif"):
        kinds["heif"] = (".heic", _heif)
    return kinds


def _own(suffix: str, dtype: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        samples = picture(0, dtype)
        like = FrameInfo(path.name, *samples.shape, samples.dtype, exif=_EXIF)
        formats.save(path, samples, like, suffix=suffix)

    return write


def _opencv(options: list[int]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(
        cv2.imencode(path.suffix, picture(0), options)[1].tobytes()
    )


def _film(code: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, (_WIDTH, _HEIGHT))
        for number in range(4):
            film.write(picture(number))
        film.release()

    return write


def _zarr(version: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import zarr

        group = zarr.open_group(str(path), mode="w", zarr_format=version)
        data = np.stack([picture(number, "uint16", 1)[:, :, 0] for number in range(3)])
        group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=(1, 36, 26))[...] = data
        axes = [{"name": axis, "type": "space"} for axis in "zyx"]
        told = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
        group.attrs.update(told if version == 2 else {"ome": told})

    return write


def _heif(path: Path) -> None:
    import pillow_heif

    samples = picture(0)
    pillow_heif.from_bytes("RGB", (_WIDTH, _HEIGHT), samples.tobytes()).save(path, quality=90)
