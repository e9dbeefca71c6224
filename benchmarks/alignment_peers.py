"""Fused pictures of any program against known truth, wherever it cropped them.

    python benchmarks/alignment_peers.py DATA_FOLDER NAME=ALIGNED.png[,STILL.png] …

ALIGNED.png is what a program made of DATA_FOLDER/rendered/still_life_breath, STILL.png what it made
of the same scene without breathing and without its alignment. Programs choose different frames to
place the others on and crop what they like, so each picture is laid on each reference that there is
(frames 0, 4 and 7) at the offset of whole pixels that fits best, and the best of the three counts.
Scored is the same area for all: 440 × 320 px in the middle of the reference. `moved into place` is
the score after the affine transform that brings the picture nearest to the reference (ECC): what it
is more than `aligned` is lost by the place of the whole alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from sesf_speed import read

SCENE = "still_life_breath"
WIDTH, HEIGHT = 440, 320


def middle(picture):
    """Where the scored area begins in a picture of the reference's size: row and column."""
    return (picture.shape[0] - HEIGHT) // 2, (picture.shape[1] - WIDTH) // 2


def cut(picture, top, left):
    return picture[top : top + HEIGHT, left : left + WIDTH].astype(np.float64)


def psnr(picture, reference):
    return float(10 * np.log10(255**2 / np.mean((picture - reference) ** 2)))


def laid(picture, reference):
    """PSNR of the scored area at the best offset of whole pixels, and that offset."""
    top, left = middle(reference)
    wanted = cut(reference, top, left)
    errors = cv2.matchTemplate(picture.astype(np.float32), wanted.astype(np.float32), cv2.TM_SQDIFF)
    row, column = np.unravel_index(errors.argmin(), errors.shape)
    return psnr(cut(picture, row, column), wanted), (top - int(row), left - int(column))


def best_laid(picture, references):
    """PSNR, offset, and the frame whose reference it is laid on."""
    scored = {frame: laid(picture, reference) for frame, reference in references.items()}
    frame = max(scored, key=lambda one: scored[one][0])
    return *scored[frame], frame


def moved_to(picture, reference):
    """The scored area of the picture after the affine transform that brings it nearest."""
    top, left = middle(reference)
    _, (row, column) = laid(picture, reference)
    grey, wanted = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (picture, reference))
    # From the scored area to the picture.
    matrix = np.array([[1, 0, left - column], [0, 1, top - row]], np.float32)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-7)
    area = np.ascontiguousarray(cut(wanted, top, left).astype(np.uint8))
    _, matrix = cv2.findTransformECC(area, grey, matrix, cv2.MOTION_AFFINE, criteria)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(
        picture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    return moved.astype(np.float64), cut(reference, top, left)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("pictures", nargs="+", metavar="NAME=ALIGNED.png[,STILL.png]")
    given = parser.parse_args()
    folder = given.data / "rendered" / SCENE
    facts = json.loads((folder / "focus.json").read_text())
    references = {int(k): read(folder / name) for k, name in facts["references"].items()}
    still = read(folder.with_name("still_life") / "reference.png")
    print("| program | placed on | cropped at | aligned | moved into place | still | loss |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for text in given.pictures:
        name, _, paths = text.partition("=")
        aligned, *rest = (read(Path(path)) for path in paths.split(","))
        value, offset, frame = best_laid(aligned, references)
        reference = references[frame]
        placed = psnr(*moved_to(aligned, reference))
        row = [name, f"frame {frame}", f"{offset[0]}, {offset[1]}", f"{value:.2f}", f"{placed:.2f}"]
        before = laid(rest[0], still)[0] if rest else None
        row += [f"{before:.2f}", f"{before - value:.2f}"] if before is not None else ["", ""]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
