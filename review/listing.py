"""The queue in words: its rows, and the facets that narrow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from records import DealState
from review.fields import money_shown, spoken
from review.house import House
from review.screens import label
from review.spec import ALL_STATES, SPECIAL, Spec
from store.views import QueueItem

FACET_LENGTH = 9


def row(house: House, item: QueueItem, query: str, *, blind: bool) -> dict[str, Any]:
    """A row of the queue in words."""
    values = item.values
    kinds = [spoken(kind) for kind in values["technologies"]]
    sums = [
        (values[f"{kind}_amount"], values[f"{kind}_currency"])
        for kind in ("value", "financing")
        if values[f"{kind}_amount"]
    ]
    hidden = house.unaided_share > 0 and item.state is DealState.PENDING
    state = "" if blind or item.state is DealState.PENDING else str(item.state)
    return {
        "href": f"/review/deal/{quote(item.deal_id, safe='')}" + (f"?{query}" if query else ""),
        "label": label(values, house.lexicon),
        "second": values["customer"] or "",
        "sure": None if hidden else item.confidence,
        "technologies": ", ".join(kinds),
        "technologies_short": kinds[0] + (f" +{len(kinds) - 1}" if len(kinds) > 1 else "") if kinds else "",
        "financing": spoken(values["financing_type"] or ""),
        "sum": money_shown(*max(sums)) if sums else "",
        "year": values["year"] or "",
        "status": spoken(values["status"]),
        "tag": state or ("flagged" if item.flagged and not blind else ""),
        "sources": item.sources,
        "evidence": item.evidence,
    }


def facets(house: House, spec: Spec, counted: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    names = house.lexicon.country_name
    made = [
        {
            "title": "Queue",
            "rows": [
                _item(
                    "open",
                    Spec(order=spec.order).query() or "order=likely",
                    None,
                    not spec.queue and not spec.state,
                ),
                *[_item(words, Spec(queue=name).query(), None, spec.queue == name) for name, words in SPECIAL.items()],
                _item("flagged", Spec(flagged=True, state=(ALL_STATES,)).query(), None, spec.flagged is True),
                _item("may be the same", Spec(twin=True).query(), None, spec.twin is True),
                _item("sources differ", Spec(conflicts=True).query(), None, spec.conflicts is True),
                _item(
                    "everything",
                    Spec(state=(ALL_STATES,)).query(),
                    None,
                    ALL_STATES in spec.state and spec.flagged is None,
                ),
            ],
        }
    ]
    for name, title in (
        ("state", "State"),
        ("country", "Country"),
        ("vendor", "Vendor"),
        ("technology", "Technology"),
    ):
        chosen: tuple[str, ...] = getattr(spec, name)
        found = counted.get(name, {})
        shown = [*chosen, *(value for value in found if value not in chosen and not value.startswith("("))][
            :FACET_LENGTH
        ]
        items = [
            _item(
                (names(value) or value) if name == "country" else spoken(value) if name != "vendor" else value,
                spec.toggled(name, value),
                found.get(value),
                value in chosen,
            )
            for value in shown
            if value != ALL_STATES
        ]
        if items:
            made.append({"title": title, "rows": items})
    return made


def _item(words: str, query: str, count: int | None, on: bool) -> dict[str, Any]:
    return {"label": words, "query": query, "count": f"{count:,}" if count is not None else None, "on": on}
