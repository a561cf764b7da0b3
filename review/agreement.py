"""How far two coders agree: percent, Cohen's kappa, Krippendorff's alpha for nominal values.

Kappa after Cohen (1960), alpha after Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", with
coincidences and values left out where a unit has fewer than two. Both are 1 for full agreement and 0 for what
chance alone would give; they are not defined (None) where all values are the same, since nothing could disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """The figures of one slot over the units that both coded."""

    slot: str
    units: int
    percent: float | None
    kappa: float | None
    alpha: float | None


def agreement(slot: str, pairs: Sequence[tuple[Hashable, Hashable]]) -> Agreement:
    """The three figures for the values that two coders gave to the same units."""
    return Agreement(slot, len(pairs), percent(pairs), cohen_kappa(pairs), krippendorff_alpha(pairs))


def percent(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """The share of units (0 to 1) with the same value; None without units."""
    return sum(one == other for one, other in pairs) / len(pairs) if pairs else None


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa for two coders; None without units or where both used one value only."""
    if not pairs:
        return None
    n = len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(first[value] * second[value] for value in first) / n**2
    if by_chance == 1:
        return None
    observed = sum(one == other for one, other in pairs) / n
    return (observed - by_chance) / (1 - by_chance)


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Krippendorff's nominal alpha; each unit lists the values that its coders gave, without those who gave none."""
    weights: dict[tuple[Hashable, Hashable], float] = {}
    for values in units:
        if len(values) < 2:
            continue
        counts = Counter(values)
        for one, n in counts.items():
            for other, m in counts.items():
                pairs = n * (m - 1) if one == other else n * m
                if pairs:
                    weights[one, other] = weights.get((one, other), 0.0) + pairs / (len(values) - 1)
    totals: dict[Hashable, float] = {}
    for (one, _), weight in weights.items():
        totals[one] = totals.get(one, 0.0) + weight
    n_values = sum(totals.values())
    expected = n_values**2 - sum(total**2 for total in totals.values())
    if not expected:
        return None
    observed = sum(weight for (one, other), weight in weights.items() if one != other)
    return 1 - (n_values - 1) * observed / expected
