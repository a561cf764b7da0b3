"""Hosts that are left alone for a while: because they asked for it, or because nobody answers there.

One slow or dead host must not cost a timeout for each of its pages (a source may have thousands). After a few failures
in a row the whole host is closed, for longer each time; what waits there keeps its attempts and is named.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from records import Fetch, Outcome

# Failures in a row (timeouts, refusals, 5xx) after which a host is closed.
FAILURES = 3
FIRST_CLOSED = timedelta(minutes=15)
LONGEST_CLOSED = timedelta(hours=24)
# Ends that speak of the host and not of one page: it asked for time, or does not tell its rules.
_ASKED_FOR_TIME = {"429", "503", "robots_unreachable"}
# Ends that never reached the host.
_SAYS_NOTHING = {Outcome.EGRESS_DENIED, Outcome.BLOCKED_BY_ROBOTS}


def closed(conn: sqlite3.Connection, now: datetime) -> set[str]:
    """The hosts that are closed at `now`; none is closed for longer than a clock that was wrong may have said."""
    latest = (now + LONGEST_CLOSED * 2).astimezone(UTC).isoformat(timespec="microseconds")
    conn.execute("UPDATE hosts SET closed_until = '', failures = 0 WHERE closed_until > ?", (latest,))
    at = now.astimezone(UTC).isoformat(timespec="microseconds")
    return {row["host"] for row in conn.execute("SELECT host FROM hosts WHERE closed_until > ?", (at,))}


def note(conn: sqlite3.Connection, host: str, fetch: Fetch, outcome: Outcome) -> bool:
    """Take a fetch's end into its host's account; True if the host is now closed."""
    if outcome in _SAYS_NOTHING:
        return False
    failed = outcome in {Outcome.UNREACHABLE, Outcome.RETRY_AFTER} and fetch.reason != "no_such_host"
    row = conn.execute("SELECT failures FROM hosts WHERE host = ?", (host,)).fetchone()
    failures = (int(row["failures"]) if row else 0) + 1 if failed else 0
    asked_for_time = failed and fetch.reason in _ASKED_FOR_TIME
    until = ""
    if asked_for_time and fetch.retry_after is not None:
        until = _later(fetch, timedelta(seconds=fetch.retry_after))
    elif failures >= FAILURES:
        until = _later(fetch, FIRST_CLOSED * 2 ** min(failures - FAILURES, 10))
    if failed or row is not None:
        conn.execute(
            """INSERT INTO hosts VALUES (?, ?, ?, ?) ON CONFLICT (host) DO UPDATE SET
                   failures = excluded.failures, closed_until = excluded.closed_until, reason = excluded.reason""",
            (host, failures, until, fetch.reason if failed else ""),
        )
    if until:
        conn.execute(
            """UPDATE frontier SET due_at = ?1, outcome = 'retry_after', reason = 'host_closed'
               WHERE host = ?2 AND state = 'waiting' AND is_index = 0 AND due_at < ?1 AND url <> ?3""",
            (until, host, fetch.target.url),
        )
    return bool(until)


def _later(fetch: Fetch, wait: timedelta) -> str:
    return (fetch.fetched_at + min(wait, LONGEST_CLOSED)).astimezone(UTC).isoformat(timespec="microseconds")
