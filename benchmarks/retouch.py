"""What a stroke of the brush does to a spoiled place, in dB against the truth of rendered stacks.

    python benchmarks/retouch.py DATA/rendered [--spill 1.5] [--uneven 0.2]

Each scene is fused, and along random strokes a veil is painted over the result: a bright haze as
blurred foreground leaves it, up to `--spill` times as wide as the stroke that is to remove it. The
stroke takes the frame that is nearest to the truth there, darkened by 6 % and rounded to 8 bits;
with `--uneven`, by so much more towards the corners. PSNR as mean over strokes, in dB: inside
(where the stroke weighs more than half) / in its soft rim (where less, but something). "One gain"
is the median ratio around the stroke, "membrane" the logarithm of the ratio, carried inward as it
is. Then the time of one stroke on 12 megapixels.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

import hyperfocal
from hyperfocal.fusion import retouch

LARGEST = 0.35  # in the logarithm, for all that match


def read(path):
    return cv2.imread(str(path))[:, :, ::-1].astype(np.float32) / 255


def path_of(rng, height, width):
    """A bending path of two to seven points, and a radius."""
    radius, heading = rng.uniform(8, 24), rng.uniform(0, 2 * np.pi)
    place = rng.uniform((0, 0), (width, height))
    points = []
    for _ in range(rng.integers(2, 8)):
        points.append(tuple(place))
        heading += rng.normal(0, 0.6)
        place = place + 0.7 * radius * np.array([np.cos(heading), np.sin(heading)])
    return points, radius


def rounded(picture):
    return (np.rint(np.clip(picture, 0, 1) * 255) / 255).astype(np.float32)


def cases(frames, truth, fused, given):
    """Spoiled result, source, weight of the stroke; as many as asked for."""
    height, width = truth.shape[:2]
    rng = np.random.default_rng(given.seed)
    y, x = np.mgrid[-0.5 : 0.5 : height * 1j, -0.5 : 0.5 : width * 1j]
    gain = (0.94 * (1 - given.uneven * 2 * (x**2 + y**2)))[:, :, None]
    haze = cv2.GaussianBlur(fused, (0, 0), 6) + 0.12
    for _ in range(given.strokes):
        points, radius = path_of(rng, height, width)
        spread = radius * rng.uniform(0.8, given.spill)
        stroke = retouch.Stroke("frame", points, radius)
        veil = retouch.Stroke("veil", points, spread, hardness=0, opacity=0.6)
        weight, spoiled = (
            retouch.mask(one, slice(0, height), slice(0, width)) for one in (stroke, veil)
        )
        inside = weight > 0.5
        errors = [np.square(frame - truth)[inside].mean() for frame in frames]
        result = np.clip(fused + spoiled[:, :, None] * (haze - fused), 0, 1)
        yield result, rounded(frames[int(np.argmin(errors))] * gain), weight


def around(weight):
    return (weight == 0) & (cv2.distanceTransform((weight == 0).astype(np.uint8), 2, 5) <= 16)


def log_ratio(result, source):
    return np.log((result + 1e-3) / (source + 1e-3))


def one_gain(source, result, weight):
    gain = np.median(log_ratio(result, source)[around(weight)], axis=0)
    return source * np.exp(np.clip(gain, -LARGEST, LARGEST))


def membrane(source, result, weight):
    """Pull and push in which a level's own values, where it has any, are taken as they are."""
    known = around(weight).astype(np.float32)
    levels = [(log_ratio(result, source) * known[:, :, None], known)]
    while max(levels[-1][1].shape) > 1:
        levels.append(tuple(cv2.pyrDown(values) for values in levels[-1]))
    field = None
    for total, share in reversed(levels):
        total = total.reshape(*share.shape, 3)
        own = total / np.maximum(share, 1e-9)[:, :, None]
        if field is None:
            field = own
        else:
            field = cv2.pyrUp(field, dstsize=share.shape[::-1])
            field += np.minimum(share, 1)[:, :, None] * (own - field)
    return source * np.exp(np.clip(field, -LARGEST, LARGEST))


WAYS = {
    "plain copy": lambda source, result, weight: source,
    "one gain": one_gain,
    "membrane": membrane,
    "ours": retouch.matched,
}


def decibels(made, truth, where):
    error = np.square(np.clip(made, 0, 1) - truth, dtype=np.float64)[where].mean()
    return -10 * np.log10(error + 1e-10)


def scored(folder, given):
    """(ways, 2): mean PSNR inside and in the rim, before any stroke and by each way."""
    truth = read(folder / "reference.png")
    paths = sorted(folder.glob("frame_*.png"))
    frames = [read(path) for path in paths]
    fused = hyperfocal.fuse(paths, method=given.method, align="none", exposure="none").picture
    scores = []
    for result, source, weight in cases(frames, truth, np.float32(fused) / 255, given):
        inside, rim = weight > 0.5, (weight > 0) & (weight <= 0.5)
        if not inside.any() or not rim.any():
            continue
        made = [result]
        for way in WAYS.values():
            fitting = way(source, result, weight).astype(np.float32)
            made.append(retouch.painted(result, fitting, weight, match=False))
        scores.append([[decibels(one, truth, where) for where in (inside, rim)] for one in made])
    return np.mean(scores, 0), len(scores)


def print_times():
    """A stroke of 60 px radius on 12 megapixels: the steps a program goes through."""
    rng = np.random.default_rng(0)
    picture = rng.random((3000, 4000, 3), np.float32)
    heading = np.cumsum(rng.normal(0, 0.2, 120))
    points = 1500 + np.cumsum(5 * np.stack([np.cos(heading), np.sin(heading)], 1), 0)
    print("\n| points | pixels read | stroke data, ms | weight, ms | painted, ms |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for some in (points[:1], points):
        best = np.full(3, np.inf)
        for _ in range(5):
            begun = time.perf_counter()
            stroke = retouch.Stroke("frame", some, 60)
            read_in = time.perf_counter()
            window, weight = retouch.stamp(stroke, picture.shape)
            stamped = time.perf_counter()
            seen = retouch.with_rim(window, picture.shape)
            retouch.painted(picture[seen], picture[seen] * np.float32(0.94), weight)
            spent = np.diff([begun, read_in, stamped, time.perf_counter()])
            best = np.minimum(best, spent * 1e3)
        print(f"| {len(some)} | {weight.size} |", " | ".join(f"{ms:.1f}" for ms in best), "|")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--scenes", nargs="+", default=["macro_bug", "still_life", "pair_cards"])
    parser.add_argument("--method", default="prism")
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--spill", type=float, default=1.2)
    parser.add_argument("--uneven", type=float, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| scene | strokes | before |", " | ".join(WAYS), "|")
    print("| --- | ---: | --- |", " | ".join("---" for _ in WAYS), "|")
    for scene in given.scenes:
        scores, count = scored(given.data / scene, given)
        row = " | ".join(f"{inside:.1f} / {rim:.1f}" for inside, rim in scores)
        print(f"| {scene} | {count} | {row} |")
    print_times()


if __name__ == "__main__":
    main()
