"""Rows as cells: what a value looks like in CSV, and text that no spreadsheet runs.

A text cell that a spreadsheet could take for a formula gets one apostrophe in front. So does one that
begins with an apostrophe itself; thus whoever reads the file gets every text back exactly by dropping
one leading apostrophe wherever there is one. Excel, LibreOffice and Sheets all show such a cell as text.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from publish.columns import Column, Table

PREFIX = "'"
# Full-width forms are taken for the plain ones by East Asian spreadsheets.
_FORMULA = set("=+-@＝＋－＠")
# What spreadsheets skip before they look for a formula: white space and marks that cannot be seen.
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}


def safe_text(text: str) -> str:
    """`text` with an apostrophe in front if a spreadsheet could run it (or it begins with one)."""
    if not text or text[0].isalnum():
        return text
    if text[0] == PREFIX or text[0] in "\t\r\n":
        return PREFIX + text
    first = next((char for char in text if unicodedata.category(char) not in _UNSEEN), "")
    return PREFIX + text if first in _FORMULA else text


def plain_text(cell: str) -> str:
    """The text that `safe_text` was given."""
    return cell[1:] if cell.startswith(PREFIX) else cell


def tidy_text(text: str) -> str:
    """`text` without what no file format can carry: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def values(table: Table, rows: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """Each row's values in the table's order of columns."""
    return map(attrgetter(*table.names), rows)


def cells(table: Table, rows: Sequence[Any], *, raw: bool) -> Iterator[tuple[str, ...]]:
    """Each row as CSV cells; `raw` leaves text as it is."""
    writers = [_writer(column, raw=raw) for column in table.columns]
    columns = [
        [write(value) if value is not None else "" for value in map(attrgetter(column.name), rows)]
        for column, write in zip(table.columns, writers, strict=True)
    ]
    return zip(*columns, strict=True)


def _writer(column: Column, *, raw: bool) -> Callable[[Any], str]:
    if column.kind == "boolean":
        return lambda value: "true" if value else "false"
    if column.kind == "number":
        return number
    return safe_text if column.free_text and not raw else str


def number(value: float) -> str:
    """A plain number: no exponent, no digits that say nothing."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no amount")
    if value == int(value):
        return str(int(value))
    told = repr(value)
    return told if "e" not in told else f"{value:.12f}".rstrip("0")


def joined(parts: Iterable[str | None]) -> str | None:
    """All parts that are told, each once, in their order, divided by semicolons; None where there are none."""
    told = list(dict.fromkeys(part for part in parts if part))
    return "; ".join(told) or None
