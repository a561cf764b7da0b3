"""From the demo's newsroom to a release that both libraries pass (read by the stub: no model is needed)."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

import pipeline
from records import DecisionAction
from store.desk import Desk
from store.views import TO_REVIEW
from tests.publish.ledger import act

ROOT = Path(__file__).parents[2]


def test_the_demos_accepted_deals_are_published(tmp_path):
    ledger = tmp_path / "demo" / "watchledger.db"
    subprocess.run(
        [sys.executable, "-m", "tests.stub_demo", "demo", "--db", str(ledger), "--json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=300,
    )
    with Desk.open(ledger) as desk:
        ids = desk.deal_ids(TO_REVIEW)
        assert ids
        desk.bulk(DecisionAction.ACCEPT, ids, replace(act(), batch="demo"))
    result = CliRunner().invoke(pipeline.main, ["publish", str(tmp_path / "out"), "--db", str(ledger)])
    assert result.exit_code == 0, result.output
    assert f"{len(ids)} deals ({len(ids)} counted)" in result.output
    assert (tmp_path / "out" / "index.html").exists()
