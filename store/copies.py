"""Which articles are copies of one story: a wire text printed by several outlets is one source.

Two articles belong together when at least half of the shorter one's text stands, paragraph
by paragraph, in the other. Groups are the connected parts of that relation, so the order in
which articles arrive does not matter. The earliest leads.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3

from store.rows import Rows

# Shorter paragraphs ("Read more", "By our reporter") are shared by strangers.
MIN_PARAGRAPH = 60
# An outlet that prints a wire story often cuts it and adds a local paragraph.
COPY_SHARE = 0.5
# A paragraph standing in more articles than this is boilerplate and says nothing of copying.
MAX_SHARERS = 50

_NOT_LETTERS = re.compile(r"[\W_]+")


def save_paragraphs(rows: Rows, article_id: str, text: str) -> None:
    """Remember the article's paragraphs by hash."""
    sizes: dict[int, int] = {}
    for paragraph in text.split("\n"):
        folded = _NOT_LETTERS.sub(" ", paragraph).strip().casefold()
        if len(folded) >= MIN_PARAGRAPH:
            digest = hashlib.blake2b(folded.encode(), digest_size=8).digest()
            sizes[int.from_bytes(digest, "big", signed=True)] = len(folded)
    rows.executemany("INSERT INTO paragraphs VALUES (?, ?, ?)", [(article_id, h, n) for h, n in sizes.items()])


def join_groups(conn: sqlite3.Connection, article_id: str) -> None:
    """Put a new article into the group of those that it shares its text with."""
    total = _total(conn, article_id)
    shared = conn.execute(
        """SELECT other.article_id, SUM(other.size) FROM paragraphs mine
           JOIN paragraphs other ON other.hash = mine.hash AND other.article_id <> mine.article_id
           WHERE mine.article_id = ?1
             AND (SELECT COUNT(*) FROM (SELECT 1 FROM paragraphs p WHERE p.hash = mine.hash LIMIT ?2)) < ?2
           GROUP BY other.article_id""",
        (article_id, MAX_SHARERS),
    ).fetchall()
    twins = {other for other, size in shared if size >= COPY_SHARE * min(total, _total(conn, other))}
    if not twins:
        return
    members = {article_id, *twins}
    for twin in twins:
        members.update(_group_of(conn, twin))
    members.update(_group_of(conn, article_id))
    leader = min(members, key=lambda member: (_published(conn, member), member))
    conn.executemany(
        """INSERT INTO copy_groups VALUES (?, ?, 'shared_paragraphs')
           ON CONFLICT (article_id) DO UPDATE SET leader_id = excluded.leader_id""",
        [(member, leader) for member in sorted(members)],
    )


def _total(conn: sqlite3.Connection, article_id: str) -> int:
    row = conn.execute("SELECT SUM(size) FROM paragraphs WHERE article_id = ?", (article_id,)).fetchone()
    return int(row[0] or 0)


def _group_of(conn: sqlite3.Connection, article_id: str) -> list[str]:
    rows = conn.execute(
        """SELECT b.article_id FROM copy_groups a JOIN copy_groups b ON b.leader_id = a.leader_id
           WHERE a.article_id = ?""",
        (article_id,),
    )
    return [row[0] for row in rows]


def _published(conn: sqlite3.Connection, article_id: str) -> str:
    row = conn.execute("SELECT published FROM articles WHERE article_id = ?", (article_id,)).fetchone()
    return (row[0] if row else None) or "9999"
