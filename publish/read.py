"""Reads a release out of the ledger: accepted deals, each value with the source, sentence and offsets that it rests on.

All of it is of one moment of the databases, whoever writes them meanwhile.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from publish import countries, derive, money
from publish.cells import number, tidy_text
from publish.quote import Quote, quote_of
from publish.release import About, Release
from publish.rows import (
    QUOTE_MOST,
    AcceptedHow,
    Basis,
    Claim,
    Deal,
    DealTechnology,
    Event,
    Evidence,
    Gone,
    Instrument,
    MoneyNote,
    Party,
    PartyRole,
    Retired,
    Source,
)
from records import (
    DealState,
    FinancingType,
    LinkKind,
    Precision,
    Qualifier,
    SourceType,
    Status,
    StoreError,
    Technology,
)
from store.book import Book
from store.release import Log, PageFacts, ReadClaim, page_facts, read_claims
from store.views import DealView, FindingView, QueueFilter, SourceArticle

ANALYST = "an analyst"
# Column that evidence speaks for -> the slot of the deal, and the slot of the spans that tell it.
SLOTS = {
    "vendor": "vendor",
    "vendor_country": "vendor_country",
    "country": "country",
    "place": "place",
    "technologies": "technologies",
    "customer": "customer",
    "year": "year",
    "status": "status",
    "value_amount": "value",
    "financing": "financing",
}
# Why a value has no words of its own.
INFERRED = {
    "vendor_country": "home of the vendor in the lexicon",
    "year": "year of publication",
    "status": "read from the document as a whole",
}


def moment_of(log: Log) -> str:
    """When the last decision was made, to the second, UTC."""
    return _moment(log.last_at)


def read_release(book: Book, archive: Path, about: About, log: Log, former_ids: Iterable[str] = ()) -> Release:
    """All accepted deals with what hangs on them. Call within `book.moment()` if other things are read beside.

    `former_ids` are the deals of the release before: those that are gone are told, whatever became of them.
    """
    reader = _Reader(about, log)
    with book.moment():
        for view in book.deals(_accepted_ids(book), texts=True):
            reader.take(view, _marked(book, view))
        for claim in read_claims(book):
            reader.take_claim(claim, book.article(claim.article_id))
        retired = _retired(book, log, set(reader.deals), former_ids, reader.anonymous)
    return reader.release(page_facts(archive, reader.articles), retired)


def _accepted_ids(book: Book) -> list[str]:
    return book.deal_ids(QueueFilter(states=(DealState.ACCEPTED,)))


class _Reader:
    """Gathers the rows of all tables, deal by deal; holds no article's text longer than it must."""

    def __init__(self, about: About, log: Log) -> None:
        self.about, self.log = about, log
        self.articles: dict[str, SourceArticle] = {}
        self.deals: dict[str, Deal] = {}
        self.parties: list[Party] = []
        self.technologies: list[DealTechnology] = []
        self.instruments: list[Instrument] = []
        self.events: list[Event] = []
        self.evidence: dict[str, Evidence] = {}
        self.claims: list[Claim] = []
        self._links: list[tuple[str, str, LinkKind]] = []
        self._names = _any_of(log.reviewers)

    # --- one deal

    def take(self, view: DealView, marked: Iterable[SourceArticle] = ()) -> None:
        """Add one deal; `marked` are the articles in which an analyst marked it by hand."""
        for article in marked:
            self.articles.setdefault(article.article_id, replace(article, text=""))
        values = {slot: shown.value for slot, shown in view.shown.items()}
        changed = view.machine is not None and any(view.machine[slot] != values[slot] for slot in values)
        for one in view.findings:
            self.articles.setdefault(one.article.article_id, replace(one.article, text=""))
        self.deals[view.deal_id] = self._deal(view, values, changed)
        self.technologies += [
            DealTechnology(deal_id=view.deal_id, technology=Technology(name), aigs_class=derive.AIGS.get(name))
            for name in sorted(values["technologies"])
        ]
        instruments = self._instruments(view, values)
        self.instruments += instruments
        self.parties += _parties(view.deal_id, values, instruments)
        self.events += self._events(view, values)
        for row in self._evidence(view, values):
            self.evidence[row.evidence_id] = row
        self._links += [(link.from_id, link.to_id, link.kind) for link in view.links]

    def _deal(self, view: DealView, values: Mapping[str, Any], changed: bool) -> Deal:
        teller = _finding(view, view.shown["vendor"].finding_id) or (view.findings[0] if view.findings else None)
        priced = _finding(view, view.shown["value_amount"].finding_id)
        how = AcceptedHow.BY_HAND if view.by_hand else AcceptedHow.CORRECTED if changed else AcceptedHow.ACCEPTED
        return Deal(
            deal_id=view.deal_id,
            vendor=_text(values["vendor"]),
            vendor_id=teller.vendor_id if teller and teller.values["vendor"] == values["vendor"] else None,
            vendor_country=values["vendor_country"],
            country=values["country"],
            country_name=countries.name_of(values["country"]),
            place=_text(values["place"]),
            customer=_text(values["customer"]),
            year=values["year"],
            status=Status(values["status"]),
            alleged=bool(values["alleged"]),
            value_raw=_text(priced.value_raw) if priced else None,
            **self._price(values),
            source_quality=view.scores.source_quality if view.findings else None,
            completeness=view.scores.completeness,
            independent_sources=view.sources,
            confidence=view.confidence if view.findings else None,
            accepted_at=_moment(view.decided_at or ""),
            accepted_how=how,
            reply=self.anonymous("\n".join(str(one.after.get("text", "")) for one in view.replies)),
        )

    def _price(self, values: Mapping[str, Any]) -> dict[str, Any]:
        amount, currency = values["value_amount"], values["value_currency"]
        if amount is None:
            return {}
        told = money.to_dollars(amount, currency, values["year"], self.about.base_year)
        return {
            "value_amount": amount,
            "value_currency": currency,
            "value_usd": told.nominal,
            "value_usd_constant": told.constant,
            "value_rate": told.rate,
            "value_rate_year": told.rate_year,
            "value_rate_origin": told.origin,
            "value_note": MoneyNote(told.note),
        }

    def _instruments(self, view: DealView, values: Mapping[str, Any]) -> list[Instrument]:
        """Those that the sources tell, the shown one first; only the decided one where an analyst set it."""
        if values["financing_type"] is None:
            return []
        shown = {
            "type": values["financing_type"],
            "financier": values["financier"],
            "amount": values["financing_amount"],
            "currency": values["financing_currency"],
        }
        told = [one for one in view.instruments if all(one[name] == value for name, value in shown.items())]
        rest = [one for one in view.instruments if one not in told]
        machine = view.machine or {}
        decided = any(
            machine.get(slot) != values[slot]
            for slot in ("financing_type", "financier", "financing_amount", "financing_currency")
        )
        chosen = [*told[:1], *(() if decided else rest)] if told else [shown]
        return [self._instrument(view.deal_id, i, one, values["year"]) for i, one in enumerate(chosen, 1)]

    def _instrument(self, deal_id: str, position: int, one: Mapping[str, Any], year: int | None) -> Instrument:
        amount, currency = one["amount"], one["currency"]
        told = (
            money.to_dollars(amount, currency, year, self.about.base_year) if amount is not None and currency else None
        )
        return Instrument(
            deal_id=deal_id,
            position=position,
            type=FinancingType(one["type"]),
            financier=_text(one["financier"]),
            amount=amount if told else None,
            currency=currency if told else None,
            raw=_text(one.get("raw")),
            usd=told.nominal if told else None,
            usd_constant=told.constant if told else None,
            rate=told.rate if told else None,
            rate_year=told.rate_year if told else None,
            rate_origin=told.origin if told else None,
            note=MoneyNote(told.note) if told else None,
            interest_rate=one.get("rate"),
            maturity_years=one.get("maturity_years"),
            grace_years=one.get("grace_years"),
        )

    def _events(self, view: DealView, values: Mapping[str, Any]) -> list[Event]:
        """Reports as they came, and the agreement of the shown year; years that are not shown are no events."""
        told = [one for one in view.events if one["event"] != "agreed" or one["date"] == str(values["year"])]
        if values["year"] and not any(one["event"] == "agreed" for one in told):
            told.append(
                {"date": str(values["year"]), "event": "agreed", "status": values["status"], "article_id": None}
            )
        told.sort(key=lambda one: (one["date"], one["event"], one["article_id"] or ""))
        return [
            Event(
                deal_id=view.deal_id,
                position=position,
                date=one["date"],
                estimated=one["event"] == "reported",
                status=Status(one["status"]),
                source_id=one["article_id"],
            )
            for position, one in enumerate(told, 1)
        ]

    # --- evidence

    def _evidence(self, view: DealView, values: Mapping[str, Any]) -> Iterable[Evidence]:
        for column, slot in SLOTS.items():
            lead = "financing_type" if column == "financing" else column
            shown = view.shown[lead]
            if shown.value is None or (column == "status" and shown.value == Status.UNKNOWN):
                continue
            chosen = 0
            for one in view.findings:
                if one.values[lead] is not None and not (column == "status" and one.values[lead] == Status.UNKNOWN):
                    row = self._told(view, column, slot, one, one.values[lead], shown)
                    chosen += row.chosen
                    yield row
            if not chosen:
                yield from self._decided(view, column, shown)

    def _told(self, view: DealView, column: str, slot: str, one: FindingView, value: Any, shown: Any) -> Evidence:
        quote = quote_of(one, slot) if self.about.quotes else quote_of(one, slot).without_words()
        right = set(value) <= set(shown.value) if column == "technologies" else value == shown.value
        return self._row(
            view.deal_id,
            column,
            _value_text(column, value, one),
            chosen=right and (shown.finding_id in (None, one.finding_id) or column == "technologies"),
            quote=quote,
            basis=Basis.QUOTED if quote.start is not None else Basis.INFERRED,
            reason=None if quote.start is not None else INFERRED.get(column, "read from the document as a whole"),
            source_id=one.article.article_id,
            teller=one.finding_id,
        )

    def _decided(self, view: DealView, column: str, shown: Any) -> Iterable[Evidence]:
        """A value that no document tells: the sentences that an analyst marked for a deal by hand, or the decision alone."""
        marked = view.evidence or [{}]
        for place, one in enumerate(marked):
            words = one.get("quote") or None
            quote = Quote(
                text=words,
                quote_start=one.get("start"),
                quote_end=one.get("end"),
                where="text" if words else None,
            ).cut()
            yield self._row(
                view.deal_id,
                column,
                _value_text(column, shown.value, None),
                chosen=True,
                quote=quote if self.about.quotes else quote.without_words(),
                basis=Basis.DECIDED,
                reason=f"set by {ANALYST}",
                source_id=one.get("article_id") if one.get("article_id") in self.articles else None,
                teller=f"decided{place}",
            )

    def _row(self, deal_id: str, column: str, value: str, *, quote: Quote, teller: str, **told: Any) -> Evidence:
        return Evidence(
            evidence_id="E" + _hash(deal_id, column, teller),
            deal_id=deal_id,
            field=column,
            value=_text(value),
            quote=quote.text,
            quote_start=quote.quote_start,
            quote_end=quote.quote_end,
            start=quote.start,
            end=quote.end,
            where=quote.where,
            **told,
        )

    # --- what is told of several deals together, and the release

    def take_claim(self, claim: ReadClaim, article: SourceArticle) -> None:
        self.articles.setdefault(article.article_id, replace(article, text=""))
        self.claims.append(
            Claim(
                claim_id=claim.claim_id,
                vendor=_text(claim.vendor),
                vendor_country=claim.vendor_country,
                technologies=";".join(sorted(claim.technologies)) or None,
                n_countries=claim.n_countries,
                qualifier=Qualifier(claim.qualifier),
                source_id=claim.article_id,
                quote=_text(claim.evidence[:QUOTE_MOST]) if self.about.quotes else None,
            )
        )

    def anonymous(self, text: str | None) -> str | None:
        """`text` without the names of who decides."""
        told = _text(text)
        return self._names.sub(ANALYST, told) if told and self._names else told

    def release(self, facts: Mapping[str, PageFacts], retired: list[Retired]) -> Release:
        """All rows in the order of their keys."""
        return Release(
            about=self.about,
            deals=self._related(),
            parties=sorted(self.parties, key=lambda row: (row.deal_id, row.role, row.party_id)),
            technologies=self.technologies,
            instruments=self.instruments,
            events=self.events,
            sources=self._sources(facts),
            evidence=[self.evidence[row_id] for row_id in sorted(self.evidence)],
            claims=self.claims,
            retired=retired,
        )

    def _related(self) -> list[Deal]:
        """The deals with their relations, and with what keeps them out of totals."""
        groups = _Groups()
        parents: dict[str, str] = {}
        umbrellas: set[str] = set()
        for one, other, kind in self._links:
            if kind is LinkKind.SHARES_SUM:
                groups.join(one, other)
            elif one in self.deals:
                parents.setdefault(one, other)
                if kind is LinkKind.PART_OF:
                    umbrellas.add(other)
        return [
            self._with_relations(deal, groups.of(deal_id), parents.get(deal_id), deal_id in umbrellas)
            for deal_id, deal in sorted(self.deals.items())
        ]

    def _with_relations(self, deal: Deal, group: str | None, parent: str | None, umbrella: bool) -> Deal:
        shared = group is not None and deal.value_amount is not None
        deal = replace(
            deal,
            value_shared=shared,
            sum_group=group if shared else None,
            umbrella=umbrella,
            parent_id=parent if parent in self.deals and parent != deal.deal_id else None,
        )
        why = derive.not_counted(deal, proposed=self.about.count_proposed, umbrella=self.about.count_umbrella)
        return replace(deal, counted=why is None, not_counted_why=why)

    def _sources(self, facts: Mapping[str, PageFacts]) -> list[Source]:
        return [
            _source(article, facts.get(article_id), self.articles)
            for article_id, article in sorted(self.articles.items())
        ]


class _Groups:
    """Deals that share one price, directly or through others (union-find)."""

    def __init__(self) -> None:
        self._lead: dict[str, str] = {}

    def _find(self, deal: str) -> str:
        while self._lead.get(deal, deal) != deal:
            deal = self._lead[deal]
        return deal

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self._find(one), self._find(other)))
        self._lead[second] = first
        self._lead.setdefault(first, first)

    def of(self, deal: str) -> str | None:
        """The group's name, or None for a deal that shares nothing."""
        return self._find(deal) if deal in self._lead else None


def _source(article: SourceArticle, facts: PageFacts | None, known: Mapping[str, Any]) -> Source:
    kinds = set(SourceType)
    return Source(
        source_id=article.article_id,
        title=_text(article.title),
        outlet=_text(article.outlet),
        source_type=SourceType(article.source_type) if article.source_type in kinds else None,
        author=_text(article.author),
        language=article.language if re.fullmatch(r"[a-z]{2,3}", article.language or "") else None,
        published=article.published,
        published_precision=Precision(article.published_precision) if article.published_precision else None,
        url=public_address(article.url),
        retrieved_at=_moment(facts.fetched_at) if facts else None,
        page_sha256=facts.sha256 if facts else None,
        copy_of=article.origin if article.origin != article.article_id and article.origin in known else None,
    )


def public_address(url: str) -> str | None:
    """A web address without user name and password; None for a file's or one that cannot be read."""
    try:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        host = parts.netloc.rpartition("@")[2]
        told = urlunsplit(parts._replace(netloc=host))
    except ValueError:
        return None
    return re.sub(r"\s", "%20", tidy_text(told))


def _marked(book: Book, view: DealView) -> list[SourceArticle]:
    """The articles in which an analyst marked the sentences of a deal by hand, where they still are."""
    wanted = {str(one["article_id"]) for one in view.evidence if one.get("article_id")}
    found = []
    for article_id in sorted(wanted):
        try:
            found.append(book.article(article_id))
        except StoreError:  # withdrawn since: the decision stands alone
            continue
    return found


def _retired(
    book: Book, log: Log, published: set[str], former_ids: Iterable[str], anonymous: Callable[[str | None], str | None]
) -> list[Retired]:
    """Ids that were accepted once or stood in the former release, and are no deal of this one."""
    found = {
        one.deal_id: Retired(
            deal_id=one.deal_id,
            state=_GONE[DealState(one.state)],
            successor=one.merged_into,
            date=one.at[:10] or None,
            why=anonymous(one.reason),
        )
        for one in log.gone
        if one.deal_id not in published
    }
    lost = [deal_id for deal_id in former_ids if deal_id not in published and deal_id not in found]
    for view in book.deals(lost):
        found.setdefault(
            view.deal_id,
            Retired(
                deal_id=view.deal_id,
                state=_GONE[view.state],
                date=(view.decided_at or "")[:10] or None,
                why=anonymous(log.reasons.get(view.deal_id)),
            ),
        )
    return [found[deal_id] for deal_id in sorted(found)]


# What became of a deal that was published, by the state it is in now.
_GONE = {
    DealState.MERGED: Gone.MERGED,
    DealState.WITHDRAWN: Gone.WITHDRAWN,
    DealState.REJECTED: Gone.WITHDRAWN,
    DealState.PENDING: Gone.REOPENED,
    DealState.UNSURE: Gone.REOPENED,
    DealState.REOPENED: Gone.REOPENED,
}


def _parties(deal_id: str, values: Mapping[str, Any], instruments: Iterable[Instrument]) -> list[Party]:
    """The published supplier, customer and financiers; what other sources say is in the evidence."""
    role = PartyRole(values["role"] or "supplier")
    told: list[tuple[PartyRole, str | None, str | None]] = [(role, values["vendor"], values["vendor_country"])]
    if values["customer"]:
        told.append((PartyRole.CUSTOMER, values["customer"], values["country"]))
    told += [(PartyRole.FINANCIER, row.financier, None) for row in instruments if row.financier]
    parties = {}
    for part, name, country in told:
        clean = _text(name)
        party_id = "P" + _hash((clean or "").casefold(), country or "")
        parties[part, party_id] = Party(
            deal_id=deal_id,
            role=part,
            party_id=party_id,
            name=clean,
            country=country,
            wikidata=_wikidata().get(clean) if clean and part is not PartyRole.CUSTOMER else None,
        )
    return list(parties.values())


@cache
def _wikidata() -> dict[str, str]:
    """Vendor to item, as in models/lexicon/vendors.csv."""
    text = (resources.files("models") / "lexicon" / "vendors.csv").read_text(encoding="utf-8")
    return {row["name"]: row["wikidata"] for row in csv.DictReader(text.splitlines()) if row["wikidata"]}


def _finding(view: DealView, finding_id: str | None) -> FindingView | None:
    return next((one for one in view.findings if one.finding_id == finding_id), None)


def _value_text(column: str, value: Any, teller: FindingView | None) -> str:
    if column == "technologies":
        return ";".join(value)
    if column == "value_amount" and teller is not None:
        return f"{number(value)} {teller.values['value_currency']}"
    return number(value) if isinstance(value, float) else str(value)


def _text(text: str | None) -> str | None:
    """Text as files can carry it; None for a blank."""
    told = tidy_text(text).strip() if text else ""
    return told or None


def _moment(at: str) -> str:
    """A moment of the databases (UTC), to the second."""
    return at[:19] + "Z"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:15]


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    told = sorted((re.escape(name) for name in names if len(name) > 2), key=len, reverse=True)
    return re.compile(rf"(?<!\w)({'|'.join(told)})(?!\w)", re.IGNORECASE) if told else None
