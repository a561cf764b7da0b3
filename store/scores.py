"""How well a deal is sourced and how complete it is, after AidData's TUFF method; computed from what is shown now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from records import FinancingType, SourceType
from store.choose import UNKNOWN
from store.views import Scores

_MEDIA = (SourceType.MEDIA, SourceType.SOCIAL, UNKNOWN)


def scores(
    values: Mapping[str, Any], sources: Iterable[tuple[str, str]], conflicts: Iterable[str], inferred_year: bool
) -> Scores:
    """Both scores.

    `sources` are (origin, kind of source): equal origins are copies of one story and count once, with the best kind.
    A year is uncertain where none is told, where sources differ, or where it is only the year of publication.
    """
    best: dict[str, str] = {}
    for origin, kind in sources:
        if origin not in best or _ORDER.index(kind) < _ORDER.index(best[origin]):
            best[origin] = kind
    quality, why = _quality(list(best.values()))
    missing = []
    if not values["year"] or inferred_year or "year" in conflicts:
        missing.append("year")
    if values["value_amount"] is None and values["financing_amount"] is None:
        missing.append("amount")
    if values["financing_type"] in (None, FinancingType.OTHER):
        missing.append("instrument")
    told = values["financing_type"] not in (None, FinancingType.OWN_BUDGET)
    if told and not values["financier"]:
        missing.append("financier")
    if not values["customer"]:
        missing.append("customer")
    return Scores(source_quality=quality, completeness=5 - len(missing), source_reason=why, missing=missing)


_ORDER = [*SourceType, UNKNOWN]


def _quality(kinds: list[str]) -> tuple[int, str]:
    official = kinds.count(SourceType.OFFICIAL)
    if official >= 2:
        return 5, f"{official} official sources"
    if official == 1:
        return 4, "one official source"
    if SourceType.ACADEMIC in kinds:
        return 3, "an academic source"
    others = sorted({kind for kind in kinds if kind not in _MEDIA})
    if others:
        return 2, f"beside or instead of media: {', '.join(others)}"
    return 1, "only media" if kinds else "no source"
