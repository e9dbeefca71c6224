"""A figure for every data set: one panel a metric, contenders sorted, best on top."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hyperfocal.bench.runs import BenchResult
from hyperfocal.bench.tables import is_higher_better
from hyperfocal.errors import MissingExtra

_COLUMNS = 4
_MEAN, _EACH = "#c1272d", "#5a7ea6"


def require_matplotlib() -> None:
    """Raise MissingExtra where figures cannot be drawn."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "figures need matplotlib, which is absent; pip install 'hyperfocal[bench]' or leave "
            "them out with --no-figures"
        ) from error


def draw(rows: Sequence[BenchResult], metrics: Sequence[str], *, title: str, path: Path) -> None:
    """Write a PNG: for every metric a panel, for every contender its pictures and their mean."""
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len({row.method for row in rows})
    columns = min(_COLUMNS, len(metrics))
    lines = -(-len(metrics) // columns)
    figure = Figure(figsize=(4 * columns, lines * (0.9 + 0.26 * count)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel, metric in zip(axes, metrics, strict=False):
        _draw_metric(panel, rows, metric)
    for panel in axes[len(metrics) :]:
        panel.set_axis_off()
    beside = path.with_name(f".{path.name}.part")
    figure.savefig(beside, format="png", dpi=120)
    beside.replace(path)


def _draw_metric(panel: Any, rows: Sequence[BenchResult], metric: str) -> None:
    values: dict[str, list[float]] = {}
    for row in rows:
        if metric in row.values:
            values.setdefault(row.method, []).append(row.values[metric])
    means = {method: statistics.fmean(each) for method, each in values.items()}
    # The axis points up, so the best is drawn last.
    order = sorted(means, key=lambda method: means[method], reverse=not is_higher_better(metric))
    for place, method in enumerate(order):
        panel.plot(values[method], [place] * len(values[method]), "|", color=_EACH, alpha=0.5)
        panel.plot(means[method], place, "o", color=_MEAN, markersize=5)
    panel.set_yticks(range(len(order)), order, fontsize=8)
    panel.set_ylim(-0.6, len(order) - 0.4)
    panel.tick_params(axis="x", labelsize=8)
    panel.grid(axis="x", alpha=0.3)
    better = "higher" if is_higher_better(metric) else "lower"
    panel.set_title(f"{metric} ({better} is better)", fontsize=9)
