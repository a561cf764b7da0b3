"""Lays what people decided over the machine's deals: which finding belongs to which deal, and what has re-opened.

A decision fixes the findings that it was made on (`anchors`). Where the machine now groups them as they were decided,
nothing is needed and the machine's row is shown. Where it does not (after a merge, a split, a changed reading, an older
article that came in late), the deals concerned are made anew here, in temporary tables of the reading connection, out
of the findings that belong to them; the machine's own rows for these are hidden. Nothing is written to either file.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Any

from rapidfuzz import fuzz

from store.merge import deal_row, in_order, load, rough_sum
from store.same import compare, profile
from store.values import SLOTS, diff, values_of, version_of

_REOPENS = ("accepted", "rejected", "unsure")


def prepare(conn: sqlite3.Connection) -> None:
    """Make the empty temporary tables of a connection that has a ledger attached."""
    conn.execute("CREATE TEMP TABLE overlay_deals AS SELECT * FROM ledger.deals WHERE 0")
    conn.execute("CREATE UNIQUE INDEX temp.overlay_deals_id ON overlay_deals(deal_id)")
    conn.execute("CREATE TEMP TABLE overlay_members (finding_id TEXT PRIMARY KEY, deal_id TEXT NOT NULL)")
    conn.execute("CREATE INDEX temp.overlay_members_deal ON overlay_members(deal_id)")
    conn.execute("CREATE TEMP TABLE hidden (deal_id TEXT PRIMARY KEY)")
    conn.execute("CREATE TEMP TABLE reopened (deal_id TEXT PRIMARY KEY, changes TEXT NOT NULL)")


def lay(conn: sqlite3.Connection) -> None:
    """Bring the whole overlay up to the two files."""
    for table in ("overlay_deals", "overlay_members", "hidden", "reopened"):
        conn.execute(f"DELETE FROM temp.{table}")  # noqa: S608
    seeds = {row[0] for row in conn.execute(_IRREGULAR)}
    seeds.update(row[0] for row in conn.execute("SELECT deal_id FROM decided WHERE by_hand AND state <> 'merged'"))
    _lay_deals(conn, seeds)
    _find_reopened(conn, None)


def touch(conn: sqlite3.Connection, deals: Iterable[str]) -> None:
    """Bring the overlay up to date for deals that were just decided on."""
    wanted = set(deals)
    seeds = {deal for deal in wanted if _needs_overlay(conn, deal)}
    if seeds:
        _lay_deals(conn, wanted)
    _find_reopened(conn, wanted)


def _needs_overlay(conn: sqlite3.Connection, deal: str) -> bool:
    """Also of one that has just become plain again (an undone merge): what it covered is looked up anew."""
    return any(
        conn.execute(question, (deal,)).fetchone()
        for question in (
            "SELECT 1 FROM temp.overlay_deals WHERE deal_id = ?",
            f"{_IRREGULAR} AND a.deal_id = ? LIMIT 1",
            "SELECT 1 FROM decided WHERE deal_id = ? AND (by_hand OR state = 'merged')",
        )
    )


_IRREGULAR = """
    SELECT DISTINCT a.deal_id FROM anchors a LEFT JOIN ledger.deal_findings df ON df.finding_id = a.finding_id
    WHERE df.deal_id IS NOT a.deal_id
"""


def _lay_deals(conn: sqlite3.Connection, seeds: set[str]) -> None:
    if not seeds:
        return
    deals, raws, heirs = _hanging_together(conn, seeds)
    every = [(one,) for one in sorted(deals | raws)]
    conn.executemany("DELETE FROM temp.overlay_deals WHERE deal_id = ?", every)
    conn.executemany("DELETE FROM temp.overlay_members WHERE deal_id = ?", every)
    conn.executemany("DELETE FROM temp.hidden WHERE deal_id = ?", every)
    members = _members(conn, raws, heirs)
    for deal in sorted(deals | set(members)):
        rows = members.get(deal, [])
        made = deal_row(in_order(rows), deal) if rows else _unsupported(conn, deal)
        if made is None:
            continue
        made |= _sum_flag(conn, made, deal, rows)
        columns = ", ".join(made)
        marks = ", ".join(f":{name}" for name in made)
        conn.execute(f"INSERT OR REPLACE INTO temp.overlay_deals ({columns}) VALUES ({marks})", made)  # noqa: S608
        conn.executemany(
            "INSERT OR REPLACE INTO temp.overlay_members VALUES (?, ?)", [(row["finding_id"], deal) for row in rows]
        )
    conn.executemany("INSERT OR IGNORE INTO temp.hidden VALUES (?)", [(raw,) for raw in sorted(raws)])


def _hanging_together(conn: sqlite3.Connection, seeds: set[str]) -> tuple[set[str], set[str], dict[str, str]]:
    """Decided deals and machine deals that share findings, from `seeds` on, and who inherits a lost finding's place.

    The last maps a finding of the ledger to the deal whose lost finding it takes the place of.
    """
    deals: set[str] = set()
    raws: set[str] = set()
    heirs: dict[str, str] = {}
    waiting = set(seeds)
    while waiting:
        deals |= waiting
        fresh: set[str] = set()
        for deal in sorted(waiting):
            for anchor in conn.execute(
                """SELECT a.*, df.deal_id AS raw FROM anchors a
                   LEFT JOIN ledger.deal_findings df ON df.finding_id = a.finding_id WHERE a.deal_id = ?""",
                (deal,),
            ).fetchall():
                raw = anchor["raw"]
                if raw is None:
                    heir, raw = _heir(conn, anchor, heirs)
                    if heir:
                        heirs[heir] = deal
                if raw is not None and raw not in raws:
                    fresh.add(raw)
            if conn.execute("SELECT 1 FROM ledger.deals WHERE deal_id = ?", (deal,)).fetchone() and deal not in raws:
                fresh.add(deal)
        raws |= fresh
        waiting = set()
        for raw in fresh:
            waiting.update(
                row[0]
                for row in conn.execute(
                    """SELECT DISTINCT a.deal_id FROM ledger.deal_findings df
                       JOIN anchors a ON a.finding_id = df.finding_id WHERE df.deal_id = ?""",
                    (raw,),
                )
            )
        waiting -= deals
    return deals, raws, heirs


def _heir(conn: sqlite3.Connection, anchor: sqlite3.Row, taken: dict[str, str]) -> tuple[str | None, str | None]:
    """The finding of the same article that is nearest to one which a newer reading no longer has, and its machine deal."""
    supplier, _, country = anchor["pair"].rpartition(">")
    best: tuple[int, str, str] | None = None
    for row in conn.execute(
        """SELECT f.finding_id, f.pair, f.vendor, f.vendor_aliases, f.vendor_country, f.country, df.deal_id
           FROM ledger.findings f JOIN ledger.deal_findings df USING (finding_id)
           LEFT JOIN anchors a ON a.finding_id = f.finding_id
           WHERE f.article_id = ? AND a.finding_id IS NULL ORDER BY f.finding_id""",
        (anchor["article_id"],),
    ):
        if row["finding_id"] in taken:
            continue
        # The supplier under one of its names: a changed country is a changed value, another supplier another deal.
        points = 1 + (row["country"] == country)
        if _same_supplier(supplier, row) and (best is None or points > best[0]):
            best = (points, row["finding_id"], row["deal_id"])
    return (best[1], best[2]) if best else (None, None)


def _same_supplier(supplier: str, row: sqlite3.Row) -> bool:
    if row["pair"].rpartition(">")[0] == supplier:
        return True
    if supplier.startswith("?"):
        return bool(supplier[1:] == row["vendor_country"])
    names = [name for name in (row["vendor"], *json.loads(row["vendor_aliases"])) if name]
    return any(fuzz.token_set_ratio(supplier, name.casefold()) >= 80 for name in names)


def _members(conn: sqlite3.Connection, raws: set[str], heirs: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Deal -> its findings: decided ones where they were decided to be, the others with their nearest of the group."""
    members: dict[str, list[dict[str, Any]]] = {}
    for raw in sorted(raws):
        rows = in_order(
            load(
                conn,
                "WHERE f.finding_id IN (SELECT finding_id FROM ledger.deal_findings WHERE deal_id = ?)",
                (raw,),
                "ledger.",
            )
        )
        fixed = {
            row["finding_id"]: row["deal_id"]
            for row in conn.execute(
                """SELECT df.finding_id, a.deal_id FROM ledger.deal_findings df
                   JOIN anchors a ON a.finding_id = df.finding_id WHERE df.deal_id = ?""",
                (raw,),
            )
        }
        fixed |= {row["finding_id"]: heirs[row["finding_id"]] for row in rows if row["finding_id"] in heirs}
        for row in rows:
            home = fixed.get(row["finding_id"]) or _nearest(row, rows, fixed) or raw
            members.setdefault(home, []).append(row)
    return members


def _nearest(finding: dict[str, Any], rows: list[dict[str, Any]], fixed: dict[str, str]) -> str | None:
    """Of the decided deals that share a machine deal, the one that an undecided finding is most like."""
    votes = Counter(fixed.values())
    if len(votes) < 2:
        return next(iter(votes), None)
    mine = profile(finding, finding["quotes"])
    points: dict[str, float] = {}
    for row in rows:
        home = fixed.get(row["finding_id"])
        if home:
            found = compare(profile(row, row["quotes"]), mine).points
            points[home] = max(found, points.get(home, found))
    return max(points, key=lambda home: (points[home], votes[home], home))


def _unsupported(conn: sqlite3.Connection, deal: str) -> dict[str, Any] | None:
    """A row for a deal that no finding supports: added by hand, or decided on and no longer found."""
    told = conn.execute("SELECT * FROM decided WHERE deal_id = ?", (deal,)).fetchone()
    if told is None or told["state"] == "merged" or not (told["decided"] or told["machine"]):
        return None
    values = json.loads(told["decided"] or told["machine"])
    evidence = json.loads(told["evidence"])
    row = {slot: values.get(slot) for slot in SLOTS}
    row |= {"technologies": json.dumps(values["technologies"]), "alleged": int(bool(values["alleged"]))}
    supplier = (values["vendor"] or f"?{values['vendor_country']}").casefold()
    article = evidence[0]["article_id"] if evidence else _anchored_article(conn, deal)
    row |= {
        "deal_id": deal,
        "pair": f"{supplier}>{values['country']}",
        "confidence": 1.0 if told["by_hand"] else 0.0,
        "sources": len({one["article_id"] for one in evidence}),
        "findings": 0,
        "evidence": evidence[0]["quote"] if evidence else "",
        "article_id": article,
        "newest": "",
        "uncertainty": 0.0,
        "rough_sum": rough_sum(row),
        "version": version_of(values),
        "chosen": "{}",
        "conflicts": "[]",
        "sum_safe": 0,
        "sum_reason": "",
        "twin_id": None,
        "twin_score": 0.0,
    }
    return row


def _anchored_article(conn: sqlite3.Connection, deal: str) -> str:
    row = conn.execute("SELECT MIN(article_id) FROM anchors WHERE deal_id = ?", (deal,)).fetchone()
    return row[0] or ""


def _sum_flag(conn: sqlite3.Connection, made: dict[str, Any], deal: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Whether the sum counts in totals: as the machine deal said that the shown sum comes from."""
    if made["value_amount"] is None:
        return {"sum_safe": 0, "sum_reason": "no sum is told"}
    chosen = json.loads(made["chosen"]).get("value_amount", {}).get("finding")
    flag = conn.execute(
        """SELECT sum_safe, sum_reason FROM ledger.deals d JOIN ledger.deal_findings df ON df.deal_id = d.deal_id
           WHERE df.finding_id = ? AND d.value_amount = ?""",
        (chosen, made["value_amount"]),
    ).fetchone()
    if flag is None or flag["sum_safe"]:
        return {"sum_safe": 1, "sum_reason": ""}
    ours = {row["finding_id"] for row in rows}
    keeper = flag["sum_reason"].removeprefix("the sum is shared with ").split(" ")[0]
    theirs = {
        row[0] for row in conn.execute("SELECT finding_id FROM ledger.deal_findings WHERE deal_id = ?", (keeper,))
    }
    if theirs and theirs <= ours:
        return {"sum_safe": 1, "sum_reason": ""}
    return {"sum_safe": 0, "sum_reason": flag["sum_reason"]}


def _find_reopened(conn: sqlite3.Connection, deals: set[str] | None) -> None:
    """Note the decided deals for which the machine now reads something that contradicts the decision, with the diff."""
    if deals is None:
        rows = conn.execute(_CHANGED).fetchall()
    else:
        conn.executemany("DELETE FROM temp.reopened WHERE deal_id = ?", [(deal,) for deal in sorted(deals)])
        rows = [
            row
            for deal in sorted(deals)
            for row in conn.execute(f"SELECT * FROM ({_CHANGED}) WHERE decided_id = ?", (deal,))  # noqa: S608
        ]
    told = []
    for row in rows:
        then = json.loads(row["machine"])
        if row["findings"] == 0:
            # An article that has not been read again says nothing of what it would tell now.
            changes = (
                {"findings": ["told", "no longer found", None]} if _was_read_again(conn, row["decided_id"]) else {}
            )
        else:
            decided = json.loads(row["decided"]) if row["decided"] else None
            changes = diff(then, values_of(row), decided)
            if "vendor" in changes and _same_company(conn, row):
                del changes["vendor"]
        if changes:
            told.append((row["decided_id"], json.dumps(changes, ensure_ascii=False)))
    conn.executemany("INSERT OR REPLACE INTO temp.reopened VALUES (?, ?)", told)


def _same_company(conn: sqlite3.Connection, row: sqlite3.Row) -> bool:
    """Was the deal decided on as one of the company that it is read as now, whatever the texts call it?"""
    pairs = conn.execute("SELECT DISTINCT pair FROM anchors WHERE deal_id = ?", (row["decided_id"],))
    return {pair.rpartition(">")[0] for (pair,) in pairs} == {row["vendor_id"]}


_CHANGED = f"""
    SELECT s.deal_id AS decided_id, s.machine, s.decided, d.*
    FROM decided s JOIN ledger.deals d ON d.deal_id = s.deal_id
    WHERE s.machine IS NOT NULL AND s.state IN {_REOPENS} AND d.version <> s.machine_version
        AND s.deal_id NOT IN (SELECT deal_id FROM temp.hidden)
    UNION ALL
    SELECT s.deal_id, s.machine, s.decided, d.* FROM temp.overlay_deals d JOIN decided s ON s.deal_id = d.deal_id
    WHERE s.machine IS NOT NULL AND s.state IN {_REOPENS} AND (d.version <> s.machine_version OR d.findings = 0)
"""  # noqa: S608 - the states are ours


def _was_read_again(conn: sqlite3.Connection, deal: str) -> bool:
    return bool(
        conn.execute(
            "SELECT 1 FROM anchors a JOIN ledger.articles b USING (article_id) WHERE a.deal_id = ? LIMIT 1", (deal,)
        ).fetchone()
    )
