"""Spreadsheet cells that stay text: what a program would run as a formula is led by an apostrophe, and back.

Excel, LibreOffice and Google Sheets run a cell that starts with = + - @ (also full-width), with a tab or a
carriage return; some skip leading blanks, and some split at line ends first. So each line of a value is looked
at behind its blanks. `plain(inert(value)) == value` for every value.
"""

from __future__ import annotations

import re

_ENDS = "\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
_LINE = re.compile(rf"[^{_ENDS}]+")
_BLANKS = " \u00a0\u1680\u2000-\u200f\u202a-\u202f\u205f-\u2064\u3000\ufeff\u00ad\x00-\x08\x0e-\x1b\x1f\x7f"
# What may lead a line that runs; full-width and small forms of = + - @ are taken for them by some programs.
_RUNS = re.compile(
    rf"'*(?:[{_BLANKS}\t]*[=+\-@|%\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]|[{_BLANKS}]*\t)"
)
_STARTS_WITH_END = re.compile(rf"'*[{_ENDS}]")


def inert(value: str) -> str:
    """`value` as a cell that no spreadsheet runs."""
    made = _LINE.sub(lambda line: "'" + line[0] if _RUNS.match(line[0]) else line[0], value)
    return "'" + made if _STARTS_WITH_END.match(value) else made


def plain(cell: str) -> str:
    """The value that `inert` was given; a cell that a person typed comes back as typed."""
    if cell[:1] == "'" and _STARTS_WITH_END.match(cell[1:]):
        cell = cell[1:]
    return _LINE.sub(lambda line: line[0][1:] if line[0][:1] == "'" and _RUNS.match(line[0][1:]) else line[0], cell)
