"""Tables made from the ledger's: the wide one, the index of countries, totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from publish import countries, money
from publish.cells import joined
from publish.release import Release
from publish.rows import CountryTechnology, Deal, Evidence, IndexRow, NotCounted, Total, WideDeal
from records import Status

# The AIGS index's classes, and the technologies that each covers.
AIGS = {
    "safe_city": "smart_city",
    "facial_recognition": "facial_recognition",
    "smart_policing": "smart_policing",
    "license_plate_recognition": "smart_policing",
    "social_media_monitoring": "social_media",
}
_DEAL_COLUMNS = tuple(field.name for field in fields(Deal))

Row = TypeVar("Row")


def with_derived(release: Release) -> Release:
    """The release with all tables that follow from its other tables."""
    return replace(
        release,
        deals_wide=wide(release),
        index_countries=index_of_countries(release),
        country_technology=country_technology(release),
        totals=totals(release),
        origins=money.origins(),
    )


def not_counted(deal: Deal, *, proposed: bool, umbrella: bool) -> NotCounted | None:
    """Why totals leave a deal out; `proposed` and `umbrella` ask for such deals to be counted."""
    if deal.umbrella and not umbrella:
        return NotCounted.UMBRELLA
    if deal.status == Status.CANCELLED:
        return NotCounted.CANCELLED
    if deal.status == Status.PROPOSED and not proposed:
        return NotCounted.PROPOSED
    return None


def company_of(deal: Deal) -> str | None:
    """The name that a deal's supplier is counted under, the same for all deals of one company; None where none is named."""
    return deal.vendor_standard or deal.vendor


def by_deal(rows: Iterable[Row]) -> Mapping[str, list[Row]]:
    """Rows that hang on a deal, by the deal."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.deal_id].append(row)  # type: ignore[attr-defined]
    return found


def wide(release: Release) -> list[WideDeal]:
    """One row a deal with its technologies, financing and best source."""
    technologies, instruments = by_deal(release.technologies), by_deal(release.instruments)
    evidence = by_deal(release.evidence)
    sources = {source.source_id: source for source in release.sources}
    return [
        _wide(
            deal,
            technologies.get(deal.deal_id, []),
            instruments.get(deal.deal_id, []),
            evidence.get(deal.deal_id, []),
            sources,
        )
        for deal in release.deals
    ]


def _wide(
    deal: Deal, technologies: list[Any], instruments: list[Any], evidence: list[Evidence], sources: Mapping[str, Any]
) -> WideDeal:
    first, best = (instruments[0] if instruments else None), best_evidence(evidence)
    source = sources.get(best.source_id) if best and best.source_id else None
    return WideDeal(
        **{name: getattr(deal, name) for name in _DEAL_COLUMNS},
        technologies=";".join(row.technology for row in technologies),
        financing=joined(str(row.type) for row in instruments),
        financiers=joined(row.financier for row in instruments),
        financing_amount=first.amount if first else None,
        financing_currency=first.currency if first else None,
        financing_usd=first.usd if first else None,
        financing_usd_constant=first.usd_constant if first else None,
        outlet=source.outlet if source else None,
        published=source.published if source else None,
        url=source.url if source else None,
        page_sha256=source.page_sha256 if source else None,
        quote=best.quote if best else None,
        quote_start=best.quote_start if best else None,
        quote_end=best.quote_end if best else None,
        source_urls=joined(
            sources[row.source_id].url for row in evidence if row.source_id and row.source_id in sources
        ),
    )


def best_evidence(evidence: Sequence[Evidence]) -> Evidence | None:
    """The row that shows where the pair is read: of the published supplier's, else the country's, else any with a source."""
    told = [row for row in evidence if row.source_id]
    rank = {"vendor": 0, "vendor_country": 1, "country": 2}
    return min(told, key=lambda row: (not row.chosen, rank.get(row.field, 3), row.evidence_id), default=None)


def index_of_countries(release: Release) -> list[IndexRow]:
    """The table of the AI Global Surveillance Index, from the counted deals."""
    technologies = by_deal(release.technologies)
    found: dict[str, list[Deal]] = defaultdict(list)
    for deal in release.deals:
        if deal.counted:
            found[deal.country].append(deal)
    return [_index_row(country, deals, technologies) for country, deals in sorted(found.items())]


def _index_row(country: str, deals: list[Deal], technologies: Mapping[str, list[Any]]) -> IndexRow:
    classes = {AIGS.get(row.technology) for deal in deals for row in technologies.get(deal.deal_id, [])}
    homes = sorted({deal.vendor_country for deal in deals if deal.vendor_country})
    years = [deal.year for deal in deals if deal.year]
    vendors = sorted(set(filter(None, map(company_of, deals))), key=str.casefold)
    return IndexRow(
        country=country,
        country_name=countries.name_of(country),
        belt_and_road=money.belt_and_road().get(country),
        smart_city="smart_city" in classes,
        facial_recognition="facial_recognition" in classes,
        smart_policing="smart_policing" in classes,
        social_media="social_media" in classes,
        china_tech="CN" in homes,
        us_tech="US" in homes,
        japan_tech="JP" in homes,
        supplier_homes=joined(homes),
        companies=joined(vendors),
        deals=len(deals),
        first_year=min(years, default=None),
        last_year=max(years, default=None),
    )


def country_technology(release: Release) -> list[CountryTechnology]:
    """Counted deals and vendors for each country and technology."""
    counted = {deal.deal_id: deal for deal in release.deals if deal.counted}
    found: dict[tuple[str, Any], list[Deal]] = defaultdict(list)
    for row in release.technologies:
        if row.deal_id in counted:
            found[counted[row.deal_id].country, row.technology].append(counted[row.deal_id])
    return [
        CountryTechnology(
            country=country,
            technology=technology,
            deals=len(deals),
            vendors=len(set(map(company_of, deals)) - {None}),
        )
        for (country, technology), deals in sorted(found.items())
    ]


def totals(release: Release) -> list[Total]:
    """Deals and dollars over the counted deals, in all and by each of the scopes."""
    counted = [deal for deal in release.deals if deal.counted]
    technologies, instruments = by_deal(release.technologies), by_deal(release.instruments)
    scopes: dict[str, Callable[[Deal], Iterable[str | None]]] = {
        "all": lambda deal: ["all"],
        "country": lambda deal: [deal.country],
        "vendor": lambda deal: [company_of(deal)],
        "vendor_country": lambda deal: [deal.vendor_country],
        "technology": lambda deal: [row.technology for row in technologies.get(deal.deal_id, [])],
        "financing": lambda deal: sorted({row.type for row in instruments.get(deal.deal_id, [])}),
        "year": lambda deal: [str(deal.year) if deal.year else None],
    }
    return [total for scope, names in scopes.items() for total in _totals(scope, names, counted, instruments)]


def _totals(
    scope: str, names: Callable[[Deal], Iterable[str | None]], deals: list[Deal], instruments: Mapping[str, list[Any]]
) -> list[Total]:
    members: dict[str, list[Deal]] = defaultdict(list)
    spread: dict[str, set[str]] = defaultdict(set)  # sum group -> the values of this scope that its deals have
    for deal in deals:
        for name in names(deal):
            if name is not None:
                members[name].append(deal)
                if deal.sum_group:
                    spread[deal.sum_group].add(name)
    return [_total(scope, name, found, spread, instruments) for name, found in sorted(members.items())]


def _total(
    scope: str, name: str, deals: list[Deal], spread: Mapping[str, set[str]], instruments: Mapping[str, list[Any]]
) -> Total:
    priced = [deal for deal in deals if deal.value_amount is not None]
    # A deal of several technologies is in several totals of that scope with its whole price; a price that
    # several deals share is in none of them unless all these deals are the same value's.
    left_out = [deal for deal in priced if deal.sum_group and len(spread[deal.sum_group]) > 1]
    once = _each_sum_once([deal for deal in priced if not (deal.sum_group and len(spread[deal.sum_group]) > 1)])
    loans = [
        row for deal in deals for row in instruments.get(deal.deal_id, []) if scope != "financing" or row.type == name
    ]
    return Total(
        scope=scope,
        name=name,
        deals=len(deals),
        priced=len(priced),
        value_usd=_sum(deal.value_usd for deal in once),
        value_usd_constant=_sum(deal.value_usd_constant for deal in once),
        no_dollars=sum(deal.value_usd is None for deal in priced),
        shared_left_out=len(left_out),
        financing_usd=_sum(row.usd for row in loans),
        financing_usd_constant=_sum(row.usd_constant for row in loans),
    )


def _each_sum_once(deals: Iterable[Deal]) -> list[Deal]:
    """Of the deals that share a price, the one whose dollars are most: reports of one sum differ by rounding."""
    groups: dict[str, Deal] = {}
    for deal in deals:
        key = deal.sum_group or f"\n{deal.deal_id}"
        held = groups.get(key)
        if held is None or (deal.value_usd or 0.0) > (held.value_usd or 0.0):
            groups[key] = deal
    return list(groups.values())


def _sum(amounts: Iterable[float | None]) -> float:
    return round(sum(amount for amount in amounts if amount is not None), 2)
