"""Table 2 of the SESF-Fuse paper for all its methods, ours beside the published figures.

    python benchmarks/table2.py FOLDER_OF_PAIRS… [--methods lp rp …] [--jobs 2]

Folders hold NAME-A and NAME-B. Metrics on luma. For Qm the convention matters: "Qm" has every
picture on 0…1, as the paper's own figures for all methods but SESF turn out to have; "Qm paper
grey" is `--grey paper` (colour on 0…1, grey on 0…255), as its figures for SESF have. Also takes
`first`, `second` and `mean`, which fuse nothing. Needs the extra `methods`.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

import hyperfocal
from hyperfocal.metrics._grey import to_grey
from hyperfocal.metrics.qcb import qcb
from hyperfocal.metrics.qg import qg
from hyperfocal.metrics.qm import qm

PAPER = {
    "deep_fuse": (0.4269, 2.4618, 0.5651),
    "focusstack": (0.4709, 2.8510, 0.6330),
    "sf": (0.5115, 2.8512, 0.6024),
    "dsift": (0.5267, 2.8725, 0.6067),
    "dense_fuse:mode=add": (0.5190, 2.8530, 0.6008),
    "dense_fuse:mode=l1": (0.5283, 2.8561, 0.5972),
    "gf": (0.5631, 2.8506, 0.7008),
    "cvt": (0.6187, 2.9563, 0.6908),
    "dwt": (0.6222, 2.9465, 0.6712),
    "imf": (0.6324, 2.8844, 0.7362),
    "rp": (0.6478, 2.9460, 0.7101),
    "dtcwt": (0.6529, 2.9583, 0.7126),
    "nsct": (0.6587, 2.9592, 0.7169),
    "sr": (0.6686, 2.9630, 0.7335),
    "lp": (0.6731, 2.9642, 0.7352),
    "mwg": (0.6998, 2.9615, 0.7764),
    "cnn_fuse": (0.7102, 2.9654, 0.7839),
    "sesf": (0.7105, 2.8886, 0.7848),
}


NO_FUSION = {
    "first": lambda first, second: first,
    "second": lambda first, second: second,
    # Truncated, as the paper's programs do.
    "mean": lambda first, second: ((first.astype(int) + second) // 2).astype(np.uint8),
}


def pairs(folders):
    """The paths of both frames of every pair."""
    for folder in folders:
        for first in sorted(folder.glob("*-A.*")):
            yield first, first.with_name(first.name.replace("-A.", "-B."))


def read(path):
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return picture if picture.ndim == 2 else picture[:, :, 2::-1].copy()


def scores(pair, method):
    """Qg, Qm on 0…1, Qcb and Qm in the paper's convention, of one pair."""
    frames = [read(path) for path in pair]
    fused = fused_by(method, frames)
    grey, *sources = (to_grey(picture, "255") / 255 for picture in (fused, *frames))
    values = [metric(grey, sources) for metric in (qg, qm, qcb)]
    mixed, *mixed_sources = (to_grey(picture, "paper") for picture in (fused, *frames))
    return [*values, qm(mixed, mixed_sources)]


def fused_by(method, frames):
    if method in NO_FUSION:
        return NO_FUSION[method](*frames)
    return hyperfocal.fuse(frames, method=method, align="none", exposure="none").picture


def row(method, means):
    paper = PAPER.get(method, PAPER.get(method.partition(":")[0], (np.nan,) * 3))
    cells = [
        f"{own:.4f} | {theirs:.4f} | {abs(own - theirs):.4f}"
        for own, theirs in zip(means[:3], paper, strict=True)
    ]
    return f"| {method} | " + " | ".join(cells) + f" | {means[3]:.4f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--methods", nargs="+", default=list(PAPER))
    parser.add_argument("--jobs", type=int, default=1, help="pairs at the same time")
    parser.add_argument("--every", type=int, default=1, help="only every so-manieth pair")
    given = parser.parse_args()
    stack = list(pairs(given.folders))[:: given.every]
    print(f"{len(stack)} pairs\n")
    print(
        "| method | Qg ours | paper | apart | Qm ours | paper | apart | Qcb ours | paper | apart |"
        " Qm paper grey |"
    )
    print("| --- " * 11 + "|")
    with ProcessPoolExecutor(given.jobs) as pool:
        for method in given.methods:
            means = np.mean(list(pool.map(partial(scores, method=method), stack)), 0)
            print(row(method, means), flush=True)


if __name__ == "__main__":
    main()
