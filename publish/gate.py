"""What must be true of a release; the first fault of each kind is told, and any of them stops the release.

The data package is checked again by its own library after it is written (`publish.check`); these are the
assertions that no table schema can hold: nothing unreviewed, evidence for every value, no deal lost
between two releases, no name of who decided, sums that add up.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from publish.columns import Column, Table
from publish.derive import best_evidence, by_deal
from publish.release import Release
from publish.rows import BASE, QUOTE_MOST, TABLES, Basis, Deal, Evidence, Gone

# A release that loses more than this share of the former one's deals is more likely a fault than news.
SHRINK_MOST = 0.2
# No published price of surveillance technology comes near; a figure above it is a misread unit or currency.
DOLLARS_MOST = 5e10
# Columns of `deals` for which a published value must lead to a source or to a decision.
EVIDENCED = ("vendor", "vendor_country", "country", "customer", "year", "value_amount", "place")
# Free text that people write while they decide; nobody's name may stand in it.
WRITTEN = {"retired": ("why",), "errata": ("why",), "evidence": ("reason",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One broken assertion: its name, how many values or rows break it, and the first of them."""

    name: str
    count: int
    example: str

    def __str__(self) -> str:
        return f"{self.name}: {self.count}, first {self.example}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What the gate must know of the release before this one."""

    deals: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()


def check(
    release: Release, *, before: Before | None = None, reviewers: Sequence[str] = (), allow_shrink: bool = False
) -> list[Fault]:
    """All faults of a release; an empty list lets it pass. `reviewers` are the names that must not be in it."""
    found: list[tuple[str, str]] = []
    for table in TABLES:
        if table.name in BASE:
            found += _table_faults(table, release)
    if not found:  # the assertions below rest on sound tables
        found += _references(release)
        found += _deal_faults(release)
        found += _company_faults(release)
        found += _evidence_faults(release)
        found += _id_faults(release, before or Before(), allow_shrink=allow_shrink)
        found += _named_people(release, reviewers)
        found += _sum_faults(release)
    for table in TABLES:
        if table.name not in BASE:
            found += _table_faults(table, release)
    counts = Counter(name for name, _ in found)
    first = dict(reversed(found))
    return [Fault(name=name, count=count, example=first[name]) for name, count in counts.items()]


def _table_faults(table: Table, release: Release) -> Iterator[tuple[str, str]]:
    rows = release.rows(table.name)
    for column in table.columns:
        for value in _different(column, rows):
            fault = _value_fault(column, value)
            if fault:
                yield f"{table.name}.{column.name} {fault}", repr(value)[:80]
    read_key = attrgetter(*table.key)
    if len(set(map(read_key, rows))) < len(rows):
        keys = Counter(map(read_key, rows))
        yield from ((f"{table.name} has a key twice", str(key)) for key, n in keys.items() if n > 1)


def _different(column: Column, rows: Sequence[Any]) -> Iterable[Any]:
    """Each value once: most columns have few, and a pattern need not be tried a million times."""
    read = attrgetter(column.name)
    if column.kind == "string":
        return set(map(read, rows))
    # 1 and True are equal; the type beside them keeps both.
    return (value for value, _ in set(zip(map(read, rows), map(type, map(read, rows)), strict=True)))


def _value_fault(column: Column, value: Any) -> str:
    if value is None:
        return "" if column.optional else "is blank"
    if column.kind == "string":
        if not isinstance(value, str) or not value:
            return "is no text" if value != "" else "is an empty text"
        if column.choices and value not in column.choices:
            return "is none of its choices"
        if column.pattern and not re.fullmatch(column.pattern, value):
            return "does not look as declared"
        return ""
    if column.kind == "boolean":
        return "" if isinstance(value, bool) else "is neither true nor false"
    if isinstance(value, bool) or not isinstance(value, int if column.kind == "integer" else (int, float)):
        return f"is no {column.kind}"
    low, high = column.least, column.most
    outside = not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high)
    return "is out of range" if outside else ""


def _references(release: Release) -> Iterator[tuple[str, str]]:
    for table in TABLES:
        for column in table.columns:
            if column.refers is None:
                continue
            there = set(map(attrgetter(column.refers[1]), release.rows(column.refers[0])))
            named = set(map(attrgetter(column.name), release.rows(table.name))) - {None}
            for value in sorted(named - there):
                yield f"{table.name}.{column.name} points at no row of {column.refers[0]}", value


def _deal_faults(release: Release) -> Iterator[tuple[str, str]]:
    if not release.deals:
        yield "no deal is accepted", "nothing to publish"
    technologies = by_deal(release.technologies)
    for deal in release.deals:
        if deal.vendor is None and deal.vendor_country is None:
            yield "a deal names neither a vendor nor a supplier's country", deal.deal_id
        if not technologies.get(deal.deal_id):
            yield "a deal has no technology", deal.deal_id
        if (deal.value_amount is None) != (deal.value_currency is None):
            yield "a price without a currency, or a currency without a price", deal.deal_id
        if (deal.value_amount is None) != (deal.value_note is None):
            yield "a price that does not say how its dollars came about", deal.deal_id
        if deal.value_usd is not None and deal.value_usd > DOLLARS_MOST:
            yield (
                f"a price above {DOLLARS_MOST:,.0f} dollars",
                f"{deal.deal_id} ({deal.value_raw or deal.value_amount})",
            )
        if deal.year and deal.year > int(release.about.date[:4]) + 1:
            yield "a deal's year lies after the release", f"{deal.deal_id} ({deal.year})"
        if deal.accepted_at[:10] > release.about.moment[:10]:
            yield "a decision is younger than the release", deal.deal_id
        if deal.counted != (deal.not_counted_why is None):
            yield "a deal that is not counted does not say why", deal.deal_id


def _company_faults(release: Release) -> Iterator[tuple[str, str]]:
    """One company is one body under one name: whoever counts by either must come to the same figures."""
    names: dict[str, set[str | None]] = {}
    bodies: dict[str, set[str]] = {}
    for deal in release.deals:
        if deal.vendor_id:
            names.setdefault(deal.vendor_id, set()).add(deal.vendor_standard)
        if (deal.vendor is None) != (deal.vendor_standard is None):
            yield "a vendor without a standard name, or a standard name without a vendor", deal.deal_id
    for party in release.parties:
        if party.vendor_id:
            bodies.setdefault(party.vendor_id, set()).add(party.party_id)
    yield from (("a company has two standard names", vendor) for vendor, told in names.items() if len(told) > 1)
    yield from (("a company is two parties", vendor) for vendor, told in bodies.items() if len(told) > 1)
    owners = Counter(name for told in names.values() for name in told)
    yield from (("two companies have one standard name", str(name)) for name, n in owners.items() if n > 1)


def _evidence_faults(release: Release) -> Iterator[tuple[str, str]]:
    evidence = by_deal(release.evidence)
    financed = {row.deal_id for row in release.instruments}
    for deal in release.deals:
        rows = evidence.get(deal.deal_id, [])
        led = {row.field for row in rows if row.chosen}
        for column in EVIDENCED:
            if getattr(deal, column) is not None and column not in led:
                yield f"a published {column} leads to no source and no decision", deal.deal_id
        if "technologies" not in led:
            yield "published technologies lead to no source and no decision", deal.deal_id
        if deal.deal_id in financed and "financing" not in led:
            yield "published financing leads to no source and no decision", deal.deal_id
        if best_evidence(rows) is None and deal.accepted_how != "by_hand":
            yield "a deal leads to no source", deal.deal_id
    for row in release.evidence:
        yield from ((name, row.evidence_id) for name, broken in _EVIDENCE_RULES.items() if broken(row))
    if not release.about.quotes:
        quoted = [row.evidence_id for row in release.evidence if row.quote] + [
            row.claim_id for row in release.claims if row.quote
        ]
        yield from (("a quote in a release without quotes", row_id) for row_id in quoted)
    for source in release.sources:
        if source.url is None and source.page_sha256 is None:
            yield "a source has neither an address nor a page", source.source_id


_EVIDENCE_RULES: dict[str, Callable[[Evidence], bool]] = {
    f"a quote is longer than {QUOTE_MOST} characters": lambda row: len(row.quote or "") > QUOTE_MOST,
    "a quote is not as long as its offsets say": lambda row: (
        row.quote is not None
        and row.quote_start is not None
        and row.quote_end is not None
        and len(row.quote) != row.quote_end - row.quote_start
    ),
    "evidence names no source": lambda row: row.basis == Basis.QUOTED and row.source_id is None,
    "an inferred or decided value does not say by what": lambda row: row.basis == Basis.INFERRED and not row.reason,
}


def _id_faults(release: Release, before: Before, *, allow_shrink: bool) -> Iterator[tuple[str, str]]:
    published = {deal.deal_id for deal in release.deals}
    retired = {row.deal_id: row for row in release.retired}
    for deal_id in sorted(published & retired.keys()):
        yield "an id is both published and retired", deal_id
    for row in release.retired:
        if row.state == Gone.MERGED and row.successor not in published and row.successor not in retired:
            yield "a merged id leads nowhere", row.deal_id
    for deal_id in sorted(before.deals - published - retired.keys()):
        yield "a deal of the former release is gone without a word", deal_id
    for deal_id in sorted(before.retired - published - retired.keys()):
        yield "a retired id of the former release is no longer listed", deal_id
    lost = len(before.deals - published)
    if before.deals and lost > SHRINK_MOST * len(before.deals) and not allow_shrink:
        yield f"more than {SHRINK_MOST:.0%} of the former release's deals are gone", f"{lost} of {len(before.deals)}"


def _named_people(release: Release, reviewers: Sequence[str]) -> Iterator[tuple[str, str]]:
    names = [re.escape(name) for name in reviewers if len(name) > 2]
    if not names:
        return
    any_name = re.compile(rf"(?<!\w)({'|'.join(names)})(?!\w)", re.IGNORECASE)
    for table, columns in WRITTEN.items():
        for name in columns:
            for text in {getattr(row, name) for row in release.rows(table)} - {None}:
                if any_name.search(text):
                    yield f"{table}.{name} names who decided", text[:80]


def _sum_faults(release: Release) -> Iterator[tuple[str, str]]:
    all_deals: dict[str, Deal] = {deal.deal_id: deal for deal in release.deals}
    counted = [deal for deal in all_deals.values() if deal.counted]
    overall = next((row for row in release.totals if row.scope == "all"), None)
    told = overall.deals if overall else 0
    if told != len(counted):
        yield "the total of deals is not the number of counted deals", f"{told} of {len(counted)}"
    if overall and overall.value_usd > sum(deal.value_usd or 0.0 for deal in counted) + 1:
        yield "the total of prices is more than all prices together", f"{overall.value_usd:.2f}"
    if sum(row.deals for row in release.index_countries) != len(counted):
        yield "the index does not have every counted deal", f"{len(release.index_countries)} countries"
