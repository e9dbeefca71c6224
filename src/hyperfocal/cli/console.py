"""What the commands print: results on stdout, notes and errors on stderr.

All of it goes through here, so that one place knows what a terminal can show.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

from hyperfocal.escapes import printable

# Signs of ours that terminals without Unicode lack, and what is understood in their place.
_PLAIN = str.maketrans(
    {"×": "x", "…": "...", "–": "-", "µ": "u", "→": "->", "·": "-", "↑": "up", "↓": "down"}
)


def say(text: str) -> None:
    """A line of results."""
    print(shown(text, sys.stdout), flush=True)


def remark(text: str) -> None:
    """A line that is no result."""
    print(shown(printable(f"hyperfocal: {text}"), sys.stderr), file=sys.stderr)


def note(text: str) -> None:
    """A remark that is no result and no error."""
    remark(f"note: {text}")


def notes(texts: Iterable[str]) -> None:
    """A line for each remark."""
    for text in texts:
        note(text)


def shown(text: str, stream: TextIO) -> str:
    """The text with what this stream cannot show replaced, so that printing never fails.

    Bytes of file names that are no UTF-8 are written out.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text if encoding.lower().startswith("utf") else text.translate(_PLAIN)
        return plain.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.translate(_PLAIN).encode("ascii", "backslashreplace").decode()
    return text
