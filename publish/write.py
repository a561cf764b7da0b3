"""Writes the tables of a release as CSV, Parquet and JSON lines, the same bytes for the same rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from publish import cells
from publish.columns import Column, Table
from publish.release import Release
from publish.rows import TABLES

_ARROW = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
# Rows that are turned into columns at a time: all of a large table at once would take as much memory as the release.
SLICE = 10_000

Columns = Sequence[Sequence[Any]]


def write_tables(release: Release, folder: Path) -> None:
    """csv/, parquet/ and jsonl/ in `folder`, one file a table each; empty tables too, so that readers find them."""
    for name in ("csv", "parquet", "jsonl"):
        (folder / name).mkdir()
    about = release.about
    for table in TABLES:
        with (
            csv_file(table, folder / "csv" / f"{table.name}.csv", raw=about.raw, bom=about.bom) as to_csv,
            parquet_file(table, folder / "parquet" / f"{table.name}.parquet") as to_parquet,
            jsonl_file(table, folder / "jsonl" / f"{table.name}.jsonl") as to_jsonl,
        ):
            for columns in slices(table, release.rows(table.name)):
                for write in (to_csv, to_parquet, to_jsonl):
                    write(columns)
    pa.default_memory_pool().release_unused()


def slices(table: Table, rows: Sequence[Any]) -> Iterator[Columns]:
    """The rows as columns, SLICE of them at a time."""
    for start in range(0, len(rows), SLICE):
        yield cells.columns_of(table, rows[start : start + SLICE])


Write = Callable[[Columns], object]


@contextmanager
def csv_file(table: Table, path: Path, *, raw: bool, bom: bool) -> Iterator[Write]:
    """UTF-8 with a header; text that a spreadsheet could run gets an apostrophe unless `raw`."""
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\r\n")
        writer.writerow(table.names)
        yield lambda columns: writer.writerows(cells.cells(table, columns, raw=raw))


@contextmanager
def parquet_file(table: Table, path: Path) -> Iterator[Write]:
    """Typed columns, texts exactly as in the ledger; a row group a slice."""
    schema = pa.schema(
        [pa.field(column.name, _ARROW[column.kind], nullable=column.optional) for column in table.columns]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield lambda columns: writer.write_table(pa.Table.from_arrays(_arrays(table, columns), schema=schema))


def _arrays(table: Table, columns: Columns) -> list[Any]:
    return [pa.array(values, type=_ARROW[column.kind]) for column, values in zip(table.columns, columns, strict=True)]


@contextmanager
def jsonl_file(table: Table, path: Path) -> Iterator[Write]:
    """One object a line with every column, blanks as null, texts exactly as in the ledger."""
    line = "{" + ",".join(f'"{name}":%s' for name in table.names) + "}\n"
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        yield lambda columns: handle.writelines(line % row for row in _json_rows(table, columns))


def _json_rows(table: Table, columns: Columns) -> Iterator[tuple[str, ...]]:
    return zip(
        *(_json_column(column, values) for column, values in zip(table.columns, columns, strict=True)), strict=True
    )


def _json_column(column: Column, values: Sequence[Any]) -> list[str]:
    if column.kind == "boolean":
        return ["null" if value is None else "true" if value else "false" for value in values]
    encode = json.encoder.encode_basestring if column.kind == "string" else repr
    return ["null" if value is None else encode(value) for value in values]


def write_json(content: Any, path: Path) -> None:
    """A JSON file that people can read."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
