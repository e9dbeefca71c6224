"""Whether fused pictures are found among their frames, and no frame is taken for one.

    python benchmarks/finished_pictures.py STACK...

Each is a folder or a pattern. It is judged whole, in every second and third frame and in all runs
of 4, 5 and 7 frames, and with a dark noisy frame in each place; then with its fused picture.
"""

from __future__ import annotations

import sys

import numpy as np

import hyperfocal
from hyperfocal.stack import ordering


def parts(details: ordering.Details) -> list[ordering.Details]:
    """Stacks that are part of a stack, and the stack with one frame made dark and noisy."""
    count = len(details)
    found = [details, *(details[first::step] for step in (2, 3) for first in range(step))]
    found += [details[first : first + n] for n in (4, 5, 7) for first in range(count - n + 1)]
    rng = np.random.default_rng(0)
    for place in range(count):
        for level in (0.3, 1, 3):
            noise = level * np.percentile(details, 90) * rng.uniform(0.9, 1.1, details.shape[1])
            noisy = details.copy()
            noisy[place] = 0.2 * noisy[place] + noise
            found.append(noisy)
    return [part for part in found if len(part) > 3]


def main(folders: list[str]) -> None:
    judged = alarms = found = 0
    for folder in folders:
        with hyperfocal.open_stack(folder) as stack:
            details = ordering.detail_maps(stack)
        for part in parts(details):
            judged += len(part)
            alarms += ordering.finished(part) is not None
        picture = hyperfocal.fuse(folder, align="none").picture
        own = ordering.detail_of(picture.reshape(*picture.shape[:2], -1))
        is_found = ordering.finished(np.concatenate([details, own[None]])) == len(details)
        found += is_found
        print(f"{folder}: fused picture {'found' if is_found else 'not found'}", flush=True)
    print(f"{judged} frames judged, {alarms} false alarms; {found} of {len(folders)} found")


if __name__ == "__main__":
    main(sys.argv[1:])
