"""What each deliberate difference from the published SESF-Fuse program changes.

    python benchmarks/sesf_differences.py FOLDER_OF_PAIRS…

Plain PyTorch with the shipped cSE weights; one difference at a time is put back to what the
published program does. Needs torch, safetensors and scikit-image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sesf_ablation import scores
from sesf_baseline import activity, grey, guided, verified
from sesf_speed import pairs

from hyperfocal.compute.filters import box_mean
from hyperfocal.inference.checkpoints import load_network
from hyperfocal.inference.weights import shipped


def guided_published(guide, weight, *, radius=4, epsilon=0.1):
    """Three colour channels with their cross-covariances left out, the map not clipped."""
    guide = np.atleast_3d(guide).astype(np.float32)
    weight = weight.astype(np.float32)
    result = np.zeros(weight.shape, np.float32)
    offset = box_mean(weight, radius)
    for channel in np.moveaxis(guide, 2, 0):
        channel = np.ascontiguousarray(channel)
        mean = box_mean(channel, radius)
        covariance = box_mean(channel * weight, radius) - mean * box_mean(weight, radius)
        variance = box_mean(channel * channel, radius) - mean**2
        slope = covariance / (variance + epsilon)
        offset = offset - slope * mean
        result += box_mean(slope, radius) * channel
    return result + box_mean(offset, radius)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    given = parser.parse_args()
    network = load_network(shipped("sesf", "sesf-cse").path)
    names = ("ours", "published borders", "published guided filter", "truncated")
    table = {name: [] for name in names}
    flipped, flipped_near, span, darker, swapped = [], [], [], [], []
    for _, first, second in pairs(given.folders):
        maps = [activity(network, grey(picture)) for picture in (first, second)]
        old = [
            activity(network, grey(picture), published_borders=True) for picture in (first, second)
        ]
        raw, raw_old = maps[0] > maps[1], old[0] > old[1]
        changed = raw != raw_old
        flipped.append(changed.mean())
        near = np.zeros(raw.shape, bool)
        near[:6], near[:, :6] = True, True
        flipped_near.append(changed[near].mean())

        def fused(decision, filter_map, finish, first=first, second=second):
            mask = decision if first.ndim == 2 else decision[..., None]
            chosen = np.where(mask, first, second).astype(np.float64)
            guide = grey(chosen) * 255 if filter_map is guided else chosen
            weight = filter_map(guide, decision.astype(np.float64))
            span.append((weight.min(), weight.max())) if filter_map is not guided else None
            weight = weight if first.ndim == 2 else weight[..., None]
            return finish(np.clip(weight * first + (1 - weight) * second, 0, 255)).astype(np.uint8)

        ours = verified(raw)
        swapped.append((verified(maps[1] > maps[0]) == ours).mean())
        results = {
            "ours": fused(ours, guided, np.rint),
            "published borders": fused(verified(raw_old), guided, np.rint),
            "published guided filter": fused(ours, guided_published, np.rint),
            "truncated": fused(ours, guided, np.floor),
        }
        darker.append(results["ours"].mean() - results["truncated"].mean())
        for name, picture in results.items():
            table[name].append(scores(picture, first, second))
    print("| variant | Qg | Qm | Qcb |\n| --- | --- | --- | --- |")
    for name, rows in table.items():
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in np.mean(rows, 0)) + " |")
    print(
        f"\nraw decisions that published borders flip: mean {np.mean(flipped):.2%}, worst pair "
        f"{np.max(flipped):.2%}; within 6 px of top and left: {np.mean(flipped_near):.1%}"
    )
    print(f"published guided filter reaches {np.min(span):.2f} … {np.max(span):.2f}")
    print(f"truncation darkens by {np.mean(darker):.3f} levels on average")
    print(f"swapping the frames changes {np.mean(swapped):.2%} of the verified map")


if __name__ == "__main__":
    main()
