"""A database of plain tables, written once: the SQLite copy of a release."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import StoreError

# Part of the file; a fixed size keeps equal content equal bytes whatever the machine's default is.
PAGE_SIZE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyColumn:
    """A column: `kind` is string, integer, number or boolean; `refers` names a table and column."""

    name: str
    kind: str
    optional: bool
    refers: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTable:
    """A table with its rows as tuples in the order of its columns."""

    name: str
    columns: Sequence[CopyColumn]
    key: Sequence[str]
    rows: Iterable[tuple[Any, ...]]


_TYPES = {"string": "TEXT", "integer": "INTEGER", "number": "REAL", "boolean": "INTEGER"}


def write_copy(path: Path, tables: Sequence[CopyTable]) -> None:
    """Write `tables` into a new file at `path`; equal tables give equal bytes. Raises StoreError where it cannot."""
    try:
        conn = sqlite3.connect(path, isolation_level=None)
        try:
            conn.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            conn.execute("PRAGMA journal_mode = OFF")
            conn.execute("PRAGMA synchronous = OFF")
            conn.execute("BEGIN")
            for table in tables:
                conn.execute(_create(table))
                marks = ", ".join("?" * len(table.columns))
                conn.executemany(f'INSERT INTO "{table.name}" VALUES ({marks})', table.rows)  # noqa: S608
            for table in tables:
                for column in table.columns:
                    if column.refers and column.name not in table.key[:1]:
                        conn.execute(f'CREATE INDEX "{table.name}_{column.name}" ON "{table.name}" ("{column.name}")')
            conn.execute("COMMIT")
        finally:
            conn.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"cannot write {path.name}: {error}; free disk space or mend the folder's permissions"
        ) from error


def _create(table: CopyTable) -> str:
    parts = [
        f'"{column.name}" {_TYPES[column.kind]}{"" if column.optional else " NOT NULL"}' for column in table.columns
    ]
    parts.append("PRIMARY KEY (" + ", ".join(f'"{name}"' for name in table.key) + ")")
    parts += [
        f'FOREIGN KEY ("{column.name}") REFERENCES "{column.refers[0]}" ("{column.refers[1]}")'
        for column in table.columns
        if column.refers
    ]
    return f'CREATE TABLE "{table.name}" ({", ".join(parts)}) WITHOUT ROWID'
