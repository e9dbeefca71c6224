"""A progress bar for commands that take long."""

from __future__ import annotations

import sys
from typing import Any

from hyperfocal.escapes import printable
from hyperfocal.progress import OnStep, silent


class Progress:
    """A progress bar on a terminal, silence elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> OnStep:
        return self._show if sys.stderr.isatty() else silent

    def _show(self, stage: str, index: int, count: int) -> None:
        from tqdm import tqdm

        stage = printable(stage)
        if self._bar is None or self._bar.desc != stage:
            self.__exit__()
            self._bar = tqdm(total=count, desc=stage, leave=False, dynamic_ncols=True)
            self._bar.desc = stage
        self._bar.total = count
        self._bar.update(index - self._bar.n)

    def clear(self) -> None:
        """Take the bar off the screen, so that a line can be printed."""
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
