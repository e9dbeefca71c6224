"""`train` and `export`: photographs in, weights, curves, samples and a model card out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from hyperfocal import registry
from hyperfocal.errors import OptionError
from hyperfocal.inference.checkpoints import load_network, name_of
from hyperfocal.options import check
from hyperfocal.progress import OnStep, silent
from hyperfocal.training import model_card, photographs
from hyperfocal.training.loop import Schedule, Training, device_of


def options_of(network: str) -> type:
    """The options class of a network's training: `options_of("sesf")` is `TrainSesf`."""
    module = registry.module("lessons", network)
    found: type = getattr(module, f"Train{registry.class_name(network)}")
    return found


def train(options: Any, photos: Sequence[Path], *, on_progress: OnStep = silent) -> Training:
    """Train the network of these options on all photographs below the folders `photos`.

    Resumes where `options.out` holds a checkpoint. Returns the finished run.
    Raises FormatError for folders without photographs and for what is no weights file to start
    with, OptionError for options out of bounds or weights of another network.
    """
    check(options)
    paths = photographs.find(photos)
    kept, held_out = photographs.split(
        paths, validation_share=options.validation_share, seed=options.seed
    )
    torch.manual_seed(options.seed)
    lesson = options.lesson()
    if options.start:
        _begin_with(Path(options.start), lesson.network)
    training = Training(
        Path(options.out),
        lesson,
        options.optimizer(lesson.network),
        _schedule(options),
        options=options,
        train=options.material(kept, is_held_out=False),
        validation=options.material(held_out, is_held_out=True),
    )
    training.run(on_progress)
    return training


def export(training: Training, photos: Sequence[Path]) -> list[Path]:
    """The best network as weights files with their model card, in the run's folder."""
    network = training.best()
    paths = training.lesson.export(network, training.folder)
    return [*paths, model_card.write(training, photos, paths)]


def _begin_with(path: Path, network: Any) -> None:
    """Give the network the weights of a file, which must hold one of the same kind and size."""
    given: Any = load_network(path)
    if (type(given), given.config) != (type(network), network.config):
        raise OptionError(
            f"{path} holds {name_of(given)} with {given.config}, not {name_of(network)} with "
            f"{network.config}; start with other weights or none"
        )
    network.load_state_dict(given.state_dict())


def _schedule(options: Any) -> Schedule:
    return Schedule(
        epochs=options.epochs,
        batch=options.batch,
        repeats=options.repeats,
        decay=options.decay,
        decay_epochs=options.decay_epochs,
        device=device_of(options.device),
        precision=options.precision,
        threads=options.threads,
        largest_gradient=options.largest_gradient,
    )
