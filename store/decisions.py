"""What people decided: a log that is only added to, and the tables that follow from it.

Nothing here looks at the ledger. Every table but the log can be emptied and made anew by `replay`; an undo is a new
event after which the deals that it touches are replayed without the events it undoes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import DealState, Decision, DecisionAction, LinkKind
from store.connect import Store, open_database
from store.schema import decisions as migrations

_STATE_OF = {
    DecisionAction.ACCEPT: DealState.ACCEPTED,
    DecisionAction.CORRECT: DealState.ACCEPTED,
    DecisionAction.REJECT: DealState.REJECTED,
    DecisionAction.UNSURE: DealState.UNSURE,
    DecisionAction.REQUEUE: DealState.PENDING,
    DecisionAction.ADD: DealState.ACCEPTED,
    DecisionAction.WITHDRAW: DealState.WITHDRAWN,
}
VERDICTS = (DecisionAction.ACCEPT, DecisionAction.CORRECT, DecisionAction.REJECT, DecisionAction.UNSURE)
ARTICLE = "article:"
"""Before an article's id, where a decision is about an article and not about a deal."""

_DERIVED = {
    "decided": "deal_id",
    "anchors": "deal_id",
    "verdicts": "deal_id",
}

Members = Mapping[str, Iterable[tuple[str, str, str]]]
"""deal id -> (finding id, article id, pair) of the findings that an act says belong to it."""


class Decisions:
    """Reads and writes one decisions.db."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, path: Path, *, write: bool = True) -> Decisions:
        """Open the log; a decision is on disk before the screen says so (`synchronous=FULL`)."""
        return cls(open_database(path, migrations, write=write, synchronous="FULL", hold=False))

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def history(self, subject: str | None = None, *, since: int = 0, who: str | None = None) -> list[Decision]:
        """Decisions after number `since`, oldest first: all, or those that touch a deal (or "article:ID")."""
        return history(self.store.db.conn, subject, since=since, who=who)

    def withdrawn_articles(self) -> tuple[set[str], set[str]]:
        """Withdrawn articles: their ids, and the web addresses under which they must not come back."""
        rows = self.store.rows("SELECT article_id, url FROM withdrawn")
        urls = {row["url"] for row in rows if row["url"].startswith(("http://", "https://"))}
        return {row["article_id"] for row in rows}, urls

    def rebuild(self) -> None:
        """Make everything that follows from the log anew."""
        with self.store.transaction() as conn:
            replay(conn)


def append(
    conn: sqlite3.Connection,
    *,
    subject: str,
    who: str,
    action: DecisionAction,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
    reason: str = "",
    seconds: float | None = None,
    machine_shown: bool = True,
    batch: str | None = None,
    undoes: Iterable[int] = (),
    second: bool = False,
    members: Members | None = None,
    touches: Iterable[str] = (),
) -> int:
    """Write one event down and let its consequences follow; returns its number. The caller holds the transaction."""
    told = [*undoes]
    decision_id = conn.execute(
        """INSERT INTO decisions (at, who, deal_key, action, before, after, reason, seconds, machine_shown, batch,
               undoes, second, members) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            *(at.astimezone(UTC).isoformat(timespec="milliseconds"), who, subject, action),
            *(_json(before), _json(after), reason, seconds, machine_shown, batch, json.dumps(told), second),
            json.dumps({deal: [list(one) for one in sorted(found)] for deal, found in (members or {}).items()}),
        ),
    ).lastrowid
    touched = {subject, *touches, *(members or {})}
    conn.executemany("INSERT INTO decision_deals VALUES (?, ?)", [(deal, decision_id) for deal in sorted(touched)])
    if action is DecisionAction.UNDO:
        replay(conn, touched)
    else:
        row = conn.execute("SELECT * FROM decisions WHERE decision_id = ?", (decision_id,)).fetchone()
        _apply(conn, row)
    return int(decision_id or 0)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), ensure_ascii=False, sort_keys=True)


def history(
    conn: sqlite3.Connection, subject: str | None = None, *, since: int = 0, who: str | None = None
) -> list[Decision]:
    """Decisions after number `since`, oldest first; narrowed to what touches `subject` and to one person."""
    rows = conn.execute(
        f"""SELECT d.*, u.by AS undone_by FROM decisions d LEFT JOIN undone u USING (decision_id)
            {"JOIN decision_deals t USING (decision_id)" if subject else ""}
            WHERE decision_id > :since AND (:who IS NULL OR who = :who)
            {"AND t.deal_id = :subject" if subject else ""} ORDER BY decision_id""",  # noqa: S608
        {"since": since, "who": who, "subject": subject},
    )
    return [decision(row) for row in rows]


def decision(row: sqlite3.Row) -> Decision:
    """A row of the log as a record."""
    return Decision(
        decision_id=row["decision_id"],
        at=row["at"],
        who=row["who"],
        action=DecisionAction(row["action"]),
        subject=row["deal_key"],
        before=json.loads(row["before"]),
        after=json.loads(row["after"]),
        reason=row["reason"],
        seconds=row["seconds"],
        machine_shown=bool(row["machine_shown"]),
        batch=row["batch"],
        undoes=tuple(json.loads(row["undoes"])),
        second=bool(row["second"]),
        undone=row["undone_by"] is not None,
    )


# --- what follows from the log


def replay(conn: sqlite3.Connection, deals: Iterable[str] | None = None) -> None:
    """Make the derived tables anew, whole or for the deals that hang together with `deals`."""
    if deals is None:
        for table in (*_DERIVED, "judgements", "links", "withdrawn", "articles_done", "undone"):
            conn.execute(f"DELETE FROM {table}")  # noqa: S608
        events = conn.execute("SELECT * FROM decisions ORDER BY decision_id").fetchall()
    else:
        hanging, numbers = _together(conn, set(deals))
        _clear(conn, hanging, numbers)
        events = [conn.execute("SELECT * FROM decisions WHERE decision_id = ?", (n,)).fetchone() for n in numbers]
    undone: dict[int, int] = {}
    for event in reversed(events):
        if event["decision_id"] not in undone:
            undone.update(dict.fromkeys(json.loads(event["undoes"]), event["decision_id"]))
    conn.executemany("INSERT OR REPLACE INTO undone VALUES (?, ?)", sorted(undone.items()))
    for event in events:
        if event["decision_id"] not in undone:
            _apply(conn, event)


def _together(conn: sqlite3.Connection, deals: set[str]) -> tuple[set[str], list[int]]:
    """The deals that share an event, directly or through others, and the numbers of all their events."""
    numbers: set[int] = set()
    waiting, seen = list(deals), set(deals)
    while waiting:
        for (number,) in conn.execute(
            "SELECT decision_id FROM decision_deals WHERE deal_id = ?", (waiting.pop(),)
        ).fetchall():
            if number in numbers:
                continue
            numbers.add(number)
            for (deal,) in conn.execute("SELECT deal_id FROM decision_deals WHERE decision_id = ?", (number,)):
                if deal not in seen:
                    seen.add(deal)
                    waiting.append(deal)
    return seen, sorted(numbers)


def _clear(conn: sqlite3.Connection, deals: set[str], numbers: list[int]) -> None:
    every = [(deal,) for deal in sorted(deals)]
    for table, column in _DERIVED.items():
        conn.executemany(f"DELETE FROM {table} WHERE {column} = ?", every)  # noqa: S608
    for table, columns in (("judgements", ("one", "other")), ("links", ("from_id", "to_id"))):
        for column in columns:
            conn.executemany(f"DELETE FROM {table} WHERE {column} = ?", every)  # noqa: S608
    articles = [(deal.removeprefix(ARTICLE),) for deal in sorted(deals) if deal.startswith(ARTICLE)]
    for table in ("withdrawn", "articles_done"):
        conn.executemany(f"DELETE FROM {table} WHERE article_id = ?", articles)  # noqa: S608
    conn.executemany("DELETE FROM undone WHERE decision_id = ?", [(number,) for number in numbers])


def _apply(conn: sqlite3.Connection, event: sqlite3.Row) -> None:
    """Let the consequences of one event follow."""
    action, subject, number = DecisionAction(event["action"]), event["deal_key"], event["decision_id"]
    before, after = json.loads(event["before"]), json.loads(event["after"])
    for deal, found in json.loads(event["members"]).items():
        conn.executemany(
            "INSERT OR REPLACE INTO anchors VALUES (?, ?, ?, ?)", [(one[0], deal, one[1], one[2]) for one in found]
        )
    if action in VERDICTS:
        conn.execute(
            "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?)",
            (subject, event["who"], action, json.dumps(after.get("decided"), ensure_ascii=False), number),
        )
    if event["second"]:
        return
    if subject.startswith(ARTICLE):
        _apply_to_article(conn, action, subject.removeprefix(ARTICLE), event, before)
        return
    conn.execute("INSERT OR IGNORE INTO decided (deal_id, state) VALUES (?, 'pending')", (subject,))
    conn.execute("UPDATE decided SET touched = ? WHERE deal_id = ?", (number, subject))
    if action in (DecisionAction.FLAG, DecisionAction.UNFLAG):
        conn.execute("UPDATE decided SET flagged = ? WHERE deal_id = ?", (action is DecisionAction.FLAG, subject))
    elif action in _STATE_OF:
        _set_state(conn, _STATE_OF[action], event, before, after)
    elif action is DecisionAction.MERGE:
        _apply_merge(conn, subject, after, number)
    elif action in (DecisionAction.SPLIT, DecisionAction.NOT_SAME):
        _judge(conn, subject, after["other"], "not_same", number)
    elif action is DecisionAction.LINK:
        conn.execute(
            "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?)",
            (subject, after["other"], LinkKind(after["kind"]), number),
        )
    elif action is DecisionAction.UNLINK:
        conn.execute(
            "DELETE FROM links WHERE from_id = ? AND to_id = ? AND kind = ?", (subject, after["other"], after["kind"])
        )


def _apply_to_article(
    conn: sqlite3.Connection, action: DecisionAction, article_id: str, event: sqlite3.Row, before: dict[str, Any]
) -> None:
    number = event["decision_id"]
    if action is DecisionAction.ARTICLE_DONE:
        conn.execute("INSERT OR REPLACE INTO articles_done VALUES (?, ?)", (article_id, number))
    elif action is DecisionAction.WITHDRAW:
        conn.execute(
            "INSERT OR REPLACE INTO withdrawn VALUES (?, ?, ?, ?, ?)",
            (article_id, before.get("url", ""), event["reason"], event["at"], number),
        )


def _set_state(
    conn: sqlite3.Connection, state: DealState, event: sqlite3.Row, before: dict[str, Any], after: dict[str, Any]
) -> None:
    decided = after.get("decided")
    conn.execute(
        """UPDATE decided SET state = ?, decision_id = ?, who = ?, at = ?, reason = ?, machine = ?,
               machine_version = ?, decided = ?, by_hand = MAX(by_hand, ?),
               evidence = CASE WHEN ? THEN ? ELSE evidence END WHERE deal_id = ?""",
        (
            *(state, event["decision_id"], event["who"], event["at"], event["reason"]),
            json.dumps(before["machine"], ensure_ascii=False) if before.get("machine") else None,
            before.get("machine_version"),
            json.dumps(decided, ensure_ascii=False) if decided else None,
            event["action"] == DecisionAction.ADD,
            *("evidence" in after, json.dumps(after.get("evidence", []), ensure_ascii=False), event["deal_key"]),
        ),
    )


def _apply_merge(conn: sqlite3.Connection, keep: str, after: dict[str, Any], number: int) -> None:
    gone = after["other"]
    conn.execute("INSERT OR IGNORE INTO decided (deal_id, state) VALUES (?, 'pending')", (gone,))
    conn.execute("UPDATE anchors SET deal_id = ? WHERE deal_id = ?", (keep, gone))
    conn.execute(
        "UPDATE decided SET state = 'merged', merged_into = ?, touched = ? WHERE deal_id = ?", (keep, number, gone)
    )
    # What was merged into the one that goes now leads to the one that stays.
    conn.execute("UPDATE decided SET merged_into = ? WHERE merged_into = ?", (keep, gone))
    # The person saw both: what the machine makes of them together is what the standing decision rests on now.
    if not after.get("machine"):
        _judge(conn, keep, gone, "same", number)
        return
    conn.execute(
        "UPDATE decided SET machine = ?, machine_version = ? WHERE deal_id = ? AND machine IS NOT NULL",
        (json.dumps(after.get("machine"), ensure_ascii=False), after.get("machine_version"), keep),
    )
    _judge(conn, keep, gone, "same", number)


def _judge(conn: sqlite3.Connection, one: str, other: str, verdict: str, number: int) -> None:
    first, second = sorted((one, other))
    conn.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?, ?, ?)", (first, second, verdict, number))
