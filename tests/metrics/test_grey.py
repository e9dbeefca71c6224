from __future__ import annotations

import numpy as np
import pytest

from hyperfocal.errors import OptionError
from hyperfocal.metrics import to_grey

RED = np.full((2, 3, 3), (255, 0, 0), np.uint8)


def test_colour_is_on_0_to_1_in_the_tables_and_on_0_to_255_otherwise() -> None:
    assert to_grey(RED, "paper") == pytest.approx(0.2125)
    assert to_grey(RED) == pytest.approx(0.2125 * 255)


def test_grey_is_on_0_to_255_in_both_conventions() -> None:
    samples = np.array([[0, 17, 255]], np.uint8)
    for convention in ("paper", "255"):
        assert np.array_equal(to_grey(samples, convention), [[0, 17, 255]])
        assert np.array_equal(to_grey(samples[:, :, None], convention), [[0, 17, 255]])


def test_deep_and_float_samples_come_to_the_same_range() -> None:
    assert np.array_equal(to_grey(RED.astype(np.uint16) * 257), to_grey(RED))
    assert to_grey((RED / 255).astype(np.float32)) == pytest.approx(to_grey(RED))


def test_an_unknown_convention_is_refused_with_the_list() -> None:
    with pytest.raises(OptionError, match="255, paper"):
        to_grey(RED, "bt601")
