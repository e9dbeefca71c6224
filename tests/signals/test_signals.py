"""A few runs of each command, signalled at random moments."""

import signal

import pytest

from tests.signals.running import _fault, prepared, verdicts


@pytest.mark.slow
def test_a_signal_at_any_moment_is_one_line_and_leaves_nothing(tmp_path):
    found = list(verdicts(prepared(tmp_path), count=2, seed=3))
    assert not [each for each in found if each.fault], found
    assert any(each.code for each in found)


@pytest.mark.parametrize(
    ("code", "errors"),
    [(-15, ""), (1, "hyperfocal: stopped; nothing was written\n"), (143, ""),
     (143, "Traceback (most recent call last):\n"), (143, "a\nb\nc\n")],
)  # fmt: skip
def test_what_is_not_as_it_should_be_is_a_fault(code, errors):
    assert _fault(code, signal.SIGTERM, "", errors)
    assert not _fault(143, signal.SIGTERM, "", "hyperfocal: stopped; nothing was written\n")
