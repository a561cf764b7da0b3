"""One declaration, and everything that is made from it says the same."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from publish.columns import table_of
from publish.package import csvw, data_dictionary
from publish.rows import TABLES, Deal

ROOT = Path(__file__).parents[2]
EACH = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


@EACH
def test_all_formats_have_the_declared_columns(folder, table):
    with (folder / "csv" / f"{table.name}.csv").open(encoding="utf-8", newline="") as handle:
        assert tuple(next(csv.reader(handle))) == table.names
    assert tuple(pq.read_schema(folder / "parquet" / f"{table.name}.parquet").names) == table.names
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    resource = next(one for one in package["resources"] if one["name"] == table.name)
    assert tuple(field["name"] for field in resource["schema"]["fields"]) == table.names
    assert tuple(resource["schema"]["primaryKey"]) == table.key


@EACH
def test_every_table_and_column_says_what_it_tells(table):
    assert table.told
    assert table.key
    assert all(column.told.endswith(".") for column in table.columns)


def test_references_name_a_key_of_a_table_that_is_there():
    keys = {(table.name, name) for table in TABLES for name in table.key}
    named = {column.refers for table in TABLES for column in table.columns if column.refers}
    assert named <= keys


def test_a_column_may_be_blank_exactly_where_its_type_says_so():
    columns = {column.name: column for column in table_of("deals", Deal).columns}
    assert columns["vendor"].optional
    assert not columns["country"].optional
    assert columns["status"].choices == ("proposed", "agreed", "in_progress", "operational", "cancelled", "unknown")
    assert columns["year"].kind == "integer"


def test_csvw_describes_the_same_tables(generated):
    told = csvw(generated.about)
    assert [table["url"] for table in told["tables"]] == [f"csv/{table.name}.csv" for table in TABLES]
    named = [[column["name"] for column in table["tableSchema"]["columns"]] for table in told["tables"]]
    assert named == [list(table.names) for table in TABLES]


def test_the_data_dictionary_in_the_docs_is_fresh():
    there = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert there == data_dictionary(), "write it anew with: python -m publish.package"


def test_the_sqlite_copy_holds_its_keys(folder):
    conn = sqlite3.connect(folder / "release.db")
    try:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
        assert conn.execute("SELECT COUNT(*) FROM deals").fetchone() == (120,)
    finally:
        conn.close()
