"""Loads every table of a release in pandas and in DuckDB, from each of its formats: `python -m bench.load DIR`.

Prints how many rows a table has in each; exit status 1 where a reader finds other rows than the release's SQLite copy.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pandas as pd

Rows = dict[str, int]  # table -> rows


def main() -> None:
    """Load the release that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    folder = parser.parse_args().folder
    told = tables(folder)
    found = loaded(folder)
    print(json.dumps({"rows": told, "others": {reader: rows for reader, rows in found.items() if rows != told}}))
    sys.exit(0 if all(rows == told for rows in found.values()) else 1)


def tables(folder: Path) -> Rows:
    """The tables of a release with their rows, as its SQLite copy has them."""
    with closing(sqlite3.connect(f"{(folder / 'release.db').absolute().as_uri()}?mode=ro", uri=True)) as conn:
        names = [row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {name: conn.execute(f"SELECT COUNT(*) FROM [{name}]").fetchone()[0] for name in names}


def loaded(folder: Path) -> dict[str, Rows]:
    """Library and format -> the rows that it has of each table once all of it is in memory."""
    names = list(tables(folder))
    return {reader: {name: load(folder, name) for name in names} for reader, load in READERS.items()}


def _pandas_parquet(folder: Path, table: str) -> int:
    return len(pd.read_parquet(folder / "parquet" / f"{table}.parquet"))


def _pandas_csv(folder: Path, table: str) -> int:
    path = folder / "csv" / f"{table}.csv"
    return len(pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False))


def _pandas_jsonl(folder: Path, table: str) -> int:
    path = folder / "jsonl" / f"{table}.jsonl"
    return len(pd.read_json(path, lines=True, dtype=False)) if path.stat().st_size else 0


def _duckdb(form: str, options: str = "") -> Callable[[Path, str], int]:
    def load(folder: Path, table: str) -> int:
        path = folder / form / f"{table}.{form}"
        if not path.stat().st_size:
            return 0
        read = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}[form]
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE loaded AS SELECT * FROM {read}(?{options})", [str(path)])
            counted = connection.execute("SELECT COUNT(*) FROM loaded").fetchone()
        assert counted is not None
        return int(counted[0])

    return load


READERS: dict[str, Callable[[Path, str], int]] = {
    "pandas, Parquet": _pandas_parquet,
    "pandas, CSV": _pandas_csv,
    "pandas, JSON lines": _pandas_jsonl,
    "DuckDB, Parquet": _duckdb("parquet"),
    # A table without rows has a header only, which is told from a row by nothing.
    "DuckDB, CSV": _duckdb("csv", ", header = true"),
    "DuckDB, JSON lines": _duckdb("jsonl"),
}


if __name__ == "__main__":
    main()
