"""The model card: what weights were made from, how, and how well that went."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path

import torch

from hyperfocal import __version__
from hyperfocal.inference.checkpoints import name_of as network_name
from hyperfocal.training.loop import Training
from hyperfocal.training.photographs import name_of


def write(training: Training, photos: Sequence[Path], weights: Sequence[Path]) -> Path:
    """`MODEL_CARD.md` in the run's folder."""
    path = training.folder / "MODEL_CARD.md"
    path.write_text(text(training, photos, weights), encoding="utf-8")
    return path


def text(training: Training, photos: Sequence[Path], weights: Sequence[Path]) -> str:
    """The card as Markdown."""
    history, network = training.history, training.lesson.network
    parameter_count = sum(values.numel() for values in network.parameters())
    kept = sorted({name_of(path) for path in training.train.paths})
    held_out = sorted({name_of(path) for path in training.validation.paths})
    lines = [
        f"# {type(network).__name__}: {weights[0].stem}",
        "",
        f"Trained by hyperfocal {__version__} (torch {torch.__version__}), finished "
        f"{datetime.date.today().isoformat()}, {parameter_count} parameters.",
        "",
        "```",
        command(training, photos),
        "```",
        "",
        f"Time: {history.seconds / 60:.0f} min. Best epoch: {history.best_epoch + 1} of "
        f"{len(history.validation)}.",
        "",
        "| loss | training | validation |",
        "| --- | --- | --- |",
    ]
    trained, validated = history.train[history.best_epoch], history.validation[history.best_epoch]
    lines += [f"| {name} | {trained[name]:.4g} | {validated[name]:.4g} |" for name in trained]
    lines += ["", "## Photographs", ""]
    lines += [f"Training ({len(training.train.paths)} files): {', '.join(kept)}.", ""]
    lines += [f"Validation ({len(training.validation.paths)} files): {', '.join(held_out)}.", ""]
    for folder in photos:
        provenance = folder / "PROVENANCE.md"
        if provenance.is_file():
            credits = "\n" + provenance.read_text(encoding="utf-8")
            lines += [credits.replace("\n# ", "\n### "), ""]
    return "\n".join(lines)


def command(training: Training, photos: Sequence[Path]) -> str:
    """The command line that makes this run again."""
    parts = ["hyperfocal", "train", network_name(training.lesson.network), "--photos"]
    parts += [folder.name for folder in photos]
    for name, value in training.options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            parts.append(f"--{flag}" if value else f"--no-{flag}")
        elif name == "start" and value is not None:
            parts += ["--start", Path(value).name]
        elif value is not None and name != "out":
            parts += [f"--{flag}", str(value)]
    return shlex.join(parts)
