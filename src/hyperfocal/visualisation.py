"""Coloured views of what a fusion decided, for eyes: (height, width, 3) uint8 RGB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.errors import FormatError, StackError
from hyperfocal.frame import FocusMap, FrameInfo, IndexMap, Pixels, Weight, to_grey, to_pixels
from hyperfocal.io import formats, outputs
from hyperfocal.io.together import Together

Rgb = NDArray[np.uint8]


def decision_view(index: IndexMap, *, frame_count: int) -> Rgb:
    """A colour for each frame, from blue (first) over green to red (last)."""
    levels = np.linspace(0, 255, max(2, frame_count)).round().astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels[index], cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)


def relief_view(depth: NDArray[np.float32], *, frame_count: int) -> Rgb:
    """The depth map as a relief: coloured by depth, lit from the upper left."""
    smooth = cv2.GaussianBlur(depth, (0, 0), 2)
    steepness = 40 / max(1, frame_count)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=steepness / 8)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=steepness / 8)
    # The cosine between the surface's normal (−across, −down, 1) and the light (−1, −1, 1).
    light = (across + down + 1) / np.sqrt(3 * (across**2 + down**2 + 1))
    shade = np.clip(0.35 + 1.1 * light, 0, 1.2)
    colours = decision_view(np.rint(depth).astype(np.uint16), frame_count=frame_count)
    return np.clip(colours * shade[:, :, None], 0, 255).astype(np.uint8)


def overlay_view(pixels: Pixels, index: IndexMap, *, frame_count: int) -> Rgb:
    """The picture in grey, tinted with the colour of each pixel's frame."""
    grey = to_grey(pixels)[:, :, None]
    colours = decision_view(index, frame_count=frame_count).astype(np.float32)
    return np.clip(colours * (0.25 + 0.75 * grey), 0, 255).astype(np.uint8)


def difference_view(pixels: Pixels, frame: Pixels, *, gain: float = 4) -> Rgb:
    """Absolute difference of the picture to a frame, `gain` times enlarged, in grey."""
    difference = to_grey(np.abs(pixels - frame))
    levels = np.clip(difference * 255 * gain + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB)


def activity_view(activity: FocusMap) -> Rgb:
    """The focus measure on a logarithmic scale, dark where the picture is flat."""
    scale = np.log1p(activity / max(float(np.median(activity)), 1e-12))
    top = max(float(np.percentile(scale, 99.5)), 1e-12)
    levels = np.clip(scale / top * 255, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def confidence_view(confidence: Weight) -> Rgb:
    """How sure the decision is, white where it is most sure."""
    levels = np.clip(confidence * 255 + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(levels, cv2.COLOR_GRAY2RGB)


def write_views(
    maps: Path,
    out: Path,
    *,
    picture: Path | None = None,
    frame: Path | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Draw the maps that `fuse(maps=…)` wrote, as PNG files in the folder `out`.

    Maps that a method does not make have no view. `picture`, the fused one, adds an overlay;
    `frame` beside it the difference to that frame.
    Raises FormatError for what cannot be read or written, StackError for sizes that differ.
    """
    outputs.require_folder(out, overwrite=overwrite)
    if frame is not None and picture is None:
        raise StackError("a difference needs the fused picture too; give it with --picture")
    after, depth = _loaded(maps, "decision"), _loaded(maps, "depth")
    frame_count = int(after.max()) + 1
    if _has(maps, "decision_initial"):
        before = _loaded(maps, "decision_initial")
        frame_count = max(frame_count, int(before.max()) + 1)
    # The depth may be in µm; as a relief only its share of the whole counts.
    depth = depth * np.float32((frame_count - 1) / max(float(depth.max()), 1e-12))
    views = {
        "decision": decision_view(after, frame_count=frame_count),
        "relief": relief_view(depth, frame_count=frame_count),
    }
    if _has(maps, "decision_initial"):
        views["decision_initial"] = decision_view(before, frame_count=frame_count)
    if _has(maps, "activity"):
        views["activity"] = activity_view(_loaded(maps, "activity"))
    if _has(maps, "confidence"):
        views["confidence"] = confidence_view(_loaded(maps, "confidence"))
    if picture is not None:
        fused = _pixels(picture, after.shape)
        views["overlay"] = overlay_view(fused, after, frame_count=frame_count)
        if frame is not None:
            views["difference"] = difference_view(fused, _pixels(frame, after.shape))
    with Together() as within, outputs.in_folder(out, within) as (folder, whole):
        for name, view in views.items():
            height, width, channels = view.shape
            info = FrameInfo(name, height, width, channels, view.dtype)
            outputs.save(folder / f"{name}.png", view, info, within=whole)
    return [out / f"{name}.png" for name in views]


def _has(folder: Path, name: str) -> bool:
    """Whether the method that made the maps knows this one."""
    return (folder / f"{name}.npy").exists()


def _loaded(folder: Path, name: str) -> NDArray[Any]:
    path = folder / f"{name}.npy"
    try:
        values: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise FormatError(f"{path} cannot be read; make it with: hyperfocal fuse --maps") from error
    return values


def _pixels(path: Path, shape: tuple[int, ...]) -> Pixels:
    pixels = to_pixels(formats.open_frames(path)[0].read())
    if pixels.shape[:2] != shape:
        raise StackError(
            f"{path.name} is {pixels.shape[1]}×{pixels.shape[0]}, the maps are "
            f"{shape[1]}×{shape[0]}; give the picture that was fused with them"
        )
    return pixels
