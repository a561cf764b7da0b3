"""Releases of any size, generated: invented companies and sentences, so that nobody takes a row for a finding."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from publish import countries, money
from publish.derive import AIGS, by_deal, not_counted
from publish.release import About, Release
from publish.rows import (
    AcceptedHow,
    Basis,
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
    Act,
    Article,
    DecisionAction,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    Money,
    Outcome,
    PageReading,
    Precision,
    SourceKind,
    SourceType,
    Span,
    Status,
    Technology,
)
from records import Source as RecordSource
from store.archive import Archive
from store.desk import Desk
from store.ledger import Ledger
from store.views import TO_REVIEW

BASE_YEAR = 2024
_CURRENCIES = ("USD", "USD", "USD", "EUR", "CNY", "KES", "NGN", "PKR", "TWD", "ZWL")
_HOMES = ("CN", "CN", "CN", "US", "IL", "JP", "FR", "DE")
_OPENINGS = ("", "", "", "", "=", "+", "'", "＝", "\u00a0-")  # a title is what a stranger wrote


def about(**told: Any) -> About:
    """What a generated release is called."""
    named: dict[str, Any] = {
        "name": "generated-deals",
        "title": "Generated deals",
        "version": "1.0.0",
        "date": "2026-01-31",
        "moment": "2026-01-31T12:00:00Z",
        "licence": "CC-BY-4.0",
        "authors": ("watchledger",),
        "homepage": "",
        "base_year": BASE_YEAR,
        "quotes": True,
        "raw": False,
        "bom": False,
        "count_proposed": False,
        "count_umbrella": False,
    }
    return About(**named | told)


def make_release(deals: int, seed: int = 0, **told: Any) -> Release:
    """A release of that many deals; equal arguments give equal rows."""
    dice = random.Random(seed)
    codes = sorted(countries.names())
    tables: dict[str, list[Any]] = {
        name: [] for name in ("deals", "parties", "technologies", "instruments", "events", "sources", "evidence")
    }
    for number in range(deals):
        _add_deal(number, dice, codes, tables)
    for name, key in (("sources", "source_id"), ("evidence", "evidence_id")):
        tables[name].sort(key=lambda row, key=key: getattr(row, key))  # type: ignore[misc]
    retired = [
        Retired(deal_id="Dgone1", state=Gone.MERGED, successor="D000000", date="2025-03-01", why="the same deal")
    ]
    return Release(about=about(**told), retired=retired, **tables)


def _add_deal(number: int, dice: random.Random, codes: list[str], tables: dict[str, list[Any]]) -> None:
    deal_id = f"D{number:06d}"
    maker = dice.randrange(400)
    vendor, home = f"Vendor {maker:03d}", _HOMES[maker % len(_HOMES)]
    country = codes[min(int(dice.expovariate(1 / 45)), len(codes) - 1)]
    year = dice.randrange(2008, 2026) if dice.random() < 0.9 else None
    price = round(dice.lognormvariate(16, 1.6), -3) if dice.random() < 0.45 else None
    currency = dice.choice(_CURRENCIES) if price else None
    dollars = money.to_dollars(price, currency, year, BASE_YEAR) if price and currency else None
    status = dice.choice((Status.AGREED, Status.OPERATIONAL, Status.IN_PROGRESS, Status.PROPOSED, Status.CANCELLED))
    shared = f"G{number // 3}" if price and dice.random() < 0.05 else None
    customer = f"Police of {countries.name_of(country)}" if dice.random() < 0.5 else None
    deal = Deal(
        deal_id=deal_id,
        vendor=vendor,
        vendor_id=vendor.lower().replace(" ", "-"),
        vendor_standard=vendor,
        vendor_country=home,
        country=country,
        country_name=countries.name_of(country),
        customer=customer,
        year=year,
        status=status,
        alleged=dice.random() < 0.1,
        value_amount=price,
        value_currency=currency,
        value_raw=f"{currency} {price:,.0f}" if price else None,
        value_usd=dollars.nominal if dollars else None,
        value_usd_constant=dollars.constant if dollars else None,
        value_rate=dollars.rate if dollars else None,
        value_rate_year=dollars.rate_year if dollars else None,
        value_rate_origin=dollars.origin if dollars else None,
        value_note=MoneyNote(dollars.note) if dollars else None,
        value_shared=shared is not None,
        sum_group=shared,
        source_quality=dice.randrange(1, 6),
        completeness=dice.randrange(0, 6),
        independent_sources=1,
        confidence=round(dice.random(), 4),
        accepted_at="2026-01-31T12:00:00Z",
        accepted_how=AcceptedHow.ACCEPTED,
    )
    why = not_counted(deal, proposed=False, umbrella=False)
    if why:
        deal = replace(deal, counted=False, not_counted_why=why)
    tables["deals"].append(deal)
    for technology in sorted(dice.sample(sorted(Technology), dice.choice((1, 1, 2)))):
        tables["technologies"].append(
            DealTechnology(deal_id=deal_id, technology=technology, aigs_class=AIGS.get(technology))
        )
    _add_parties(deal, dice, tables)
    for copy in range(dice.choice((1, 1, 1, 2))):
        _add_source(deal, number, copy, dice, tables)


def _add_parties(deal: Deal, dice: random.Random, tables: dict[str, list[Any]]) -> None:
    parties = [(PartyRole.SUPPLIER, deal.vendor, deal.vendor_country)]
    if deal.customer:
        parties.append((PartyRole.CUSTOMER, deal.customer, deal.country))
    if dice.random() < 0.3:
        lender = f"Bank {dice.randrange(40):02d}"
        parties.append((PartyRole.FINANCIER, lender, None))
        tables["instruments"].append(
            Instrument(
                deal_id=deal.deal_id, position=1, type=dice.choice(sorted(FinancingType)), financier=lender, amount=None
            )
        )
    for role, name, country in sorted(parties):
        party_id = hashlib.sha256(f"{name}|{country}".encode()).hexdigest()[:12]
        vendor_id = deal.vendor_id if role == PartyRole.SUPPLIER else None
        tables["parties"].append(
            Party(deal_id=deal.deal_id, role=role, party_id=party_id, name=name, country=country, vendor_id=vendor_id)
        )


def _add_source(deal: Deal, number: int, copy: int, dice: random.Random, tables: dict[str, list[Any]]) -> None:
    source_id = f"S{number:06d}{copy}"
    month = dice.randrange(1, 13)
    source = Source(
        source_id=source_id,
        title=f'{dice.choice(_OPENINGS)}Cameras for {deal.country_name}, "story" {number}',
        outlet=f"Daily {number % 97}",
        source_type=dice.choice(sorted(SourceType)),
        language="en",
        published=f"{deal.year or 2025}-{month:02d}",
        published_precision=Precision.MONTH,
        url=f"https://daily-{number % 97}.example/{number}/{copy}",
        retrieved_at="2026-01-30T08:00:00Z",
        page_sha256=hashlib.sha256(source_id.encode()).hexdigest(),
    )
    tables["sources"].append(source)
    tables["events"].append(
        Event(
            deal_id=deal.deal_id,
            position=copy + 1,
            date=source.published,
            estimated=True,
            status=deal.status,
            source_id=source_id,
        )
    )
    start = dice.randrange(50, 4000)
    quote = (
        f"{deal.vendor} will supply the cameras, {deal.customer or 'officials'} of {deal.country_name} said, "
        f"a contract of {deal.value_raw or 'an undisclosed sum'} signed in {deal.year or 'that year'} (story {number})."
    )
    loan = tables["instruments"][-1] if tables["instruments"] else None
    told = {
        "vendor": deal.vendor,
        "country": deal.country,
        "technologies": "video_surveillance",
        "customer": deal.customer,
        "year": str(deal.year) if deal.year else None,
        "value_amount": deal.value_raw,
        "financing": str(loan.type) if loan and loan.deal_id == deal.deal_id else None,
    }
    for slot, value in told.items():
        if value is not None:
            tables["evidence"].append(
                Evidence(
                    evidence_id=f"E{number:06d}{copy}{slot[:3]}{len(slot)}",
                    deal_id=deal.deal_id,
                    field=slot,
                    value=value,
                    chosen=copy == 0,
                    basis=Basis.QUOTED,
                    source_id=source_id,
                    quote=quote,
                    quote_start=start,
                    quote_end=start + len(quote),
                    start=start,
                    end=start + 9,
                    where="text",
                )
            )
    if copy == 0:
        tables["evidence"].append(
            Evidence(
                evidence_id=f"E{number:06d}home",
                deal_id=deal.deal_id,
                field="vendor_country",
                value=deal.vendor_country,
                chosen=True,
                basis=Basis.INFERRED,
                reason="home of the vendor in the lexicon",
            )
        )


def fill_workspace(folder: Path, deals: int, seed: int = 0) -> Path:
    """Write an archive, a ledger of that many generated deals and an acceptance of each; returns the ledger's path."""
    folder.mkdir(parents=True, exist_ok=True)
    release = make_release(deals, seed)
    archive, ledger = Archive.open(folder / "archive.db"), Ledger.open(folder / "watchledger.db")
    archive.begin_run([_DAILY], _DECIDED)
    ledger.begin_run("process", "generated", _DECIDED)
    evidence: dict[tuple[str, str], list[Evidence]] = {}
    for row in release.evidence:
        if row.source_id:
            evidence.setdefault((row.deal_id, row.source_id), []).append(row)
    technologies, instruments = by_deal(release.technologies), by_deal(release.instruments)
    sources = {source.source_id: source for source in release.sources}
    by_id = {deal.deal_id: deal for deal in release.deals}
    with archive.store.transaction() as conn:
        for source in release.sources:
            conn.execute("INSERT INTO bodies VALUES (?, 0, x'')", (source.page_sha256,))
            conn.execute(
                """INSERT INTO pages (page_id, url, final_url, status, fetched_at, content_type, sha256, source_id,
                       partial, via, title) VALUES (?1, ?2, ?2, 200, ?3, 'text/html', ?4, 'daily', 0, 'crawl', '')""",
                (source.source_id, source.url, _DECIDED.isoformat(), source.page_sha256),
            )
    archive.close()
    for (deal_id, source_id), rows in evidence.items():
        deal = by_id[deal_id]
        found = _finding(deal, rows, [row.technology for row in technologies[deal_id]], instruments.get(deal_id, []))
        ledger.save(_reading(sources[source_id], rows, found), "generated", "daily")
    ledger.settle()
    ledger.close()
    path = folder / "watchledger.db"
    with Desk.open(path) as desk:
        desk.bulk(DecisionAction.ACCEPT, desk.deal_ids(TO_REVIEW), Act(who="editor", at=_DECIDED, batch="all"))
    return path


_DECIDED = datetime(2026, 1, 31, 12, tzinfo=UTC)
_DAILY = RecordSource(
    id="daily", publisher="Daily", country="KE", language="en", kind=SourceKind.FEED, source_type=SourceType.MEDIA,
    url="https://daily.example/feed",
)  # fmt: skip
_SPAN = {"value_amount": "value"}


def _reading(source: Source, rows: list[Evidence], found: Finding) -> PageReading:
    quote, start = rows[0].quote or "", rows[0].quote_start or 0
    text = ("Generated text, of which nothing is true. " * 120)[:start] + quote + " Nothing more was said."
    article = Article(
        article_id=source.source_id, url=source.url or "", title=source.title or "", text=text, language="en",
        outlet=source.outlet, published=source.published, published_precision=source.published_precision,
    )  # fmt: skip
    extraction = Extraction(id=source.source_id, outcome=Outcome.KEPT, extractor_version="generated", deals=(found,))
    return PageReading(page_id=source.source_id, outcome=Outcome.KEPT, article=article, extraction=extraction)


def _finding(deal: Deal, rows: list[Evidence], technologies: list[Any], instruments: list[Instrument]) -> Finding:
    quote, start = rows[0].quote or "", rows[0].quote_start or 0
    spans = [Span(start=start, end=start + len(quote), slot="evidence")]
    spans += [Span(start=start, end=start + 6, slot=_SPAN.get(row.field, row.field)) for row in rows]
    money_told = None
    if deal.value_amount and deal.value_currency:
        money_told = Money(amount=deal.value_amount, currency=deal.value_currency, raw=deal.value_raw or "")
    financing = tuple(Financing(type=row.type, financier=row.financier) for row in instruments)
    return Finding(
        vendor=f"{deal.vendor} {deal.deal_id}", vendor_aliases=(), vendor_country=deal.vendor_country,
        country=deal.country, technologies=tuple(technologies), evidence=(quote,), confidence=deal.confidence or 0.5,
        financing=financing[0] if financing else None, instruments=financing, value=money_told,
        customer=deal.customer, year=deal.year, status=deal.status, alleged=deal.alleged, spans=tuple(sorted(set(spans))),
    )  # fmt: skip
