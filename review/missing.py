"""What a deal still lacks for a full score, and what to search for to find it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from review.fields import spoken
from review.vocabulary import Vocabulary
from store.views import DealView

# What is missing -> the words that texts tell it with, in the language of the country where we have it.
_WORDS = {
    "financier": "loan OR financed OR lender",
    "instrument": '"concessional loan" OR "export credit" OR grant',
    "amount": "contract value OR million",
    "customer": "police OR ministry OR authority tender",
    "year": "signed OR awarded OR launched",
    "source": "contract OR tender OR signed",
}
_NAMES = {
    "financier": "who finances it",
    "instrument": "which kind of financing",
    "amount": "a sum",
    "customer": "who buys or uses it",
    "year": "the year",
    "source": "a second independent source",
}
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Missing:
    """One piece, and a search string that any engine takes."""

    what: str
    search: str


def pieces(deal: DealView, vocabulary: Vocabulary, most: int = MOST_SHOWN) -> list[Missing]:
    """The pieces that would raise a deal's scores, those first that it lacks altogether."""
    values = {slot: told.value for slot, told in deal.shown.items()}
    wanted = [*(["source"] if deal.sources < 2 else []), *[name for name in deal.scores.missing if name in _NAMES]]
    if not values.get("financing_type") and "financier" not in wanted:
        wanted.append("financier")
    return [Missing(_NAMES[name], search_string(name, values, vocabulary)) for name in wanted][:most]


def search_string(name: str, values: Mapping[str, Any], vocabulary: Vocabulary) -> str:
    """A search for one piece: supplier and country in quotes, the technology, then the words that would tell it."""
    home = values.get("vendor_country")
    supplier = values.get("vendor") or (vocabulary.country_name(str(home)) if home else "")
    country = vocabulary.country_name(str(values.get("country") or ""))
    kinds = values.get("technologies") or []
    parts = [f'"{part}"' for part in (supplier, country) if part]
    return " ".join([*parts, *(spoken(kind) for kind in kinds[:1]), f"({_WORDS[name]})"])
