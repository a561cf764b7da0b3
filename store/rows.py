"""Rows of several tables gathered and written together: one statement a table, not one a row.

Row by row, most of the time of a large load goes into calls (measured with cProfile: bench/README.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Rows:
    """Takes what a connection's `execute` and `executemany` take for inserts, and keeps it until `write`.

    Statements are written in the order in which each was first seen, so a parent's table comes before its children's.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[Sequence[Any]]] = {}
        self._named: dict[str, str] = {}

    def execute(self, sql: str, row: Sequence[Any]) -> None:
        """One row for a statement with `?` marks."""
        self._rows.setdefault(sql, []).append(row)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Several rows for a statement with `?` marks."""
        self._rows.setdefault(sql, []).extend(rows)

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """One row by its columns' names; all rows of a table must name the same columns in the same order."""
        if table not in self._named:
            columns, marks = ", ".join(row), ", ".join("?" * len(row))
            self._named[table] = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
        self._rows.setdefault(self._named[table], []).append(tuple(row.values()))

    def write(self, conn: sqlite3.Connection) -> None:
        """Write all rows, in the transaction that the connection is in."""
        for sql, rows in self._rows.items():
            conn.executemany(sql, rows)
        self._rows.clear()
