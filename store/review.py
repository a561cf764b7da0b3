"""What the review screen reads beside `Book` and `Desk`: blind queues, disagreements, the gate's drops, pace."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import DealState, Outcome, StoredPage, StoreError
from store.archive import Archive
from store.book import Book
from store.values import SLOTS, values_of
from store.worklist import SORT_COLUMN, Order

# A WAL this large means that some reader holds a moment open and nothing can be cleared away behind it.
WAL_WARNING = 256 * 1024 * 1024
# Ends of pages in which nothing was found, though they were read.
DROPPED = (Outcome.NOT_RELEVANT, Outcome.NO_DEAL)
_VERDICTS = "('accept', 'correct', 'reject', 'unsure')"


# Actions of a connection that SQL from a browser may take; everything else is refused by SQLite itself.
_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_CLOSED_FUNCTIONS = {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "zeroblob", "randomblob"}
_TABLE_INFO = {
    *(
        "table_info",
        "table_xinfo",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "schema_version",
        "data_version",
    ),
}


def allow_only_reading(conn: sqlite3.Connection) -> None:
    """Let a connection read and look at columns, and nothing else: no attaching, no writing, no settings."""
    conn.set_authorizer(_judge)


def _judge(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _CLOSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    if action in _READS or (action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _TABLE_INFO):
        return sqlite3.SQLITE_OK
    # FTS5 declares its columns this way. A real change of it fails: the schema is not writable, nor is the file.
    if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def open_blind(book: Book, who: str) -> int:
    """How many deals a person still has to code without seeing what others decided."""
    row = book.conn.execute(
        """SELECT COUNT(*) FROM assignments a LEFT JOIN verdicts v ON v.deal_id = a.deal_id AND v.who = a.who
           WHERE a.who = ? AND a.blind AND v.deal_id IS NULL""",
        (who,),
    ).fetchone()
    return int(row[0])


def is_assigned(book: Book, who: str, deal_id: str) -> bool:
    """Whether a deal was given to a person to code."""
    found = book.conn.execute("SELECT 1 FROM assignments WHERE who = ? AND deal_id = ?", (who, deal_id)).fetchone()
    return found is not None


def assigned(book: Book) -> dict[str, tuple[int, int]]:
    """Person -> (deals given to them, of these coded)."""
    rows = book.conn.execute(
        """SELECT a.who, COUNT(*), COUNT(v.deal_id) FROM assignments a
           LEFT JOIN verdicts v ON v.deal_id = a.deal_id AND v.who = a.who GROUP BY a.who ORDER BY a.who"""
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def coded_pairs(book: Book) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """For each deal with verdicts of two people, the first two of them: deal_id, who, action, decided."""
    by_deal: dict[str, list[dict[str, Any]]] = {}
    for verdict in book.verdicts():
        by_deal.setdefault(verdict["deal_id"], []).append(verdict)
    return [(told[0], told[1]) for told in by_deal.values() if len(told) > 1]


def differ(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The slots on which two verdicts differ; "verdict" where they already differ on whether it is a deal."""
    kinds = [verdict_kind(told["action"]) for told in (one, other)]
    if kinds[0] != kinds[1]:
        return ["verdict"]
    if kinds[0] != DealState.ACCEPTED:
        return []
    mine, theirs = one["decided"] or {}, other["decided"] or {}
    return [slot for slot in SLOTS if mine.get(slot) != theirs.get(slot)]


def verdict_kind(action: str) -> str:
    """What a verdict says of a deal: accepted (as read or corrected), rejected or unsure."""
    return {"reject": DealState.REJECTED, "unsure": DealState.UNSURE}.get(action, DealState.ACCEPTED)


def disagreements(book: Book) -> list[str]:
    """Ids of the deals on which two coders differ."""
    return [one["deal_id"] for one, other in coded_pairs(book) if differ(one, other)]


def sampled_drops(book: Book, *, seed: int, limit: int) -> list[dict[str, Any]]:
    """A seeded sample of the articles that were read and in which nothing was found.

    Each: article_id, title, outlet, published, outcome, done. The same seed gives the same sample while the ledger
    stays, and adding articles changes it only where a new one is drawn.
    """
    with book.moment() as conn:
        rows = conn.execute(
            f"""SELECT r.article_id, r.outcome, a.title, a.outlet, a.published, d.article_id IS NOT NULL AS done
                FROM ledger.readings r JOIN ledger.articles a USING (article_id)
                LEFT JOIN articles_done d USING (article_id)
                WHERE r.outcome IN ({", ".join("?" * len(DROPPED))})""",  # noqa: S608
            [str(outcome) for outcome in DROPPED],
        ).fetchall()
    drawn = sorted(rows, key=lambda row: hashlib.sha256(f"{seed}:{row['article_id']}".encode()).digest())
    return [dict(row) for row in drawn[:limit]]


def values_of_article(book: Book, article_id: str) -> list[dict[str, Any]]:
    """The slots of all findings of an article, surest first."""
    rows = book.conn.execute(
        "SELECT * FROM ledger.findings WHERE article_id = ? ORDER BY confidence DESC, finding_id LIMIT 30",
        (article_id,),
    )
    return [values_of(row) for row in rows]


def cursor_before(book: Book, order: Order, deal_id: str) -> str | None:
    """Where a queue goes on so that this deal comes first in it; None where there is no such deal."""
    column = SORT_COLUMN[order]
    for source in ("temp.overlay_deals", "ledger.deals"):
        row = book.conn.execute(f"SELECT {column} FROM {source} WHERE deal_id = ?", (deal_id,)).fetchone()  # noqa: S608
        if row is not None:
            # Ids are taken in their order among equals: what comes just before this one is its own id without the end.
            return json.dumps([row[0], deal_id[:-1]])
    return None


def stamp(book: Book, deal_ids: Iterable[str]) -> str:
    """Changes where any of the deals changes, in what the machine reads or in what was decided."""
    wanted = sorted(deal_ids)
    versions: dict[str, str] = {}
    with book.moment() as conn:
        for source in ("ledger.deals", "temp.overlay_deals"):
            for row in conn.execute(
                f"""SELECT d.deal_id, d.version || '.' || COALESCE(s.touched, 0) FROM {source} d
                    LEFT JOIN decided s ON s.deal_id = d.deal_id"""  # noqa: S608
            ):
                versions[row[0]] = row[1]
    told = "\n".join(f"{deal} {versions.get(deal, '')}" for deal in wanted)
    return hashlib.sha256(told.encode()).hexdigest()[:24]


def decided_today(book: Book, who: str, now: datetime) -> int:
    """Verdicts that a person gave since midnight UTC and that still stand."""
    row = book.conn.execute(
        f"""SELECT COUNT(*) FROM decisions d LEFT JOIN undone u USING (decision_id)
            WHERE who = ? AND at >= ? AND action IN {_VERDICTS} AND u.decision_id IS NULL""",  # noqa: S608
        (who, now.astimezone(UTC).date().isoformat()),
    ).fetchone()
    return int(row[0])


def standing_decisions(book: Book) -> Iterator[dict[str, Any]]:
    """Every verdict that was not undone: deal_id, who, action, seconds, machine_shown, batch, machine, decided, second."""
    with book.moment() as conn:
        rows = conn.execute(
            f"""SELECT d.deal_key AS deal_id, d.who, d.action, d.seconds, d.machine_shown, d.batch, d.second,
                    d.before, d.after FROM decisions d LEFT JOIN undone u USING (decision_id)
                WHERE action IN {_VERDICTS} AND u.decision_id IS NULL ORDER BY d.decision_id"""  # noqa: S608
        ).fetchall()
    for row in rows:
        told = dict(row)
        before, after = json.loads(told.pop("before")), json.loads(told.pop("after"))
        yield told | {"machine": before.get("machine"), "decided": after.get("decided")}


def findings_of(book: Book, deal_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Deal -> its findings' reasons and sources, for counting: reasons (list), outlet, source_id."""
    from store.dealview import finding_ids

    told: dict[str, list[dict[str, Any]]] = {}
    with book.moment() as conn:
        for start in range(0, len(deal_ids), 300):
            members = finding_ids(conn, deal_ids[start : start + 300])
            home = {finding: deal for deal, found in members.items() for finding in found}
            ids = list(home)
            for part in range(0, len(ids), 500):
                some = ids[part : part + 500]
                for row in conn.execute(
                    f"""SELECT f.finding_id, f.reasons, a.outlet, a.source_id FROM ledger.findings f
                        JOIN ledger.articles a USING (article_id)
                        WHERE f.finding_id IN ({", ".join("?" * len(some))})""",  # noqa: S608
                    some,
                ):
                    kept = {
                        "reasons": json.loads(row["reasons"]),
                        "outlet": row["outlet"],
                        "source_id": row["source_id"],
                    }
                    told.setdefault(home[row["finding_id"]], []).append(kept)
    return told


def large_wals(book: Book, ledger: Path) -> list[str]:
    """Databases whose write-ahead log has grown past WAL_WARNING, in words; tried to be cleared first."""
    told = []
    for path in (book.store.path, ledger):
        wal = path.with_name(path.name + "-wal")
        size = wal.stat().st_size if wal.exists() else 0
        if size < WAL_WARNING:
            continue
        if path == book.store.path:
            book.conn.execute("PRAGMA main.wal_checkpoint(PASSIVE)")
        told.append(f"{wal.name} has grown to {size // 1024**2} MB: some program holds {path.name} open")
    return told


def articles_of(book: Book, article_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Article -> title, outlet, published, url; without texts."""
    told: dict[str, dict[str, Any]] = {}
    wanted = sorted(set(article_ids))
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        for row in book.conn.execute(
            f"""SELECT article_id, title, outlet, published, url FROM ledger.articles
                WHERE article_id IN ({", ".join("?" * len(some))})""",  # noqa: S608
            some,
        ):
            told[row["article_id"]] = dict(row)
    return told


def decided_articles(book: Book) -> list[str]:
    """Articles with a deal that was accepted or rejected, those of deals added by hand included."""
    with book.moment() as conn:
        rows = conn.execute(
            """SELECT a.article_id FROM anchors a JOIN decided s USING (deal_id) WHERE s.state IN ('accepted', 'rejected')
               UNION SELECT e.value ->> 'article_id' FROM decided s, json_each(s.evidence) e
               WHERE s.by_hand AND s.state IN ('accepted', 'rejected') ORDER BY 1"""
        )
        return [row[0] for row in rows if row[0]]


def saved_filters(book: Book) -> dict[str, str]:
    """The filters saved on the screen: name -> the queue's query."""
    rows = book.conn.execute("SELECT name, filter FROM filters ORDER BY name")
    return {row[0]: str(json.loads(row[1]).get("query", "")) for row in rows}


def archived(archive: Archive, page_id: str) -> StoredPage:
    """A raw page. Raises StoreError where the archive holds none of that id (it may have been purged)."""
    if archive.store.one("SELECT 1 FROM pages WHERE page_id = ?", (page_id,)) is None:
        raise StoreError("the archive holds no page of this id; it may have been withdrawn")
    return archive.page(page_id)


def machine_values(book: Book, deal_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Deal -> what the machine reads, whatever people decided: for whoever must not see that."""
    return {
        deal.deal_id: deal.machine or {slot: told.value for slot, told in deal.shown.items()}
        for deal in book.deals(deal_ids)
    }
