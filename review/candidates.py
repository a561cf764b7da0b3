"""What a field may be filled with: values told of the same article first, then names and sums that stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from extract.lexicon import Kind
from review.fields import FIELDS, Field, shown, spoken
from review.vocabulary import OFFERED, Vocabulary

# Names and sums of 4,000 characters take 7 ms, of 20,000 they take 37 (bench/review.py holds the server to 30 a key):
# longer articles are read around their evidence only.
READ_POINTS = 6_000

_YEAR = re.compile(r"(?<!\d)(?:19[5-9]\d|20[0-4]\d)(?!\d)")
_FIELD_OF_KIND = {Kind.VENDOR: "vendor", Kind.LENDER: "financier", Kind.AGENCY: "customer"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A value to take with one key, and where it comes from; `span` are code points of the article's text."""

    value: str
    why: str
    span: tuple[int, int] | None = None


def offers(
    text: str, around: tuple[int, int], findings: Iterable[Mapping[str, Any]], language: str, vocabulary: Vocabulary
) -> dict[str, list[Offer]]:
    """For each field at most OFFERED values (all, where the field has a fixed set), best first.

    `findings` are the slots of all findings of the article, the deal's own first; `around` is the shown range.
    """
    told = list(findings)
    named = _named(text, around, language, vocabulary)
    made: dict[str, list[Offer]] = {}
    for item in FIELDS:
        found: dict[str, Offer] = {}
        for values in told:
            for value in _values(item, values, vocabulary):
                found.setdefault(value, Offer(value, "finding"))
        for offer in named.get(item.name, []):
            found.setdefault(offer.value, offer)
        if item.choices:
            for choice in item.choices:
                found.setdefault(spoken(choice), Offer(spoken(choice), ""))
            made[item.name] = [Offer(o.value.replace(" ", "_"), o.why) for o in found.values()]
        else:
            made[item.name] = list(found.values())[:OFFERED]
    return made


def _values(item: Field, values: Mapping[str, Any], vocabulary: Vocabulary) -> list[str]:
    if item.several:
        return [spoken(value) for value in values.get(item.name) or ()]
    words = shown(item, values, vocabulary)
    return [words] if words and not (item.choices and item.name == "alleged") else []


def _named(text: str, around: tuple[int, int], language: str, vocabulary: Vocabulary) -> dict[str, list[Offer]]:
    """Names, sums and years of the text by field, those near the shown range first."""
    start, end = 0, len(text)
    if end > READ_POINTS:
        start = max(0, around[0] - READ_POINTS // 2)
        end = min(len(text), start + READ_POINTS)
    part, middle = text[start:end], (around[0] + around[1]) // 2
    found: list[tuple[int, str, Offer]] = []

    def keep(field: str, value: str, at: int, stop: int) -> None:
        left, right = at + start, stop + start
        far = 0 if around[0] <= left < around[1] else abs(left - middle)
        found.append((far, field, Offer(value, "in the text", (left, right))))

    for hit in vocabulary.lexicon.find(part, language):
        kind, key = hit.entry.kind, hit.entry.key
        if kind is Kind.COUNTRY:
            name = vocabulary.country_name(key)
            keep("country", f"{name} ({key})", hit.start, hit.end)
        elif kind is Kind.TECHNOLOGY and not hit.entry.weak:
            keep("technologies", spoken(key), hit.start, hit.end)
        elif kind in _FIELD_OF_KIND:
            value = key if kind is not Kind.AGENCY else " ".join(part[hit.start : hit.end].split())
            keep(_FIELD_OF_KIND[kind], value, hit.start, hit.end)
    for match in _YEAR.finditer(part):
        keep("year", match[0], *match.span())
    for amount in vocabulary.sums(part):
        for field in ("value", "financing_amount"):
            keep(field, f"{amount.currency} {amount.amount:,.0f}", amount.start, amount.end)
    found.sort(key=lambda row: row[0])
    made: dict[str, list[Offer]] = {}
    for _, field, offer in found:
        made.setdefault(field, []).append(offer)
    made["vendor_country"] = made.get("country", [])
    return made
