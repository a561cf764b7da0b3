"""Text that no spreadsheet runs, and that comes back exactly."""

from __future__ import annotations

import csv
import json

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publish.cells import columns_of, number, plain_text, safe_text, tidy_text
from publish.rows import TABLES
from publish.write import csv_file

SOURCES = next(table for table in TABLES if table.name == "sources")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("=1+1", id="equals"),
        pytest.param("+1", id="plus"),
        pytest.param("-1+cmd", id="minus"),
        pytest.param("@SUM(A1)", id="at"),
        pytest.param("\t=1", id="tab"),
        pytest.param("\rx", id="carriage return"),
        pytest.param("\n=1", id="line feed, then equals"),
        pytest.param("  =1", id="spaces before"),
        pytest.param("\u00a0=1", id="no-break space before"),
        pytest.param("\u200b=1", id="zero-width space before"),
        pytest.param("\ufeff=1", id="byte-order mark before"),
        pytest.param("\u202e=1", id="bidi override before"),
        pytest.param("＝1", id="full-width equals"),
        pytest.param("＠x", id="full-width at"),
        pytest.param("'=1", id="an apostrophe that somebody else put there"),
    ],
)
def test_a_cell_that_could_run_is_made_text(text):
    assert safe_text(text) == "'" + text
    assert plain_text(safe_text(text)) == text


@pytest.mark.parametrize("text", ["Huawei", "3 = 4", "a-b", "1,800 cameras", "Ürümqi", "", "  spaced", "“quoted”"])
def test_other_cells_stay_as_they_are(text):
    assert safe_text(text) == text


@given(st.text())
def test_every_text_comes_back_exactly(text):
    assert plain_text(safe_text(text)) == text


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=50))
def test_tidy_text_can_be_written_as_utf_8(text):
    told = tidy_text(text)
    assert "\0" not in told
    assert told.encode("utf-8").decode("utf-8") == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (14.9e9, "14900000000"),
        (1e15, "1000000000000000"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        (2, "2"),
        (12.34, "12.34"),
    ],
)
def test_numbers_are_plain(value, told):
    assert number(value) == told


def titles(folder, name="csv"):
    if name == "csv":
        with (folder / "csv" / "sources.csv").open(encoding="utf-8", newline="") as handle:
            return [row["title"] for row in csv.DictReader(handle)]
    if name == "jsonl":
        lines = (folder / "jsonl" / "sources.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["title"] for line in lines]
    return pq.read_table(folder / "parquet" / "sources.parquet")["title"].to_pylist()


def test_csv_is_neutral_and_the_other_formats_exact(folder, generated):
    exact = [source.title for source in generated.sources]
    assert any(title[0] in "=+＝" for title in exact)
    assert titles(folder, "jsonl") == exact
    assert titles(folder, "parquet") == exact
    assert titles(folder) == [safe_text(title) for title in exact]
    assert [plain_text(cell) for cell in titles(folder)] == exact


@pytest.mark.parametrize(("raw", "bom"), [(True, False), (False, True)])
def test_raw_and_byte_order_mark_are_for_those_who_ask(generated, tmp_path, raw, bom):
    path = tmp_path / "sources.csv"
    with csv_file(SOURCES, path, raw=raw, bom=bom) as write:
        write(columns_of(SOURCES, generated.sources))
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") is bom
    with path.open(encoding="utf-8-sig", newline="") as handle:
        told = [row["title"] for row in csv.DictReader(handle)]
    exact = [source.title for source in generated.sources]
    assert (told == exact) is raw
