"""Puts deals together out of both files, many at a time: findings, quotes, spans, sources, decisions, scores."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from records import DealState, LinkKind
from store.choose import source_type
from store.decisions import history
from store.merge import load
from store.same import Profile, profile
from store.scores import scores
from store.values import SLOTS, values_of
from store.views import DealView, FindingView, Link, Shown, SourceArticle
from store.worklist import version


def _marks(items: Sequence[str]) -> str:
    return ",".join("?" * len(items))


def articles(conn: sqlite3.Connection, ids: Sequence[str], *, texts: bool) -> dict[str, SourceArticle]:
    """Articles by id, with their copy group's leader and their source's kind."""
    rows = conn.execute(
        f"""SELECT a.article_id, a.url, a.title, a.outlet, a.author, a.published, a.published_precision, a.language,
                a.truncated, a.source_id, s.source_type, COALESCE(c.leader_id, a.article_id) AS origin,
                {"a.text" if texts else "''"} AS text
            FROM ledger.articles a LEFT JOIN ledger.copy_groups c USING (article_id)
            LEFT JOIN ledger.sources s ON s.source_id = a.source_id WHERE a.article_id IN ({_marks(ids)})""",  # noqa: S608
        list(ids),
    )
    return {
        row["article_id"]: SourceArticle(
            **{**dict(row), "truncated": bool(row["truncated"])}
            | {"source_type": source_type(row["source_type"], row["source_id"], row["url"])}
        )
        for row in rows
    }


def finding_ids(conn: sqlite3.Connection, deals: Sequence[str]) -> dict[str, list[str]]:
    """Deal -> the findings that belong to it as shown."""
    marks = _marks(deals)
    told: dict[str, list[str]] = {}
    for deal, finding in conn.execute(
        f"""SELECT deal_id, finding_id FROM temp.overlay_members WHERE deal_id IN ({marks})
            UNION ALL SELECT deal_id, finding_id FROM ledger.deal_findings WHERE deal_id IN ({marks})
                AND deal_id NOT IN (SELECT deal_id FROM temp.hidden)""",  # noqa: S608
        [*deals, *deals],
    ):
        told.setdefault(deal, []).append(finding)
    return told


def profiles(conn: sqlite3.Connection, deals: Sequence[str]) -> dict[str, Profile]:
    """What is compared of each deal as shown."""
    told: dict[str, Profile] = {}
    for start in range(0, len(deals), 300):
        members = finding_ids(conn, deals[start : start + 300])
        home = {finding: deal for deal, found in members.items() for finding in found}
        for part in range(0, len(home), 300):
            ids = list(home)[part : part + 300]
            for row in load(conn, f"WHERE f.finding_id IN ({_marks(ids)}) ORDER BY f.finding_id", ids, "ledger."):
                mine, deal = profile(row, row["quotes"]), home[row["finding_id"]]
                if deal in told:
                    told[deal].take(mine)
                else:
                    told[deal] = mine
    bare = [deal for deal in deals if deal not in told]
    for start in range(0, len(bare), 300):
        part_of = bare[start : start + 300]
        for row in conn.execute(f"SELECT * FROM temp.overlay_deals WHERE deal_id IN ({_marks(part_of)})", part_of):  # noqa: S608
            told[row["deal_id"]] = profile(_as_finding(row), [row["evidence"]])
    return told


def _as_finding(row: sqlite3.Row) -> dict[str, Any]:
    return dict(row) | {"published": row["newest"] or None, "origin": row["article_id"], "vendor_aliases": "[]"}


def deal_views(conn: sqlite3.Connection, deals: Sequence[str], *, texts: bool) -> dict[str, DealView]:
    """The deals that there are of `deals` (at most a few hundred), by id."""
    wanted = sorted(set(deals))
    marks = _marks(wanted)
    rows = {
        row["deal_id"]: row
        for row in conn.execute(
            f"""SELECT * FROM temp.overlay_deals WHERE deal_id IN ({marks})
                UNION ALL SELECT * FROM ledger.deals WHERE deal_id IN ({marks})
                    AND deal_id NOT IN (SELECT deal_id FROM temp.hidden)""",  # noqa: S608
            [*wanted, *wanted],
        )
    }
    decided = {
        row["deal_id"]: row
        for row in conn.execute(
            f"""SELECT s.*, r.changes FROM decided s LEFT JOIN temp.reopened r USING (deal_id)
                WHERE s.deal_id IN ({marks})""",  # noqa: S608
            wanted,
        )
    }
    findings = _findings(conn, wanted, texts=texts)
    links = _links(conn, wanted)
    replies = _replies(conn, wanted)
    return {
        deal: _view(row, decided.get(deal), findings.get(deal, []), links.get(deal, []), replies.get(deal, []))
        for deal, row in rows.items()
    }


def _findings(conn: sqlite3.Connection, deals: Sequence[str], *, texts: bool) -> dict[str, list[FindingView]]:
    members = finding_ids(conn, deals)
    home = {finding: deal for deal, found in members.items() for finding in found}
    ids = sorted(home)
    told: dict[str, list[FindingView]] = defaultdict(list)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        marks = _marks(part)
        rows = conn.execute(f"SELECT * FROM ledger.findings WHERE finding_id IN ({marks})", part).fetchall()  # noqa: S608
        known = articles(conn, sorted({row["article_id"] for row in rows}), texts=texts)
        beside: dict[str, dict[str, list[Any]]] = {}
        for table, columns in (
            ("evidence", "position, quote"),
            ("spans", 'slot, start, "end", "in"'),
            ("instruments", "position, type, financier, amount, currency, raw, rate, maturity_years, grace_years"),
        ):
            beside[table] = defaultdict(list)
            for row in conn.execute(
                f"SELECT finding_id, {columns} FROM ledger.{table} WHERE finding_id IN ({marks})"  # noqa: S608
                f" ORDER BY finding_id, {columns}",
                part,
            ):
                found = dict(row)
                beside[table][found.pop("finding_id")].append(found)
        for row in rows:
            told[home[row["finding_id"]]].append(_finding(row, known[row["article_id"]], beside))
    for found_here in told.values():
        found_here.sort(key=lambda one: (-one.confidence, one.article.published or "9999", one.finding_id))
    return told


def _finding(row: sqlite3.Row, article: SourceArticle, beside: dict[str, dict[str, list[Any]]]) -> FindingView:
    key = row["finding_id"]
    return FindingView(
        finding_id=key,
        article=article,
        pair=row["pair"],
        values=values_of(row),
        vendor_id=row["vendor_id"],
        vendor_aliases=json.loads(row["vendor_aliases"]),
        value_raw=row["value_raw"],
        financing_raw=row["financing_raw"],
        confidence=row["confidence"],
        field_confidence=json.loads(row["field_confidence"]),
        reasons=json.loads(row["reasons"]),
        extractor=row["extractor"],
        evidence=[one["quote"] for one in beside["evidence"][key]],
        spans=beside["spans"][key],
        instruments=[{k: v for k, v in one.items() if k != "position"} for one in beside["instruments"][key]],
    )


def _links(conn: sqlite3.Connection, deals: Sequence[str]) -> dict[str, list[Link]]:
    marks = _marks(deals)
    told: dict[str, list[Link]] = defaultdict(list)
    for row in conn.execute(
        f"""SELECT from_id, to_id, kind, 'drawn by a person' AS reason, decision_id FROM links
                WHERE from_id IN ({marks}) OR to_id IN ({marks})
            UNION ALL SELECT from_id, to_id, kind, reason, NULL FROM ledger.deal_links
                WHERE from_id IN ({marks}) OR to_id IN ({marks})
            ORDER BY 3, 1, 2""",  # noqa: S608
        [*deals] * 4,
    ):
        link = Link(**{**dict(row), "kind": LinkKind(row["kind"])})
        for end in {row["from_id"], row["to_id"]} & set(deals):
            told[end].append(link)
    return told


def _replies(conn: sqlite3.Connection, deals: Sequence[str]) -> dict[str, list[Any]]:
    told = defaultdict(list)
    for (deal,) in conn.execute(
        f"""SELECT DISTINCT deal_key FROM decisions WHERE action = 'reply' AND deal_key IN ({_marks(deals)})""",  # noqa: S608
        list(deals),
    ).fetchall():
        told[deal] = [one for one in history(conn, deal) if one.action == "reply" and not one.undone]
    return told


def _view(
    row: sqlite3.Row, told: sqlite3.Row | None, findings: list[FindingView], links: list[Link], replies: list[Any]
) -> DealView:
    machine = values_of(row) if findings else None
    decided = json.loads(told["decided"]) if told and told["decided"] else None
    changes = json.loads(told["changes"]) if told and told["changes"] else {}
    shown = _shown(row, machine, decided, told, findings)
    values = {slot: one.value for slot, one in shown.items()}
    evidence = json.loads(told["evidence"]) if told else []
    safe, why = _sum_safe(row, values, links, decided)
    return DealView(
        deal_id=row["deal_id"],
        state=DealState.REOPENED if changes else DealState(told["state"] if told else "pending"),
        flagged=bool(told and told["flagged"]),
        version=version(row["version"], told["touched"] if told else 0),
        machine=machine,
        decided=decided,
        shown=shown,
        changes=changes,
        confidence=row["confidence"],
        sources=row["sources"],
        findings=findings,
        evidence=evidence,
        parties=parties(values, findings),
        instruments=instruments(findings),
        events=events(findings),
        links=links,
        scores=scores(
            values,
            [(one.article.origin, one.article.source_type) for one in findings],
            [] if decided else json.loads(row["conflicts"]),
            inferred_year=decided is None and _year_is_inferred(shown["year"], findings),
        ),
        sum_safe=safe,
        sum_reason=why,
        by_hand=bool(told and told["by_hand"]),
        decided_by=told["who"] if told else None,
        decided_at=told["at"] if told else None,
        reason=told["reason"] if told else "",
        replies=replies,
    )


# The lead slot whose choice each of the others goes along with (as `choose` does).
_LEAD = {
    "financier": "financing_type",
    "financing_amount": "financing_type",
    "financing_currency": "financing_type",
    "value_currency": "value_amount",
}


def _shown(
    row: sqlite3.Row,
    machine: dict[str, Any] | None,
    decided: dict[str, Any] | None,
    told: sqlite3.Row | None,
    findings: list[FindingView],
) -> dict[str, Shown]:
    """The decided value where there is one, else the machine's, each with its reason and with those who say otherwise."""
    chosen = json.loads(row["chosen"])
    base = machine or values_of(row)
    shown = {}
    for slot in SLOTS:
        value = decided[slot] if decided else base[slot]
        pick = chosen.get(_LEAD.get(slot, slot), {})
        teller = pick.get("finding")
        others = [
            {"value": one.values[slot], "finding_id": one.finding_id}
            for one in findings
            if one.values[slot] not in (None, value) and slot != "technologies"
        ]
        if decided and told:
            same = machine is not None and machine[slot] == value
            by = f"{'confirmed' if same else 'decided'} by {told['who']} on {told['at'][:10]}"
            why, decision = (by if value is not None or not same else "not told"), told["decision_id"]
            teller = teller if same else _teller(slot, value, findings)
        else:
            why, decision = (pick.get("why", "") if value is not None else "not told"), None
        shown[slot] = Shown(
            value=value, why=why, finding_id=teller if value is not None else None, decision_id=decision, others=others
        )
    return shown


def _teller(slot: str, value: Any, findings: list[FindingView]) -> str | None:
    return next((one.finding_id for one in findings if one.values[slot] == value), None)


def _year_is_inferred(year: Shown, findings: list[FindingView]) -> bool:
    """Where no finding points at words for the year, it is that of publication."""
    tellers = [one for one in findings if one.values["year"] == year.value and one.spans]
    return year.value is not None and bool(tellers) and not any(s["slot"] == "year" for f in tellers for s in f.spans)


def _sum_safe(
    row: sqlite3.Row, values: dict[str, Any], links: list[Link], decided: dict[str, Any] | None
) -> tuple[bool, str]:
    """The machine's flag, unless a person changed the sum or drew a relation that settles it."""
    if values["value_amount"] is None:
        return False, "no sum is told"
    for link in links:
        if link.decision_id is None:
            continue
        if link.kind is LinkKind.PART_OF and link.from_id == row["deal_id"]:
            return False, f"within {link.to_id}"
        if link.kind is LinkKind.SHARES_SUM and link.from_id == row["deal_id"]:
            return False, f"the sum is shared with {link.to_id} and counted there"
    if decided and decided["value_amount"] != row["value_amount"]:
        return True, ""
    return bool(row["sum_safe"]), row["sum_reason"]


def parties(values: dict[str, Any], findings: list[FindingView]) -> list[dict[str, Any]]:
    """Who takes part in which role, with the findings that say so: the shown ones first.

    A company that the findings name differently is one party: the first name, and the others as `aliases`.
    """
    told: dict[tuple[str, str], dict[str, Any]] = {}
    ids = {one.values["vendor"]: one.vendor_id for one in reversed(findings) if one.vendor_id}

    def add(
        role: str, name: str | None, country: str | None, finding: str | None, vendor_id: str | None = None
    ) -> None:
        if not name:
            return
        party = told.setdefault(
            (role, vendor_id or name.casefold()),
            {"role": role, "name": name, "country": country, "aliases": [], "findings": []},
        )
        if name.casefold() not in {known.casefold() for known in (party["name"], *party["aliases"])}:
            party["aliases"].append(name)
        if finding and finding not in party["findings"]:
            party["findings"].append(finding)

    vendor = values["vendor"]
    add(values["role"] or "supplier", vendor, values["vendor_country"], None, ids.get(vendor))
    add("customer", values["customer"], values["country"], None)
    add("financier", values["financier"], None, None)
    for one in findings:
        add(
            one.values["role"] or values["role"] or "supplier",
            one.values["vendor"],
            one.values["vendor_country"],
            one.finding_id,
            one.vendor_id,
        )
        add("customer", one.values["customer"], one.values["country"], one.finding_id)
        for instrument in one.instruments:
            add("financier", instrument["financier"], None, one.finding_id)
    return list(told.values())


def instruments(findings: list[FindingView]) -> list[dict[str, Any]]:
    """Financing instruments told by the findings, equal ones once: same kind, same giver (or none told), same sum."""
    told: list[dict[str, Any]] = []
    for one in findings:
        for instrument in one.instruments:
            for known in told:
                if _same_instrument(known, instrument):
                    for name, value in instrument.items():
                        known[name] = value if known[name] is None else known[name]
                    known["findings"].append(one.finding_id)
                    break
            else:
                told.append(instrument | {"findings": [one.finding_id]})
    return told


def _same_instrument(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["type"] != other["type"]:
        return False
    givers = {(side["financier"] or "").casefold() for side in (one, other)} - {""}
    if len(givers) > 1:
        return False
    sums = {(side["amount"], side["currency"]) for side in (one, other) if side["amount"] is not None}
    return len(sums) <= 1


def events(findings: list[FindingView]) -> list[dict[str, Any]]:
    """What is known of when: agreements by year, reports by day; oldest first."""
    told = []
    for one in findings:
        common = {"status": one.values["status"], "finding_id": one.finding_id, "article_id": one.article.article_id}
        if one.values["year"]:
            told.append({"date": str(one.values["year"]), "event": "agreed", **common})
        if one.article.published:
            told.append({"date": one.article.published, "event": "reported", **common})
    return sorted(told, key=lambda event: (event["date"], event["event"], event["finding_id"]))
