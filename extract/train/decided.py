"""Articles that reviewers decided as further training documents, and what they give out of fold.

`take_in` says which of them are learnt from; `gain` compares what two trainings found in the same documents, each read
by a model that never saw it: one that learnt from the decided articles too, and one that did not.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from extract.measure import Counts, count, prf

KIND = "decided"
"""The register (`kind`) of a document that was made from decisions."""
LEVELS = ("pair", "triple", "tuple", "document")
READ = ("en", "fr", "es", "pt")
RUN = 8
"""Words in a row that two texts do not share by chance; the corpus is kept apart from the measure by the same number."""
KNOWN_SHARE = 0.5
"""A copy differs from its original in what stands around it: half of the runs are enough to know it again."""
RESAMPLINGS = 1000

Gold = Mapping[str, Any]


def is_decided(gold: Gold) -> bool:
    """Whether a gold document was made from decisions; the others are the corpus."""
    return gold.get("kind") == KIND


def take_in(
    decided: Iterable[dict[str, Any]], corpus: Iterable[Gold], measure: Iterable[Gold]
) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The decided documents to learn from, and how many ended how: taken, or left out under a named reason.

    A document is learnt from as a whole: what nobody decided would be taught as no deal, so only complete ones are
    taken. Texts of the corpus are known already, and those of the measure stay unseen.
    """
    known = {run for gold in corpus for run in _runs(gold["text"])}
    unseen = {run for gold in measure for run in _runs(gold.get("text", ""))}
    taken: list[dict[str, Any]] = []
    ends: Counter[str] = Counter()
    for gold in decided:
        runs = _runs(gold["text"])
        if not gold.get("complete"):
            end = "not_complete"
        elif gold.get("lang") not in READ:
            end = "language_not_read"
        elif len(runs & unseen) > KNOWN_SHARE * len(runs):
            end = "in_the_measure"
        elif len(runs & known) > KNOWN_SHARE * len(runs):
            end = "in_the_corpus"
        else:
            end = "taken"
            taken.append({**gold, "kind": KIND})
        ends[end] += 1
    return taken, ends


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))}


def gain(documents: Sequence[Gold], without: Mapping[str, Gold], with_them: Mapping[str, Gold]) -> dict[str, Any]:
    """F1 by level without and with the decided articles in the training part, and the difference with its 95 % interval.

    On the corpus and on the decided articles apart; the interval is over documents, drawn in pairs. Coverage claims
    are left out: nobody decided them.
    """
    parts = {
        "corpus": [gold for gold in documents if not is_decided(gold)],
        "decided articles": [gold for gold in documents if is_decided(gold)],
    }
    return {name: _difference(part, without, with_them) for name, part in parts.items() if part}


def _difference(part: Sequence[Gold], without: Mapping[str, Gold], with_them: Mapping[str, Gold]) -> dict[str, Any]:
    counted = [(count(gold, without[gold["id"]]), count(gold, with_them[gold["id"]])) for gold in part]
    rng = random.Random(0)  # noqa: S311 - resampling, no secret
    drawn = [rng.choices(counted, k=len(counted)) for _ in range(RESAMPLINGS)]
    samples = [(_total(one for one, _ in pairs), _total(other for _, other in pairs)) for pairs in drawn]
    before, after = _total(one for one, _ in counted), _total(other for _, other in counted)
    made: dict[str, Any] = {"documents": len(part), "deals": sum(len(gold["deals"]) for gold in part)}
    for level in LEVELS:
        ordered = sorted(prf(other, level)[2] - prf(one, level)[2] for one, other in samples)
        f1 = prf(before, level)[2], prf(after, level)[2]
        made[level] = {
            "without": round(f1[0], 3),
            "with": round(f1[1], 3),
            "gain": round(f1[1] - f1[0], 3),
            "gain_95ci": [round(ordered[int(share * RESAMPLINGS)], 3) for share in (0.025, 0.975)],
        }
    return made


def _total(counts: Iterable[Counts]) -> Counts:
    total: Counts = Counter()
    for one in counts:
        total.update(one)
    return total


def gain_table(made: Mapping[str, Any]) -> str:
    """The gain as lines of text."""
    lines = []
    for name, part in made.items():
        lines.append(f"-- gain from decisions, out of fold, on the {name}: {part['documents']} documents")
        lines.append(f"{'F1':<10}{'without':>9}{'with':>9}{'gain':>9}")
        for level in LEVELS:
            row = part[level]
            low, high = row["gain_95ci"]
            figures = f"{row['without']:>9.3f}{row['with']:>9.3f}{row['gain']:>+9.3f}"
            lines.append(f"{level:<10}{figures}  95% {low:+.3f} to {high:+.3f}")
    return "\n".join(lines)
