"""What a release needs from the three databases beside the deals themselves: page hashes, claims, who decided, why."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from records import DealState, DecisionAction
from store.book import Book
from store.connect import open_database
from store.schema import archive as archive_migrations

_CHUNK = 500
# After one of these a deal has been fit to publish, and its id may stand in a release.
_ACCEPTING = (DecisionAction.ACCEPT, DecisionAction.CORRECT, DecisionAction.ADD)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    """How a page was had: the hash of its bytes and when it was fetched."""

    sha256: str
    fetched_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClaim:
    """A coverage claim in an article that somebody has read to the end."""

    claim_id: str
    article_id: str
    vendor: str | None
    vendor_country: str | None
    technologies: tuple[str, ...]
    n_countries: int
    qualifier: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoneDeal:
    """A deal that was accepted once and is not now: merged, withdrawn, or open again."""

    deal_id: str
    state: str  # of DealState
    merged_into: str | None
    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the decisions say beside the values: who decided, why, what was accepted once, when the last was made."""

    reviewers: frozenset[str] = frozenset()
    reasons: Mapping[str, str] = field(default_factory=dict)  # deal -> the last reason given
    gone: tuple[GoneDeal, ...] = ()
    last_at: str = ""  # blank: nobody has decided anything
    last_number: int = 0


def page_facts(archive: Path, article_ids: Iterable[str]) -> dict[str, PageFacts]:
    """Article (= page) id to how its page was had; ids that the archive has not are left out.

    Raises StoreError where there is no archive.
    """
    store = open_database(archive, archive_migrations, write=False)
    found: dict[str, PageFacts] = {}
    try:
        wanted = sorted(set(article_ids))
        for start in range(0, len(wanted), _CHUNK):
            part = wanted[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            rows = store.rows(f"SELECT page_id, sha256, fetched_at FROM pages WHERE page_id IN ({marks})", part)  # noqa: S608
            found |= {row["page_id"]: PageFacts(sha256=row["sha256"], fetched_at=row["fetched_at"]) for row in rows}
    finally:
        store.close()
    return found


def read_claims(book: Book) -> list[ReadClaim]:
    """Claims in articles of which somebody said that they hold nothing more: nobody decides on a claim by itself."""
    with book.moment() as conn:
        rows = conn.execute(
            """SELECT * FROM ledger.claims WHERE article_id IN (SELECT article_id FROM articles_done)
               ORDER BY claim_id"""
        ).fetchall()
    return [
        ReadClaim(
            **{name: row[name] for name in ("claim_id", "article_id", "vendor", "vendor_country", "n_countries")},
            technologies=tuple(json.loads(row["technologies"])),
            qualifier=row["qualifier"],
            evidence=row["evidence"],
        )
        for row in rows
    ]


def read_log(book: Book) -> Log:
    """Everything of the log that a release rests on, of the same moment as the deals if called within `book.moment`."""
    with book.moment() as conn:
        rows = conn.execute("SELECT DISTINCT who FROM decisions").fetchall()
        return Log(
            reviewers=frozenset(row["who"] for row in rows),
            reasons=_reasons(conn),
            gone=tuple(_gone(conn)),
            last_at=conn.execute("SELECT MAX(at) FROM decisions").fetchone()[0] or "",
            last_number=conn.execute("SELECT COALESCE(MAX(decision_id), 0) FROM decisions").fetchone()[0],
        )


def _reasons(conn: sqlite3.Connection) -> dict[str, str]:
    rows = conn.execute(
        """SELECT t.deal_id, d.reason FROM decisions d JOIN decision_deals t USING (decision_id)
           LEFT JOIN undone u USING (decision_id)
           WHERE d.reason <> '' AND u.decision_id IS NULL AND NOT d.second ORDER BY d.decision_id"""
    )
    return {row["deal_id"]: row["reason"] for row in rows}


def _gone(conn: sqlite3.Connection) -> Iterable[GoneDeal]:
    marks = ",".join("?" * len(_ACCEPTING))
    rows = conn.execute(
        f"""SELECT s.deal_id, CASE WHEN r.deal_id IS NULL THEN s.state ELSE ? END AS state, s.merged_into,
                COALESCE(e.at, s.at, '') AS at, COALESCE(NULLIF(e.reason, ''), s.reason, '') AS reason
            FROM decided s LEFT JOIN temp.reopened r USING (deal_id)
            LEFT JOIN decisions e ON e.decision_id = s.touched
            WHERE (s.state <> ? OR r.deal_id IS NOT NULL)
            AND EXISTS (SELECT 1 FROM decisions d JOIN decision_deals t USING (decision_id)
                        LEFT JOIN undone u USING (decision_id)
                        WHERE t.deal_id = s.deal_id AND d.deal_key = s.deal_id AND d.action IN ({marks}) AND NOT d.second
                        AND (u.decision_id IS NULL  -- taken back before anybody could see it: never public
                             OR d.decision_id <= (SELECT COALESCE(MAX(last_decision), 0) FROM releases)))
            ORDER BY s.deal_id""",  # noqa: S608
        (DealState.REOPENED, DealState.ACCEPTED, *_ACCEPTING),
    )
    for row in rows:
        yield GoneDeal(**dict(row))
