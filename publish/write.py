"""Writes the tables of a release as CSV, Parquet and JSON lines, the same bytes for the same rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from publish import cells
from publish.columns import Column, Table
from publish.release import Release
from publish.rows import TABLES

_ARROW = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
ROW_GROUP = 100_000

Columns = Sequence[Sequence[Any]]


def write_tables(release: Release, folder: Path) -> None:
    """csv/, parquet/ and jsonl/ in `folder`, one file a table each; empty tables too, so that readers find them."""
    for name in ("csv", "parquet", "jsonl"):
        (folder / name).mkdir()
    about = release.about
    for table in TABLES:
        columns = cells.columns_of(table, release.rows(table.name))
        write_csv(table, columns, folder / "csv" / f"{table.name}.csv", raw=about.raw, bom=about.bom)
        write_parquet(table, columns, folder / "parquet" / f"{table.name}.parquet")
        write_jsonl(table, columns, folder / "jsonl" / f"{table.name}.jsonl")


def write_csv(table: Table, columns: Columns, path: Path, *, raw: bool, bom: bool) -> None:
    """UTF-8 with a header; text that a spreadsheet could run gets an apostrophe unless `raw`."""
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\r\n")
        writer.writerow(table.names)
        writer.writerows(cells.cells(table, columns, raw=raw))


def write_parquet(table: Table, columns: Columns, path: Path) -> None:
    """Typed columns, texts exactly as in the ledger."""
    schema = pa.schema(
        [pa.field(column.name, _ARROW[column.kind], nullable=column.optional) for column in table.columns]
    )
    arrays = [pa.array(values, type=_ARROW[column.kind]) for column, values in zip(table.columns, columns, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, compression="zstd", row_group_size=ROW_GROUP)


def write_jsonl(table: Table, columns: Columns, path: Path) -> None:
    """One object a line with every column, blanks as null, texts exactly as in the ledger."""
    encoded = [_json_column(column, values) for column, values in zip(table.columns, columns, strict=True)]
    line = "{" + ",".join(f'"{name}":%s' for name in table.names) + "}\n"
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.writelines(line % row for row in zip(*encoded, strict=True))


def _json_column(column: Column, values: Sequence[Any]) -> list[str]:
    if column.kind == "boolean":
        return ["null" if value is None else "true" if value else "false" for value in values]
    encode = json.encoder.encode_basestring if column.kind == "string" else repr
    return ["null" if value is None else encode(value) for value in values]


def write_json(content: Any, path: Path) -> None:
    """A JSON file that people can read."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
