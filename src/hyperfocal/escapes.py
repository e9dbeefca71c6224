"""Names as data: what a file is called must not steer a terminal or a spreadsheet."""

from __future__ import annotations

import re

# Controls (C0, DEL, C1), line and paragraph separators, marks that turn the direction of writing,
# and what is no UTF-8.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""One line of text with what a terminal would act on written out.

    >>> print(printable("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    return _UNPRINTABLE.sub(_written_out, text)


def cell(text: str) -> str:
    """A field of a table that spreadsheets read, which take some beginnings for formulas.

    >>> cell("=1+1"), cell("a=1")
    ("'=1+1", 'a=1')
    """
    return ("'" if text.startswith(_FORMULA) else "") + printable(text)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
