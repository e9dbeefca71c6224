"""How a fusion shows itself in a notebook: a line of text, or the picture beside its depth."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hyperfocal.compute import colours
from hyperfocal.frame import to_pixels, to_samples
from hyperfocal.fusion.account import account

if TYPE_CHECKING:
    from hyperfocal.fusion.api import Fusion

_WIDEST = 420  # px, of each picture


def line_of(fusion: Fusion) -> str:
    """`<Fusion 1277×822 uint8 RGB of 9 frames by prism, depth 0…8 frames>`."""
    height, width = fusion.picture.shape[:2]
    kind = "grey" if fusion.picture.ndim == 2 else "RGB"
    told = [f"{width}×{height} {fusion.picture.dtype} {kind}"]
    if "frames" in fusion.report:
        told.append(f"of {len(fusion.report['frames'])} frames by {fusion.report['method']}")
    return f"<Fusion {' '.join(told)}{_depth_told(fusion)}>"


def html_of(fusion: Fusion) -> str:
    """The picture, its depth where there is one, and what was done."""
    shown = [_figure(_rgb(fusion.picture), "picture")]
    if fusion.depth is not None:
        shown.append(_figure(_depth_view(fusion), _depth_told(fusion).lstrip(", ")))
    try:
        told = [*account(fusion.report), *fusion.report["notices"]]
    except KeyError:  # a report that somebody made
        told = [line_of(fusion)]
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in told)
    return f'<div><div style="display:flex;gap:12px">{"".join(shown)}</div>{lines}</div>'


def _depth_told(fusion: Fusion) -> str:
    if fusion.depth is None:
        return ""
    unit = "frames" if fusion.report.get("step_um") is None else "µm"
    return f", depth {float(fusion.depth.min()):.3g}…{float(fusion.depth.max()):.3g} {unit}"


def _depth_view(fusion: Fusion) -> colours.Rgb:
    """The depth in colours, dark to light from near to far, grey where it is not known."""
    depth = fusion.depth
    assert depth is not None
    low, high = float(depth.min()), float(depth.max())
    share = _small((depth - np.float32(low)) / np.float32(max(high - low, 1e-12)))
    confidence = None if fusion.confidence is None else _small(fusion.confidence)
    certainty = colours.certainty_of(confidence, share.shape)
    return colours.faded(colours.coloured(share), certainty)


def _rgb(picture: NDArray[Any]) -> colours.Rgb:
    pixels = _small(to_pixels(picture))
    # Values beyond 0…1 are of floats that were never scaled.
    peak = max(1.0, float(pixels.max())) if picture.dtype.kind == "f" else 1.0
    shown = to_samples(pixels / np.float32(peak), np.dtype(np.uint8))
    return cv2.cvtColor(shown, cv2.COLOR_GRAY2RGB) if shown.ndim == 2 else shown


def _small(values: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = values.shape[:2]
    scale = _WIDEST / max(height, width)
    if scale >= 1:
        return values
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(values, size, interpolation=cv2.INTER_AREA)


def _figure(rgb: colours.Rgb, caption: str) -> str:
    encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1]
    text = base64.b64encode(encoded.tobytes()).decode()
    return (
        f'<figure style="margin:0"><img src="data:image/png;base64,{text}" '
        f'alt="{html.escape(caption)}"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )
