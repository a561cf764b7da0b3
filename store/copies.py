"""Which articles are copies of one story: a wire text printed by several outlets is one source.

Two articles belong together, for a reason that is kept with the group, when
- `same_address`: their addresses differ only in scheme, `www.`, print or AMP forms;
- `shared_paragraphs`: at least half of the shorter one's text stands, paragraph by paragraph, in the other;
- `near_text`: their MinHash sketches (extract/blocks.py) have a band in common, and their texts are alike;
- `same_title`: their titles are the same without the parts that name a section or outlet, they are a few days apart,
  and much of their text is the same.

Groups are the connected parts of that relation, so the order in which articles arrive does not matter. The article
of the outlet that others name as their source leads, else the earliest. All indexes lie in the ledger's file.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Sequence
from datetime import date
from urllib.parse import parse_qsl, urlencode, urlsplit

from rapidfuzz import fuzz

from records import Article
from store.rows import Rows

# Shorter paragraphs ("Read more", "By our reporter") are shared by strangers.
MIN_PARAGRAPH = 60
# An outlet that prints a wire story often cuts it and adds a local paragraph.
COPY_SHARE = 0.5
# A paragraph standing in more articles than this is boilerplate and says nothing of copying; so with a key.
MAX_SHARERS = 50
# How alike the texts of candidates must be (rapidfuzz, 0 to 100).
NEAR_TEXT = 80.0
# The same title may stand over two stories of one week; their texts decide.
TITLE_TEXT = 60.0
TITLE_DAYS = 7
MIN_TITLE_WORDS = 4
COMPARED = 6000
# Members of a group that are asked whom they name as their source.
ASKED_FOR_SOURCE = 30

_NOT_LETTERS = re.compile(r"[\W_]+")
_VARIANTS = re.compile(r"/(?:amp|print|printable|index\.(?:html?|php))/?$|\.amp(?=$|\.html?$)", re.IGNORECASE)
_VARIANT_PARAMETERS = {"amp", "print", "outputtype", "output", "ref", "source", "share"}
_TITLE_PARTS = re.compile(r"\s+[|\u2013\u2014-]\s+|\s*[|»]\s*|\s+::\s+")


def save_paragraphs(rows: Rows, article_id: str, text: str) -> None:
    """Remember the article's paragraphs by hash."""
    sizes: dict[int, int] = {}
    for paragraph in text.split("\n"):
        folded = _NOT_LETTERS.sub(" ", paragraph).strip().casefold()
        if len(folded) >= MIN_PARAGRAPH:
            digest = hashlib.blake2b(folded.encode(), digest_size=8).digest()
            sizes[int.from_bytes(digest, "big", signed=True)] = len(folded)
    rows.executemany("INSERT INTO paragraphs VALUES (?, ?, ?)", [(article_id, h, n) for h, n in sizes.items()])


def save_keys(rows: Rows, article: Article, sketch: Sequence[int]) -> None:
    """Remember the article's address, title and MinHash bands as keys by which candidates are found."""
    rows.execute("DELETE FROM copy_keys WHERE article_id = ?", (article.article_id,))
    keys = [("address", address_key(article.url))]
    if title := title_key(article.title, article.outlet or ""):
        keys.append(("title", title))
    keys += [("band", f"{number}:{value:x}") for number, value in enumerate(sketch)]
    rows.executemany(
        "INSERT OR IGNORE INTO copy_keys VALUES (?, ?, ?)", [(kind, value, article.article_id) for kind, value in keys]
    )


def address_key(url: str) -> str:
    """What the forms of one address have in common; for a file its whole name."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        return url
    host = re.sub(r"^(?:www|m|amp|mobile)\.", "", parts.hostname or "")
    path = _VARIANTS.sub("", parts.path).rstrip("/")
    query = sorted((k, v) for k, v in parse_qsl(parts.query) if k.lower() not in _VARIANT_PARAMETERS)
    return f"{host}{path}?{urlencode(query)}"


def title_key(title: str, outlet: str) -> str:
    """The longest part of a title, folded, without parts that name a section or outlet; empty where it says little."""
    parts = [part for part in _TITLE_PARTS.split(title) if part and _fold(part) != _fold(outlet)]
    longest = max((_fold(part) for part in parts), key=len, default="")
    return longest if len(longest.split()) >= MIN_TITLE_WORDS else ""


def join_groups(conn: sqlite3.Connection, article_id: str) -> None:
    """Put a new article into the group of those that it is a copy of."""
    twins = {**_same_title(conn, article_id), **_near_text(conn, article_id), **_shared(conn, article_id)}
    twins |= dict.fromkeys(_sharing(conn, article_id, "address"), "same_address")
    if not twins:
        return
    members = {article_id, *twins}
    for member in list(members):
        members.update(_group_of(conn, member))
    leader = _leader(conn, members)
    reason = "+".join(sorted(set(twins.values()) | _reasons(conn, members)))
    conn.executemany(
        """INSERT INTO copy_groups VALUES (?, ?, ?)
           ON CONFLICT (article_id) DO UPDATE SET leader_id = excluded.leader_id, reason = excluded.reason""",
        [(member, leader, reason) for member in sorted(members)],
    )


def _shared(conn: sqlite3.Connection, article_id: str) -> dict[str, str]:
    total = _total(conn, article_id)
    shared = conn.execute(
        """SELECT other.article_id, SUM(other.size) FROM paragraphs mine
           JOIN paragraphs other ON other.hash = mine.hash AND other.article_id <> mine.article_id
           WHERE mine.article_id = ?1
             AND (SELECT COUNT(*) FROM (SELECT 1 FROM paragraphs p WHERE p.hash = mine.hash LIMIT ?2)) < ?2
           GROUP BY other.article_id""",
        (article_id, MAX_SHARERS),
    ).fetchall()
    return {
        other: "shared_paragraphs" for other, size in shared if size >= COPY_SHARE * min(total, _total(conn, other))
    }


def _near_text(conn: sqlite3.Connection, article_id: str) -> dict[str, str]:
    return {
        other: "near_text"
        for other in _sharing(conn, article_id, "band")
        if _alike(conn, article_id, other) >= NEAR_TEXT
    }


def _same_title(conn: sqlite3.Connection, article_id: str) -> dict[str, str]:
    return {
        other: "same_title"
        for other in _sharing(conn, article_id, "title")
        if _days_apart(conn, article_id, other) <= TITLE_DAYS and _alike(conn, article_id, other) >= TITLE_TEXT
    }


def _sharing(conn: sqlite3.Connection, article_id: str, kind: str) -> list[str]:
    """Other articles with the same key; none where so many have it that it says nothing."""
    rows = conn.execute(
        """SELECT DISTINCT o.article_id FROM copy_keys k JOIN copy_keys o ON o.kind = k.kind AND o.value = k.value
           WHERE k.article_id = ? AND k.kind = ? AND o.article_id <> k.article_id
             AND EXISTS (SELECT 1 FROM articles a WHERE a.article_id = o.article_id) LIMIT ?""",
        (article_id, kind, MAX_SHARERS),
    ).fetchall()
    return [row[0] for row in rows] if len(rows) < MAX_SHARERS else []


def _alike(conn: sqlite3.Connection, one: str, other: str) -> float:
    a, b = (_fold(_column(conn, "text", article_id)[:COMPARED]) for article_id in (one, other))
    return fuzz.ratio(a, b)


def _days_apart(conn: sqlite3.Connection, one: str, other: str) -> int:
    """Days between two articles as far as both tell their day; else none."""
    try:
        days = [date.fromisoformat(_column(conn, "published", article_id)) for article_id in (one, other)]
    except ValueError:
        return 0
    return abs((days[0] - days[1]).days)


def _leader(conn: sqlite3.Connection, members: set[str]) -> str:
    """The article of the outlet that most others name as their source; of equals the earliest."""
    texts = [_column(conn, "text", member) for member in sorted(members)[:ASKED_FOR_SOURCE]]
    # Wire credits stand at a text's beginning or end.
    credits = [_fold(f"{text[:200]} {text[-300:]}") for text in texts]

    def rank(member: str) -> tuple[int, str, str]:
        outlet = _fold(_column(conn, "outlet", member))
        named = sum(f" {outlet} " in f" {credit} " for credit in credits) if len(outlet) > 2 else 0
        return (-named, _column(conn, "published", member) or "9999", member)

    return min(members, key=rank)


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


def _reasons(conn: sqlite3.Connection, members: set[str]) -> set[str]:
    found: set[str] = set()
    for member in members:
        row = conn.execute("SELECT reason FROM copy_groups WHERE article_id = ?", (member,)).fetchone()
        found.update(row[0].split("+") if row else ())
    return found


def _column(conn: sqlite3.Connection, column: str, article_id: str) -> str:
    row = conn.execute(f"SELECT {column} FROM articles WHERE article_id = ?", (article_id,)).fetchone()  # noqa: S608
    return (row[0] if row else None) or ""


def _fold(text: str) -> str:
    return _NOT_LETTERS.sub(" ", text).strip().casefold()
