"""Withdrawal, backups, restoring, migrations: what must hold when something is taken out or goes wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from records import Act, DealState, InputError, Outcome, StoreError, StoreLocked
from store import connect, schema
from store.archive import Archive
from store.backup import backup, restore
from store.book import Book
from store.decisions import Decisions
from store.desk import Desk
from store.ledger import Ledger
from store.withdraw import withdraw
from tests.store.factory import NOW, dollars, finding, later, new_ledger, page, reading, source

ANA = Act(who="ana", at=NOW, reason="the outlet took it back")
SECRET = "Huawei sold a hundred whispering cameras to Kenya, and the paper has since taken every word of it back."


@pytest.fixture
def db(tmp_path):
    """Three articles, two of them on one deal; the pages of all lie in the archive."""
    archive = Archive.open(tmp_path / "archive.db")
    ids = []
    for name in "abc":
        ids.append(archive.add_page(source(), page(f"http://daily.example/{name}", SECRET.encode() + name.encode()))[0])
    archive.close()
    ledger = new_ledger(tmp_path)
    for page_id, name, told in zip(
        ids,
        "abc",
        (
            finding(value=dollars(5e6), year=2014),
            finding(value=dollars(5e6), customer="Police", confidence=0.9),
            finding(country="UG"),
        ),
        strict=True,
    ):
        text = f"{SECRET} {name * 80}" if name != "b" else "Another text altogether, about a contract with the police."
        ledger.save(reading(page_id, told, text=text, url=f"http://daily.example/{name}"), "v1", "daily")
    ledger.settle()
    ledger.close()
    return tmp_path / "watchledger.db", ids


def state_of(db, deal):
    with Book.open(db) as book:
        return book.deal(deal).state


def test_a_withdrawn_article_goes_with_what_was_read_in_it_and_stays_away(db):
    path, (a, b, c) = db
    with Desk.open(path) as desk:
        kenya, uganda = desk.deals_of_article(a)[0], desk.deals_of_article(c)[0]
        assert kenya == desk.deals_of_article(b)[0]
        desk.accept(kenya, ANA)
        desk.accept(uganda, ANA)
    archive = path.with_name("archive.db")
    told = withdraw(path, archive, "http://daily.example/c", ANA)
    assert (told.articles, told.deals, told.purged, told.waiting) == ((c,), (uganda,), 0, False)
    withdraw(path, archive, a, ANA)
    with Book.open(path) as book:
        view = book.deal(kenya)
        assert [one.article.article_id for one in view.findings] == [b]
        assert (view.state, set(view.changes)) == (DealState.REOPENED, {"year"})
        assert state_of(path, uganda) is DealState.WITHDRAWN
        assert [(one["kind"], one["id"]) for one in book.withdrawn()] == sorted(
            [("article", a), ("article", c), ("deal", uganda)]
        )
        assert book.search("whispering") == []
    # Read again, under a new id at the old address, and into a ledger made anew: it does not come back.
    for file in path.parent.glob("watchledger.db*"):
        file.unlink()
    ledger = Ledger.open(path)
    ledger.begin_run("process", "v2", NOW)
    for page_id, name in ((a, "a"), (b, "b"), ("f" * 16, "c")):
        ledger.save(reading(page_id, finding(), url=f"http://daily.example/{name}"), "v2", "daily")
    ledger.settle()
    assert ledger.overview()["articles"] == 1
    assert ledger.outcomes() == {Outcome.KEPT: 1, Outcome.WITHDRAWN: 2}
    ledger.close()


def test_an_undone_withdrawal_lets_the_page_be_read_again(db):
    path, (_, _, c) = db
    withdraw(path, path.with_name("archive.db"), c, ANA)
    with Desk.open(path) as desk:
        assert desk.undo(ANA)
    ledger = Ledger.open(path)
    ledger.begin_run("process", "v1", NOW)
    assert ledger.unread([c], "v1") == [c]
    ledger.save(reading(c, finding(country="UG"), url="http://daily.example/c"), "v1", "daily")
    assert ledger.outcomes() == {Outcome.KEPT: 3}
    ledger.close()


def test_purging_leaves_no_trace_of_the_page_in_archive_or_ledger(db):
    path, ids = db
    archive = path.with_name("archive.db")
    for one in ids:
        if one != ids[1]:
            withdraw(path, archive, one, ANA, purge=True)
    for file in path.parent.glob("*.db*"):
        assert b"whispering" not in file.read_bytes(), file.name
    opened = Archive.open(archive)
    assert [one for batch in opened.page_ids() for one in batch] == [ids[1]]
    assert opened.page(ids[1]).page.body
    opened.close()


@pytest.mark.parametrize("taken", [False, True], ids=["named", "taken"])
def test_copies_of_a_withdrawn_story_are_named_or_taken_too(db, taken):
    path, (a, _, _) = db
    archive = Archive.open(path.with_name("archive.db"))
    copy, _ = archive.add_page(source(), page("http://wire.example/a", SECRET.encode() + b" wire"))
    archive.close()
    ledger = Ledger.open(path)
    ledger.begin_run("process", "v1", NOW)
    told = reading(copy, finding(value=dollars(5e6)), text=f"{SECRET} {'a' * 80}", url="http://wire.example/a")
    ledger.save(told, "v1", "wire")
    ledger.settle()
    ledger.close()
    done = withdraw(path, path.with_name("archive.db"), a, ANA, copies=taken)
    assert done.articles == tuple(sorted((a, copy) if taken else (a,)))
    assert done.copies == (() if taken else ("http://wire.example/a",))


@pytest.mark.parametrize(
    ("target", "reason", "fault"),
    [("nothing", "x", "is neither a deal, nor an article"), ("nothing", " ", "needs its reason")],
)
def test_a_withdrawal_of_nothing_or_for_no_reason_is_refused(db, target, reason, fault):
    path, _ = db
    with pytest.raises(InputError, match=fault):
        withdraw(path, path.with_name("archive.db"), target, Act(who="ana", at=NOW, reason=reason))


def test_a_withdrawal_while_another_run_writes_waits_for_the_next(db):
    path, (_, _, c) = db
    ledger = Ledger.open(path)
    assert withdraw(path, path.with_name("archive.db"), c, ANA).waiting
    ledger.begin_run("process", "v1", NOW)
    assert ledger.outcomes()[Outcome.WITHDRAWN] == 1
    ledger.close()


def decide(path, number: int) -> None:
    with Desk.open(path) as desk:
        for item in list(desk.items())[:number]:
            desk.accept(item.deal_id, ANA)


def test_a_backup_is_whole_checked_and_can_be_put_back(db, tmp_path):
    path, _ = db
    decide(path, 1)
    saved = backup(path, tmp_path / "b1", NOW)
    assert [(one.name, one.decisions) for one in saved] == [("decisions.db", 1)]
    assert sorted(file.name for file in (tmp_path / "b1").iterdir()) == ["decisions.db", "manifest.json"]
    decide(path, 1)
    with pytest.raises(StoreError, match="has 1 decisions that"):
        restore(path, tmp_path / "b1", NOW)
    assert restore(path, tmp_path / "b1", NOW, force=True) == ["decisions.db"]
    with Book.open(path) as book:
        assert len(book.history()) == 1
    aside = Decisions.open(next(tmp_path.glob("decisions.db.before-restore-*")), write=False)
    assert len(aside.history()) == 2
    aside.close()
    with pytest.raises(InputError, match="is there already"):
        backup(path, tmp_path / "b1", NOW)


def test_everything_can_be_backed_up_and_put_back_after_a_loss(db, tmp_path):
    path, _ = db
    decide(path, 2)
    saved = backup(path, tmp_path / "all", NOW, everything=True)
    assert [one.name for one in saved] == ["decisions.db", "watchledger.db", "archive.db"]
    with Book.open(path) as book:
        before = [(item.deal_id, item.state) for item in book.items()]
    for file in tmp_path.glob("*.db*"):
        file.unlink()
    restore(path, tmp_path / "all", later(hours=1))
    with Book.open(path) as book:
        assert [(item.deal_id, item.state) for item in book.items()] == before


def test_a_changed_or_damaged_backup_is_refused_before_anything_is_touched(db, tmp_path):
    path, _ = db
    decide(path, 1)
    backup(path, tmp_path / "b", NOW)
    saved = tmp_path / "b" / "decisions.db"
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(InputError, match="not as it was saved"):
        restore(path, tmp_path / "b", NOW)
    (tmp_path / "b" / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="is no backup"):
        restore(path, tmp_path / "b", NOW)
    assert not list(tmp_path.glob("*.before-restore-*"))


def test_a_file_in_use_is_not_replaced(db, tmp_path):
    path, _ = db
    decide(path, 1)
    backup(path, tmp_path / "b", NOW, everything=True)
    ledger = Ledger.open(path)
    with pytest.raises(StoreLocked):
        restore(path, tmp_path / "b", NOW, force=True)
    ledger.close()


def test_nothing_decided_is_nothing_to_back_up(db, tmp_path):
    path, _ = db
    with pytest.raises(StoreError, match="nothing has been decided yet"):
        backup(path, tmp_path / "b", NOW)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["watchledger.db", "decisions.db"])
def test_a_database_of_a_newer_watchledger_is_refused_with_what_to_do(db, name):
    path, _ = db
    decide(path, 1)
    with closing(sqlite3.connect(path.with_name(name))) as conn, conn:
        kind = "ledger" if name == "watchledger.db" else "decisions"
        conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, 'x_099_new', '')", (kind,)
        )
    with pytest.raises(StoreError, match=r"made by a newer watchledger \(it has x_099_new\); upgrade"):
        Book.open(path)
    with pytest.raises(StoreError, match="upgrade"):
        Desk.open(path)


def old(path, migrations, stop: str):
    """A database as the first version made it."""
    store = connect.open_database(path, migrations)
    store.close()
    path.unlink()
    conn = sqlite3.connect(path, isolation_level=None)
    db = connect.Database(conn)
    migrations.apply(db, stop_before=stop)
    return db


def test_a_migration_keeps_a_copy_and_what_was_in_the_tables(tmp_path):
    path = tmp_path / "decisions.db"
    db = old(path, schema.decisions, "decisions_002_acts")
    db.execute(
        "INSERT INTO decisions (at, who, deal_key, action, before, after) VALUES ('2024', 'ana', 'D1', 'skip', '{}', '{}')"
    )
    db.close()
    decisions = Decisions.open(path)
    assert [(one.who, one.subject, one.machine_shown) for one in decisions.history("D1")] == [("ana", "D1", True)]
    decisions.close()
    kept = tmp_path / "decisions.before-decisions_002_acts.db"
    with closing(sqlite3.connect(kept)) as conn:
        assert conn.execute("SELECT COUNT(*) FROM decisions").fetchone() == (1,)
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_an_older_ledger_makes_its_deals_anew(tmp_path):
    path = tmp_path / "watchledger.db"
    old(path, schema.ledger, "ledger_002_deals_with_reasons").close()
    with pytest.raises(StoreError, match="was made by an older watchledger; bring it up to date"):
        Book.open(path)
    ledger = Ledger.open(path)
    ledger.begin_run("process", "v1", NOW)
    ledger.save(reading("a", finding()), "v1", "daily")
    ledger.settle()
    assert json.loads(ledger.deals()[0]["chosen"])["vendor"]["why"] == "the only one that tells it"
    ledger.close()
    assert (tmp_path / "watchledger.before-ledger_002_deals_with_reasons.db").exists()


def test_too_little_space_for_the_copy_is_said_before_anything_is_changed(tmp_path, monkeypatch):
    path = tmp_path / "decisions.db"
    old(path, schema.decisions, "decisions_002_acts").close()
    monkeypatch.setattr(connect.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(StoreError, match=r"free .* bytes on its disk first"):
        Decisions.open(path)
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT COUNT(*) FROM _sqlite_migrations").fetchone() == (1,)
