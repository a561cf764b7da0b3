"""Which sums may be added up: a sum told for several deals together counts once, an umbrella's parts do not count beside it.

Also draws the relations that the texts tell: phases, umbrella agreements, shared sums.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from records import LinkKind
from store.same import Profile

# Ids in one statement; SQLite takes 32,766 parameters, and short statements plan faster.
_IDS = 400

_SHARING = """
    SELECT DISTINCT d.deal_id, e.deal_id FROM deals d
    JOIN deal_findings df ON df.deal_id = d.deal_id
    JOIN findings f ON f.finding_id = df.finding_id
        AND f.value_amount = d.value_amount AND f.value_currency = d.value_currency
    JOIN findings g ON g.article_id = f.article_id
        AND g.value_amount = f.value_amount AND g.value_currency = f.value_currency
    JOIN deal_findings dg ON dg.finding_id = g.finding_id AND dg.deal_id <> d.deal_id
    JOIN deals e ON e.deal_id = dg.deal_id
        AND e.value_amount = d.value_amount AND e.value_currency = d.value_currency
    WHERE d.deal_id IN ({marks})
"""


def relate(conn: sqlite3.Connection, pairs: Iterable[str]) -> None:
    """Link shared sums and set `sum_safe` for the deals of `pairs` and for those that share an article with one of them."""
    wanted = sorted(set(pairs))
    affected: set[str] = set()
    for start in range(0, len(wanted), _IDS):
        part = wanted[start : start + _IDS]
        affected.update(
            row[0]
            for row in conn.execute(
                f"""SELECT df.deal_id FROM deals d JOIN deal_findings mine ON mine.deal_id = d.deal_id
                    JOIN findings f ON f.finding_id = mine.finding_id
                    JOIN findings near ON near.article_id = f.article_id
                    JOIN deal_findings df ON df.finding_id = near.finding_id
                    WHERE d.pair IN ({",".join("?" * len(part))})""",  # noqa: S608
                part,
            )
        )
    shared = _share_sums(conn, affected)
    _flag(conn, sorted(affected), shared)


def link_phases(conn: sqlite3.Connection, told: dict[str, Profile]) -> None:
    """Later phases of one pair point at the first, and contracts at the framework agreement that they are under."""
    if len(told) > 1:
        links = [*_phase_links(told), *_umbrella_links(told)]
        conn.executemany("INSERT OR IGNORE INTO deal_links VALUES (?, ?, ?, ?)", links)


def _phase_links(told: dict[str, Profile]) -> list[tuple[str, str, str, str]]:
    firsts = [deal for deal, mine in told.items() if not mine.phases or min(mine.phases) == 1]
    links = []
    for deal, mine in told.items():
        if not mine.phases or min(mine.phases) == 1:
            continue
        before = [one for one in firsts if told[one].technologies & mine.technologies and _no_later(told[one], mine)]
        if before:
            first = min(before, key=lambda one: (1 not in told[one].phases, min(told[one].years or {9999}), one))
            links.append((deal, first, LinkKind.PHASE_OF.value, f"told as phase {min(mine.phases)}"))
    return links


def _umbrella_links(told: dict[str, Profile]) -> list[tuple[str, str, str, str]]:
    umbrellas = [deal for deal, mine in told.items() if mine.umbrella]
    links = []
    for deal, mine in told.items():
        if mine.umbrella:
            continue
        above = [one for one in umbrellas if told[one].technologies & mine.technologies and _no_later(told[one], mine)]
        if above:
            links.append((deal, min(above), LinkKind.PART_OF.value, "the other is told as a framework agreement"))
    return links


def _no_later(one: Profile, other: Profile) -> bool:
    return not one.years or not other.years or min(one.years) <= min(other.years)


def _share_sums(conn: sqlite3.Connection, affected: set[str]) -> dict[str, set[str]]:
    """deal -> the other deals for which one article tells the very same sum as their shown value.

    Adds to `affected` whatever hangs together with it, so that the flags do not depend on what was read when.
    """
    shared: dict[str, set[str]] = {}
    waiting = sorted(affected)
    while waiting:
        part, waiting = waiting[:_IDS], waiting[_IDS:]
        marks = ",".join("?" * len(part))
        conn.execute(
            f"DELETE FROM deal_links WHERE kind = 'shares_sum' AND (from_id IN ({marks}) OR to_id IN ({marks}))",  # noqa: S608
            part + part,
        )
        for one, other in conn.execute(_SHARING.format(marks=marks), part):
            shared.setdefault(one, set()).add(other)
            shared.setdefault(other, set()).add(one)
            if other not in affected:
                affected.add(other)
                waiting.append(other)
    conn.executemany(
        "INSERT OR IGNORE INTO deal_links VALUES (?, ?, 'shares_sum', 'one article tells one sum for both')",
        sorted({(min(one, other), max(one, other)) for one, others in shared.items() for other in others}),
    )
    return shared


def _flag(conn: sqlite3.Connection, affected: list[str], shared: dict[str, set[str]]) -> None:
    confidence = {}
    amounts: dict[str, Any] = {}
    for start in range(0, len(affected), _IDS):
        part = affected[start : start + _IDS]
        for row in conn.execute(
            f"SELECT deal_id, confidence, value_amount FROM deals WHERE deal_id IN ({','.join('?' * len(part))})",  # noqa: S608
            part,
        ):
            confidence[row["deal_id"]], amounts[row["deal_id"]] = row["confidence"], row["value_amount"]
    parents: dict[str, str] = {
        row["from_id"]: row["to_id"]
        for row in conn.execute(
            """SELECT from_id, to_id FROM deal_links JOIN deals d ON d.deal_id = to_id
               WHERE kind = 'part_of' AND d.value_amount IS NOT NULL ORDER BY to_id DESC"""
        )
    }
    verdicts = []
    for deal in affected:
        if amounts[deal] is None:
            verdicts.append((0, "no sum is told", deal))
        elif deal in parents:
            verdicts.append((0, f"within the framework agreement {parents[deal]}", deal))
        else:
            first = min(_component(deal, shared), key=lambda one: (-confidence.get(one, 0), one))
            safe = first == deal
            verdicts.append((int(safe), "" if safe else f"the sum is shared with {first} and counted there", deal))
    conn.executemany("UPDATE deals SET sum_safe = ?, sum_reason = ? WHERE deal_id = ?", verdicts)


def _component(deal: str, shared: dict[str, set[str]]) -> set[str]:
    seen, waiting = {deal}, [deal]
    while waiting:
        for other in shared.get(waiting.pop(), ()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
