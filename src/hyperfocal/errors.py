"""Everything that can go wrong through no fault of ours, one class for each kind.

A message says what happened, to which file or frame, and what to do about it.
The command line prints it as one line and ends with exit code 2.
"""


class HyperfocalError(Exception):
    """What all errors below have in common; catch this one to catch them all."""


class StackError(HyperfocalError):
    """Frames that do not fit together."""


class FormatError(HyperfocalError):
    """A file that cannot be read or written."""


class AlignmentError(HyperfocalError):
    """A frame that could not be placed on the others."""


class OptionError(HyperfocalError):
    """An option outside what it may be."""


class UnknownChoice(HyperfocalError):
    """No choice of that name in a room; the message lists those that exist."""


class BrokenChoice(HyperfocalError):
    """A choice that another package adds cannot be loaded."""


class MissingExtra(HyperfocalError):
    """An optional package or a weights file is absent; the message says how to get it."""


class Cancelled(HyperfocalError):
    """The caller's `on_step` asked to stop."""


class Notice(UserWarning):
    """What is not in a result though one might think so; `report["notices"]` holds all of them."""
