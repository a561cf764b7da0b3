"""The queue as a file: out, edited, back; nothing runs, nothing is lost, nothing half is left (rows E1, E2, E4)."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from openpyxl import Workbook, load_workbook

import review.files
from pipeline import main
from records import Act, InputError
from review.cells import plain
from review.files import COLUMNS, apply, export, read, rows
from review.spec import Spec
from store.book import Book
from store.desk import Desk
from store.views import QueueFilter
from tests.review.ledger import _reading, finding, make
from tests.store.factory import NOW, later

RUNNING = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", "\u00a0=1", "a\n=1", "\uff1d1", "=cmd|' /C calc'!A0", "'=1"]


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A ledger in which customers and titles are what spreadsheets run."""
    more = []
    for number, value in enumerate(RUNNING):
        text = f"Dahua sold cameras number {number} to Peru. {value} bought them, it is said."
        found = finding(text, f"Dahua {number}", "PE", {"vendor": "Dahua"}, text[:30], customer=value)
        more.append(_reading(f"odd{number}", text, f"{value} title", found))
    return make(tmp_path, *more)


def cells(path: Path) -> list[dict[str, str]]:
    """The rows of a file as a spreadsheet would read its cells."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return list(csv.DictReader(handle))
    lines = list(load_workbook(path).active.iter_rows())
    header = [cell.value for cell in lines[0]]
    assert all(cell.data_type in "sn" for line in lines for cell in line)  # no formula
    return [
        dict(zip(header, ["" if c.value is None else str(c.value) for c in line], strict=True)) for line in lines[1:]
    ]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_cells_that_would_run_are_inert_and_come_back(odd, tmp_path, kind):
    path = tmp_path / f"queue.{kind}"
    with Book.open(odd) as book:
        count = export(path, rows(book, Spec(), QueueFilter()))
        wanted = {item.deal_id: item.values["customer"] for item in book.queue(limit=100).items}
    found = cells(path)
    assert len(found) == count == len(wanted)
    for row in found:
        for name, value in row.items():
            if name not in ("confidence", "sources"):
                assert value.lstrip(" \u00a0")[:1] not in set("=+-@\t\r\uff1d"), (name, value)
        told = plain(row["customer"]) or None
        if kind == "xlsx" and told:
            told = told.replace("_x000D_", "\r")
        assert told == wanted[row["deal_id"]]
    # An unedited file decides nothing, whatever its cells hold.
    with Desk.open(odd) as desk:
        made = apply(desk, read(path), who="ann", at=NOW)
        assert (made.decided, made.untouched, made.refused) == (0, count, [])
        assert desk.history() == []


def edit(path: Path, changes: dict[str, dict[str, str]]) -> None:
    """Change cells of a file: deal id -> column -> value."""
    found = cells(path)
    for row in found:
        row.update(changes.get(row["deal_id"], {}))
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(COLUMNS), delimiter=";")  # as a spreadsheet with a decimal comma saves
            writer.writeheader()
            writer.writerows(found)
        return
    book = Workbook()
    book.active.append(list(COLUMNS))
    for row in found:
        book.active.append([row[name] for name in COLUMNS])
    book.save(path)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_edited_file_decides_and_one_undo_takes_it_back(db, tmp_path, kind):
    path = tmp_path / f"queue.{kind}"
    with Desk.open(db) as desk:
        ids = [item.deal_id for item in desk.queue(limit=10).items]
        export(path, rows(desk, Spec(), QueueFilter()))
        # Meanwhile somebody decides on one of them.
        desk.reject(ids[3], Act(who="ben", at=NOW))
        edit(
            path,
            {
                ids[0]: {"decision": "accept", "year": "2018", "technologies": "drones, spyware", "alleged": "yes"},
                ids[1]: {"decision": "Reject", "reason": "a rumour"},
                ids[2]: {"status": "operational"},
                ids[3]: {"decision": "accept"},
                ids[4]: {"decision": "perhaps"},
            },
        )
        before = desk.history()
        dry = apply(desk, read(path), who="ann", at=later(minutes=1), dry=True)
        assert (dry.decided, len(dry.refused)) == (2, 3)
        assert desk.history() == before
        made = apply(desk, read(path), who="ann", at=later(minutes=1))
        assert (made.decided, made.untouched) == (2, 0)
        assert [fault for _, fault in made.refused] == [
            "status changed, but decision is blank; write accept to correct the deal",
            f"{ids[3]} has changed since it was shown: ben chose reject at 2024-05-01T12:00:00; look at it again",
            "decision 'perhaps' is none of accept, reject, unsure, flag, skip, requeue",
        ]
        first = desk.deal(ids[0])
        assert (first.decided["year"], first.decided["technologies"], first.decided["alleged"]) == (
            2018,
            ["drones", "spyware"],
            True,
        )
        assert first.decided["value_amount"] == 12e6
        assert desk.deal(ids[1]).reason == "a rumour"
        desk.undo(Act(who="ann", at=later(minutes=2)))
        assert [str(desk.deal(one).state) for one in ids[:2]] == ["pending", "pending"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"a,b\n1,2\n", "no column deal_id, version, decision"),
        (b"", "no column"),
        ("deal_id,version,decision\nä,x,\n".encode("latin-1"), "not UTF-8"),
        (b"PK\x03\x04 broken", "no column"),
    ],
)
def test_what_is_no_queue_file_is_refused(tmp_path, content, fault):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=fault):
        list(read(path))
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no spreadsheet"):
        list(read(path))


def test_json_is_exact_for_reading(odd, tmp_path):
    path = tmp_path / "queue.json"
    with Book.open(odd) as book:
        export(path, rows(book, Spec(), QueueFilter()))
    told = json.loads(path.read_text(encoding="utf-8"))
    assert {row["customer"] for row in told} >= set(RUNNING)
    assert next(row for row in told if row["vendor"] == "Huawei")["value_amount"] == 12e6


def test_a_failed_export_leaves_the_old_file_and_nothing_half(db, tmp_path, monkeypatch):
    path = tmp_path / "out" / "queue.csv"
    path.parent.mkdir()
    path.write_text("old", encoding="utf-8")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(review.files.os, "fsync", full)
    with Book.open(db) as book, pytest.raises(InputError, match="No space left on device; what was there before"):
        export(path, rows(book, Spec(), QueueFilter()))
    assert path.read_text(encoding="utf-8") == "old"
    assert [one.name for one in path.parent.iterdir()] == ["queue.csv"]


def test_an_export_while_the_ledger_is_written_sees_whole_deals(db, tmp_path):
    """Row E4: rows come from moments of the ledger; a writer in between neither blocks nor is blocked."""
    from store.ledger import Ledger
    from tests.store.factory import finding as simple
    from tests.store.factory import reading, save

    with Book.open(db) as book:
        told = rows(book, Spec(), QueueFilter())
        first = next(told)
        ledger = Ledger.open(db)
        ledger.begin_run("process", "v2", NOW)
        save(ledger, reading("late", simple("Late", "TD")), version="v2")
        ledger.close()
        count = export(tmp_path / "queue.csv", [first, *told])
    assert count == 5
    with Book.open(db) as book:
        assert export(tmp_path / "queue.csv", rows(book, Spec(), QueueFilter())) == 6


def test_the_commands(db, tmp_path):
    path = tmp_path / "q.csv"
    run = CliRunner().invoke
    assert "2 deals" in run(main, ["queue", "export", str(path), "--db", str(db), "--filter", "vendor=ZTE"]).output
    found = cells(path)
    edit(path, {found[0]["deal_id"]: {"decision": "reject"}})
    assert (
        "1 would be decided, 1 left alone, 0 refused"
        in run(main, ["queue", "import", str(path), "--db", str(db), "--as", "ann", "--dry-run"]).output
    )
    assert (
        "1 decided, 1 left alone, 0 refused"
        in run(main, ["queue", "import", str(path), "--db", str(db), "--as", "ann"]).output
    )
    again = run(main, ["queue", "import", str(path), "--db", str(db), "--as", "ann"])
    assert again.exit_code == 1
    assert f"{path}:2: {found[0]['deal_id']} has changed" in again.output
    assert (
        "1 of 1 deals given to ben" in run(main, ["queue", "assign", "ben", "--db", str(db), "--share", "100"]).output
    )
    assert "precision by rule" in run(main, ["queue", "report", "--db", str(db)]).output
    assert json.loads(run(main, ["queue", "report", "--db", str(db), "--json"]).output)["decided"] == 1
    wrong = run(main, ["queue", "export", str(tmp_path / "q.doc"), "--db", str(db)])
    assert wrong.exit_code == 1
    assert ".csv, .xlsx or .json" in wrong.output
    assert run(main, ["queue", "export", str(path), "--db", str(db), "--saved", "x"]).exit_code == 1
    assert run(main, ["queue", "export", str(path), "--db", str(db), "--filter", "country=KE&order=up"]).exit_code == 1


def test_a_file_is_no_way_round_coding_blind(db, tmp_path):
    path = tmp_path / "queue.csv"
    with Desk.open(db) as desk:
        ids = [item.deal_id for item in desk.queue(limit=10).items]
        desk.reject(ids[0], Act(who="ann", at=NOW))
        desk.assign(ids[:1], "ben", Act(who="ann", at=NOW))
        export(path, rows(desk, Spec(), QueueFilter(states=())))
        edit(path, {ids[0]: {"decision": "accept"}})
        with pytest.raises(InputError, match=r"ben has 1 deals to code.*watchledger review --as ben"):
            apply(desk, read(path), who="ben", at=NOW)
        assert str(desk.deal(ids[0]).state) == "rejected"
        desk.accept(ids[0], Act(who="ben", at=NOW, second=True))
        # When the assigned ones are coded, files are open again.
        assert apply(desk, read(path), who="ben", at=later(minutes=1)).decided == 1
