"""The rows of one deal: itself, its technologies, financing, parties and events, as shown after what people decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from publish import countries, derive, money
from publish.cells import joined
from publish.rows import (
    AcceptedHow,
    Deal,
    DealTechnology,
    Event,
    Instrument,
    MoneyNote,
    Party,
    PartyRole,
)
from publish.suppliers import Supplier, Suppliers
from publish.words import clean, moment, short_hash
from records import FinancingType, Status, Technology
from store.views import DealView, FindingView


def deal_row(view: DealView, values: Mapping[str, Any], supplier: Supplier, base_year: int, reply: str | None) -> Deal:
    """The row of `deals`; relations to other deals are laid over it later."""
    changed = view.machine is not None and any(view.machine[slot] != values[slot] for slot in values)
    priced = _finding(view, view.shown["value_amount"].finding_id)
    how = AcceptedHow.BY_HAND if view.by_hand else AcceptedHow.CORRECTED if changed else AcceptedHow.ACCEPTED
    return Deal(
        deal_id=view.deal_id,
        vendor=supplier.vendor,
        vendor_id=supplier.vendor_id,
        vendor_standard=supplier.standard,
        vendor_country=values["vendor_country"],
        country=values["country"],
        country_name=countries.name_of(values["country"]),
        place=clean(values["place"]),
        customer=clean(values["customer"]),
        year=values["year"],
        status=Status(values["status"]),
        alleged=bool(values["alleged"]),
        value_raw=clean(priced.value_raw) if priced else None,
        **_price(values, base_year),
        source_quality=view.scores.source_quality if view.findings else None,
        completeness=view.scores.completeness,
        independent_sources=view.sources,
        confidence=view.confidence if view.findings else None,
        accepted_at=moment(view.decided_at or ""),
        accepted_how=how,
        reply=reply,
    )


def _price(values: Mapping[str, Any], base_year: int) -> dict[str, Any]:
    amount, currency = values["value_amount"], values["value_currency"]
    if amount is None:
        return {}
    told = money.to_dollars(amount, currency, values["year"], base_year)
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


def technology_rows(view: DealView, values: Mapping[str, Any]) -> list[DealTechnology]:
    """The deal's technologies with their classes in the AIGS index."""
    return [
        DealTechnology(deal_id=view.deal_id, technology=Technology(name), aigs_class=derive.AIGS.get(name))
        for name in sorted(values["technologies"])
    ]


def instrument_rows(view: DealView, values: Mapping[str, Any], base_year: int) -> list[Instrument]:
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
    return [_instrument(view.deal_id, i, one, values["year"], base_year) for i, one in enumerate(chosen, 1)]


def _instrument(deal_id: str, position: int, one: Mapping[str, Any], year: int | None, base_year: int) -> Instrument:
    amount, currency = one["amount"], one["currency"]
    told = money.to_dollars(amount, currency, year, base_year) if amount is not None and currency else None
    return Instrument(
        deal_id=deal_id,
        position=position,
        type=FinancingType(one["type"]),
        financier=clean(one["financier"]),
        amount=amount if told else None,
        currency=currency if told else None,
        raw=clean(one.get("raw")),
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


def event_rows(view: DealView, values: Mapping[str, Any]) -> list[Event]:
    """Reports as they came, and the agreement of the shown year; years that are not shown are no events."""
    told = [one for one in view.events if one["event"] != "agreed" or one["date"] == str(values["year"])]
    if values["year"] and not any(one["event"] == "agreed" for one in told):
        told.append({"date": str(values["year"]), "event": "agreed", "status": values["status"], "article_id": None})
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


def party_rows(
    deal_id: str, values: Mapping[str, Any], supplier: Supplier, known: Suppliers, instruments: Iterable[Instrument]
) -> list[Party]:
    """The published supplier, customer and financiers; what other sources say is in the evidence."""
    role = PartyRole(values["role"] or "supplier")
    told = [_supplier_row(deal_id, role, supplier)]
    if values["customer"]:
        told.append(_party(deal_id, PartyRole.CUSTOMER, clean(values["customer"]), values["country"]))
    for row in instruments:
        if supplier.is_called(row.financier):  # a vendor that finances its own sale is one body in two roles
            told.append(_supplier_row(deal_id, PartyRole.FINANCIER, supplier))
        elif row.financier:
            wikidata = known.wikidata(row.financier)
            told.append(_party(deal_id, PartyRole.FINANCIER, row.financier, None, wikidata=wikidata))
    return list({(party.role, party.party_id): party for party in told}.values())


def _supplier_row(deal_id: str, role: PartyRole, supplier: Supplier) -> Party:
    return _party(
        deal_id,
        role,
        supplier.standard,
        supplier.home,
        aliases=joined(supplier.aliases),
        vendor_id=supplier.vendor_id,
        wikidata=supplier.wikidata,
    )


def _party(deal_id: str, role: PartyRole, name: str | None, country: str | None, **told: str | None) -> Party:
    party_id = "P" + short_hash((name or "").casefold(), country or "")
    return Party(deal_id=deal_id, role=role, party_id=party_id, name=name, country=country, **told)


def _finding(view: DealView, finding_id: str | None) -> FindingView | None:
    return next((one for one in view.findings if one.finding_id == finding_id), None)
