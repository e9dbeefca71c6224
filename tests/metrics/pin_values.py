"""Writes `values.json`: what every metric gives for the small pictures.

Run it (`python -m tests.metrics.pin_values`) only where tests/metrics/test_oracle.py has just
passed, that is beside the development data: these values are the project's own, taken when its
metrics gave those of their authors.
"""

from __future__ import annotations

import json
from pathlib import Path

from hyperfocal.evaluation import parameters
from hyperfocal.registry import module, names
from tests.metrics.pictures import pair

VALUES = Path(__file__).with_name("values.json")
FUSED = ("chosen", "mean", "soft")
PEAKS = (255, 1)  # ranges of the pictures


def value_of(name: str, number: int, fused: str, peak: float) -> float:
    pictures = {key: picture * (peak / 255) for key, picture in pair(number).items()}
    metric = getattr(module("metrics", name), name)
    return float(metric(pictures[fused], [pictures["one"], pictures["other"]]))


def main() -> None:
    """Write the values of all metrics that need no reference."""
    values = {
        f"{name} {number} {fused} {peak}": value_of(name, number, fused, peak)
        for name in names("metrics")
        if "reference" not in parameters(name)
        for number in (0, 1)
        for fused in FUSED
        for peak in PEAKS
    }
    told = (
        "Values of hyperfocal's own metrics for the pictures of pictures.py: name, pair, fused "
        "picture, range. Taken when tests/metrics/test_oracle.py passed, that is when the same "
        "code gave the values of the metrics' authors; see pin_values.py."
    )
    text = json.dumps({"about": told, "values": values}, indent=1)
    VALUES.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
