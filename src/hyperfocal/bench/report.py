"""The files of a comparison in its folder: tables, figures, contact sheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hyperfocal.bench import figures, fingerprints, sheets, tables
from hyperfocal.bench.cache import Cache
from hyperfocal.bench.plan import BenchPlan
from hyperfocal.bench.runs import BenchResult
from hyperfocal.bench.scenes import Scene
from hyperfocal.io.outputs import write_text
from hyperfocal.progress import OnStep, silent


def write(
    out: Path,
    scenes: Sequence[Scene],
    rows: Sequence[BenchResult],
    plan: BenchPlan,
    cache: Cache,
    *,
    on_step: OnStep = silent,
) -> str:
    """Write results.csv, results.json, results.md, figures/ and sheets/; the Markdown comes back.

    Figures and sheets whose rows have not changed are left as they are.
    """
    write_text(out / "results.csv", tables.to_csv(rows, plan))
    write_text(out / "results.json", tables.to_json(rows, plan))
    markdown = tables.to_markdown(rows, plan)
    write_text(out / "results.md", markdown)
    drawings = [*(_figures(out, rows, plan) if plan.figures else [])]
    drawings += [*(_sheets(out, scenes, rows) if plan.sheets else [])]
    for done, (path, key, draw) in enumerate(drawings, start=1):
        if not cache.is_drawn(path, key):
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(path)
            cache.note_drawn(path, key)
        on_step("draw", done, len(drawings))
    return markdown


Drawing = tuple[Path, str, Callable[[Path], None]]  # where, what it depends on, how


def _figures(out: Path, rows: Sequence[BenchResult], plan: BenchPlan) -> list[Drawing]:
    found: list[Drawing] = []
    for name in dict.fromkeys(row.data_set for row in rows):
        group = [row for row in rows if row.data_set == name]
        metrics = tables.metrics_of(group, plan)
        if metrics:
            told = [[row.method, row.scene, row.values] for row in group]
            source = fingerprints.of_file(Path(figures.__file__))

            def draw(
                path: Path, group: list[BenchResult] = group, metrics: list[str] = metrics
            ) -> None:
                count = len({row.scene for row in group})
                title = f"{group[0].data_set}, {count} picture{'s' if count > 1 else ''}"
                figures.draw(group, metrics, title=title, path=path)

            path = out / "figures" / f"{_plain(name)}.png"
            found.append((path, fingerprints.of_values(name, told, metrics, source), draw))
    return found


def _sheets(out: Path, scenes: Sequence[Scene], rows: Sequence[BenchResult]) -> list[Drawing]:
    found: list[Drawing] = []
    source = fingerprints.of_file(Path(sheets.__file__))
    for scene in scenes:
        group = [row for row in rows if (row.data_set, row.scene) == (scene.data_set, scene.name)]
        pictures = {row.method: row.picture for row in group if row.picture}
        if pictures:
            told = [[row.method, row.sha256] for row in group if row.picture]
            truth = scene.reference and fingerprints.of_file(scene.reference)

            def draw(
                path: Path, scene: Scene = scene, pictures: dict[str, Path] = pictures
            ) -> None:
                sheets.draw(pictures, scene.reference, path, title=scene.title)

            path = out / "sheets" / _plain(scene.data_set) / f"{_plain(scene.name)}.png"
            found.append((path, fingerprints.of_values(scene.title, told, truth, source), draw))
    return found


def _plain(name: str) -> str:
    return name.replace("/", "_")
