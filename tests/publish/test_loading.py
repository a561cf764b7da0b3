"""What docs/publishing.md shows is run here, on a release as it lies in its folder; and every table is loaded whole."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from bench.generate import make_release
from bench.load import READERS, loaded
from publish.build import Plan, publish
from publish.rows import TABLES
from publish.write import SLICE

DOC = Path(__file__).parents[2] / "docs" / "publishing.md"


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_the_pandas_snippets_run(here, generated):
    told: dict[str, object] = {}
    assert len(snippets("python")) >= 2
    for snippet in snippets("python"):
        exec(snippet, told)
    deals, wide = told["deals"], told["wide"]
    assert isinstance(deals, pd.DataFrame)
    assert isinstance(wide, pd.DataFrame)
    assert len(deals) == len(generated.deals)
    assert list(wide["quote"])
    assert wide["alleged"].dtype == bool
    titles = told["sources"]["title"]
    assert list(titles) == [source.title for source in generated.sources]


def test_the_duckdb_snippets_run(here, generated):
    assert snippets("sql")
    with duckdb.connect() as connection:
        for snippet in snippets("sql"):
            rows = connection.sql(snippet).fetchall()
            assert rows


def test_duckdb_reads_csv_and_parquet_alike(here):
    with duckdb.connect() as connection:
        both = [
            connection.sql(f"SELECT COUNT(*), SUM(value_usd) FROM read_{kind}('{kind}/deals.{kind}')").fetchall()[0]
            for kind in ("csv", "parquet")
        ]
    assert both[0][0] == both[1][0]
    assert both[0][1] == pytest.approx(both[1][1])


def test_the_r_snippet_names_files_that_are_there(here):
    for snippet in snippets("r"):
        for name in re.findall(r'"([a-z]+/[a-z_]+\.[a-z]+)"', snippet):
            assert os.path.exists(name), name


def assert_loaded_whole(folder, release):
    """Each library has every row of every table, from each format."""
    told = {table.name: len(release.rows(table.name)) for table in TABLES}
    found = loaded(folder)
    assert set(found) == set(READERS)
    assert {reader: rows for reader, rows in found.items() if rows != told} == {}


def test_a_release_of_fifty_thousand_is_checked_and_loaded_whole(tmp_path):
    """Written in many slices; its time and memory are measured by `python -m bench.publish`."""
    made = publish(make_release(50_000), Plan(folder=tmp_path / "out"))
    assert len(made.release.evidence) > 2 * SLICE
    assert_loaded_whole(tmp_path / "out", made.release)


def test_a_table_that_lost_a_row_is_told(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "out")
    path = tmp_path / "out" / "csv" / "deals.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    found = loaded(tmp_path / "out")
    assert found["pandas, CSV"]["deals"] == found["DuckDB, CSV"]["deals"] == found["DuckDB, Parquet"]["deals"] - 1
