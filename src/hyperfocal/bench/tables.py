"""Rows as tables: CSV and JSON of all pictures, Markdown of means, first places, time, memory."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import hyperfocal
from hyperfocal import registry
from hyperfocal.bench.plan import BenchPlan
from hyperfocal.bench.runs import BenchResult
from hyperfocal.escapes import cell

ALL = "all pictures"


@dataclass(frozen=True)
class Summary:
    """A contender on a data set."""

    data_set: str
    method: str
    picture_count: int  # of the data set
    done_count: int  # of them fused
    means: dict[str, float]  # over the pictures with a value
    value_counts: dict[str, int]
    is_whole: dict[str, bool]  # has a value for every picture that anyone has one for
    first_places: dict[str, int]  # pictures on which no other contender is better
    wall_s: float | None  # median
    cpu_s: float | None  # median
    peak_bytes: int | None  # largest


def summaries(rows: Sequence[BenchResult]) -> list[Summary]:
    """By data set and contender; several data sets together too, as `all pictures`."""
    groups: dict[str, list[BenchResult]] = {}
    for row in rows:
        groups.setdefault(row.data_set, []).append(row)
    if len(groups) > 1:
        groups[ALL] = list(rows)
    return [each for name, group in groups.items() for each in _of_data_set(name, group)]


@cache
def is_higher_better(metric: str) -> bool:
    found: bool = registry.module("metrics", metric).HIGHER_IS_BETTER
    return found


def metrics_of(rows: Sequence[BenchResult], plan: BenchPlan) -> list[str]:
    """The metrics, in the order asked for, that have a value somewhere."""
    return [name for name in plan.metric_names() if any(name in row.values for row in rows)]


def to_csv(rows: Sequence[BenchResult], plan: BenchPlan) -> str:
    """A line for every picture and contender; empty where there is no value."""
    metrics = metrics_of(rows, plan)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    fixed = ["data_set", "scene", "method", "failure", "wall_s", "cpu_s", "peak_bytes"]
    writer.writerow([*fixed, *metrics])
    for row in rows:
        values = [row.values.get(name, "") for name in metrics]
        told = [getattr(row, name) for name in fixed]
        writer.writerow([*(cell(e) if isinstance(e, str) else e for e in told), *values])
    return text.getvalue()


def to_json(rows: Sequence[BenchResult], plan: BenchPlan) -> str:
    """Everything: conditions, rows, summaries."""
    told = {"hyperfocal": hyperfocal.__version__, "machine": machine(), "plan": asdict(plan)}
    listed = [_plain(asdict(row)) for row in rows]
    return json.dumps(
        {**told, "rows": listed, "summaries": [asdict(each) for each in summaries(rows)]},
        indent=1,
        allow_nan=False,
    )


def to_markdown(rows: Sequence[BenchResult], plan: BenchPlan) -> str:
    """A table for every data set, what failed, and how to read it."""
    listed = summaries(rows)
    parts = ["# Comparison", _conditions(plan)]
    for name in dict.fromkeys(each.data_set for each in listed):
        group = [each for each in listed if each.data_set == name]
        metrics = [
            metric for metric in plan.metric_names() if any(metric in s.means for s in group)
        ]
        count = group[0].picture_count
        parts += [f"## {name} ({count} picture{'s' if count > 1 else ''})", _table(group, metrics)]
    for heading, lines in (("What failed", _failed(rows)), ("Without a value", _undefined(rows))):
        if lines:
            parts += [f"## {heading}", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    """The machine in a few words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, " + (
        f"Python {platform.python_version()}"
    )


def _failed(rows: Sequence[BenchResult]) -> list[str]:
    return [
        f"{row.method}, {row.data_set}/{row.scene}: {row.failure}" for row in rows if row.failure
    ]


def _undefined(rows: Sequence[BenchResult]) -> list[str]:
    """Metrics without a value and why, each reason once."""
    places: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for name, reason in row.undefined.items():
            place = f"{row.method}, {row.data_set}/{row.scene}"
            places.setdefault((name, reason), []).append(place)
    return [
        f"{name}: {reason} ({'; '.join(each[:3])}{f' and {len(each) - 3} more' * (len(each) > 3)})"
        for (name, reason), each in places.items()
    ]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "picture": row["picture"] and row["picture"].name}


def _of_data_set(name: str, rows: Sequence[BenchResult]) -> list[Summary]:
    firsts, most = _first_places(rows), _scenes_with_value(rows)
    scene_count = len({(row.data_set, row.scene) for row in rows})
    found = []
    for method in dict.fromkeys(row.method for row in rows):
        mine = [row for row in rows if row.method == method]
        done = [row for row in mine if not row.failure]
        values: dict[str, list[float]] = {}
        for row in done:
            for metric, value in row.values.items():
                values.setdefault(metric, []).append(value)
        found.append(
            Summary(
                data_set=name,
                method=method,
                picture_count=scene_count,
                done_count=len(done),
                means={metric: statistics.fmean(each) for metric, each in values.items()},
                value_counts={metric: len(each) for metric, each in values.items()},
                is_whole={metric: len(each) == most[metric] for metric, each in values.items()},
                first_places={metric: firsts.get((method, metric), 0) for metric in values},
                wall_s=statistics.median(row.wall_s for row in done) if done else None,
                cpu_s=statistics.median(row.cpu_s for row in done) if done else None,
                peak_bytes=max((row.peak_bytes for row in done), default=None),
            )
        )
    return found


def _first_places(rows: Sequence[BenchResult]) -> dict[tuple[str, str], int]:
    """By method and metric: on how many pictures it is best; those that tie all count."""
    counts: dict[tuple[str, str], int] = {}
    scenes: dict[tuple[str, str], list[BenchResult]] = {}
    for row in rows:
        scenes.setdefault((row.data_set, row.scene), []).append(row)
    for group in scenes.values():
        for metric in {name for row in group for name in row.values}:
            valued = [row for row in group if metric in row.values]
            choose = max if is_higher_better(metric) else min
            best = choose(row.values[metric] for row in valued)
            for row in valued:
                if row.values[metric] == best:
                    counts[row.method, metric] = counts.get((row.method, metric), 0) + 1
    return counts


def _scenes_with_value(rows: Sequence[BenchResult]) -> dict[str, int]:
    pairs = {(name, row.data_set, row.scene) for row in rows for name in row.values}
    return Counter(name for name, *_ in pairs)


def _conditions(plan: BenchPlan) -> str:
    grey = {"255": "on 0…255", "paper": "as in the SESF-Fuse paper's tables"}[plan.grey]
    return (
        "Mean over pictures, in brackets the number of first places; ↑ higher is better, ↓ lower; "
        "bold: the best mean; †: lacks values that others have, so its mean is not comparable. "
        f"Times are medians over pictures, memory the largest, of whole processes, {plan.jobs} "
        "at a time. "
        f"Grey metrics {grey}.\nhyperfocal {hyperfocal.__version__}, {machine()}."
    )


def _table(group: Sequence[Summary], metrics: Sequence[str]) -> str:
    arrows = [f"{name} {'↑' if is_higher_better(name) else '↓'}" for name in metrics]
    lines = [["method", "pictures", *arrows, "CPU s", "wall s", "peak MB"]]
    bests = {name: _best(group, name) for name in metrics}
    for each in group:
        cells = [_cell(each, name, bests[name]) for name in metrics]
        peak = "–" if each.peak_bytes is None else f"{each.peak_bytes / 1e6:.0f}"
        done = f"{each.done_count}/{each.picture_count}"
        lines.append([each.method, done, *cells, _seconds(each.cpu_s), _seconds(each.wall_s), peak])
    return _aligned(lines)


def _best(group: Sequence[Summary], metric: str) -> float | None:
    whole = [each.means[metric] for each in group if each.is_whole.get(metric)]
    choose = max if is_higher_better(metric) else min
    return choose(whole, default=None)


def _cell(each: Summary, metric: str, best: float | None) -> str:
    if metric not in each.means:
        return "–"
    mean, firsts = each.means[metric], each.first_places[metric]
    text = f"{mean:.{2 if abs(mean) >= 10 else 4}f}"
    if not each.is_whole[metric]:
        return f"{text}† ({firsts})"
    return f"**{text}** ({firsts})" if mean == best else f"{text} ({firsts})"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Markdown whose columns line up as text too."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = []
    for line in (lines[0], rule, *lines[1:]):
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        padded.append("| " + " | ".join(cells) + " |")
    return "\n".join(padded)
