"""Decisions as gold documents: what people accepted and rejected of an article, in the guidelines' field names.

A document asserts what its own findings say, corrected where a person corrected the deal on them: a value that only
another article of the deal tells is not put into this one's mouth. Rejected deals stand beside, for training on what
is no deal. Coverage claims were not asked about; `claims` is empty and `claims_checked` says so.
An article of which somebody said that it holds nothing more, and in which nothing was found, is a document without deals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from records import DealState, StoreError
from store import review as shelf
from store.book import Book
from store.values import SLOTS
from store.views import DealView, FindingView

_NUMBERS = ("financing_amount", "value_amount")


def documents(book: Book, *, complete_only: bool = False) -> Iterator[dict[str, Any]]:
    """A document for each article with a decided deal or with nothing more to find, in the order of their ids.

    `complete` holds where every deal of the article is decided and somebody said that it holds nothing more;
    `open` counts those that are not decided. Copies of one article bear the same `event`.
    """
    done = book.articles_done()
    for article_id in sorted({*shelf.decided_articles(book), *done}):
        try:
            article = book.article(article_id)
        except StoreError:
            continue  # withdrawn since
        deals = list(book.deals(book.deals_of_article(article_id), texts=False))
        accepted = [deal for deal in deals if deal.state is DealState.ACCEPTED]
        rejected = [deal for deal in deals if deal.state is DealState.REJECTED]
        undecided = len(deals) - len(accepted) - len(rejected)
        complete = article_id in done and not undecided
        if complete_only and not complete:
            continue
        yield {
            "id": article_id,
            "kind": "decided",
            "event": article.origin,
            "source": {"url": article.url, "outlet": article.outlet},
            "lang": article.language,
            "title": article.title,
            "date": article.published,
            "url": article.url,
            "text": article.text,
            "deals": [row for deal in accepted for row in _rows(deal, article_id, article.text)],
            "rejected": [row for deal in rejected for row in _rows(deal, article_id, article.text)],
            "claims": [],
            "claims_checked": False,
            "open": undecided,
            "complete": complete,
        }


def _rows(deal: DealView, article_id: str, text: str) -> list[dict[str, Any]]:
    found = [one for one in deal.findings if one.article.article_id == article_id]
    made = [
        _row(_told_here(deal, one), one.vendor_aliases, [q for q in one.evidence if q in text], deal) for one in found
    ]
    if not made and deal.by_hand:
        quotes = [str(one["quote"]) for one in deal.evidence if one["article_id"] == article_id]
        aliases = [name for name in [(deal.decided or {}).get("vendor")] if name and name in text]
        made = [_row(deal.decided or {}, aliases, quotes, deal)]
    return made


def _told_here(deal: DealView, finding: FindingView) -> dict[str, Any]:
    """This finding's values, with a person's correction where it read what was corrected, or where it was in sight."""
    values = dict(finding.values)
    if deal.decided is None or deal.machine is None:
        return values
    in_sight = finding.finding_id == deal.findings[0].finding_id
    for slot in SLOTS:
        read, wanted = deal.machine.get(slot), deal.decided.get(slot)
        if read != wanted and (values.get(slot) == read if read is not None else in_sight and values.get(slot) is None):
            values[slot] = wanted
    return values


def _row(values: Mapping[str, Any], aliases: list[str], quotes: list[str], deal: DealView) -> dict[str, Any]:
    sums = {name: _number(values.get(name)) for name in _NUMBERS}
    kind = values.get("financing_type")
    financing = {
        "type": kind,
        "financier": values.get("financier"),
        "amount": sums["financing_amount"],
        "currency": values.get("financing_currency"),
    }
    value = {"amount": sums["value_amount"], "currency": values.get("value_currency")}
    return {
        "vendor": values.get("vendor"),
        "vendor_aliases": aliases,
        "vendor_country": values.get("vendor_country"),
        "country": values.get("country"),
        "technologies": sorted(values.get("technologies") or []),
        "financing": financing if kind else None,
        "value": value if value["amount"] is not None else None,
        "customer": values.get("customer"),
        "year": values.get("year"),
        "status": values.get("status") or "unknown",
        "alleged": bool(values.get("alleged")),
        "evidence": quotes[:3],
        "deal_id": deal.deal_id,
        "by_hand": deal.by_hand,
        "reason": deal.reason,
    }


def _number(amount: Any) -> int | float | None:
    if amount is None:
        return None
    return int(amount) if float(amount) == int(amount) else float(amount)
