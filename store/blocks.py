"""Which paragraphs repeat across the pages of one site, learnt on disk.

A paragraph that was seen on REPEATS pages of a host is furniture from then on, for good: pages that were read before
that was known are read again. What counts are the paragraphs before any cut, so the result depends on the set of
pages and not on their order, and a ledger that is rebuilt comes out the same.
"""

from __future__ import annotations

import sqlite3
from urllib.parse import urlsplit

from records import PageReading
from store.rows import Rows

# Found on the newsroom and on news sites' teasers: three pages may share a quotation, five share furniture.
REPEATS = 5


def save(rows: Rows, reading: PageReading) -> None:
    """Remember the paragraphs of a page."""
    if reading.article is None or not reading.blocks:
        return
    host = host_of(reading.article.url)
    rows.executemany(
        "INSERT OR IGNORE INTO page_blocks VALUES (?, ?, ?)",
        [(host, value, reading.page_id) for value in reading.blocks],
    )
    rows.executemany("INSERT OR IGNORE INTO new_blocks VALUES (?, ?)", [(host, value) for value in reading.blocks])


def learn(conn: sqlite3.Connection) -> int:
    """Settle which paragraphs repeat; pages that hold one newly found are unread again. Returns how many were found."""
    found = conn.execute(
        """SELECT host, hash FROM new_blocks n WHERE NOT EXISTS
               (SELECT 1 FROM site_blocks s WHERE s.host = n.host AND s.hash = n.hash)
           AND (SELECT COUNT(*) FROM (SELECT 1 FROM page_blocks p WHERE p.host = n.host AND p.hash = n.hash
               LIMIT ?1)) = ?1""",
        (REPEATS,),
    ).fetchall()
    conn.executemany("INSERT INTO site_blocks VALUES (?, ?)", [tuple(row) for row in found])
    conn.executemany(
        """UPDATE readings SET version = '' WHERE page_id IN
               (SELECT page_id FROM page_blocks WHERE host = ? AND hash = ?)""",
        [tuple(row) for row in found],
    )
    if found:  # what they were taken for copies of is read again with them, so that no group outlives its reason
        conn.execute(
            """UPDATE readings SET version = '' WHERE page_id IN (
                   SELECT m.article_id FROM copy_groups m JOIN copy_groups c USING (leader_id)
                   JOIN readings r ON r.page_id = c.article_id WHERE r.version = '')"""
        )
    conn.execute("DELETE FROM new_blocks")
    return len(found)


def repeated(conn: sqlite3.Connection, url: str) -> frozenset[int]:
    """The hashes of the paragraphs that repeat on the site of `url`."""
    return frozenset(row[0] for row in conn.execute("SELECT hash FROM site_blocks WHERE host = ?", (host_of(url),)))


def host_of(url: str) -> str:
    """The site that paragraphs are counted by."""
    return (urlsplit(url).hostname or "").removeprefix("www.")
