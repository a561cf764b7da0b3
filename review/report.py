"""What the decisions say of the machine and of the coders: precision, agreement, pace, automation bias."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from records import DealState
from review.agreement import agreement
from review.spec import Spec
from store import review as shelf
from store.book import Book
from store.values import SLOTS
from store.views import QueueFilter

ROWS = 25
_RULE = re.compile(r"[=(].*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of the report's tables; figures are words where a page shows them."""

    decided: int
    open: int
    people: list[dict[str, Any]]
    agreement: list[dict[str, Any]]
    disagreements: int
    disagreement_query: str
    bias: list[dict[str, Any]]
    precision: list[dict[str, Any]]


def read(book: Book) -> Report:
    """Read all of it out of the decisions."""
    with book.moment():
        verdicts = list(shelf.standing_decisions(book))
        pairs = shelf.coded_pairs(book)
        latest = {told["deal_id"]: told for told in verdicts if not told["second"]}
        found = shelf.findings_of(book, sorted(latest))
        waiting = book.count(QueueFilter())
    return Report(
        decided=len(latest),
        open=waiting,
        people=people(verdicts),
        agreement=agreement_rows(pairs),
        disagreements=sum(bool(shelf.differ(*pair)) for pair in pairs),
        disagreement_query=Spec(queue="disagreements").query(),
        bias=bias(verdicts),
        precision=[
            {"name": "rule", "rows": precision(latest, found, _rules)},
            {"name": "source", "rows": precision(latest, found, _sources)},
        ],
    )


def people(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each person: how many of which verdict, and how long one took (bulk acts are counted, not timed)."""
    by_person: dict[str, list[Mapping[str, Any]]] = {}
    for told in verdicts:
        by_person.setdefault(told["who"], []).append(told)
    rows = []
    for who, given in sorted(by_person.items()):
        kinds = Counter(_ending(told) for told in given)
        rows.append(
            {"who": who, "decisions": len(given)}
            | {name: kinds[name] for name in ("accepted", "corrected", "rejected", "unsure")}
            | _pace(given)
        )
    return rows


def _pace(given: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    seconds = sorted(told["seconds"] for told in given if told["seconds"] is not None and not told["batch"])
    if not seconds:
        return {"median": "–", "p90": "–"}
    return {"median": f"{median(seconds):.1f}", "p90": f"{seconds[math.ceil(len(seconds) * 0.9) - 1]:.1f}"}


def _ending(told: Mapping[str, Any]) -> str:
    """accepted (as read), corrected, rejected or unsure; compared by value, whatever the key was called."""
    if told["action"] in ("reject", "unsure"):
        return str(shelf.verdict_kind(told["action"]))
    return "accepted" if told["machine"] is None or told["decided"] == told["machine"] else "corrected"


def agreement_rows(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Agreement on the verdict over all deals that two coded, and on each slot over those that both accepted."""
    if not pairs:
        return []
    kinds: list[tuple[Hashable, Hashable]] = [
        (str(shelf.verdict_kind(one["action"])), str(shelf.verdict_kind(other["action"]))) for one, other in pairs
    ]
    rows = [agreement("verdict", kinds)]
    both = [
        (one["decided"] or {}, other["decided"] or {})
        for (one, other), kind in zip(pairs, kinds, strict=True)
        if kind == (DealState.ACCEPTED, DealState.ACCEPTED)
    ]
    rows += [
        agreement(slot, [(_plain(one.get(slot)), _plain(other.get(slot))) for one, other in both]) for slot in SLOTS
    ]
    return [
        {
            "slot": row.slot.replace("_", " "),
            "units": row.units,
            "percent": _share(row.percent, 100),
            "kappa": _share(row.kappa),
            "alpha": _share(row.alpha),
        }
        for row in rows
    ]


def _plain(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value


def _share(value: float | None, times: int = 1) -> str:
    if value is None:
        return "–"
    return f"{value * times:.0f} %" if times == 100 else f"{value:.2f}"


def bias(verdicts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How decisions end with the machine's answer on the screen and without it: the difference is automation bias."""
    rows = []
    kept = [told for told in verdicts if not told["batch"] and not told["second"]]
    for name, shown in (("on the screen", 1), ("hidden", 0)):
        given = [told for told in kept if told["machine_shown"] == shown]
        kinds = Counter(_ending(told) for told in given)
        shares = {
            kind: f"{kinds[kind]} ({kinds[kind] / len(given):.0%})" if given else "–"
            for kind in ("accepted", "corrected", "rejected")
        }
        rows.append({"name": name, "decisions": len(given), "median": _pace(given)["median"]} | shares)
    return rows


def precision(
    latest: Mapping[str, Mapping[str, Any]], found: Mapping[str, list[dict[str, Any]]], names: Any
) -> list[dict[str, Any]]:
    """Accepted among accepted and rejected for each name that `names` gives to a deal's findings, most decided first."""
    counts: dict[str, Counter[str]] = {}
    for deal, told in latest.items():
        kind = shelf.verdict_kind(told["action"])
        if kind == DealState.UNSURE:
            continue
        for name in sorted({name for finding in found.get(deal, []) for name in names(finding)}):
            counts.setdefault(name, Counter())[kind] += 1
    rows = []
    for name, counter in sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))[:ROWS]:
        accepted, n = counter[DealState.ACCEPTED], counter.total()
        low, high = wilson(accepted, n)
        told = {"precision": f"{accepted / n:.2f}", "low": f"{low:.2f}", "high": f"{high:.2f}"}
        rows.append({"name": name, "accepted": accepted, "rejected": n - accepted} | told)
    return rows


def _rules(finding: Mapping[str, Any]) -> list[str]:
    """The rules that carried a finding, without this finding's own figures; those that spoke against it stay out."""
    return [_RULE.sub("", reason).strip() for reason in finding["reasons"] if "(-" not in reason]


def _sources(finding: Mapping[str, Any]) -> list[str]:
    return [finding["outlet"] or finding["source_id"]]


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval for a share of `n` (Wilson 1927); the whole range where nothing was counted."""
    if not n:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
