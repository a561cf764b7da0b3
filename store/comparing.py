"""The ledger against the references: what it confirms, what it lacks, what it contradicts, what it has beyond them.

A zero in a reference says that nothing was found, not that there is nothing: a deal the reference does not mark is
*beyond* it. *Contradicted* is a named company in a country where the ledger has deals of that company and every one
was rejected, withdrawn or cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from records import DealState, Status
from store.book import Book
from store.companies import Companies
from store.headline import CLASSES, HOMES, count_ledger, read_references
from store.views import QueueFilter

VERDICTS = ("confirms", "lacks", "contradicts", "beyond")
_DENIED = (DealState.REJECTED, DealState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One fact: kind is country | technology | supplier_home | company; deals are those of the ledger that bear on it."""

    verdict: str
    kind: str
    country: str
    value: str
    deals: tuple[str, ...]


def compare_references(
    book: Book, *, undecided: bool = False, standard: Mapping[str, str] | None = None
) -> list[Compared]:
    """Every fact of the references and of the ledger, with its verdict; in a fixed order.

    `standard` are the lexicon's names by `vendor_id`, under which companies are compared.
    """
    named = book.companies(standard)
    known = read_references(book)
    ledger = count_ledger(book, named, undecided=undecided)
    ours: dict[tuple[str, str, str], list[str]] = {}
    for deal in ledger.deals:
        for fact in _facts(deal):
            ours.setdefault(fact, []).append(deal["deal_id"])
    theirs = {("country", country, "") for country in known.countries}
    for name, countries in known.flags.items():
        kind = "technology" if name in CLASSES else "supplier_home" if name in HOMES else None
        if kind:
            theirs |= {(kind, country, name) for country in countries}
    for company, countries in known.companies.items():
        theirs |= {("company", country, named.usual(company)) for country in countries}
    denied = _denied(book, named)
    told = []
    for fact in sorted(theirs | set(ours)):
        if fact in ours:
            verdict, deals = ("confirms" if fact in theirs else "beyond"), ours[fact]
        elif fact in denied:
            verdict, deals = "contradicts", denied[fact]
        else:
            verdict, deals = "lacks", []
        kind, country, value = fact
        told.append(Compared(verdict=verdict, kind=kind, country=country, value=value, deals=tuple(deals)))
    return told


def _facts(deal: dict[str, Any]) -> Iterable[tuple[str, str, str]]:
    country = deal["country"]
    yield "country", country, ""
    for name, technologies in CLASSES.items():
        if set(technologies) & set(deal["technologies"]):
            yield "technology", country, name
    for name, home in HOMES.items():
        if deal["vendor_country"] == home:
            yield "supplier_home", country, name
    if deal["company"]:
        yield "company", country, deal["company"]


def _denied(book: Book, named: Companies) -> dict[tuple[str, str, str], list[str]]:
    """Companies in countries for which people looked at the ledger's deals and let none stand."""
    told: dict[tuple[str, str, str], list[str]] = {}
    standing: set[tuple[str, str, str]] = set()
    for item in book.items(QueueFilter(states=())):
        vendor = item.values["vendor"]
        if not vendor:
            continue
        fact = ("company", item.values["country"], named.usual(vendor, item.vendor_id))
        cancelled = item.state is DealState.ACCEPTED and item.values["status"] == Status.CANCELLED
        if item.state in _DENIED or cancelled:
            told.setdefault(fact, []).append(item.deal_id)
        else:
            standing.add(fact)
    return {fact: deals for fact, deals in told.items() if fact not in standing}
