"""The queue: deals in an order, narrowed by a filter, a page at a time; and how many there are of each kind.

Two indexed queries, one over the machine's deals and one over the few that are overlaid, merged here: SQLite can
walk an index for each, which it cannot for their union.
"""

from __future__ import annotations

import heapq
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any

from records import DealState, InputError
from store.same import Profile, like_names
from store.values import values_of
from store.views import QueueFilter, QueueItem, QueuePage


class Order(StrEnum):
    """What comes first in the queue."""

    LIKELY = "likely"
    UNCERTAIN = "uncertain"
    NEWEST = "newest"
    LARGEST = "largest"


SORT_COLUMN = {
    Order.LIKELY: "confidence",
    Order.UNCERTAIN: "uncertainty",
    Order.NEWEST: "newest",
    Order.LARGEST: "rough_sum",
}
_STATE = "CASE WHEN r.deal_id IS NOT NULL THEN 'reopened' ELSE COALESCE(s.state, 'pending') END"
# Articles that a search may lead to; the best ones, as FTS5 ranks them.
_MOST_ARTICLES = 2000

# States that only a decided deal can have: those are looked up from the few decided, not by walking all deals.
_DECIDED_ONLY = frozenset(DealState) - {DealState.PENDING}


_VENDOR = "COALESCE(d.vendor, '(' || d.vendor_country || ')')"
# A company under one of its names is meant under all of them.
_COMPANIES = (
    f"({_VENDOR} IN ({{names}}) OR d.vendor_id IN (SELECT vendor_id FROM ledger.deals WHERE vendor IN ({{names}})))"  # noqa: S608
)


def _from(source: str) -> str:
    visible = "d.deal_id NOT IN (SELECT deal_id FROM temp.hidden)" if source == "ledger.deals" else "1"
    return f"""FROM {source} d LEFT JOIN decided s ON s.deal_id = d.deal_id
        LEFT JOIN temp.reopened r ON r.deal_id = d.deal_id WHERE {visible}"""


def _where(told: QueueFilter) -> tuple[str, dict[str, Any]]:
    """The filter as SQL conditions with named parameters."""
    parts: list[str] = []
    params: dict[str, Any] = {}

    def any_of(expression: str, name: str, values: tuple[str, ...]) -> None:
        if values:
            names = [f"{name}{number}" for number in range(len(values))]
            parts.append(f"{expression} IN ({', '.join(f':{n}' for n in names)})")
            params.update(zip(names, (str(value) for value in values), strict=True))

    any_of(_STATE, "state", told.states)
    if told.states and set(told.states) <= _DECIDED_ONLY:
        parts.append("d.deal_id IN (SELECT deal_id FROM decided)")
    any_of("d.country", "country", told.countries)
    if told.vendors:
        names = [f"vendor{number}" for number in range(len(told.vendors))]
        params.update(zip(names, told.vendors, strict=True))
        parts.append(_COMPANIES.format(names=", ".join(":" + n for n in names)))
    any_of("d.deal_id", "deal", told.deal_ids)
    if told.technologies:
        likes = []
        for number, technology in enumerate(told.technologies):
            likes.append(f"d.technologies LIKE :tech{number}")
            params[f"tech{number}"] = f'%"{technology}"%'
        parts.append(f"({' OR '.join(likes)})")
    if told.sources:
        names = [f"source{number}" for number in range(len(told.sources))]
        params.update(zip(names, told.sources, strict=True))
        parts.append(f"d.deal_id IN ({_DEALS_OF.format(articles=_SOURCED.format(', '.join(':' + n for n in names)))})")
    if told.words.strip():
        params["words"] = as_words(told.words)
        parts.append(f"d.deal_id IN ({_DEALS_OF.format(articles=_FOUND)})")
    for flag, condition in (
        (told.flagged, "COALESCE(s.flagged, 0)"),
        (told.conflicts, "d.conflicts <> '[]'"),
        (told.with_sum, "d.rough_sum > 0"),
        (told.with_twin, "d.twin_score > 0"),
    ):
        if flag is not None:
            parts.append(condition if flag else f"NOT ({condition})")
    for value, name, condition in (
        (told.min_confidence, "least", "d.confidence >= :least"),
        (told.max_confidence, "most", "d.confidence <= :most"),
        (told.published_from or None, "from", "d.newest >= :from"),
        (told.not_decided_by or None, "who", f"d.deal_id NOT IN ({_TOUCHED_BY})"),
        (told.assigned_to or None, "whom", "d.deal_id IN (SELECT deal_id FROM assignments WHERE who = :whom)"),
    ):
        if value is not None:
            parts.append(condition)
            params[name] = value
    return "".join(f" AND {part}" for part in parts), params


_DEALS_OF = """
    SELECT COALESCE(m.deal_id, df.deal_id) FROM ledger.findings f JOIN ledger.deal_findings df USING (finding_id)
    LEFT JOIN temp.overlay_members m USING (finding_id) WHERE f.article_id IN ({articles})
"""
_SOURCED = "SELECT article_id FROM ledger.articles WHERE source_id IN ({})"
_FOUND = f"""
    SELECT a.article_id FROM ledger.articles_fts JOIN ledger.articles a ON a.article_no = articles_fts.rowid
    WHERE articles_fts MATCH :words ORDER BY rank LIMIT {_MOST_ARTICLES}
"""  # noqa: S608 - our own number
_TOUCHED_BY = """
    SELECT d.deal_key FROM decisions d LEFT JOIN undone u USING (decision_id)
    WHERE d.who = :who AND u.decision_id IS NULL AND d.action IN ('accept', 'correct', 'reject', 'unsure', 'skip')
"""


def as_words(words: str) -> str:
    """A search in FTS5's syntax that takes every word as a word, whatever it holds."""
    return " ".join('"' + word.replace('"', '""') + '"' for word in words.replace("\0", " ").split())


def page(conn: sqlite3.Connection, order: Order, told: QueueFilter, after: str | None, limit: int) -> QueuePage:
    """`limit` items behind the cursor `after` (of `QueuePage.next`)."""
    where, params = _where(told)
    column = SORT_COLUMN[order]
    # An index on the order is no help where a list of ids says which deals are meant.
    sort = f"+d.{column}" if told.deal_ids or "d.deal_id IN (SELECT" in where else f"d.{column}"
    if after is not None:
        value, deal = _cursor(after)
        where += f" AND ({sort} < :value OR ({sort} = :value AND d.deal_id > :after))"
        params |= {"value": value, "after": deal}
    params["limit"] = limit + 1
    found: list[Iterator[sqlite3.Row]] = []
    for source in ("ledger.deals", "temp.overlay_deals"):
        found.append(
            iter(
                conn.execute(
                    f"SELECT d.*, {_STATE} AS state, COALESCE(s.flagged, 0) AS flagged,"
                    f" s.decided, s.touched, {sort} AS sort {_from(source)}{where}"
                    f" ORDER BY {sort} DESC, d.deal_id LIMIT :limit",
                    params,
                )
            )
        )
    rows = list(islice(heapq.merge(*found, key=_Place), limit + 1))
    items = [_item(row) for row in rows[:limit]]
    more = len(rows) > limit
    return QueuePage(items=items, next=json.dumps([rows[limit - 1]["sort"], items[-1].deal_id]) if more else None)


class _Place:
    """Larger values first, then the id."""

    __slots__ = ("key",)

    def __init__(self, row: sqlite3.Row) -> None:
        self.key = (row["sort"], row["deal_id"])

    def __lt__(self, other: _Place) -> bool:
        if self.key[0] != other.key[0]:
            return bool(self.key[0] > other.key[0])
        return bool(self.key[1] < other.key[1])


def _cursor(after: str) -> tuple[float | str, str]:
    try:
        value, deal = json.loads(after)
    except (ValueError, TypeError) as error:
        raise InputError(f"{after[:80]!r} is no place in the queue; leave it out to begin anew") from error
    if not isinstance(value, int | float | str) or not isinstance(deal, str):
        raise InputError(f"{after[:80]!r} is no place in the queue; leave it out to begin anew")
    return value, deal


def _item(row: sqlite3.Row) -> QueueItem:
    values = json.loads(row["decided"]) if row["decided"] else values_of(row)
    return QueueItem(
        deal_id=row["deal_id"],
        state=DealState(row["state"]),
        flagged=bool(row["flagged"]),
        version=version(row["version"], row["touched"]),
        values=values,
        vendor_id=row["vendor_id"] if values["vendor"] == row["vendor"] else None,
        confidence=row["confidence"],
        sources=row["sources"],
        findings=row["findings"],
        evidence=row["evidence"],
        article_id=row["article_id"],
        newest=row["newest"],
        twin_score=row["twin_score"],
    )


def version(machine: str, touched: int | None) -> str:
    """What a screen shows a deal at: the machine's values and the last event on it."""
    return f"{machine}.{touched or 0}"


def count(conn: sqlite3.Connection, told: QueueFilter) -> int:
    """How many deals the filter lets through."""
    where, params = _where(told)
    return sum(
        conn.execute(f"SELECT COUNT(*) {_from(source)}{where}", params).fetchone()[0]
        for source in ("ledger.deals", "temp.overlay_deals")
    )


def deal_ids(conn: sqlite3.Connection, told: QueueFilter) -> list[str]:
    """The ids of all deals that the filter lets through, in their order."""
    where, params = _where(told)
    return sorted(
        row[0]
        for source in ("ledger.deals", "temp.overlay_deals")
        for row in conn.execute(f"SELECT d.deal_id {_from(source)}{where}", params)
    )


Kind = tuple[str, str | None, str, str]
"""Country, vendor's id, vendor (or "(CN)" where only its home is told), technologies as JSON."""
Kinds = Counter[Kind]

_KIND = f"d.country, d.vendor_id, {_VENDOR}, d.technologies"


def kinds(conn: sqlite3.Connection) -> Kinds:
    """How many of the machine's deals there are of each kind: the costly part of facets, good until the ledger changes."""
    rows = conn.execute(f"SELECT {_KIND}, COUNT(*) FROM ledger.deals d GROUP BY 1, 2, 3, 4")  # noqa: S608
    return Counter({tuple(row[:4]): row[4] for row in rows})


def facets(conn: sqlite3.Connection, told: QueueFilter, machine: Kinds) -> dict[str, dict[str, int]]:
    """By country, vendor, technology and state: how many deals each has under the filter, most first.

    A company that texts name differently is counted once, under the filter's name of it, else under that of most deals.
    """
    where, params = _where(told)
    counted: dict[str, Kinds] = {}
    for source in ("ledger.deals", "temp.overlay_deals"):
        for row in conn.execute(
            f"SELECT {_KIND}, {_STATE}, COUNT(*) {_from(source)}{where} GROUP BY 1, 2, 3, 4, 5",
            params,
        ):
            counted.setdefault(row[4], Counter())[tuple(row[:4])] += row[5]
    return _tables(counted, _company_names(machine, told.vendors))


def facets_by_state(conn: sqlite3.Connection, states: Sequence[DealState], machine: Kinds) -> dict[str, dict[str, int]]:
    """The same for a filter of states alone, out of `kinds` and of the few deals that somebody has touched."""
    counted: dict[str, Kinds] = {DealState.PENDING: Counter(machine)}
    touched = """d.deal_id IN (SELECT deal_id FROM decided UNION SELECT deal_id FROM temp.hidden
        UNION SELECT deal_id FROM temp.reopened)"""
    for row in conn.execute(f"SELECT {_KIND}, COUNT(*) FROM ledger.deals d WHERE {touched} GROUP BY 1, 2, 3, 4"):  # noqa: S608
        counted[DealState.PENDING][tuple(row[:4])] -= row[4]
    for source, which in (("ledger.deals", f" AND {touched}"), ("temp.overlay_deals", "")):
        for row in conn.execute(f"SELECT {_KIND}, {_STATE}, COUNT(*) {_from(source)}{which} GROUP BY 1, 2, 3, 4, 5"):
            counted.setdefault(row[4], Counter())[tuple(row[:4])] += row[5]
    shown = {state: kinds for state, kinds in counted.items() if not states or state in states}
    return _tables(shown, _company_names(machine))


def _company_names(machine: Kinds, wanted: Sequence[str] = ()) -> dict[str, str]:
    """Vendor's id to the name that it is listed under: one of `wanted`, else the one that most of the machine's deals have."""
    told: dict[str, Counter[str]] = {}
    for (_, vendor_id, vendor, _), number in machine.items():
        if vendor_id:
            told.setdefault(vendor_id, Counter())[vendor] += number
    return {
        vendor_id: min(counts, key=lambda name: (name not in wanted, -counts[name], name))
        for vendor_id, counts in told.items()
    }


def _tables(counted: Mapping[str, Kinds], companies: Mapping[str, str]) -> dict[str, dict[str, int]]:
    tables: dict[str, Counter[str]] = {name: Counter() for name in ("country", "vendor", "technology", "state")}
    for state, kinds in counted.items():
        for (country, vendor_id, vendor, technologies), number in kinds.items():
            if number <= 0:
                continue
            tables["country"][country] += number
            tables["vendor"][companies.get(vendor_id or "", vendor)] += number
            tables["state"][str(state)] += number
            for technology in _names(technologies):
                tables["technology"][technology] += number
    return {name: dict(sorted(table.items(), key=lambda item: (-item[1], item[0]))) for name, table in tables.items()}


@lru_cache(maxsize=4096)
def _names(technologies: str) -> tuple[str, ...]:
    return tuple(json.loads(technologies))


def neighbours(conn: sqlite3.Connection, deal: str, mine: Profile) -> Iterator[sqlite3.Row]:
    """The shown deals of the same country whose supplier can be that of `mine`."""
    vendors = [
        row[0]
        for row in conn.execute("SELECT DISTINCT vendor FROM ledger.deals WHERE country = ?", (mine.country,))
        if row[0] and mine.vendor and (row[0].casefold() in mine.names or like_names(row[0], mine.vendor))
    ]
    for source in ("ledger.deals", "temp.overlay_deals"):
        yield from conn.execute(
            f"""SELECT d.* {_from(source)} AND d.country = ? AND d.deal_id <> ?
                AND COALESCE(s.state, '') NOT IN ('merged', 'withdrawn')
                AND (d.pair = ? OR d.vendor IN ({",".join("?" * len(vendors))})
                     OR ((d.vendor IS NULL OR ? IS NULL) AND d.vendor_country IS ?))""",
            (mine.country, deal, mine.pair, *vendors, mine.vendor, mine.vendor_country),
        )
