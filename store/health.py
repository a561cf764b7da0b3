"""Whether a source still lives: last success, last new document, usual rhythm, class of its errors, silence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from records import Fetch, Outcome, Source

# A source is silent after so many of its usual pauses without a new document, but never before the least time.
PAUSES = 5
LEAST_SILENCE = timedelta(days=3)
# Where the rhythm is not known yet.
FIRST_SILENCE = timedelta(days=30)
# A source is down when it was not read for so many of its cadences, but never before the least time.
CADENCES = 4
LEAST_DOWN = timedelta(days=1)
_READ = (Outcome.KEPT, Outcome.COPY_OF, Outcome.NOT_MODIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One source's state. `state`: never_asked | well | no_matches | failing | down | silent."""

    source_id: str
    state: str
    last_asked: str | None = None
    last_success: str | None = None
    last_new: str | None = None
    usual_hours: float | None = None  # between two readings that found something new
    error_class: str = ""  # temporary | hard | refused, of the last end where that was an error
    last_outcome: str | None = None
    last_reason: str | None = None
    failures: int = 0  # in a row
    moved_to: str = ""
    pages: int = 0

    @property
    def needs_attention(self) -> bool:
        """True where somebody should look: it is down or silent."""
        return self.state in {"down", "silent"}


def note(
    conn: sqlite3.Connection, fetch: Fetch, outcome: Outcome, reason: str, at: str, *, matches: int, new: int
) -> None:
    """Take the end of a fetch into its source's account; what its index says counts, single pages do not."""
    if not fetch.target.is_index:
        return
    well = outcome in _READ
    moved = fetch.final_url if well and fetch.target.depth == 0 and fetch.final_url != fetch.target.url else ""
    conn.execute(
        """UPDATE sources SET last_asked = ?1, last_outcome = ?2, last_reason = ?3,
               first_asked = COALESCE(first_asked, ?1),
               last_success = CASE WHEN ?4 THEN ?1 ELSE last_success END,
               failures = CASE WHEN ?4 THEN 0 ELSE failures + 1 END,
               last_new = CASE WHEN ?5 THEN ?1 ELSE last_new END,
               last_matches = CASE WHEN ?2 IN ('kept', 'copy_of') THEN ?6 ELSE last_matches END,
               moved_to = CASE WHEN ?7 <> '' THEN ?7 WHEN ?4 AND ?8 THEN '' ELSE moved_to END
           WHERE source_id = ?9""",
        (at, outcome, reason, well, new > 0, matches, moved, fetch.target.depth == 0, fetch.target.source_id),
    )


def read(conn: sqlite3.Connection, sources: Iterable[Source], now: datetime) -> list[Health]:
    """The health of each source, in order."""
    known = {row["source_id"]: row for row in conn.execute("SELECT * FROM sources")}
    pages = {
        row["source_id"]: row["n"] for row in conn.execute("SELECT source_id, COUNT(*) n FROM pages GROUP BY source_id")
    }
    return [_health(conn, source, known.get(source.id), pages.get(source.id, 0), now) for source in sources]


def _health(conn: sqlite3.Connection, source: Source, row: sqlite3.Row | None, pages: int, now: datetime) -> Health:
    if row is None or row["last_asked"] is None:
        return Health(source_id=source.id, state="never_asked", pages=pages)
    usual = _usual_pause(conn, source.id)
    outcome, reason = row["last_outcome"], row["last_reason"] or ""
    return Health(
        source_id=source.id,
        state=_state(source, row, usual, now),
        last_asked=row["last_asked"],
        last_success=row["last_success"],
        last_new=row["last_new"],
        usual_hours=round(usual / timedelta(hours=1), 1) if usual else None,
        error_class="" if outcome in _READ else _error_class(Outcome(outcome), reason),
        last_outcome=outcome,
        last_reason=reason,
        failures=row["failures"],
        moved_to=row["moved_to"],
        pages=pages,
    )


def _state(source: Source, row: sqlite3.Row, usual: timedelta | None, now: datetime) -> str:
    since_success = now - _time(row["last_success"] or row["first_asked"] or row["last_asked"])
    if since_success > max(LEAST_DOWN, CADENCES * timedelta(hours=source.every_hours)):
        return "down"
    since_new = now - _time(row["last_new"] or row["first_asked"] or row["last_asked"])
    if since_new > (max(LEAST_SILENCE, PAUSES * usual) if usual else FIRST_SILENCE):
        return "silent"
    if row["failures"]:
        return "failing"
    return "no_matches" if row["last_matches"] == 0 else "well"


def _usual_pause(conn: sqlite3.Connection, source_id: str) -> timedelta | None:
    """The median time between the last readings that found something new; None for fewer than four of them."""
    times = [
        _time(row["fetched_at"])
        for row in conn.execute(
            """SELECT fetched_at FROM fetches WHERE source_id = ? AND is_index = 1 AND links_new > 0
               ORDER BY fetched_at DESC LIMIT 30""",
            (source_id,),
        )
    ]
    pauses = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
    # Indexes of one source that are read in one run are one reading.
    pauses = [pause for pause in pauses if pause > 300]
    return timedelta(seconds=median(pauses)) if len(pauses) >= 3 else None


def _error_class(outcome: Outcome, reason: str) -> str:
    if outcome in {Outcome.EGRESS_DENIED, Outcome.BLOCKED_BY_ROBOTS} or reason in {"401", "403", "451"}:
        return "refused"
    return "temporary" if outcome in {Outcome.RETRY_AFTER, Outcome.UNREACHABLE} else "hard"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
