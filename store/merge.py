"""Findings of one deal told by several documents become one deal.

Only the certain is merged: same supplier and country, a technology in common, and neither
years nor sums that contradict each other. Deals are recomputed for one pair at a time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from records import Status

# Two reports of one sum differ by rounding and exchange rate; more than this is another sum.
SUM_TOLERANCE = 0.15

# A later phase says more of where a deal stands than an earlier one.
_STATUS_RANK = {
    Status.UNKNOWN: 0,
    Status.PROPOSED: 1,
    Status.AGREED: 2,
    Status.IN_PROGRESS: 3,
    Status.OPERATIONAL: 4,
    Status.CANCELLED: 5,
}

_SHOWN = (
    *("financing_type", "financier", "financing_amount", "financing_currency"),
    *("value_amount", "value_currency", "customer", "year"),
)


def pair_key(vendor_id: str | None, vendor: str | None, vendor_country: str | None, country: str) -> str:
    """What a deal is looked up by: the supplier (or its country, where no company is named) and the recipient."""
    supplier = vendor_id or (vendor.casefold() if vendor else f"?{vendor_country}")
    return f"{supplier}>{country}"


def merge_pair(conn: sqlite3.Connection, pair: str) -> None:
    """Make the deals of one pair anew from its findings."""
    conn.execute("DELETE FROM deals WHERE pair = ?", (pair,))
    findings = conn.execute(
        """SELECT f.*, a.published, COALESCE(c.leader_id, f.article_id) AS origin
           FROM findings f JOIN articles a USING (article_id) LEFT JOIN copy_groups c USING (article_id)
           WHERE f.pair = ? ORDER BY COALESCE(a.published, '9999'), f.finding_id""",
        (pair,),
    ).fetchall()
    for group in _groups(findings):
        deal = _deal(conn, pair, group)
        columns = ", ".join(deal)
        marks = ", ".join(f":{name}" for name in deal)
        conn.execute(f"INSERT INTO deals ({columns}) VALUES ({marks})", deal)  # noqa: S608
        conn.executemany(
            "INSERT INTO deal_findings VALUES (?, ?)", [(row["finding_id"], deal["deal_id"]) for row in group]
        )


def _groups(findings: list[sqlite3.Row]) -> list[list[sqlite3.Row]]:
    """Each finding joins the first group with which all its members agree."""
    groups: list[list[sqlite3.Row]] = []
    for finding in findings:
        for group in groups:
            if all(_agree(finding, other) for other in group):
                group.append(finding)
                break
        else:
            groups.append([finding])
    return groups


def _agree(one: sqlite3.Row, other: sqlite3.Row) -> bool:
    if not set(json.loads(one["technologies"])) & set(json.loads(other["technologies"])):
        return False
    if one["year"] and other["year"] and one["year"] != other["year"]:
        return False
    a, b = one["value_amount"], other["value_amount"]
    if a and b and one["value_currency"] == other["value_currency"]:
        return bool(abs(a - b) <= SUM_TOLERANCE * max(a, b))
    return True


def _deal(conn: sqlite3.Connection, pair: str, group: list[sqlite3.Row]) -> dict[str, Any]:
    best = max(group, key=lambda row: (row["confidence"], row["finding_id"]))
    # Of those who tell a value, the most confident is believed.
    by_trust = sorted(group, key=lambda row: (-row["confidence"], row["finding_id"]))
    deal: dict[str, Any] = {
        "deal_id": "D" + hashlib.sha256(f"{pair}\n{group[0]['finding_id']}".encode()).hexdigest()[:11],
        "pair": pair,
        "vendor": best["vendor"],
        "vendor_country": best["vendor_country"],
        "country": best["country"],
        "technologies": json.dumps(sorted({t for row in group for t in json.loads(row["technologies"])})),
        "status": max((row["status"] for row in group), key=lambda status: _STATUS_RANK[Status(status)]),
        "alleged": min(row["alleged"] for row in group),
        "confidence": best["confidence"],
        "sources": len({row["origin"] for row in group}),
        "evidence": conn.execute(
            "SELECT quote FROM evidence WHERE finding_id = ? ORDER BY position", (best["finding_id"],)
        ).fetchone()[0],
        "article_id": best["article_id"],
    }
    # Kind and giver of the money belong together: they come from one finding.
    with_money = _first(by_trust, "financing_type")
    for column in _SHOWN:
        teller = with_money if column.startswith("financ") else _first(by_trust, _needed_for(column))
        deal[column] = teller[column] if teller is not None else None
    return deal


def _needed_for(column: str) -> str:
    return "value_amount" if column == "value_currency" else column


def _first(rows: Iterable[sqlite3.Row], column: str) -> sqlite3.Row | None:
    return next((row for row in rows if row[column] is not None), None)
