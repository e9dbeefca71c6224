"""Where the fused pictures are worst: crops beside the truth and other programs, as one sheet.

    python benchmarks/failures.py DATA/rendered --out docs/images/failures.jpg --method prism \\
        --command "focusweave: focusweave {folder} --no-align --keep-size --output {out}"

For every scene: the square with our largest squared error, and the square in which the best of the
others is furthest ahead of us. Columns: truth, the frame nearest to it, ours, the others; the PSNR
of each square stands below it.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

import hyperfocal


def read(path):
    return cv2.imread(str(path))[:, :, ::-1].astype(np.float32)


def fused(command, folder, frames):
    """What another program makes of the frames."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.png"
        line = []
        for part in shlex.split(command):
            line += (
                map(str, frames) if part == "{frames}" else [part.format(folder=folder, out=out)]
            )
        with tempfile.TemporaryDirectory() as own:
            for frame in frames:  # a folder of nothing but frames
                (Path(own) / frame.name).symlink_to(frame.resolve())
            line = [
                part.replace(str(folder), own) if part == str(folder) else part for part in line
            ]
            subprocess.run(line, check=True, capture_output=True)
        return read(out)


def squared(made, truth, side):
    """Mean squared error of the square around each pixel."""
    error = ((made - truth) ** 2).mean(2)
    return cv2.blur(error, (side, side), borderType=cv2.BORDER_REFLECT)


def corner(place, shape, side):
    return tuple(
        int(np.clip(at - side // 2, 0, length - side))
        for at, length in zip(place, shape, strict=False)
    )


def labelled(crop, text, scale):
    crop = np.clip(crop + 0.5, 0, 255).astype(np.uint8)
    large = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    strip = np.full((18, large.shape[1], 3), 255, np.uint8)
    cv2.putText(strip, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([large, strip])


def decibels(made, truth):
    return 10 * np.log10(255**2 / max(np.mean((made - truth) ** 2), 1e-6))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--method", default="prism")
    parser.add_argument("--command", action="append", default=[])
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--scale", type=int, default=2)
    given = parser.parse_args()
    peers = dict(text.split(":", 1) for text in given.command)
    rows = []
    for folder in sorted(given.data.iterdir()):
        if not (folder / "reference.png").exists() or folder.name.endswith("_breath"):
            continue
        frames, truth = sorted(folder.glob("frame_*.png")), read(folder / "reference.png")
        options = {"align": "none", "exposure": "none"}
        ours = hyperfocal.fuse(frames, method=given.method, **options).picture.astype(np.float32)
        others = {name: fused(line, folder, frames) for name, line in peers.items()}
        error = squared(ours, truth, given.side)
        places = {"worst": np.unravel_index(error.argmax(), error.shape)}
        if others:
            best = np.min([squared(made, truth, given.side) for made in others.values()], 0)
            places["behind"] = np.unravel_index((error - best).argmax(), error.shape)
        for kind, place in places.items():
            top, left = corner(place, error.shape, given.side)
            part = np.s_[top : top + given.side, left : left + given.side]
            stack = [read(frame)[part] for frame in frames]
            nearest = min(stack, key=lambda frame: np.mean((frame - truth[part]) ** 2))
            crops = {f"{folder.name} {kind}": truth, "nearest frame": None, given.method: ours}
            cells = []
            for name, made in (crops | others).items():
                crop = nearest if made is None else made[part]
                text = name if made is truth else f"{name} {decibels(crop, truth[part]):.1f}"
                cells.append(labelled(crop, text, given.scale))
            told = [f"{decibels(m[part], truth[part]):.1f}" for m in [ours, *others.values()]]
            print(folder.name, kind, (top, left), *told)
            rows.append(np.concatenate(cells, 1))
    cv2.imwrite(str(given.out), np.concatenate(rows)[:, :, ::-1])


if __name__ == "__main__":
    main()
