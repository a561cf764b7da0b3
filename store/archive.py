"""The archive: raw pages as they came, the frontier of what is still to be fetched, and every request's end.

A target that was handed out stays `waiting` in the file until its end is recorded
together with its page, so that whatever a kill interrupts is fetched again and
nothing that was stored is.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import zstandard

from records import Fetch, Link, Outcome, Page, Source, StoredPage, StoreError, Target
from store import health, hosts
from store.connect import Store, open_database
from store.hosts import LONGEST_CLOSED
from store.schema import archive as migrations

# Level 3 costs 0.5 ms a page at a fifth of its size (MEASURED-CRAWL: raw store).
ZSTD_LEVEL = 3
# A page that fails this often is given up until somebody asks for it again with `retry`.
MAX_ATTEMPTS = 5
# No stored page is larger than the fetch limits allow; more means a damaged or hostile file.
MAX_BODY = 64 * 1024 * 1024

# Indexes of one source that are asked in one run; of more, those asked longest ago come first the next time.
MAX_INDEXES = 200
# Addresses of one source that wait; what is announced beyond is counted and not kept.
MAX_WAITING = 200_000

STORED = {Outcome.KEPT, Outcome.COPY_OF}

_NEXT_INDEX = """SELECT f.* FROM frontier f JOIN run_sources r USING (source_id)
    WHERE f.state = 'waiting' AND f.host = ? AND f.is_index = 1 AND f.due_at <= ? AND r.indexes > 0
    ORDER BY f.depth > 0, f.asked_at, f.seq LIMIT ?"""
_NEXT_PAGE = """SELECT f.* FROM frontier f JOIN run_sources r USING (source_id)
    WHERE f.state = 'waiting' AND f.host = ? AND f.is_index = 0 AND f.due_at <= ? AND r.budget > 0
    ORDER BY f.seq LIMIT ?"""


def page_id(final_url: str, sha256: str) -> str:
    """The id of a page: the same address with the same bytes is the same page."""
    return hashlib.sha256(f"{final_url}\n{sha256}".encode()).hexdigest()[:16]


class Archive:
    """Reads and writes one archive.db."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.run_id: int | None = None
        self._began = ""
        self._closed: set[str] = set()  # hosts that this run leaves alone

    @classmethod
    def open(cls, path: Path, *, write: bool = True) -> Archive:
        """Open the archive, making it where it is absent and `write` is set."""
        return cls(open_database(path, migrations, write=write))

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    # --- a crawl

    def due_sources(self, sources: Iterable[Source], now: datetime) -> list[Source]:
        """Those of `sources` that were last asked longer ago than their cadence, or never, or not to the end."""
        asked = {
            row["source_id"]: row["last_asked"]
            for row in self.store.rows("SELECT source_id, last_asked FROM sources WHERE last_asked IS NOT NULL")
        }
        open_work = {
            row["source_id"]
            for row in self.store.rows(
                "SELECT DISTINCT source_id FROM frontier WHERE state = 'waiting' AND due_at <= ?", (_iso(now),)
            )
        }
        return [
            source
            for source in sources
            if source.id in open_work
            or source.id not in asked
            or datetime.fromisoformat(asked[source.id]) + timedelta(hours=source.every_hours) <= now
            or datetime.fromisoformat(asked[source.id]) > now  # the clock was wrong then, or is now
        ]

    def begin_run(self, sources: Sequence[Source], now: datetime) -> int:
        """Start a crawl of `sources`: their indexes wait to be asked again, with what was left over."""
        self._began = _iso(now)
        with self.store.transaction() as conn:
            # Nothing waits longer than a day (crawlers.spiders): later than that, a clock was wrong.
            conn.execute("UPDATE frontier SET due_at = '' WHERE due_at > ?", (_iso(now + LONGEST_CLOSED * 2),))
            self._closed = hosts.closed(conn, now)
            conn.execute("UPDATE crawl_runs SET ended_at = ?, how = 'interrupted' WHERE ended_at IS NULL", (_iso(now),))
            run_id = conn.execute("INSERT INTO crawl_runs (started_at) VALUES (?)", (_iso(now),)).lastrowid
            for source in sources:
                _save_source(conn, source)
                if not source.url:  # pages by hand have no index
                    continue
                conn.execute(
                    """INSERT INTO frontier (url, host, source_id, is_index, depth, state, due_at, found_at)
                       VALUES (?, ?, ?, 1, 0, 'waiting', '', ?)
                       ON CONFLICT (url) DO UPDATE SET is_index = 1, source_id = excluded.source_id, depth = 0""",
                    (source.url, host_of(source.url), source.id, _iso(now)),
                )
                conn.execute(
                    """UPDATE frontier SET state = 'waiting', due_at = '', attempts = 0
                       WHERE source_id = ? AND is_index = 1""",
                    (source.id,),
                )
            conn.execute(
                "CREATE TEMP TABLE IF NOT EXISTS run_sources (source_id TEXT PRIMARY KEY, budget INT, indexes INT)"
            )
            conn.execute("DELETE FROM run_sources")
            conn.executemany(
                "INSERT INTO run_sources VALUES (?, ?, ?)", [(s.id, s.max_pages, MAX_INDEXES) for s in sources]
            )
        self.run_id = run_id
        return int(run_id or 0)

    def waiting_hosts(self) -> list[str]:
        """The hosts for which this run has something to fetch."""
        return [
            row["host"]
            for row in self.store.rows(
                """SELECT host, MIN(seq) AS first FROM frontier JOIN run_sources USING (source_id)
                   WHERE state = 'waiting' AND due_at <= ? GROUP BY host ORDER BY first""",
                (self._began,),
            )
        ]

    def next_target(self, host: str, in_hand: frozenset[str] = frozenset()) -> Target | None:
        """The next address to fetch from `host`, indexes first; None when this run has no more there.

        Raises StoreError where the file cannot be written.
        """
        if host in self._closed:
            return None
        try:
            for sql, budget in ((_NEXT_INDEX, "indexes"), (_NEXT_PAGE, "budget")):
                for row in self.store.db.conn.execute(sql, (host, self._began, len(in_hand) + 1)):
                    if row["url"] in in_hand:
                        continue
                    self.store.db.conn.execute(
                        f"UPDATE run_sources SET {budget} = {budget} - 1 WHERE source_id = ?",  # noqa: S608
                        (row["source_id"],),
                    )
                    return _target(row)
        except sqlite3.OperationalError as error:
            raise StoreError(f"cannot write {self.store.path}: {error}; free disk space") from error
        return None

    def record(self, fetch: Fetch, page: Page | None = None, links: Sequence[Link] = ()) -> list[str]:
        """Store how a target ended, with its page and the links it announced, in one transaction.

        Returns the hosts of links that are new.
        """
        target, at = fetch.target, _iso(fetch.fetched_at)
        with self.store.transaction() as conn:
            outcome, stored_id = fetch.outcome, None
            if page is not None:
                stored_id, is_new = _save_page(conn, page, target.url)
                outcome = Outcome.KEPT if is_new else Outcome.COPY_OF
            room = _room(conn, target.source_id) if links else 0
            fresh = [host_of(link.url) for link in links[:room] if _save_link(conn, link, target, at)]
            new_hosts = [host for host in dict.fromkeys(fresh) if host not in self._closed]
            reason = fetch.reason if room >= len(links) else f"{fetch.reason} over_limit: {len(links) - room}".strip()
            conn.execute(
                """INSERT INTO fetches (run_id, url, final_url, source_id, is_index, status, outcome, reason,
                       fetched_at, content_type, size, page_id, links_found, links_new)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                (
                    *(self.run_id, target.url, fetch.final_url or target.url, target.source_id, target.is_index),
                    *(fetch.status, outcome, reason, at, fetch.content_type),
                    *(len(page.body) if page else 0, stored_id, len(links), len(fresh)),
                ),
            )
            _close_target(conn, fetch, outcome)
            health.note(conn, fetch, outcome, reason, at, matches=len(links), new=len(fresh))
            host = host_of(target.url)
            if hosts.note(conn, host, fetch, outcome):
                self._closed.add(host)
        return new_hosts

    def end_run(self, now: datetime, how: str) -> None:
        """Close the crawl."""
        with self.store.transaction() as conn:
            # What was announced and not asked for has its name too.
            conn.execute(
                """UPDATE frontier SET outcome = 'retry_after', reason = CASE WHEN host IN
                       (SELECT host FROM hosts WHERE closed_until > ?) THEN 'host_closed' ELSE 'budget' END
                   WHERE state = 'waiting' AND outcome IS NULL AND source_id IN (SELECT source_id FROM run_sources)""",
                (_iso(now),),
            )
            conn.execute("UPDATE crawl_runs SET ended_at = ?, how = ? WHERE run_id = ?", (_iso(now), how, self.run_id))

    # --- pages by hand

    def add_page(self, source: Source, page: Page, title: str = "") -> tuple[str, bool]:
        """Store a page that somebody brought; returns its id and whether it is new."""
        with self.store.transaction() as conn:
            _save_source(conn, source)
            stored_id, is_new = _save_page(conn, page, page.url, title=title)
        return stored_id, is_new

    def add_urls(self, source: Source, urls: Iterable[str], now: datetime) -> int:
        """Put addresses into the frontier under `source`; returns how many are new or were given up before."""
        added = 0
        with self.store.transaction() as conn:
            _save_source(conn, source)
            for url in urls:
                added += conn.execute(
                    """INSERT INTO frontier (url, host, source_id, is_index, depth, state, due_at, found_at)
                       VALUES (?, ?, ?, 0, 1, 'waiting', '', ?)
                       ON CONFLICT (url) DO UPDATE SET state = 'waiting', due_at = '', attempts = 0
                           WHERE state = 'dead'""",
                    (url, host_of(url), source.id, _iso(now)),
                ).rowcount
        return added

    def retry(self, outcomes: Iterable[Outcome]) -> int:
        """Let given-up targets with these outcomes wait again; returns how many."""
        wanted = [str(outcome) for outcome in outcomes]
        marks = ",".join("?" * len(wanted))
        with self.store.transaction() as conn:
            conn.execute("DELETE FROM hosts")
            return conn.execute(
                f"""UPDATE frontier SET state = 'waiting', due_at = '', attempts = 0
                    WHERE outcome IN ({marks}) AND (state = 'dead' OR due_at > '')""",  # noqa: S608
                wanted,
            ).rowcount

    # --- reading back

    def page_ids(self, batch: int = 500) -> Iterator[list[str]]:
        """The ids of all pages in order, in batches."""
        last = ""
        while rows := self.store.rows(
            "SELECT page_id FROM pages WHERE page_id > ? ORDER BY page_id LIMIT ?", (last, batch)
        ):
            yield [row["page_id"] for row in rows]
            last = rows[-1]["page_id"]

    def page(self, wanted: str) -> StoredPage:
        """One page with its body."""
        row = self.store.db.conn.execute(
            """SELECT p.*, b.zstd, COALESCE(NULLIF(p.title, ''), f.hint_title, '') AS hint_title,
                   COALESCE(f.hint_published, '') AS hint_published, s.publisher
               FROM pages p JOIN bodies b USING (sha256) JOIN sources s ON s.source_id = p.source_id
               LEFT JOIN frontier f ON f.url = p.url WHERE page_id = ?""",
            (wanted,),
        ).fetchone()
        body = zstandard.ZstdDecompressor().decompress(row["zstd"], max_output_size=MAX_BODY)
        page = Page(
            url=row["url"],
            final_url=row["final_url"],
            status=row["status"],
            fetched_at=datetime.fromisoformat(row["fetched_at"]),
            content_type=row["content_type"],
            sha256=row["sha256"],
            body=body,
            source_id=row["source_id"],
            partial=bool(row["partial"]),
            via=row["via"],
        )
        return StoredPage(
            page_id=wanted,
            page=page,
            publisher=row["publisher"],
            hint_title=row["hint_title"],
            hint_published=row["hint_published"],
        )

    def sources(self) -> dict[str, dict[str, object]]:
        """What is known of each source that was ever asked."""
        rows = self.store.rows(
            """SELECT s.*, (SELECT COUNT(*) FROM pages p WHERE p.source_id = s.source_id) AS pages,
                   (SELECT COUNT(*) FROM frontier f WHERE f.source_id = s.source_id AND f.state = 'waiting'
                       AND NOT f.is_index) AS waiting
               FROM sources s ORDER BY s.source_id"""
        )
        return {row["source_id"]: dict(row) for row in rows}

    def run_counts(self, run_id: int | None = None) -> dict[str, int]:
        """How the requests of a run ended (the latest run by default), by outcome."""
        if run_id is None:
            run_id = self.store.one("SELECT MAX(run_id) FROM crawl_runs")
        rows = self.store.rows(
            "SELECT outcome, COUNT(*) AS n FROM fetches WHERE run_id = ? GROUP BY outcome ORDER BY outcome", (run_id,)
        )
        return {row["outcome"]: row["n"] for row in rows}

    def failures(self, run_id: int | None = None) -> list[sqlite3.Row]:
        """The requests of a run that gave nothing, with the reason."""
        if run_id is None:
            run_id = self.store.one("SELECT MAX(run_id) FROM crawl_runs")
        return self.store.rows(
            """SELECT url, source_id, outcome, reason, status FROM fetches
               WHERE run_id = ? AND outcome NOT IN ('kept', 'copy_of', 'not_modified') ORDER BY url""",
            (run_id,),
        )

    def overview(self) -> dict[str, int]:
        """Totals: pages, bytes, addresses known, waiting and given up."""
        one = self.store.one
        return {
            "pages": one("SELECT COUNT(*) FROM pages"),
            "body_bytes": one("SELECT COALESCE(SUM(size), 0) FROM bodies"),
            "stored_bytes": one("SELECT COALESCE(SUM(LENGTH(zstd)), 0) FROM bodies"),
            "known": one("SELECT COUNT(*) FROM frontier"),
            "waiting": one("SELECT COUNT(*) FROM frontier WHERE state = 'waiting'"),
            "given_up": one("SELECT COUNT(*) FROM frontier WHERE state = 'dead'"),
        }


def _target(row: sqlite3.Row) -> Target:
    return Target(
        url=row["url"],
        source_id=row["source_id"],
        is_index=bool(row["is_index"]),
        depth=row["depth"],
        attempts=row["attempts"],
        etag=row["etag"],
        last_modified=row["last_modified"],
    )


def _room(conn: sqlite3.Connection, source_id: str) -> int:
    waiting = conn.execute(
        "SELECT COUNT(*) FROM frontier WHERE source_id = ? AND state = 'waiting'", (source_id,)
    ).fetchone()[0]
    return max(MAX_WAITING - int(waiting), 0)


def host_of(url: str) -> str:
    """The host that politeness counts by."""
    return urlsplit(url).hostname or ""


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def _save_source(conn: sqlite3.Connection, source: Source) -> None:
    conn.execute(
        """INSERT INTO sources (source_id, publisher, country, language, kind, source_type, url, seen_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (source_id) DO UPDATE SET publisher = excluded.publisher, country = excluded.country,
               language = excluded.language, kind = excluded.kind, source_type = excluded.source_type,
               url = excluded.url, seen_at = excluded.seen_at""",
        (
            *(source.id, source.publisher, source.country, source.language, source.kind, source.source_type),
            *(source.url, source.seen_at),
        ),
    )


def _save_page(conn: sqlite3.Connection, page: Page, url: str, title: str = "") -> tuple[str, bool]:
    stored_id = page_id(page.final_url, page.sha256)
    conn.execute(
        "INSERT OR IGNORE INTO bodies VALUES (?, ?, ?)",
        (page.sha256, len(page.body), zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(page.body)),
    )
    saved = conn.execute(
        "INSERT OR IGNORE INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(stored_id, url, page.final_url, page.status, _iso(page.fetched_at), page.content_type, page.sha256),
            *(page.source_id, page.partial, page.via, title),
        ),
    )
    return stored_id, saved.rowcount > 0


def _save_link(conn: sqlite3.Connection, link: Link, found_on: Target, at: str) -> bool:
    """Put a link into the frontier; False where it was known.

    Two indexes may tell different things of one page: the smaller hint wins, so that
    the order in which they were read changes nothing.
    """
    hints = {"title": link.title, "published": link.published, "url": link.url}
    known = conn.execute(
        """UPDATE frontier SET
               hint_title = CASE WHEN hint_title = '' OR (:title <> '' AND :title < hint_title) THEN :title
                   ELSE hint_title END,
               hint_published = CASE WHEN hint_published = '' OR (:published <> '' AND :published < hint_published)
                   THEN :published ELSE hint_published END
           WHERE url = :url""",
        hints,
    ).rowcount
    if known:
        return False
    conn.execute(
        """INSERT INTO frontier (url, host, source_id, is_index, depth, state, due_at, found_on, found_at,
               hint_title, hint_published) VALUES (?, ?, ?, ?, ?, 'waiting', '', ?, ?, ?, ?)""",
        (
            *(link.url, host_of(link.url), found_on.source_id, link.is_index, found_on.depth + 1),
            *(found_on.url, at, link.title, link.published),
        ),
    )
    return True


def _close_target(conn: sqlite3.Connection, fetch: Fetch, outcome: Outcome) -> None:
    target, attempts = fetch.target, fetch.target.attempts
    state, due_at = ("done" if target.is_index or outcome in STORED else "dead"), ""
    if fetch.retry_after is not None and not target.is_index:
        attempts += 1
        if attempts < MAX_ATTEMPTS:
            state, due_at = "waiting", _iso(fetch.fetched_at + timedelta(seconds=fetch.retry_after))
    conn.execute(
        """UPDATE frontier SET state = ?, due_at = ?, attempts = ?, outcome = ?, reason = ?,
               etag = CASE WHEN ?1 = 'done' AND ?6 <> '' THEN ?6 ELSE etag END,
               last_modified = CASE WHEN ?1 = 'done' AND ?7 <> '' THEN ?7 ELSE last_modified END, asked_at = ?9
           WHERE url = ?8""",
        (
            *(state, due_at, attempts, outcome, fetch.reason, fetch.etag, fetch.last_modified, target.url),
            _iso(fetch.fetched_at),
        ),
    )
