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


def columns_of(table: Table, rows: Sequence[Any]) -> list[list[Any]]:
    """The rows' values column by column, in the table's order, enums as plain text."""
    return [_column(column, rows) for column in table.columns]


def _column(column: Column, rows: Sequence[Any]) -> list[Any]:
    values = map(attrgetter(column.name), rows)
    if column.choices:  # writers take exactly str, and an enum is one in Python only
        return [None if value is None else str.__str__(value) for value in values]
    return list(values)


def cells(table: Table, columns: Sequence[Sequence[Any]], *, raw: bool) -> Iterator[tuple[str, ...]]:
    """Columns as rows of CSV cells; `raw` leaves text as it is."""
    return zip(
        *(_cells(column, values, raw=raw) for column, values in zip(table.columns, columns, strict=True)), strict=True
    )


def _cells(column: Column, values: Sequence[Any], *, raw: bool) -> Sequence[str]:
    if column.kind == "string" and (raw or not column.free_text):
        return ["" if value is None else value for value in values]
    write = _writer(column)
    return ["" if value is None else write(value) for value in values]


def _writer(column: Column) -> Callable[[Any], str]:
    if column.kind == "boolean":
        return lambda value: "true" if value else "false"
    writers: dict[str, Callable[[Any], str]] = {"number": number, "integer": str, "string": safe_text}
    return writers[column.kind]


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
