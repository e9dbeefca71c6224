"""Alignment against known truth: error in pixels, PSNR after fusion, seconds.

    python benchmarks/alignment.py DATA_FOLDER [--methods lp sesf] [--scenes PATTERN]

DATA_FOLDER holds `rendered/SCENE` as in the development data. Scenes with `_breath` in their name
were rendered with known breathing and shifts. The others are made to move here: each frame is
warped by a scale that grows to 1.5 % over the stack, a rotation within 0.2° and a shift within
1.5 px, so that the truth is known; their references are warped as the reference frame is.

Error: distance between where the found and the true transform put a point, for 25 points on the
border and in the middle of the picture, over all frames but the reference. PSNR leaves out 10 px
beside the common area. `still` is the same scene as it was before it was made to move.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from sesf_speed import read

import hyperfocal

MARGIN = 12  # px cut from frames that are warped here, so that none shows its border
SCORED = 10  # px beside the common area that are not scored


def similarity(shape, *, scale, degrees, shift):
    """(3, 3): about the centre of a picture, in coordinates of pixel centres."""
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    turn = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, centre - linear @ centre + shift
    return matrix


def breathing(folder):
    """Frames, true matrices from the base to each frame, still frames and references by frame."""
    facts = json.loads((folder / "focus.json").read_text())
    frames = [read(path) for path in sorted(folder.glob("frame_*.png"))]
    truth = [
        similarity(frames[0].shape, scale=scale, degrees=0, shift=shift)
        for scale, shift in zip(facts["frame_scale"], facts["frame_shift_px"], strict=True)
    ]
    references = {int(k): read(folder / name) for k, name in facts["references"].items()}
    still = folder.with_name(folder.name.replace("_breath", ""))
    return frames, truth, references, still


def set_in_motion(folder, seed):
    """The same for a still scene that is warped here."""
    rng = np.random.default_rng(seed)
    still = [read(path) for path in sorted(folder.glob("frame_*.png"))]
    sharp, shape = read(folder / "reference.png"), still[0].shape
    cut = np.array([[1, 0, -MARGIN], [0, 1, -MARGIN], [0, 0, 1.0]])
    frames, truth, references = [], [], {}
    for number, frame in enumerate(still):
        matrix = similarity(
            shape,
            scale=1 + 0.015 * number / (len(still) - 1),
            degrees=rng.uniform(-0.2, 0.2),
            shift=rng.uniform(-1.5, 1.5, 2),
        )
        moved = [moved_by(picture, matrix) for picture in (frame, sharp)]
        frames.append(moved[0])
        references[number] = moved[1]
        truth.append(cut @ matrix @ np.linalg.inv(cut))
    return frames, truth, references, folder


def moved_by(picture, matrix):
    size = picture.shape[1], picture.shape[0]
    moved = cv2.warpPerspective(
        picture, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT
    )
    return moved[MARGIN:-MARGIN, MARGIN:-MARGIN].copy()


def errors(found, true, shape):
    """Distances in px between two transforms of 25 points."""
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5)), -1).reshape(-1, 2)
    points = np.hstack([grid * [shape[1] - 1, shape[0] - 1], np.ones((25, 1))])
    one, other = ((matrix @ points.T)[:2] / (matrix @ points.T)[2] for matrix in (found, true))
    return np.hypot(*(one - other))


def psnr(picture, reference):
    error = np.mean((np.float64(picture) - reference)[SCORED:-SCORED, SCORED:-SCORED] ** 2)
    return float(10 * np.log10(255**2 / error))


def aligned(frames, method, **options):
    """The fusion, and the transforms it used."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transforms.json"
        fusion = hyperfocal.fuse(frames, method=method, transforms=path, **options)
        found = json.loads(path.read_text())
    matrices = [np.array(frame["reference_to_frame"]) for frame in found["frames"]]
    return fusion, matrices, found["reference"]


def cut_to(fusion, picture):
    """What a fused picture shows of a picture of the reference's size."""
    place = fusion.report["alignment"]["area"]
    height, width = fusion.picture.shape[:2]
    return picture[place["top"] :, place["left"] :][:height, :width]


def score(folder, seed, methods):
    """One row: errors, seconds per frame and megapixel, and PSNR aligned, not aligned, still."""
    known = breathing(folder) if "_breath" in folder.name else set_in_motion(folder, seed)
    frames, truth, references, still = known
    row = {}
    for method in methods:
        fusion, matrices, reference = aligned(frames, method)
        back = np.linalg.inv(truth[reference])
        shape = frames[0].shape
        others = [place for place in range(len(frames)) if place != reference]
        all_errors = np.array(
            [errors(matrices[place], truth[place] @ back, shape) for place in others]
        )
        size = len(frames) * shape[0] * shape[1] / 1e6
        seconds = fusion.report["seconds"]
        row["px median / worst"] = f"{np.median(all_errors):.3f} / {all_errors.max():.3f}"
        row["s per frame and MP"] = f"{(seconds['align'] + seconds['expose']) / size:.2f}"
        unaligned = hyperfocal.fuse(frames, method=method, align="none", exposure="none")
        best = max(psnr(unaligned.picture, one) for one in references.values())
        before = [read(path) for path in sorted(still.glob("frame_*.png"))]
        untouched = hyperfocal.fuse(before, method=method, align="none", exposure="none")
        row[f"{method}: aligned / not / still"] = " / ".join(
            f"{value:.2f}"
            for value in (
                psnr(fusion.picture, cut_to(fusion, references[reference])),
                best,
                psnr(untouched.picture, read(still / "reference.png")),
            )
        )
    return row


def is_left_alone(folder, method="lp"):
    """Whether a still scene comes out bit for bit as without alignment, and what it costs."""
    frames = [read(path) for path in sorted(folder.glob("frame_*.png"))]
    start = time.perf_counter()
    one = hyperfocal.fuse(frames, method=method)
    middle = time.perf_counter()
    other = hyperfocal.fuse(frames, method=method, align="none", exposure="none")
    seconds = middle - start, time.perf_counter() - middle
    return np.array_equal(one.picture, other.picture), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--methods", nargs="+", default=["lp", "sesf"])
    parser.add_argument("--scenes", default="*")
    given = parser.parse_args()
    folders = sorted((given.data / "rendered").glob("*/"))
    folders = [folder for folder in folders if fnmatch.fnmatch(folder.name, given.scenes)]
    for place, folder in enumerate(folders):
        row = score(folder, place, given.methods)
        if place == 0:
            print("| scene | " + " | ".join(row) + " |")
            print("| --- |" + " --- |" * len(row))
        print(f"| {folder.name} | " + " | ".join(row.values()) + " |", flush=True)
    print()
    for folder in folders:
        if "_breath" not in folder.name:
            same, (auto, none) = is_left_alone(folder)
            claim = "bit-identical" if same else "CHANGED"
            print(f"{folder.name}: {claim}; lp {auto:.2f} s with auto, {none:.2f} s with none")


if __name__ == "__main__":
    main()
