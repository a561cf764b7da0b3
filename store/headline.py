"""The counts that the AI Global Surveillance Index leads with, out of the references, the ledger, and both together.

The index counts countries, not deals. Of the ledger, a country counts where an accepted deal is agreed, in progress,
operational or of unknown standing: proposals and cancelled deals are left out, as the index leaves them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from records import DealState, Status, Technology
from store.book import Book
from store.companies import Companies
from store.reference import References, references
from store.views import QueueFilter

CLASSES = {
    "smart_city": (Technology.SAFE_CITY,),
    "facial_recognition": (Technology.FACIAL_RECOGNITION,),
    "smart_policing": (Technology.SMART_POLICING, Technology.LICENSE_PLATE_RECOGNITION),
}
"""The index's classes of technology, in the terms of our taxonomy (gold/GUIDELINES, column AIGS)."""

HOMES = {"china_tech": "CN", "us_tech": "US", "japan_tech": "JP"}
_WORDS = {
    "smart_city": "smart city",
    "facial_recognition": "facial recognition",
    "smart_policing": "smart policing",
    "china_tech": "Chinese technology",
    "us_tech": "US technology",
    "japan_tech": "Japanese technology",
}
BELT_AND_ROAD = "belt_and_road"
_NOT_COUNTED = (Status.PROPOSED, Status.CANCELLED)
_MOST_COMPANIES = 10

# Figures of the report's text (S. Feldstein, The Global Expansion of AI Surveillance, Carnegie Endowment, 2019),
# where it gives one for what its table can be counted for.
PUBLISHED: dict[str, dict[str, int]] = {
    "aigs2019": {
        "countries": 75,
        "smart city": 56,
        "facial recognition": 64,
        "smart policing": 52,
        "Chinese technology": 63,
        "of which in Belt and Road countries": 36,
        "Huawei": 50,
        "NEC": 14,
        "IBM": 11,
    }
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One count: in how many countries by the references, by the ledger, and by either."""

    label: str
    references: int
    ledger: int
    together: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The counts, and what has to be said beside them."""

    names: tuple[str, ...]
    lines: list[Line]
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LedgerCounts:
    """The ledger's deals as sets of countries, and what was left out of them."""

    countries: set[str] = field(default_factory=set)
    classes: dict[str, set[str]] = field(default_factory=dict)
    homes: dict[str, set[str]] = field(default_factory=dict)
    companies: dict[str, set[str]] = field(default_factory=dict)  # by usual name
    deals: list[dict[str, Any]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    counted: int = 0


def read_references(book: Book) -> References:
    """All reference sets of the ledger."""
    with book.moment() as conn:
        rows = conn.execute("SELECT * FROM ledger.reference_rows ORDER BY name, line, kind, value").fetchall()
        names = [row[0] for row in conn.execute("SELECT name FROM ledger.reference_sets")]
    return references(rows, names)


def count_ledger(book: Book, named: Companies, *, undecided: bool = False) -> LedgerCounts:
    """The ledger's deals that count: accepted ones, and with `undecided` those that wait for review as well.

    Each has its `company` under the usual name that `named` gives it.
    """
    told = LedgerCounts(classes={name: set() for name in CLASSES}, homes={name: set() for name in HOMES})
    states = {DealState.ACCEPTED} | ({DealState.PENDING, DealState.REOPENED} if undecided else set())
    for item in book.items(QueueFilter(states=())):
        values = item.values
        if item.state not in states:
            told.left_out[item.state] += 1
            continue
        if values["status"] in _NOT_COUNTED:
            told.left_out[values["status"]] += 1
            continue
        told.counted += 1
        company = named.usual(values["vendor"], item.vendor_id) if values["vendor"] else None
        told.deals.append({"deal_id": item.deal_id, "company": company, **values})
        country = values["country"]
        told.countries.add(country)
        for name, technologies in CLASSES.items():
            if set(technologies) & set(values["technologies"]):
                told.classes[name].add(country)
        for name, home in HOMES.items():
            if values["vendor_country"] == home:
                told.homes[name].add(country)
        if company:
            told.companies.setdefault(company, set()).add(country)
    return told


def headline(
    book: Book,
    *,
    undecided: bool = False,
    companies: Iterable[str] = (),
    standard: Mapping[str, str] | None = None,
) -> Headline:
    """The table of counts, over the named companies or else those in most countries.

    `standard` are the lexicon's names by `vendor_id`: a company that texts name differently has one line.
    """
    named = book.companies(standard)
    known, ledger = read_references(book), count_ledger(book, named, undecided=undecided)
    lines = [_line("countries", known.countries, ledger.countries)]
    for name in CLASSES:
        lines.append(_line(_WORDS[name], known.flags.get(name, frozenset()), ledger.classes[name]))
    road = known.flags.get(BELT_AND_ROAD, frozenset())
    for name in HOMES:
        marked = known.flags.get(name, frozenset())
        lines.append(_line(_WORDS[name], marked, ledger.homes[name]))
        if name == "china_tech":
            lines.append(_line("of which in Belt and Road countries", marked & road, ledger.homes[name] & road))
    ours = ledger.companies
    theirs: dict[str, set[str]] = {}
    for company, marked in known.companies.items():
        theirs.setdefault(named.usual(company), set()).update(marked)
    wanted = [named.usual(name) for name in companies] or _most(ours, theirs)
    lines += [_line(name, frozenset(theirs.get(name, ())), ours.get(name, set())) for name in wanted]
    return Headline(names=known.names, lines=lines, notes=_notes(known, ledger, road, lines, theirs))


def _line(label: str, references: frozenset[str], ledger: set[str]) -> Line:
    return Line(
        label=label, references=len(references), ledger=len(ledger), together=len(references | frozenset(ledger))
    )


def _most(ours: dict[str, set[str]], theirs: dict[str, set[str]]) -> list[str]:
    names = sorted({*ours, *theirs}, key=lambda n: (-len(ours.get(n, set()) | theirs.get(n, set())), n))
    return names[:_MOST_COMPANIES]


def _notes(
    known: References, ledger: LedgerCounts, road: frozenset[str], lines: list[Line], theirs: dict[str, set[str]]
) -> list[str]:
    notes = []
    for name in known.names:
        if name in PUBLISHED and known.names == (name,):
            notes += _differences(name, lines, theirs)
    if ledger.left_out:
        told = ", ".join(f"{n} {what}" for what, n in sorted(ledger.left_out.items()))
        notes.append(f"of the ledger {ledger.counted} deals count; left out: {told}")
    unplaced = ledger.homes["china_tech"] - known.countries
    if unplaced and known.names:
        notes.append(
            f"no reference says whether {', '.join(sorted(unplaced))} belong to the Belt and Road; not counted there"
        )
    if road:
        notes.append("which company supplied which technology is not told by a table of countries, and is not inferred")
    return notes


def _differences(name: str, lines: list[Line], theirs: dict[str, set[str]]) -> list[str]:
    """Where the published text gives another figure than its table."""
    counted = {line.label: line.references for line in lines} | {
        company: len(found) for company, found in theirs.items()
    }
    told = []
    for label, said in PUBLISHED[name].items():
        found = counted.get(label, 0)
        if found != said:
            about = "at least " if label == "Huawei" else ""
            told.append(
                f"{label}: the rows of {name} give {found}, the published text says {about}{said}; "
                "rows are counted here, and the text's figure cannot be derived from them"
            )
    return told
