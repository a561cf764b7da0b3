"""Which deals a queue holds and in which order, as it stands in an address; filters are saved in this form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from records import DealState, InputError, Technology
from store.views import QueueFilter
from store.worklist import Order

ORDERS = (
    (Order.LIKELY, "most likely first"),
    (Order.UNCERTAIN, "most uncertain first"),
    (Order.NEWEST, "newest first"),
    (Order.LARGEST, "largest sum first"),
)
OPEN = (DealState.PENDING, DealState.REOPENED)
ALL_STATES = "all"
# Queues that are more than a filter over deals.
SPECIAL = {"disagreements": "coders differ", "mine": "assigned to me"}
_SEVERAL = ("state", "country", "vendor", "technology", "source")
_FLAGS = ("flagged", "conflicts", "sum", "twin")
_NUMBERS = ("least", "most")
LONGEST = 2_000
# A NUL ends a search for SQLite; none of these stands in a word.
_UNPRINTED = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A queue as its address tells it; empty means that it does not narrow."""

    order: Order = Order.LIKELY
    queue: str = ""
    state: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    technology: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    words: str = ""
    flagged: bool | None = None
    conflicts: bool | None = None
    sum: bool | None = None
    twin: bool | None = None
    least: float | None = None
    most: float | None = None
    since: str = ""

    def query(self, **changes: Any) -> str:
        """The address's query for this queue with changes; parts that say nothing are left out."""
        made = replace(self, **changes)
        pairs: list[tuple[str, str]] = []
        if made.queue:
            pairs.append(("queue", made.queue))
        if made.order is not Order.LIKELY:
            pairs.append(("order", made.order))
        pairs += [(name, value) for name in _SEVERAL for value in getattr(made, name)]
        if made.words:
            pairs.append(("words", made.words))
        pairs += [(name, "yes" if getattr(made, name) else "no") for name in _FLAGS if getattr(made, name) is not None]
        pairs += [(name, f"{getattr(made, name):g}") for name in _NUMBERS if getattr(made, name) is not None]
        if made.since:
            pairs.append(("since", made.since))
        return urlencode(pairs)

    def toggled(self, name: str, value: str) -> str:
        """The query with one value of a several-valued part added, or taken out where it is there."""
        there: tuple[str, ...] = getattr(self, name)
        return self.query(**{name: tuple(v for v in there if v != value) if value in there else (*there, value)})

    def filter(self, *, who: str, deal_ids: Iterable[str] | None = None) -> QueueFilter:
        """The store's filter. `deal_ids` are those of a special queue."""
        states = (
            OPEN if not self.state and not self.queue else tuple(DealState(s) for s in self.state if s != ALL_STATES)
        )
        return QueueFilter(
            states=() if ALL_STATES in self.state else states,
            countries=self.country,
            vendors=self.vendor,
            technologies=self.technology,
            sources=self.source,
            words=self.words,
            deal_ids=tuple(deal_ids or ()),
            flagged=self.flagged,
            conflicts=self.conflicts,
            with_sum=self.sum,
            with_twin=self.twin,
            min_confidence=self.least,
            max_confidence=self.most,
            published_from=self.since,
            not_decided_by=who if self.queue == "mine" else "",
            assigned_to=who if self.queue == "mine" else "",
        )


def read_spec(query: str) -> Spec:
    """The queue of an address's query. Raises InputError for a value that no queue has."""
    if len(query) > LONGEST:
        raise InputError(f"a queue's address has at most {LONGEST} characters")
    told: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, max_num_fields=60):
        told.setdefault(name, []).append(value.strip())
    last = {name: values[-1] for name, values in told.items()}
    made: dict[str, Any] = {name: tuple(dict.fromkeys(v for v in told.get(name, []) if v)) for name in _SEVERAL}
    _known("state", made["state"], [*DealState, ALL_STATES])
    _known("technology", made["technology"], list(Technology))
    made["order"] = Order(_known("order", [last.get("order") or Order.LIKELY], list(Order))[0])
    made["queue"] = _known("queue", [last.get("queue", "")], ["", *SPECIAL])[0]
    made["words"] = " ".join(_UNPRINTED.sub(" ", last.get("words", ""))[:300].split())
    made["since"] = last.get("since", "")[:10]
    made |= {name: last[name] == "yes" for name in _FLAGS if last.get(name) in ("yes", "no")}
    made |= {name: _number(name, last) for name in _NUMBERS}
    return Spec(**made)


def _known(name: str, values: Sequence[str], known: Sequence[str]) -> Sequence[str]:
    for value in values:
        if value not in known:
            raise InputError(f"{name} {value[:60]!r} is none of {', '.join(k for k in known if k)}")
    return values


def _number(name: str, told: Mapping[str, str]) -> float | None:
    if not told.get(name):
        return None
    try:
        value = float(told[name])
    except ValueError as error:
        raise InputError(f"{name} {told[name][:60]!r} is no number from 0 to 1") from error
    if not 0 <= value <= 1:
        raise InputError(f"{name} {told[name][:60]!r} is no number from 0 to 1")
    return value
