"""Corrections and takedown: an article goes with all that was read in it, and a tombstone keeps it out.

The tombstone is a decision, so that it survives a new crawl, a new reading and a rebuild; `Ledger` heeds it whenever
it stores or settles. What rests on other articles as well stays, and re-opens where its values change.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from records import Act, InputError, StoreLocked
from store.archive import Archive
from store.book import Book
from store.desk import Desk
from store.ledger import Ledger

_DEAL = re.compile(r"D[0-9a-f]{11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What was done: articles and deals withdrawn, raw pages purged, copies elsewhere that stay, and what is left to do."""

    articles: tuple[str, ...]
    deals: tuple[str, ...]
    purged: int
    copies: tuple[str, ...]
    waiting: bool  # another run writes the ledger; it is taken out when that run or the next one begins anew


def withdraw(
    ledger_path: Path, archive_path: Path, target: str, act: Act, *, purge: bool = False, copies: bool = False
) -> Withdrawal:
    """Withdraw a deal by its id, or an article by its id or address (every stored version of it).

    `copies` takes the same story in other outlets too; `purge` deletes the raw pages from the archive.
    Raises InputError where nothing is called so, or the reason is missing.
    """
    if not act.reason.strip():
        raise InputError("a withdrawal needs its reason; give it with --reason")
    with Desk.open(ledger_path) as desk:
        if _DEAL.fullmatch(target):
            desk.withdraw_deal(target, act)
            return Withdrawal(articles=(), deals=(target,), purged=0, copies=(), waiting=False)
        found, others = _articles(desk, target)
        if copies:
            found, others = found | others, {}
        act = replace(act, batch=act.batch or f"withdraw {min(found)} {act.at.isoformat()}")
        deals = _alone(desk, list(found))
        for article_id, url in sorted(found.items()):
            desk.withdraw_article(article_id, url, act)
        for deal in deals:
            desk.withdraw_deal(deal, act)
    waiting = not _take_out(ledger_path, purge=purge)
    purged = purge_pages(archive_path, found) if purge else 0
    return Withdrawal(
        articles=tuple(sorted(found)), deals=tuple(deals), purged=purged, copies=tuple(others.values()), waiting=waiting
    )


def _articles(book: Book, target: str) -> tuple[dict[str, str], dict[str, str]]:
    """Article -> address of what is called `target`, and of its copies."""
    with book.moment() as conn:
        rows = conn.execute(
            "SELECT article_id, url FROM ledger.articles WHERE article_id = ?1 OR url = ?1", (target,)
        ).fetchall()
        found = {row["article_id"]: row["url"] for row in rows}
        if not found:
            gone = conn.execute("SELECT at FROM withdrawn WHERE article_id = ?1 OR url = ?1", (target,)).fetchone()
            said = (
                f"was withdrawn on {gone['at'][:10]}" if gone else "is neither a deal, nor an article's id or address"
            )
            raise InputError(f"{target[:200]!r} {said}; find it with: watchledger review, or in the deal's sources")
        others = {}
        for article_id in found:
            for row in conn.execute(
                """SELECT a.article_id, a.url FROM ledger.copy_groups mine
                   JOIN ledger.copy_groups other ON other.leader_id = mine.leader_id
                   JOIN ledger.articles a ON a.article_id = other.article_id WHERE mine.article_id = ?""",
                (article_id,),
            ):
                if row["article_id"] not in found:
                    others[row["article_id"]] = row["url"]
    return found, others


def _alone(book: Book, articles: Sequence[str]) -> list[str]:
    """Decided deals that rest on these articles and on nothing else."""
    told = set()
    for article_id in articles:
        for view in book.deals(book.deals_of_article(article_id)):
            rests_on = {one.article.article_id for one in view.findings} | {one["article_id"] for one in view.evidence}
            if rests_on <= set(articles) and view.decided_by is not None:
                told.add(view.deal_id)
    return sorted(told)


def _take_out(ledger_path: Path, *, purge: bool) -> bool:
    """Take what is withdrawn out of the ledger now; False where another run is writing it."""
    try:
        ledger = Ledger.open(ledger_path)
    except StoreLocked:
        return False
    try:
        ledger.take_out_withdrawn(wipe=purge)
    finally:
        ledger.close()
    return True


def purge_pages(archive_path: Path, articles: dict[str, str]) -> int:
    """Delete the raw pages from the archive and overwrite where they were; their addresses are not fetched again."""
    if not archive_path.exists():
        return 0
    archive = Archive.open(archive_path)
    try:
        conn: sqlite3.Connection = archive.store.db.conn
        conn.execute("PRAGMA secure_delete=ON")
        purged = 0
        with archive.store.transaction():
            for page_id in sorted(articles):
                row = conn.execute("SELECT sha256, url, final_url FROM pages WHERE page_id = ?", (page_id,)).fetchone()
                if row is None:
                    continue
                conn.execute("DELETE FROM pages WHERE page_id = ?", (page_id,))
                conn.execute(
                    "DELETE FROM bodies WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM pages WHERE sha256 = ?1)",
                    (row["sha256"],),
                )
                conn.execute(
                    "UPDATE frontier SET state = 'dead', due_at = '', outcome = 'withdrawn', reason = 'withdrawn'"
                    " WHERE url IN (?, ?)",
                    (row["url"], row["final_url"]),
                )
                purged += 1
        # The write-ahead log would keep the old pages until it is next emptied.
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        archive.close()
    return purged
