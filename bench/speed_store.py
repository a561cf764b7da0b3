"""Writing into SQLite: the ledger's own writer against sqlite-utils' upsert_all, over the same rows in the same tables.

python -m bench.speed_store --articles 20000 --deals 100000
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from records import (
    Article,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    Money,
    Outcome,
    PageReading,
    Span,
    Status,
    Technology,
)
from store.ledger import Ledger
from store.rows import Rows

BATCH = 500
TABLES = ("articles", "paragraphs", "readings", "findings", "evidence", "spans", "instruments", "run_items")
_WORDS = "police camera ministry contract loan supplier network court harbour market minister company city".split()


def readings(articles: int, deals: int, seed: int = 1, words: int = 550) -> Iterator[PageReading]:
    """Readings with long texts and `deals` findings among them, all different."""
    pick = random.Random(seed)
    technologies = list(Technology)
    for number in range(articles):
        text = "\n\n".join(" ".join(pick.choices(_WORDS, k=60)) + f" {seed} {number} {p}" for p in range(words // 60))
        mine = deals * (number + 1) // articles - deals * number // articles
        found = tuple(
            Finding(
                vendor=f"Vendor {pick.randrange(3000)}",
                vendor_aliases=("Vendor",),
                vendor_country="CN",
                country=pick.choice(("KE", "UG", "ZM", "RS", "EC", "BO")),
                technologies=(pick.choice(technologies),),
                evidence=(text[:150],),
                confidence=pick.random(),
                financing=Financing(type=FinancingType.LOAN, financier="Exim", money=Money(amount=1e6, currency="USD")),
                year=pick.randrange(2005, 2025),
                status=Status.AGREED,
                spans=tuple(Span(start=s, end=s + 9, slot=slot) for s, slot in ((0, "vendor"), (20, "country"))),
                reasons=("same_sentence",),
                field_confidence=(("vendor", 0.9), ("country", 0.8)),
            )
            for _ in range(mine)
        )
        key = f"P{seed:03}{number:012}"
        article = Article(
            article_id=key, url=f"https://news.example/{key}", title="News", text=text, language="en",
            published=f"20{pick.randrange(10, 25)}-05-17",
        )  # fmt: skip
        extraction = Extraction(id=key, outcome=Outcome.KEPT, extractor_version="bench", deals=found)
        yield PageReading(page_id=key, outcome=Outcome.KEPT, article=article, extraction=extraction)


def write_with_ours(path: Path, made: list[PageReading]) -> tuple[float, float]:
    """Processor seconds that the ledger takes to write the rows, and to make them out of readings before that."""
    ledger = Ledger.open(path)
    writing = making = 0.0
    try:
        ledger.begin_run("bench", "bench", datetime.now(UTC))
        for at in range(0, len(made), BATCH):
            rows, began = Rows(), time.process_time()
            for reading in made[at : at + BATCH]:
                ledger._save(rows, reading, "bench", "bench")
            made_at = time.process_time()
            with ledger.store.transaction() as conn:
                rows.write(conn)
            making, writing = making + made_at - began, writing + time.process_time() - made_at
        return writing, making
    finally:
        ledger.close()


def rows_of(path: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows that the ledger wrote, by table."""
    conn = sqlite3.connect(path)
    conn.row_factory = sqlite3.Row
    try:
        return {table: [dict(row) for row in conn.execute(f"SELECT * FROM {table}")] for table in TABLES}
    finally:
        conn.close()


def write_with_sqlite_utils(path: Path, rows: dict[str, list[dict[str, Any]]]) -> float:
    """Processor seconds that sqlite-utils' upsert_all takes for the same rows into the same tables."""
    Ledger.open(path).close()
    db = Database(path)
    try:
        db.conn.execute("PRAGMA journal_mode=WAL")
        db.conn.execute("PRAGMA synchronous=NORMAL")
        db.execute("INSERT INTO runs (run_id, stage, version, started_at, items_in) VALUES (1, 'b', 'b', '2024', 0)")
        db.conn.commit()
        began = time.process_time()
        for table, lines in rows.items():
            keys = [column.name for column in db[table].columns if column.is_pk]
            db[table].upsert_all(lines, pk=keys if len(keys) > 1 else keys[0], batch_size=1000)
        return time.process_time() - began
    finally:
        db.close()


def compare(articles: int, deals: int) -> dict[str, float]:
    """One round of both, over rows that are made outside of the time taken."""
    with tempfile.TemporaryDirectory() as folder:
        made = list(readings(articles, deals))
        ours, making = write_with_ours(Path(folder) / "ours.db", made)
        rows = rows_of(Path(folder) / "ours.db")
        count = sum(len(lines) for lines in rows.values())
        theirs = write_with_sqlite_utils(Path(folder) / "theirs.db", rows)
        return {
            "rows": count,
            "ours_rows_s": count / ours,
            "ours_with_making_rows_s": count / (ours + making),
            "peer_rows_s": count / theirs,
            "ratio": theirs / ours,
            "ratio_with_making": theirs / (ours + making),
        }


def main() -> None:
    """Print one comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--deals", type=int, default=100_000)
    asked = parser.parse_args()
    print(json.dumps(compare(asked.articles, asked.deals)))


if __name__ == "__main__":
    main()
