"""Findings of one deal told by several documents become one deal.

Only the certain is merged by itself (`same.Sameness.certain`); the likely is left to a person. Deals are made anew for
one pair (supplier and country) at a time, out of that pair's findings alone, so that the order of reading changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from store.choose import choose, source_type
from store.same import Profile, compare, may_be_certain, may_be_likely, profile
from store.values import values_of, version_of

# Two groups that both take a finding, and neither by a clear margin: not certain.
_MARGIN = 0.75

# Rough dollars for one unit, to order the queue by size; never shown, never published.
_ROUGH = dict(
    pair.split("=")
    for pair in """
    USD=1 EUR=1.1 GBP=1.3 CHF=1.1 CNY=.14 JPY=.0075 INR=.012 RUB=.012 BRL=.2 MXN=.055 ZAR=.055 KES=.0078 UGX=.00027
    NGN=.001 TRY=.04 AED=.27 SAR=.27 QAR=.27 KWD=3.2 BHD=2.65 OMR=2.6 JOD=1.4 ILS=.28 EGP=.025 PKR=.0036 BDT=.009
    LKR=.0033 IDR=.000064 MYR=.22 SGD=.75 THB=.028 PHP=.018 VND=.00004 KRW=.00075 AUD=.66 CAD=.73 NZD=.6 XOF=.0017
    XAF=.0017 GHS=.08 TZS=.0004 ZMW=.04 RSD=.0094 KZT=.002 UZS=.00008 UAH=.025 PLN=.25 COP=.00025 PEN=.27 CLP=.0011
    ARS=.001 BOB=.145 DZD=.0074 MAD=.1 TND=.32
    """.split()
)

FINDINGS = """
    SELECT f.*, a.published, a.source_id, a.url, s.source_type AS told_type, COALESCE(c.leader_id, f.article_id) AS origin
    FROM {db}findings f JOIN {db}articles a USING (article_id) LEFT JOIN {db}copy_groups c USING (article_id)
    LEFT JOIN {db}sources s ON s.source_id = a.source_id
"""
"""A finding with what the choice and the comparison need of its article; `{db}` is "" or "ledger."."""


def pair_key(vendor_id: str | None, vendor: str | None, vendor_country: str | None, country: str) -> str:
    """What a deal is looked up by: the supplier (or its country, where no company is named) and the recipient."""
    supplier = vendor_id or (vendor.casefold() if vendor else f"?{vendor_country}")
    return f"{supplier}>{country}"


def deal_id(pair: str, first_finding: str) -> str:
    """The machine's id of a deal: out of its pair and the finding of its earliest article."""
    return "D" + hashlib.sha256(f"{pair}\n{first_finding}".encode()).hexdigest()[:11]


def in_order(findings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Earliest article first; the first one names the deal."""
    return sorted(findings, key=lambda row: (row["published"] or "9999", row["finding_id"]))


def load(conn: sqlite3.Connection, where: str, params: Sequence[Any], db: str = "") -> list[dict[str, Any]]:
    """Findings as dicts with `source_type`, `origin` and `quotes`."""
    rows = [dict(row) for row in conn.execute(FINDINGS.format(db=db) + where, params)]
    by_id = {row["finding_id"]: row for row in rows}
    for row in rows:
        row["source_type"] = source_type(row["told_type"], row["source_id"], row["url"])
        row["quotes"] = []
    ids = list(by_id)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        for finding_id, quote in conn.execute(
            f"SELECT finding_id, quote FROM {db}evidence WHERE finding_id IN ({','.join('?' * len(part))})"  # noqa: S608
            " ORDER BY finding_id, position",
            part,
        ):
            by_id[finding_id]["quotes"].append(quote)
    return rows


def merge_pair(conn: sqlite3.Connection, pair: str) -> dict[str, Profile]:
    """Make the deals of one pair anew from its findings; returns what each tells, by id."""
    conn.execute("DELETE FROM deals WHERE pair = ?", (pair,))
    groups = group(in_order(load(conn, "WHERE f.pair = ?", (pair,))))
    made = [deal_row(rows) for rows, _ in groups]
    _set_twins(made, [told for _, told in groups])
    if made:
        columns = ", ".join(made[0])
        marks = ", ".join(f":{name}" for name in made[0])
        conn.executemany(f"INSERT INTO deals ({columns}) VALUES ({marks})", made)  # noqa: S608
    conn.executemany(
        "INSERT INTO deal_findings VALUES (?, ?)",
        [(row["finding_id"], deal["deal_id"]) for deal, (rows, _) in zip(made, groups, strict=True) for row in rows],
    )
    return {deal["deal_id"]: told for deal, (_, told) in zip(made, groups, strict=True)}


def group(findings: Sequence[dict[str, Any]]) -> list[tuple[list[dict[str, Any]], Profile]]:
    """Each finding joins the group that it certainly belongs to, or begins one of its own."""
    groups: list[tuple[list[dict[str, Any]], Profile]] = []
    for finding in findings:
        mine = profile(finding, finding["quotes"])
        sure = []
        for number, (_, told) in enumerate(groups):
            if not may_be_certain(told, mine):
                continue
            found = compare(told, mine)
            if found.certain:
                sure.append((-found.points, number))
        sure.sort()
        if sure and (len(sure) == 1 or sure[1][0] - sure[0][0] >= _MARGIN):
            rows, told = groups[sure[0][1]]
            rows.append(finding)
            told.take(mine)
        else:
            groups.append(([finding], mine))
    return groups


def deal_row(group: Sequence[dict[str, Any]], wanted_id: str | None = None) -> dict[str, Any]:
    """A group of findings, earliest first, as a row of `deals`."""
    best = max(group, key=lambda row: (row["confidence"], row["finding_id"]))
    values, chosen, told_apart = choose(group)
    row = {
        "deal_id": wanted_id or deal_id(group[0]["pair"], group[0]["finding_id"]),
        "pair": group[0]["pair"],
        **values,
        "confidence": best["confidence"],
        "sources": len({row["origin"] for row in group}),
        "findings": len(group),
        "evidence": best["quotes"][0],
        "article_id": best["article_id"],
        "newest": max((row["published"] or "" for row in group), default=""),
        "uncertainty": round(1 - abs(2 * best["confidence"] - 1), 4),
        "rough_sum": rough_sum(values),
        "chosen": json.dumps(chosen, ensure_ascii=False, sort_keys=True),
        "conflicts": json.dumps(told_apart),
        "twin_id": None,
        "twin_score": 0.0,
    }
    row["version"] = version_of(values_of(row))
    return row


def rough_sum(values: dict[str, Any]) -> float:
    """The deal's size in rough dollars, 0 where no sum or no rate is known."""
    for amount, currency in (("value_amount", "value_currency"), ("financing_amount", "financing_currency")):
        if values[amount]:
            return float(values[amount]) * float(_ROUGH.get(values[currency], 0))
    return 0.0


def _set_twins(deals: list[dict[str, Any]], profiles: list[Profile]) -> None:
    """Note for each deal the likeliest other one of the pair that a person should be asked about."""
    for here, mine in enumerate(profiles):
        for there in range(here):
            if not may_be_likely(profiles[there], mine):
                continue
            found = compare(profiles[there], mine)
            if found.likely:
                score = round(found.score, 4)
                for one, other in ((deals[here], deals[there]), (deals[there], deals[here])):
                    if (score, other["deal_id"]) > (one["twin_score"], one["twin_id"] or ""):
                        one["twin_score"], one["twin_id"] = score, other["deal_id"]
