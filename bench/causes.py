"""Why a pair was missed or made up, as far as gold and prediction tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from extract.measure import match, norm


def causes(gold: Mapping[str, Mapping[str, Any]], found: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """Counts of wrong pairs by cause, over all documents."""
    counts: Counter[str] = Counter()
    for key, document in gold.items():
        deals, theirs = list(document["deals"]), list(found.get(key, {}).get("deals", []))
        pairs = match(deals, theirs)
        hit = {g for g, _ in pairs}
        right = {p for _, p in pairs}
        names = {n for d in deals for n in map(norm, [d["vendor"], *d["vendor_aliases"]]) if n}
        their_names = {norm(d["vendor"]) for d in theirs if d["vendor"]}
        for g, deal in enumerate(deals):
            if g in hit:
                continue
            own = {norm(n) for n in [deal["vendor"], *deal["vendor_aliases"]] if n}
            if deal["vendor"] is None:
                counts["missed: only the supplier's country is told"] += 1
            elif own & their_names:
                counts["missed: a further country of a supplier that was found"] += 1
            elif not theirs:
                counts["missed: nothing was found in the document"] += 1
            else:
                counts["missed: supplier not found beside others"] += 1
        for p, deal in enumerate(theirs):
            if p in right:
                continue
            if not deals:
                counts["made up: the document has no deal"] += 1
            elif deal["vendor"] is None:
                counts["made up: a nation taken for the supplier"] += 1
            elif norm(deal["vendor"]) in names:
                counts["made up: right supplier, wrong country"] += 1
            elif any(d["country"] == deal["country"] for d in deals):
                counts["made up: wrong supplier, right country"] += 1
            else:
                counts["made up: neither supplier nor country is of a deal"] += 1
    return counts
