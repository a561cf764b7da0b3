"""What a sample of the dropped says about all of the dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Recall:
    """Estimated share of the relevant that was kept, with an interval of 95 %."""

    kept: int
    dropped: int
    sampled: int
    missed: int
    recall: float
    low: float
    high: float


def estimate_recall(kept: int, dropped: int, sampled: int, missed: int) -> Recall | None:
    """Recall from `missed` relevant ones among `sampled` of `dropped`; None without a sample or anything relevant.

    The interval is Clopper and Pearson's exact one for the share missed (Biometrika 26, 1934), carried over.
    """
    if not sampled or not (kept + missed):
        return None
    low, high = _clopper_pearson(missed, sampled)

    def recall(share: float) -> float:
        lost = share * dropped
        return kept / (kept + lost) if kept + lost else 0.0

    return Recall(kept, dropped, sampled, missed, recall(missed / sampled), recall(high), recall(low))


def _clopper_pearson(k: int, n: int) -> tuple[float, float]:
    tail = (1.0 - CONFIDENCE) / 2.0
    low = 0.0 if k == 0 else _solve(lambda p: 1.0 - _at_most(k - 1, n, p), tail, rising=True)
    high = 1.0 if k == n else _solve(lambda p: _at_most(k, n, p), tail, rising=False)
    return low, high


def _at_most(k: int, n: int, p: float) -> float:
    """Probability of at most `k` in `n` draws of chance `p`."""
    if p >= 1.0:
        return 1.0 if k >= n else 0.0
    total, term = 0.0, (1.0 - p) ** n
    if term > 0.0:
        for i in range(k + 1):
            total += term
            term *= (n - i) / (i + 1) * p / (1.0 - p)
        return min(1.0, total)
    return sum(comb(n, i) * p**i * (1.0 - p) ** (n - i) for i in range(k + 1)) if n <= 1000 else 0.0


def _solve(probability: Callable[[float], float], wanted: float, *, rising: bool) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if (probability(middle) < wanted) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
