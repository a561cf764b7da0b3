"""Scores extracted deals against gold documents, level by level and slot by slot.

Levels are micro-averaged over documents: pair (supplier, country), triple (+ each technology), tuple (+ financing
type), document, claim (supplier, number), claim_full (+ qualifier, technologies). Slots are scored on matched pairs.
Names match by their ASCII letters and digits in lower case without legal words, against any alias of the gold.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Deal = Mapping[str, Any]
Counts = Counter[tuple[str, str]]

LEVELS = ("pair", "triple", "tuple", "document", "claim", "claim_full")
SLOTS = (
    "financing_type",
    "financier",
    "financing_amount",
    "value",
    "customer",
    "year",
    "status",
    "alleged",
    "vendor_country",
)
_LEGAL_WORDS = frozenset(
    "technologies technology tech co company ltd limited corp corporation inc incorporated group plc llc gmbh ag sa "
    "srl spa bv nv pte pvt private jsc ooo holding holdings international system systems digital the".split()
)


def norm(name: str | None) -> str:
    """A name as it is compared: legal words are left out if anything remains without them."""
    ascii_only = unicodedata.normalize("NFKD", name or "").encode("ascii", "ignore").decode().casefold()
    words = re.findall("[a-z0-9]+", ascii_only)
    return " ".join(w for w in words if w not in _LEGAL_WORDS) or " ".join(words)


def overlap(a: str, b: str) -> bool:
    """Do two names share at least half of the words of the shorter one?"""
    x, y = set(norm(a).split()), set(norm(b).split())
    return bool(x and y) and 2 * len(x & y) >= min(len(x), len(y))


def _names(deal: Deal) -> set[str]:
    return {norm(n) for n in (deal.get("vendor"), *(deal.get("vendor_aliases") or ())) if n} - {""}


def _same_supplier(gold: Deal, found: Deal) -> bool:
    if gold.get("vendor") is None:
        return found.get("vendor") is None and gold.get("vendor_country") == found.get("vendor_country")
    return norm(found.get("vendor")) in _names(gold)


def match(gold: Sequence[Deal], found: Sequence[Deal]) -> list[tuple[int, int]]:
    """Indexes (gold, found) of deals that agree on supplier and country; each side is used once, in order."""
    pairs: list[tuple[int, int]] = []
    used: set[int] = set()
    for g, deal in enumerate(gold):
        p = next(
            (
                p
                for p, other in enumerate(found)
                if p not in used and deal["country"] == other.get("country") and _same_supplier(deal, other)
            ),
            None,
        )
        if p is not None:
            used.add(p)
            pairs.append((g, p))
    return pairs


def _amount(slot: Mapping[str, Any] | None) -> tuple[float, str] | None:
    if not slot or slot.get("amount") is None:
        return None
    return slot["amount"], slot.get("currency") or ""


def _slot(slot: str, gold: Deal, found: Deal) -> tuple[int, int, int]:
    """(right, found, gold) of one slot on one matched pair."""
    g_fin, p_fin = gold.get("financing") or {}, found.get("financing") or {}
    if slot in ("value", "financing_amount"):
        g_sum = _amount(g_fin if slot == "financing_amount" else gold.get("value"))
        p_sum = _amount(p_fin if slot == "financing_amount" else found.get("value"))
        right = bool(g_sum and p_sum) and g_sum[1] == p_sum[1] and abs(g_sum[0] - p_sum[0]) <= 0.01 * abs(g_sum[0])  # type: ignore[index]
        return int(right), int(p_sum is not None), int(g_sum is not None)
    if slot in ("financier", "customer"):
        g, p = (g_fin.get(slot), p_fin.get(slot)) if slot == "financier" else (gold.get(slot), found.get(slot))
        return int(bool(g and p) and overlap(str(g), str(p))), int(bool(p)), int(bool(g))
    if slot == "alleged":
        g, p = bool(gold.get(slot)), bool(found.get(slot))
        return int(g and p), int(p), int(g)
    if slot == "financing_type":
        g, p = g_fin.get("type"), p_fin.get("type")
        return int(bool(g) and g == p), int(bool(p)), int(bool(g))
    g, p = gold.get(slot), found.get(slot)
    if slot == "status":
        g, p = (None if x == "unknown" else x for x in (g, p))
    return int(g is not None and g == p), int(p is not None), int(g is not None)


def _claim(claim: Mapping[str, Any]) -> tuple[Any, ...]:
    return norm(claim.get("vendor")), claim.get("vendor_country"), claim.get("n_countries")


def _whole_claim(claim: Mapping[str, Any]) -> tuple[Any, ...]:
    return *_claim(claim), claim.get("qualifier"), tuple(sorted(claim.get("technologies") or ()))


def count(gold: Mapping[str, Any], found: Mapping[str, Any]) -> Counts:
    """All counts of one document, keyed (level or slot, "tp" | "predicted" | "gold")."""
    counts: Counts = Counter()

    def add(level: str, right: int, predicted: int, wanted: int) -> None:
        counts[level, "tp"] += right
        counts[level, "predicted"] += predicted
        counts[level, "gold"] += wanted

    g_deals, p_deals = gold.get("deals") or [], found.get("deals") or []
    pairs = match(g_deals, p_deals)
    add("pair", len(pairs), len(p_deals), len(g_deals))
    shared = {
        (g, p): len(set(g_deals[g].get("technologies") or ()) & set(p_deals[p].get("technologies") or ()))
        for g, p in pairs
    }
    predicted = sum(len(set(d.get("technologies") or ())) or 1 for d in p_deals)
    wanted = sum(len(set(d.get("technologies") or ())) for d in g_deals)
    add("triple", sum(shared.values()), predicted, wanted)
    same_type = [
        (g, p)
        for g, p in pairs
        if (g_deals[g].get("financing") or {}).get("type") == (p_deals[p].get("financing") or {}).get("type")
    ]
    add("tuple", sum(shared[pair] for pair in same_type), predicted, wanted)
    for slot in SLOTS:
        for g, p in pairs:
            add(slot, *_slot(slot, g_deals[g], p_deals[p]))
    add("document", int(bool(g_deals) and bool(p_deals)), int(bool(p_deals)), int(bool(g_deals)))
    for level, key in (("claim", _claim), ("claim_full", _whole_claim)):
        g_claims, p_claims = Counter(map(key, gold.get("claims") or ())), Counter(map(key, found.get("claims") or ()))
        add(level, (g_claims & p_claims).total(), p_claims.total(), g_claims.total())
    return counts


def prf(counts: Counts, level: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of a level."""
    right, predicted, wanted = counts[level, "tp"], counts[level, "predicted"], counts[level, "gold"]
    precision, recall = right / predicted if predicted else 0.0, right / wanted if wanted else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def average_precision(gold: Mapping[str, Deal], found: Mapping[str, Deal]) -> float | None:
    """Area under precision over recall of the pairs ranked by confidence; `None` where a deal bears none."""
    ranked: list[tuple[float | None, bool]] = []
    total = 0
    for key, document in gold.items():
        deals, theirs = document.get("deals") or [], (found.get(key) or {}).get("deals") or []
        total += len(deals)
        right = {p for _, p in match(deals, theirs)}
        ranked += [(d.get("confidence"), n in right) for n, d in enumerate(theirs)]
    if not ranked or any(c is None for c, _ in ranked) or not total:
        return None
    ranked.sort(key=lambda item: -(item[0] or 0.0))
    hits, area = 0, 0.0
    for rank, (_, right_one) in enumerate(ranked, 1):
        if right_one:
            hits += 1
            area += hits / rank
    return area / total


def report(gold: Mapping[str, Deal], found: Mapping[str, Deal], *, bootstrap: int = 1000) -> dict[str, Any]:
    """Precision, recall, F1 of all levels and slots; 95 % intervals over documents for pair, triple and tuple."""
    counts = {key: count(document, found.get(key, {})) for key, document in gold.items()}
    total: Counts = sum(counts.values(), Counter())
    made: dict[str, Any] = {}
    for level in (*LEVELS, *SLOTS):
        scores = dict(zip(("precision", "recall", "f1"), (round(x, 4) for x in prf(total, level)), strict=True))
        made[level] = {**scores, "gold": total[level, "gold"], "predicted": total[level, "predicted"]}
    if bootstrap:
        rng, keys = random.Random(0), list(counts)  # noqa: S311 - resampling, no secret
        samples = [sum((counts[rng.choice(keys)] for _ in keys), Counter()) for _ in range(bootstrap)]
        for level in ("pair", "triple", "tuple"):
            f1 = sorted(prf(s, level)[2] for s in samples)
            made[level]["f1_95ci"] = [round(f1[int(0.025 * len(f1))], 4), round(f1[int(0.975 * len(f1))], 4)]
    precision = average_precision(gold, found)
    made["pair"]["average_precision"] = None if precision is None else round(precision, 4)
    made["documents"] = len(gold)
    return made


def table(made: Mapping[str, Any]) -> str:
    """The report as lines of text."""
    lines = [f"{made['documents']} documents", f"{'level':<17}{'P':>7}{'R':>7}{'F1':>7}{'gold':>7}{'pred':>7}"]
    for level in (*LEVELS, *SLOTS):
        row = made[level]
        interval = "  95% {:.3f}-{:.3f}".format(*row["f1_95ci"]) if "f1_95ci" in row else ""
        lines.append(
            f"{level:<17}{row['precision']:>7.3f}{row['recall']:>7.3f}{row['f1']:>7.3f}{row['gold']:>7}{row['predicted']:>7}{interval}"
        )
    if made["pair"]["average_precision"] is not None:
        lines.append(f"average precision of pairs by confidence: {made['pair']['average_precision']:.3f}")
    return "\n".join(lines)


def by_id(documents: Iterable[Deal]) -> dict[str, Deal]:
    return {d["id"]: d for d in documents}
