"""The commands over ledger and decisions, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import main
from records import Act
from store.desk import Desk
from tests.store.factory import NOW, finding, new_ledger, reading

AIGS = Path(__file__).parent.parent / "fixtures" / "reference" / "aigs2019.csv"


def run(*arguments: str, expect: int = 0) -> str:
    """What a command prints, on both streams."""
    done = CliRunner().invoke(main, [str(one) for one in arguments])
    assert done.exit_code == expect, done.output
    return done.output


@pytest.fixture
def db(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = new_ledger(tmp_path)
    ledger.save(reading("a", finding()), "v1", "daily")
    ledger.save(reading("b", finding(country="UG")), "v1", "daily")
    ledger.settle()
    ledger.close()
    return tmp_path / "watchledger.db"


def test_the_index_comes_in_and_its_counts_go_out(db):
    assert run("import-reference", AIGS, "--db", db).startswith("aigs2019: 75 countries taken in")
    told = run("headline", "--db", db)
    lines = {line[:38].strip(): line[38:].split() for line in told.splitlines() if line[38:].strip()[:1].isdigit()}
    assert lines["countries"] == ["75", "0", "75"]
    assert lines["smart policing"] == ["53", "0", "53"]
    assert lines["of which in Belt and Road countries"] == ["36", "0", "36"]
    assert (lines["Huawei"][0], lines["NEC"][0]) == ("49", "14")
    assert "the published text says 52" in told
    assert "the published text says at least 50" in told
    assert json.loads(run("headline", "--db", db, "--undecided", "--json"))["lines"][0]["ledger"] == 2
    totals = json.loads(run("compare", "--db", db, "--undecided", "--json"))["totals"]
    assert totals["confirms"] == {"company": 2, "country": 2, "supplier_home": 2}
    assert "confirms    KE  company         Huawei" in run("compare", "--db", db, "--undecided", "--country", "KE")


def test_the_log_is_listed_and_written_out(db, tmp_path):
    with Desk.open(db) as desk:
        deal = desk.deals_of_article("a")[0]
        desk.correct(deal, {"year": 2014}, Act(who="ana", at=NOW, reason="line one\nline \x1b[31mtwo"))
        desk.undo(Act(who="ana", at=NOW))
    run("reply", deal, "We sold nothing.", "--as", "ben", "--db", db)
    lines = run("decisions", "--db", db).splitlines()
    assert len(lines) == 3
    assert "year: None -> 2014; line one line  [31mtwo; undone" in lines[0]
    assert "\x1b" not in lines[0]
    run("decisions", "--db", db, "--json", "--by", "ben", "-o", tmp_path / "log.jsonl")
    [row] = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert (row["action"], row["after"]["text"]) == ("reply", "We sold nothing.")


def test_withdraw_backup_and_restore(db, tmp_path):
    assert "withdrawn: 1 articles" in run("withdraw", "a", "--reason", "a hoax", "--as", "ana", "--db", db)
    told = run("backup", tmp_path / "copy", "--db", db)
    assert "up to decision 1" in told
    assert "restored decisions.db" in run("restore", tmp_path / "copy", "--db", db)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("headline", "--db", "none.db"), "no database at none.db"),
        (("decisions", "--db", "none.db"), "no database at"),
        (("import-reference", "none.csv"), "none.csv: cannot be read"),
        (("withdraw", "a"), "needs its reason"),
        (("restore", "none"), "none is no backup"),
        (("backup",), "nothing has been decided yet"),
        (("reply", "D00000000000", "x"), "no deal is called"),
    ],
)
def test_a_mistake_is_one_line(db, arguments, fault):
    database = () if "--db" in arguments else ("--db", str(db))
    told = run(*arguments, *database, expect=1)
    assert fault in told
    assert len(told.strip().splitlines()) == 1
