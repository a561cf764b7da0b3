"""How a table of a release is declared: a frozen dataclass for its rows, with what each column means beside it.

Everything that describes a table (CSV header, Parquet and SQLite types, data package, CSVW, data
dictionary, the gate's checks) is made from these declarations, so that no two of them can disagree.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import Any

# What a column may hold, by the Python type of its field.
KINDS = {str: "string", int: "integer", float: "number", bool: "boolean"}

COUNTRY = r"[A-Z]{2}"
CURRENCY = r"[A-Z]{3}"
PARTIAL_DATE = r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?"
MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|\+00:00)"
SHA256 = r"[0-9a-f]{64}"
WEB = r"https?://\S+"


def column(
    told: str,
    *,
    key: bool = False,
    refers: tuple[str, str] | None = None,
    choices: Iterable[str] = (),
    pattern: str = "",
    least: float | None = None,
    most: float | None = None,
    default: Any = MISSING,
) -> Any:
    """A column: what it tells, and what its values must be.

    `refers` names the table and column whose values it takes; `pattern` must match a whole value.
    A column whose type allows None may be blank, and blank means that no document says.
    """
    about = {
        "told": " ".join(told.split()),
        "key": key,
        "refers": refers,
        "choices": tuple(choices),
        "pattern": pattern,
        "least": least,
        "most": most,
    }
    return field(default=default, metadata=about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column as declared."""

    name: str
    kind: str
    told: str
    optional: bool
    key: bool
    refers: tuple[str, str] | None
    choices: tuple[str, ...]
    pattern: str
    least: float | None
    most: float | None

    @property
    def free_text(self) -> bool:
        """True where a value may be any text, thus also one that a spreadsheet would run."""
        return self.kind == "string" and not self.choices and not self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as declared: its name, what one row is, and its columns in order."""

    name: str
    row: type
    told: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that tell one row from every other."""
        return tuple(column.name for column in self.columns if column.key)


@cache
def table_of(name: str, row: type) -> Table:
    """The table called `name` whose rows are of the dataclass `row`."""
    told = " ".join((row.__doc__ or "").split())
    return Table(name=name, row=row, told=told, columns=tuple(_columns(row)))


def _columns(row: type) -> Iterable[Column]:
    hints: Mapping[str, Any] = typing.get_type_hints(row)
    for declared in fields(row):
        base, optional = _base(hints[declared.name])
        about = dict(declared.metadata)
        if isinstance(base, type) and issubclass(base, StrEnum):
            about["choices"] = tuple(str(member) for member in base)
            base = str
        yield Column(name=declared.name, kind=KINDS[base], optional=optional, **about)


def _base(hint: Any) -> tuple[Any, bool]:
    """`int | None` is an int that may be blank."""
    if isinstance(hint, types.UnionType):
        (base,) = [part for part in hint.__args__ if part is not type(None)]
        return base, True
    return hint, False
