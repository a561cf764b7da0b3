"""A release as FollowTheMoney entities, one JSON object a line, for Aleph and whatever else reads them.

| ours | theirs |
| --- | --- |
| supplier with a name | Company; without one, LegalEntity "Unnamed supplier (country)" |
| customer | PublicBody |
| financier | Organization |
| deal | Contract, with a ContractAward for each supplier |
| loan or credit | Debt from the financier to the customer, or to "Borrower in (country), not named" |
| grant | Payment likewise |
| source | Article, tied to the deal by Documentation with the quoted sentence |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from publish import countries
from publish.cells import number
from publish.derive import best_evidence, by_deal
from publish.release import Release
from publish.rows import Deal, Evidence, Instrument, Party, PartyRole, Source
from records import FinancingType, InputError, RecordError, Status

Entity = dict[str, Any]

_LENT = {
    FinancingType.CONCESSIONAL_LOAN,
    FinancingType.LOAN,
    FinancingType.EXPORT_CREDIT,
    FinancingType.VENDOR_FINANCING,
}
_SUPPLIERS = {PartyRole.SUPPLIER, PartyRole.MAKER, PartyRole.INTEGRATOR, PartyRole.PRIME_CONTRACTOR, PartyRole.DONOR}


def write_entities(release: Release, path: Path) -> None:
    """Write all entities of the release, each once, in a fixed order."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        for entity in entities(release):
            handle.write(encode(entity) + "\n")


def entities(release: Release) -> Iterator[Entity]:
    """Bodies, then sources, then each deal with what hangs on it."""
    parties, instruments, evidence = by_deal(release.parties), by_deal(release.instruments), by_deal(release.evidence)
    technologies = by_deal(release.technologies)
    yield from _bodies(release.parties)
    yield from map(_article, release.sources)
    sources = {source.source_id: source for source in release.sources}
    borrowers: set[str] = set()
    for deal in release.deals:
        own = parties.get(deal.deal_id, [])
        told = evidence.get(deal.deal_id, [])
        used = [str(row.technology) for row in technologies.get(deal.deal_id, [])]
        yield _contract(deal, own, used, _best_url(told, sources))
        yield from _awards(deal, own)
        for row in instruments.get(deal.deal_id, []):
            yield from _financing(deal, row, own, borrowers)
        yield from _documentation(deal, told)


def _entity(schema: str, entity_id: str, **properties: Any) -> Entity:
    told = {}
    for name, given in properties.items():
        values = [_kept(schema, name, value) for value in ([given] if isinstance(given, str) else given or ())]
        if any(values):
            told[name] = list(dict.fromkeys(value for value in values if value))
    return {"id": entity_id, "schema": schema, "properties": told}


def _bodies(parties: Iterable[Party]) -> Iterator[Entity]:
    roles: dict[str, set[PartyRole]] = {}
    first: dict[str, Party] = {}
    names: dict[str, set[str]] = {}  # over all deals: what one document calls a body is an alias of it everywhere
    for party in parties:
        roles.setdefault(party.party_id, set()).add(PartyRole(party.role))
        first.setdefault(party.party_id, party)
        names.setdefault(party.party_id, set()).update(_names(party))
    for party_id, party in sorted(first.items()):
        country = _country(party.country)
        if party.name is None:
            name = f"Unnamed supplier ({countries.name_of(party.country or '')})"
            yield _entity("LegalEntity", _body_id(party_id), name=name, country=country)
        else:
            schema, others = _schema_of(roles[party_id]), sorted(names[party_id] - {party.name})
            told = {"name": party.name, "alias": others, "country": country, "wikidataId": party.wikidata}
            yield _entity(schema, _body_id(party_id), **told)


def _names(party: Party) -> list[str]:
    return [name for name in (party.name, *(party.aliases or "").split("; ")) if name]


def _schema_of(roles: set[PartyRole]) -> str:
    if roles & _SUPPLIERS:
        return "Company"
    return "PublicBody" if PartyRole.CUSTOMER in roles else "Organization"


def _article(source: Source) -> Entity:
    return _entity(
        "Article",
        _source_id(source.source_id),
        title=source.title or source.url or source.source_id,
        publisher=source.outlet,
        author=source.author,
        publishedAt=source.published,
        language=_language(source.language),
        sourceUrl=_url(source.url),
        retrievedAt=source.retrieved_at[:10] if source.retrieved_at else None,
        notes=f"SHA-256 of the page as fetched: {source.page_sha256}" if source.page_sha256 else None,
    )


def _contract(deal: Deal, parties: Iterable[Party], technologies: list[str], url: str | None) -> Entity:
    what = ", ".join(technology.replace("_", " ") for technology in technologies)
    who = deal.vendor or f"supplier from {countries.name_of(deal.vendor_country or '')}"
    when = f", {deal.year}" if deal.year else ""
    alleged = "Reported as disputed, denied or unconfirmed." if deal.alleged else None
    return _entity(
        "Contract",
        _deal_id(deal.deal_id),
        title=f"{what[:1].upper()}{what[1:]} for {deal.country_name} ({who}{when})",
        country=_country(deal.country),
        authority=sorted({_body_id(party.party_id) for party in parties if party.role == PartyRole.CUSTOMER}),
        contractDate=str(deal.year) if deal.year else None,
        status=str(deal.status),
        cancelled="true" if deal.status == Status.CANCELLED else None,
        classification=technologies,
        description=[text for text in (alleged, deal.reply) if text],
        sourceUrl=_url(url),
        **_money(deal.value_amount, deal.value_currency, deal.value_usd),
    )


def _awards(deal: Deal, parties: Iterable[Party]) -> Iterator[Entity]:
    for party in parties:
        if PartyRole(party.role) in _SUPPLIERS:
            yield _entity(
                "ContractAward",
                f"wl-award-{deal.deal_id}-{party.role}-{party.party_id}",
                supplier=_body_id(party.party_id),
                contract=_deal_id(deal.deal_id),
                date=str(deal.year) if deal.year else None,
                role=str(party.role),
                status=str(deal.status),
                **_money(deal.value_amount, deal.value_currency, deal.value_usd),
            )


def _financing(deal: Deal, row: Instrument, parties: Iterable[Party], borrowers: set[str]) -> Iterator[Entity]:
    lender = next((p for p in parties if p.role == PartyRole.FINANCIER and row.financier in _names(p)), None)
    lent = row.type in _LENT
    if not lent and not (row.type == FinancingType.GRANT and lender):
        return  # a payment needs both ends; own budgets, partnerships and the rest are in the tables
    customer = next((_body_id(p.party_id) for p in parties if p.role == PartyRole.CUSTOMER), None)
    if customer is None:
        customer = f"wl-borrower-{deal.country}"
        if customer not in borrowers:
            borrowers.add(customer)
            name = f"Borrower in {deal.country_name}, not named"
            yield _entity("LegalEntity", customer, name=name, country=_country(deal.country))
    ends = {"debtor": customer, "creditor": _body_id(lender.party_id) if lender else None}
    if not lent:
        ends = {"beneficiary": customer, "payer": ends["creditor"], "contract": _deal_id(deal.deal_id)}
    yield _entity(
        "Debt" if lent else "Payment",
        f"wl-{'debt' if lent else 'payment'}-{deal.deal_id}-{row.position}",
        date=str(deal.year) if deal.year else None,
        summary=f"{row.type.replace('_', ' ')} for deal {deal.deal_id}",
        **ends,
        **_money(row.amount, row.currency, row.usd),
    )


def _documentation(deal: Deal, evidence: Iterable[Evidence]) -> Iterator[Entity]:
    by_source: dict[str, list[Evidence]] = {}
    for row in evidence:
        if row.source_id:
            by_source.setdefault(row.source_id, []).append(row)
    for source_id, rows in sorted(by_source.items()):
        yield _entity(
            "Documentation",
            f"wl-doc-{deal.deal_id}-{source_id}",
            document=_source_id(source_id),
            entity=_deal_id(deal.deal_id),
            role="evidence for " + ", ".join(sorted({row.field for row in rows})),
            summary=list(dict.fromkeys(row.quote for row in rows if row.quote)),
        )


def _money(amount: float | None, currency: str | None, dollars: float | None) -> dict[str, str]:
    told = {}
    if amount is not None and currency is not None:
        told = {"amount": number(amount), "currency": currency}
    return told | ({"amountUsd": number(dollars)} if dollars is not None else {})


def _best_url(evidence: list[Evidence], sources: dict[str, Source]) -> str | None:
    best = best_evidence(evidence)
    return sources[best.source_id].url if best and best.source_id else None


def _body_id(party_id: str) -> str:
    return f"wl-body-{party_id}"


def _source_id(source_id: str) -> str:
    return f"wl-source-{source_id}"


def _deal_id(deal_id: str) -> str:
    return f"wl-deal-{deal_id}"


# --- values as the library keeps them, so that nothing is lost when it reads them


@cache
def _country(code: str | None) -> str | None:
    return _registry().country.clean(code) if code else None


@cache
def _language(code: str | None) -> str | None:
    return _registry().language.clean(code) if code else None


def _url(url: str | None) -> str | None:
    return _registry().url.clean(url) if url else None


def _kept(schema: str, name: str, value: str) -> str | None:
    """Free text as the library keeps it: NFC, without control characters and outer space."""
    if value.isascii() and value.isprintable() and not _ODD.search(value):
        return value
    of_type = _free_text_type(schema, name)
    return of_type.clean(value) if of_type else value


# What the library would change in a name: outer space, doubled space, quotation marks around it.
_ODD = re.compile(r"^[\s\"'`]|[\s\"'`]$|\s\s")


@cache
def _free_text_type(schema: str, name: str) -> Any:
    from followthemoney import model

    known = model.get(schema)
    declared = known.get(name) if known else None
    if declared is None:
        raise RecordError(f"followthemoney has no {schema}.{name}; another version of it is installed")
    return declared.type if declared.type.name in ("string", "text", "name") else None


@cache
def _registry() -> Any:
    try:
        from followthemoney.types import registry
    except ImportError as error:
        raise InputError("entities need the followthemoney library; install watchledger[publish]") from error
    return registry
