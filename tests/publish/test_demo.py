"""The demo as anybody runs it, with the shipped model: its deals accepted in a file, published, checked and loaded."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import pipeline
from bench.load import READERS, loaded
from publish.check import check_entities, check_package
from store.book import Book

ROOT = Path(__file__).parents[2]


def run(*words: object) -> str:
    result = CliRunner().invoke(pipeline.main, list(map(str, words)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The demo's ledger after `queue export`, "accept" in every row, and `queue import`."""
    folder = tmp_path_factory.mktemp("demo")
    ledger, queue = folder / "watchledger.db", folder / "queue.csv"
    subprocess.run(
        [sys.executable, "-m", "pipeline", "demo", "--db", str(ledger)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=600,
    )
    run("queue", "export", queue, "--db", ledger)
    with queue.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with queue.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"decision": "accept"} for row in rows)
    assert f"{len(rows)} decided" in run("queue", "import", queue, "--db", ledger, "--as", "Ana Reviewer")
    return ledger


def test_the_demos_accepted_deals_pass_both_libraries_and_load_in_pandas_and_duckdb(demo, tmp_path):
    folder = tmp_path / "out"
    told = json.loads(run("publish", folder, "--db", demo, "--json"))
    with Book.open(demo) as book:
        accepted = {view.deal_id for view in book.accepted()}
    assert len(accepted) == told["deals"] > 10
    assert check_package(folder / "datapackage.json") == []
    assert check_entities(folder / "entities.ftm.json") == []
    found = loaded(folder)
    assert {reader: rows["deals"] for reader, rows in found.items()} == dict.fromkeys(READERS, len(accepted))
    assert len({json.dumps(rows) for rows in found.values()}) == 1
    assert set(pd.read_parquet(folder / "parquet" / "deals.parquet")["deal_id"]) == accepted


def test_every_published_value_of_the_demo_leads_to_a_sentence_of_a_page(demo, tmp_path):
    run("publish", tmp_path / "out", "--db", demo, "--no-check")
    parquet = tmp_path / "out" / "parquet"
    evidence = pd.read_parquet(parquet / "evidence.parquet").merge(
        pd.read_parquet(parquet / "sources.parquet"), on="source_id", how="left"
    )
    told = evidence[evidence["chosen"] & (evidence["field"] == "country")]
    assert set(told["deal_id"]) == set(pd.read_parquet(parquet / "deals.parquet")["deal_id"])
    assert told[["outlet", "url", "page_sha256", "quote", "quote_start", "quote_end"]].notna().all(axis=None)
