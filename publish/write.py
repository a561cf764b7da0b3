"""Writes the tables of a release as CSV, Parquet and JSON lines, the same bytes for the same rows."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from publish import cells
from publish.columns import Table
from publish.release import Release
from publish.rows import TABLES

_ARROW = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
ROW_GROUP = 100_000


def write_tables(release: Release, folder: Path) -> None:
    """csv/, parquet/ and jsonl/ in `folder`, one file a table each; empty tables too, so that readers find them."""
    for name in ("csv", "parquet", "jsonl"):
        (folder / name).mkdir()
    for table in TABLES:
        rows = release.rows(table.name)
        write_csv(table, rows, folder / "csv" / f"{table.name}.csv", raw=release.about.raw, bom=release.about.bom)
        write_parquet(table, rows, folder / "parquet" / f"{table.name}.parquet")
        write_jsonl(table, rows, folder / "jsonl" / f"{table.name}.jsonl")


def write_csv(table: Table, rows: Any, path: Path, *, raw: bool, bom: bool) -> None:
    """UTF-8 with a header; text that a spreadsheet could run gets an apostrophe unless `raw`."""
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\r\n")
        writer.writerow(table.names)
        writer.writerows(cells.cells(table, rows, raw=raw))


def write_parquet(table: Table, rows: Any, path: Path) -> None:
    """Typed columns, texts exactly as in the ledger."""
    schema = pa.schema(
        [pa.field(column.name, _ARROW[column.kind], nullable=column.optional) for column in table.columns]
    )
    columns = [
        pa.array([_plain(getattr(row, column.name)) for row in rows], type=_ARROW[column.kind])
        for column in table.columns
    ]
    made = pa.Table.from_arrays(columns, schema=schema)
    pq.write_table(made, path, compression="zstd", row_group_size=ROW_GROUP)


def write_jsonl(table: Table, rows: Any, path: Path) -> None:
    """One object a line with every column, blanks as null, texts exactly as in the ledger."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        for values in cells.values(table, rows):
            handle.write(encode(dict(zip(table.names, values, strict=True))) + "\n")


def write_json(content: Any, path: Path) -> None:
    """A JSON file that people can read."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")


def _plain(value: Any) -> Any:
    # Arrow takes exactly str, and an enum is one in Python only.
    return str.__str__(value) if isinstance(value, str) else value
