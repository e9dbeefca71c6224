"""Pictures of a training run: loss curves and reconstructions beside their originals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

Losses = Sequence[Mapping[str, float]]


def curves(train: Losses, validation: Losses, path: Path) -> None:
    """One panel a loss term, training and validation over epochs, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(train[0])
    figure = Figure(figsize=(4 * len(names), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for place, name in enumerate(names, 1):
        axes = figure.add_subplot(1, len(names), place)
        epochs = range(1, len(train) + 1)
        axes.plot(epochs, [terms[name] for terms in train], label="training")
        axes.plot(epochs, [terms[name] for terms in validation], label="validation")
        axes.set(title=name, xlabel="epoch", yscale="log")
        axes.legend()
    figure.savefig(path, format="png", dpi=100)


def samples(views: Tensor, made: Tensor, path: Path) -> None:
    """Originals in the upper row, what the network made of them in the lower, as PNG."""
    import cv2

    rows = [np.concatenate(list(row.float().cpu().numpy()[:, 0]), 1) for row in (views, made)]
    sheet = np.clip(np.concatenate(rows, 0) * 255 + 0.5, 0, 255).astype(np.uint8)
    cv2.imwrite(str(path.absolute()), sheet)
