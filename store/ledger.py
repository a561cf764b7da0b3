"""The ledger: everything that the machine found in the pages; it can be deleted and rebuilt from the archive."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import Article, Claim, Extraction, Finding, Outcome, PageReading
from store import blocks, copies, merge, sums
from store.connect import Store, open_database
from store.decisions import Decisions
from store.rows import Rows
from store.schema import ledger as migrations

# Readings stored between two refreshes of search index, copy groups and deals.
SETTLE_EVERY = 500


class Ledger:
    """Reads and writes one watchledger.db."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.run_id: int | None = None
        self._withdrawn: tuple[set[str], set[str]] = (set(), set())

    @classmethod
    def open(cls, path: Path, *, write: bool = True) -> Ledger:
        """Open the ledger, making it where it is absent and `write` is set.

        What was withdrawn (decisions.db beside it) is kept out of what is written.
        """
        ledger = cls(open_database(path, migrations, write=write))
        if write:
            ledger._know_withdrawn()
        return ledger

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    # --- a run over pages

    def unread(self, page_ids: Sequence[str], version: str) -> list[str]:
        """Those of `page_ids` that this version has not read."""
        marks = ",".join("?" * len(page_ids))
        known = self.store.rows(
            f"SELECT page_id FROM readings WHERE version = ? AND page_id IN ({marks})",  # noqa: S608
            (version, *page_ids),
        )
        read = {row["page_id"] for row in known}
        return [page_id for page_id in page_ids if page_id not in read]

    def begin_run(self, stage: str, version: str, now: datetime) -> int:
        """Open an entry in the run ledger, closing those that a kill left open."""
        with self.store.transaction() as conn:
            conn.execute("UPDATE runs SET ended_at = ?, how = 'interrupted' WHERE ended_at IS NULL", (_iso(now),))
            self.run_id = conn.execute(
                "INSERT INTO runs (stage, version, started_at, items_in) VALUES (?, ?, ?, 0)",
                (stage, version, _iso(now)),
            ).lastrowid
        self.take_out_withdrawn()
        return int(self.run_id or 0)

    def know_sources(self, sources: Iterable[Mapping[str, Any]]) -> None:
        """Take over who the sources are (source_id, publisher, country, source_type): the rank of what they tell."""
        with self.store.transaction() as conn:
            for told in sources:
                changed = conn.execute(
                    """INSERT INTO sources VALUES (:source_id, :publisher, :country, :source_type)
                       ON CONFLICT (source_id) DO UPDATE SET publisher = excluded.publisher,
                           country = excluded.country, source_type = excluded.source_type
                       WHERE (publisher, country, source_type)
                           IS NOT (excluded.publisher, excluded.country, excluded.source_type)""",
                    {name: told[name] for name in ("source_id", "publisher", "country", "source_type")},
                ).rowcount
                if changed:
                    conn.execute(
                        """INSERT OR IGNORE INTO dirty_pairs SELECT DISTINCT pair FROM findings
                           JOIN articles USING (article_id) WHERE source_id = ?""",
                        (told["source_id"],),
                    )

    def save(self, reading: PageReading, version: str, source_id: str) -> None:
        """Store what became of a page, with its article and findings, in one transaction."""
        self.save_many([(reading, version, source_id)])

    def save_many(self, readings: Sequence[tuple[PageReading, str, str]]) -> None:
        """Store what became of several pages (each with the version that read and its source) in one transaction."""
        last = {reading.page_id: (reading, version, source_id) for reading, version, source_id in readings}
        with self.store.transaction() as conn:
            rows = Rows()
            self._count_items(conn, list(last))
            known = self._known(conn, list(last))
            for reading, version, source_id in last.values():
                if reading.page_id in known:
                    _forget(conn, reading.page_id)
                self._save(rows, reading, version, source_id)
            rows.write(conn)

    def _known(self, conn: sqlite3.Connection, page_ids: Sequence[str]) -> set[str]:
        """Those of `page_ids` that were read before."""
        marks = ",".join("?" * len(page_ids))
        told = conn.execute(f"SELECT page_id FROM readings WHERE page_id IN ({marks})", page_ids)  # noqa: S608
        return {row[0] for row in told}

    def _count_items(self, conn: sqlite3.Connection, page_ids: Sequence[str]) -> None:
        """Count these pages in; one that is read again within the run is still one item."""
        marks = ",".join("?" * len(page_ids))
        again = conn.execute(
            f"SELECT COUNT(*) FROM run_items WHERE run_id = ? AND item IN ({marks})",  # noqa: S608
            (self.run_id, *page_ids),
        ).fetchone()[0]
        conn.execute("UPDATE runs SET items_in = items_in + ? WHERE run_id = ?", (len(page_ids) - again, self.run_id))

    def _save(self, rows: Rows, reading: PageReading, version: str, source_id: str) -> None:
        if self._is_withdrawn(reading):
            url = reading.article.url if reading.article else ""
            reading = PageReading(page_id=reading.page_id, outcome=Outcome.WITHDRAWN, reason=url)
        if reading.article is not None:
            _save_article(rows, reading.article, source_id)
            copies.save_paragraphs(rows, reading.article.article_id, reading.article.text)
            copies.save_keys(rows, reading.article, reading.sketch)
            blocks.save(rows, reading)
        if reading.article is not None and reading.extraction is not None:
            _save_extraction(rows, reading.article.article_id, reading.extraction)
        rows.execute(
            "INSERT INTO readings VALUES (?, ?, ?, ?, ?)",
            (
                *(reading.page_id, reading.outcome, reading.reason),
                *(reading.article.article_id if reading.article else None, version),
            ),
        )
        rows.execute(
            "INSERT OR REPLACE INTO run_items VALUES (?, ?, ?, ?)",
            (self.run_id, reading.page_id, reading.outcome, reading.reason),
        )

    def repeated_blocks(self, url: str) -> frozenset[int]:
        """Hashes of the paragraphs that are furniture of the site of `url`; a cleaner cuts them."""
        return blocks.repeated(self.store.db.conn, url)

    def settle(self) -> None:
        """Bring search index, copy groups and deals up to the articles; all in one transaction."""
        with self.store.transaction() as conn:
            _index_articles(conn)
            dirty = [row["pair"] for row in conn.execute("SELECT pair FROM dirty_pairs ORDER BY pair")]
            for pair in dirty:
                sums.link_phases(conn, merge.merge_pair(conn, pair))
            sums.relate(conn, dirty)
            conn.execute("DELETE FROM dirty_pairs")

    def index_articles(self) -> None:
        """Bring search index and copy groups up to the articles, and leave the deals for `settle`."""
        with self.store.transaction() as conn:
            _index_articles(conn)

    def end_run(self, now: datetime, how: str) -> None:
        """Close the entry in the run ledger."""
        with self.store.transaction() as conn:
            conn.execute("UPDATE runs SET ended_at = ?, how = ? WHERE run_id = ?", (_iso(now), how, self.run_id))

    def retry(self, outcomes: Iterable[Outcome]) -> int:
        """Forget how pages with these outcomes ended, so that the next run reads them again."""
        wanted = [str(outcome) for outcome in outcomes]
        marks = ",".join("?" * len(wanted))
        with self.store.transaction() as conn:
            return conn.execute(f"DELETE FROM readings WHERE outcome IN ({marks})", wanted).rowcount  # noqa: S608

    # --- what was withdrawn

    def _know_withdrawn(self) -> None:
        beside = self.store.path.with_name("decisions.db")
        if beside.exists():
            decisions = Decisions.open(beside)
            self._withdrawn = decisions.withdrawn_articles()
            decisions.close()

    def _is_withdrawn(self, reading: PageReading) -> bool:
        pages, urls = self._withdrawn
        return reading.page_id in pages or (reading.article is not None and reading.article.url in urls)

    def take_out_withdrawn(self, *, wipe: bool = False) -> int:
        """Take out what was withdrawn since it was stored; returns how many articles went.

        Pages whose withdrawal was undone are unread again. `wipe` overwrites what is deleted.
        """
        self._know_withdrawn()
        pages, urls = self._withdrawn
        if wipe:
            self.store.db.conn.execute("PRAGMA secure_delete=ON")
        with self.store.transaction() as conn:
            gone = (
                [
                    (row["article_id"], row["url"])
                    for row in conn.execute("SELECT article_id, url FROM articles ORDER BY article_id")
                    if row["article_id"] in pages or row["url"] in urls
                ]
                if pages
                else []
            )
            for article_id, url in gone:
                version = conn.execute("SELECT version FROM readings WHERE page_id = ?", (article_id,)).fetchone()[0]
                _forget(conn, article_id)
                conn.execute(
                    "INSERT INTO readings VALUES (?, ?, ?, NULL, ?)", (article_id, Outcome.WITHDRAWN, url, version)
                )
            back = [
                (row["page_id"],)
                for row in conn.execute("SELECT page_id, reason FROM readings WHERE outcome = ?", (Outcome.WITHDRAWN,))
                if row["page_id"] not in pages and row["reason"] not in urls
            ]
            conn.executemany("DELETE FROM readings WHERE page_id = ?", back)
            if wipe and gone:
                conn.execute("INSERT INTO articles_fts (articles_fts) VALUES ('optimize')")
        if gone:
            self.settle()
        if wipe:
            self.store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(gone)

    # --- reading back

    def outcomes(self) -> dict[str, int]:
        """How many pages ended in which outcome."""
        rows = self.store.rows("SELECT outcome, COUNT(*) AS n FROM page_outcomes GROUP BY outcome ORDER BY outcome")
        return {row["outcome"]: row["n"] for row in rows}

    def run_counts(self) -> tuple[int, dict[str, int]]:
        """Of the latest run: how many pages went in, and how they ended."""
        run_id = self.store.one("SELECT MAX(run_id) FROM runs")
        rows = self.store.rows(
            "SELECT outcome, COUNT(*) AS n FROM run_items WHERE run_id = ? GROUP BY outcome ORDER BY outcome", (run_id,)
        )
        went_in = self.store.one("SELECT items_in FROM runs WHERE run_id = ?", (run_id,)) or 0
        return went_in, {row["outcome"]: row["n"] for row in rows}

    def quarantined(self) -> list[sqlite3.Row]:
        """The pages that could not be read, and why."""
        return self.store.rows(
            "SELECT page_id, reason FROM readings WHERE outcome = ? ORDER BY page_id", (Outcome.QUARANTINED,)
        )

    def deals(self) -> list[sqlite3.Row]:
        """All deals, surest first, with the article that tells each best."""
        return self.store.rows(
            """SELECT d.*, a.url, a.title, a.outlet, a.published FROM deals d JOIN articles a USING (article_id)
               ORDER BY d.confidence DESC, d.deal_id"""
        )

    def search(self, words: str, limit: int = 20) -> list[sqlite3.Row]:
        """Articles that hold all of `words`, best first; the words are taken as words, not as query syntax."""
        query = " ".join('"' + word.replace('"', '""') + '"' for word in words.split())
        if not query:
            return []
        return self.store.rows(
            """SELECT a.article_id, a.title, a.url, a.published FROM articles_fts
               JOIN articles a ON a.article_no = articles_fts.rowid
               WHERE articles_fts MATCH ? ORDER BY rank, a.article_id LIMIT ?""",
            (query, limit),
        )

    def overview(self) -> dict[str, int]:
        """Totals: articles, findings, deals, claims."""
        one = self.store.one
        return {
            table: one(f"SELECT COUNT(*) FROM {table}")  # noqa: S608
            for table in ("articles", "findings", "deals", "claims")
        }


def _index_articles(conn: sqlite3.Connection) -> None:
    last = conn.execute("SELECT last_article_no FROM settled").fetchone()[0]
    fresh = conn.execute(
        "SELECT article_no, article_id FROM articles WHERE article_no > ? ORDER BY article_no", (last,)
    ).fetchall()
    blocks.learn(conn)
    for row in fresh:
        copies.join_groups(conn, row["article_id"])
    conn.execute(
        """INSERT INTO articles_fts (rowid, title, text)
           SELECT article_no, title, text FROM articles WHERE article_no > ?""",
        (last,),
    )
    if fresh:
        conn.execute("UPDATE settled SET last_article_no = ?", (fresh[-1]["article_no"],))
        # A new copy changes how many independent sources its group's deals have.
        conn.execute(
            """INSERT OR IGNORE INTO dirty_pairs SELECT DISTINCT f.pair FROM findings f
               JOIN copy_groups c USING (article_id) WHERE c.leader_id IN (
                   SELECT leader_id FROM copy_groups JOIN articles USING (article_id) WHERE article_no > ?)""",
            (last,),
        )


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _json(value: Any) -> str:
    return _encoder.encode(value)


def _forget(conn: sqlite3.Connection, page_id: str) -> None:
    """Take a page's former reading out; its deals are made anew at the next settling."""
    conn.execute("DELETE FROM readings WHERE page_id = ?", (page_id,))
    row = conn.execute("SELECT article_no, title, text FROM articles WHERE article_id = ?", (page_id,)).fetchone()
    if row is None:
        return
    conn.execute(
        """INSERT OR IGNORE INTO dirty_pairs SELECT DISTINCT f.pair FROM findings f
           LEFT JOIN copy_groups c USING (article_id)
           WHERE article_id = ?1 OR c.leader_id = (SELECT leader_id FROM copy_groups WHERE article_id = ?1)""",
        (page_id,),
    )
    if row["article_no"] <= conn.execute("SELECT last_article_no FROM settled").fetchone()[0]:
        conn.execute(
            "INSERT INTO articles_fts (articles_fts, rowid, title, text) VALUES ('delete', ?, ?, ?)",
            (row["article_no"], row["title"], row["text"]),
        )
    conn.execute("DELETE FROM deals WHERE article_id = ?", (page_id,))
    conn.execute("DELETE FROM articles WHERE article_id = ?", (page_id,))


def _save_article(rows: Rows, article: Article, source_id: str) -> None:
    rows.execute(
        """INSERT INTO articles (article_id, url, title, text, language, outlet, author, published,
               published_precision, published_rule, truncated, pages, source_id)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(article.article_id, article.url, article.title, article.text, article.language, article.outlet),
            *(article.author, article.published, article.published_precision, article.published_rule),
            *(article.truncated, _json(article.pages), source_id),
        ),
    )


def _save_extraction(rows: Rows, article_id: str, extraction: Extraction) -> None:
    # Counted within its pair, so that a finding keeps its id when the article gains or loses others.
    seen: dict[str, int] = {}
    for finding in extraction.deals:
        pair = merge.pair_key(finding.vendor_id, finding.vendor, finding.vendor_country, finding.country)
        position = seen[pair] = seen.get(pair, -1) + 1
        _save_finding(rows, article_id, pair, position, finding, extraction.extractor_version)
    for position, claim in enumerate(extraction.claims):
        _save_claim(rows, article_id, position, claim)


def _save_finding(rows: Rows, article_id: str, pair: str, position: int, found: Finding, extractor: str) -> None:
    finding_id = _id("F", article_id, pair, position)
    financing, money = found.financing, found.financing.money if found.financing else None
    row = {
        "finding_id": finding_id,
        "article_id": article_id,
        "pair": pair,
        "vendor": found.vendor,
        "vendor_id": found.vendor_id,
        "vendor_aliases": _json(found.vendor_aliases),
        "vendor_country": found.vendor_country,
        "country": found.country,
        "technologies": _json(sorted(found.technologies)),
        "financing_type": financing.type if financing else None,
        "financier": financing.financier if financing else None,
        "financing_amount": money.amount if money else None,
        "financing_currency": money.currency if money else None,
        "financing_raw": money.raw if money else None,
        "value_amount": found.value.amount if found.value else None,
        "value_currency": found.value.currency if found.value else None,
        "value_raw": found.value.raw if found.value else None,
        "customer": found.customer,
        "year": found.year,
        "status": found.status,
        "alleged": found.alleged,
        "role": found.role,
        "place": found.place,
        # Four digits: what lies below is noise of the machine that ran the model.
        "confidence": round(found.confidence, 4),
        "reasons": _json(found.reasons),
        "field_confidence": _json({slot: round(value, 4) for slot, value in found.field_confidence}),
        "extractor": extractor,
    }
    rows.insert("findings", row)
    rows.execute("INSERT OR IGNORE INTO dirty_pairs VALUES (?)", (pair,))
    rows.executemany(
        "INSERT INTO evidence VALUES (?, ?, ?)", [(finding_id, i, quote) for i, quote in enumerate(found.evidence)]
    )
    rows.executemany(
        "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?)",
        [(finding_id, span.slot, span.start, span.end, span.where) for span in found.spans],
    )
    rows.executemany(
        "INSERT INTO instruments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(finding_id, i, item.type, item.financier, *_money(item.money)),
                *(item.rate, item.maturity_years, item.grace_years),
            )
            for i, item in enumerate(found.instruments or ((financing,) if financing else ()))
        ],
    )


def _money(money: Any) -> tuple[float | None, str | None, str | None]:
    return (money.amount, money.currency, money.raw) if money else (None, None, None)


def _save_claim(rows: Rows, article_id: str, position: int, claim: Claim) -> None:
    rows.execute(
        "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(_id("C", article_id, claim.vendor or "", position), article_id, claim.vendor, claim.vendor_country),
            *(_json(sorted(claim.technologies)), claim.n_countries, claim.qualifier, claim.evidence),
            round(claim.confidence, 4),
        ),
    )


def _id(letter: str, *parts: object) -> str:
    return letter + hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()[:15]
