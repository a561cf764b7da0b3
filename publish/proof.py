"""The evidence for one deal: which source says what of which value, in which sentence, at which offsets."""

from __future__ import annotations

from collections.abc import Container, Iterator
from sys import intern
from typing import Any

from publish.cells import number, tidy_text
from publish.quote import Quote, quote_of
from publish.rows import Basis, Evidence
from publish.words import clean, short_hash
from records import Status
from store.views import DealView, FindingView, Shown

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
# Of these there are few values, and each is kept in memory once.
FEW = {"vendor_country", "country", "technologies", "year", "status", "financing"}
# Why a value has no words of its own.
INFERRED = {
    "vendor_country": "home of the vendor, as far as the document or the lexicon tells it",
    "year": "year of publication",
    "status": "read from the document as a whole",
}


def evidence_rows(view: DealView, known: Container[str], *, quotes: bool) -> Iterator[Evidence]:
    """Every source's word for every published value; `known` are the articles that the release has."""
    for column, slot in SLOTS.items():
        lead = "financing_type" if column == "financing" else column
        shown = view.shown[lead]
        if shown.value is None or (column == "status" and shown.value == Status.UNKNOWN):
            continue
        chosen = 0
        for one in view.findings:
            if one.values[lead] is not None and not (column == "status" and one.values[lead] == Status.UNKNOWN):
                row = _told(view, column, slot, one, one.values[lead], shown, quotes)
                chosen += row.chosen
                yield row
        if not chosen:
            yield from _decided(view, column, shown, known, quotes)


def _told(view: DealView, column: str, slot: str, one: FindingView, value: Any, shown: Shown, quotes: bool) -> Evidence:
    quote = quote_of(one, slot) if quotes else quote_of(one, slot).without_words()
    right = set(value) <= set(shown.value) if column == "technologies" else value == shown.value
    return _row(
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


def _decided(view: DealView, column: str, shown: Shown, known: Container[str], quotes: bool) -> Iterator[Evidence]:
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
        yield _row(
            view.deal_id,
            column,
            _value_text(column, shown.value, None),
            chosen=True,
            quote=quote if quotes else quote.without_words(),
            basis=Basis.DECIDED,
            reason=f"set by {ANALYST}",
            source_id=one.get("article_id") if one.get("article_id") in known else None,
            teller=f"decided{place}",
        )


def _row(deal_id: str, column: str, value: str, *, quote: Quote, teller: str, **told: Any) -> Evidence:
    told_value = clean(value)
    return Evidence(
        evidence_id="E" + short_hash(deal_id, column, teller),
        deal_id=deal_id,
        field=column,
        value=intern(told_value) if told_value and column in FEW else told_value,
        quote=intern(tidy_text(quote.text)) if quote.text else None,  # one sentence speaks for many values
        quote_start=quote.quote_start,
        quote_end=quote.quote_end,
        start=quote.start,
        end=quote.end,
        where=quote.where,
        **told,
    )


def _value_text(column: str, value: Any, teller: FindingView | None) -> str:
    if column == "technologies":
        return ";".join(value)
    if column == "value_amount" and teller is not None:
        return f"{number(value)} {teller.values['value_currency']}"
    return number(value) if isinstance(value, float) else str(value)
