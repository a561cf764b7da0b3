"""Fit the relevance gate's weights: `python -m bench.fit_gate --news FOLDER --pages FOLDER`.

Speaks for: the corpus's documents with deals and their evidence (models/corpus/written), and bench/gate/learn.csv.
Speaks against: ordinary news and books (`--news`, text files named LANG-*.txt, a blank line between texts; the
published weights used the abc, brown, treebank, conll2002 and mac_morpho corpora of NLTK's data) and one half of some
thousand ordinary web pages (`--pages`, *.html or *.html.gz; the other half measures). The planted pages and dev_a
are never fitted to. Needs scikit-learn (the extra [train]). Writes models/gate.json.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extract.clean import decode
from extract.gate import FORMAT, Gate, page_text, plain
from extract.lexicon import Kind, Lexicon
from extract.text import lower
from records import Technology

HERE = Path(__file__).parent
ROOT = HERE.parent
# A weak phrase in so many of 10,000 ordinary texts is met every day, or now and then.
EVERYDAY, USUAL = 8, 2
# Words in more ordinary windows than this are the language's, not the subject's.
COMMONEST = 0.04
REGULARISATION = 0.15
# Documents with deals that may be lost, out of fold: half a percent.
LOSS = 0.005
FOLDS = 5
# Ordinary French is scarce among the texts that speak against, so its small words are named.
SMALL_WORDS = frozenset(
    "pour dans avec sont cette leur leurs elle elles mais plus sans sous entre apres avant comme etre etait avait ainsi "
    "nous vous dont tout tous deux meme aussi alors depuis pendant selon encore ont une des les qui que par sur aux "
    "have been since same which twenty june july march april decemb februa januar octobe novemb septem posts live".split()
)
COMPOSED, COMPOSED_WEIGHT = 2_000, 0.4
ASSERTING = ("supply", "award", "install", "sign", "buy", "use", "grant", "own_budget")

Window = set[str]


def positives() -> list[tuple[str, str, list[str]]]:
    """Id, whole text, and the single passages that assert a deal, of each corpus document that has one."""
    found = []
    for path in sorted((ROOT / "models" / "corpus" / "written").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            d = json.loads(line)
            if d["deals"]:
                quotes = [deal["evidence"][0] for deal in d["deals"]]
                found.append((d["id"], f"{d.get('title') or ''}\n\n{d['text']}", quotes))
    with (HERE / "gate" / "learn.csv").open(encoding="utf-8") as file:
        found += [(row["id"], row["text"], [row["text"]]) for row in csv.DictReader(file)]
    return found


def composed(lexicon: Lexicon, number: int, seed: int = 0) -> list[str]:
    """Bare assertions put together from the lexicon, evenly over its languages, which the corpus is not."""
    pick = random.Random(seed)
    entries = [entry for same in lexicon.entries.values() for entry in same]
    of: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in entries:
        if entry.kind is Kind.TRIGGER and entry.key in ASSERTING:
            of["trigger", entry.lang].append(entry.phrase)
        elif entry.kind is Kind.WORD and entry.key in ("company", "agency"):
            of[entry.key, entry.lang].append(entry.phrase)
        elif entry.kind is Kind.TECHNOLOGY:
            of[f"technology {entry.key}", entry.lang].append(entry.phrase)
        elif entry.kind is Kind.COUNTRY and entry.form in ("name", "demonym", "city") and not entry.weak:
            of["country", entry.lang or "en"].append(entry.phrase)
        elif entry.kind is Kind.VENDOR and not entry.weak:
            of["vendor", ""].append(entry.phrase)
    found = []
    for i in range(number):
        lang = ("en", "fr", "es", "pt")[i % 4]
        parts = [pick.choice(of[f"technology {pick.choice(list(Technology)).value}", lang])]
        parts.append(pick.choice(of["trigger", lang]))
        parts.append(pick.choice(of["vendor", ""]) if pick.random() < 0.4 else pick.choice(of["company", lang]))
        parts += [pick.choice(of["country", lang]) for _ in range(pick.choice((1, 1, 2)))]
        if pick.random() < 0.6:
            parts.append(pick.choice(of["agency", lang]))
        pick.shuffle(parts)
        found.append("  ".join(parts).ljust(60, "."))
    return found


def pages(folder: Path) -> dict[str, str]:
    """Name and gate's text of each page of a folder."""
    found = {}
    for path in sorted(folder.rglob("*.html*")):
        raw = path.read_bytes()
        body = gzip.decompress(raw) if path.suffix == ".gz" else raw
        found[path.name] = page_text(decode(body, "").encode("utf-8", "replace"))
    return found


def half(name: str) -> int:
    """0 or 1, for good, by the name's hash."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 2


def standings(lexicon: Lexicon, texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The phrases of technologies and vendors that ordinary texts hold every day, and those now and then."""
    seen: Counter[str] = Counter()
    for text in texts:
        for lang in ("en", "fr", "es", "pt"):
            hits = lexicon.find(text[:20_000], lang)
            # Each language counts a quarter, so that phrases of all languages are found in all texts.
            seen.update({lower(h.entry.phrase) for h in hits if h.entry.kind in (Kind.TECHNOLOGY, Kind.VENDOR)})
    share = {phrase: n / 4 * 10_000 / len(texts) for phrase, n in seen.items()}
    everyday = sorted(p for p, n in share.items() if n >= EVERYDAY)
    return everyday, sorted(p for p, n in share.items() if USUAL <= n < EVERYDAY)


class Fit:
    """Logistic regression over signs of windows; a positive text counts by its best window."""

    def __init__(self, against: list[Window], vocabulary: set[str]) -> None:
        self.against = against
        self.names = sorted(vocabulary)
        self.place = {name: i for i, name in enumerate(self.names)}

    def matrix(self, windows: Sequence[Window]) -> Any:
        from scipy.sparse import csr_matrix

        cells = [(i, self.place[s]) for i, window in enumerate(windows) for s in window if s in self.place]
        rows, columns = zip(*cells, strict=True) if cells else ((), ())
        return csr_matrix((np.ones(len(cells)), (rows, columns)), shape=(len(windows), len(self.names)))

    def run(self, texts: list[list[Window]], extra: list[Window]) -> tuple[dict[str, float], float]:
        """Weights and start; words that come out against are dropped and the rest fitted again."""
        best = [max(windows, key=len) for windows in texts if windows]
        made: Any = None
        for _ in range(4):
            made = self._fitted(best, extra)
            against = {n for n, w in zip(self.names, made.coef_[0], strict=True) if w < 0}
            if against:
                self.__init__(self.against, set(self.names) - against)  # type: ignore[misc]
                continue
            best = [w[int(np.argmax(made.decision_function(self.matrix(w))))] for w in texts if w]
        made = self._fitted(best, extra)
        weights = {n: round(float(w), 3) for n, w in zip(self.names, made.coef_[0], strict=True)}
        return weights, float(made.intercept_[0])

    def _fitted(self, best: list[Window], extra: list[Window]) -> Any:
        from scipy.sparse import vstack
        from sklearn.linear_model import LogisticRegression

        given = vstack([self.matrix(self.against), self.matrix(best), self.matrix(extra)])
        wanted = np.r_[np.zeros(len(self.against)), np.ones(len(best) + len(extra))]
        weight = np.r_[np.ones(len(self.against) + len(best)), np.full(len(extra), COMPOSED_WEIGHT)]
        model = LogisticRegression(C=REGULARISATION, max_iter=3000, solver="liblinear")
        return model.fit(given, wanted, sample_weight=weight)


def vocabulary(texts: list[list[Window]], extra: list[Window], against: list[Window]) -> set[str]:
    """Signs of at least three positive passages that are not merely common in the language."""
    told = Counter(sign for windows in [*texts, *([w] for w in extra)] for sign in set().union(*windows))
    usual = Counter(sign for window in against for sign in window)
    limit = COMMONEST * len(against)
    return {
        sign
        for sign, n in told.items()
        if n >= 3 and (sign.startswith("#") or (usual[sign] <= limit and len(sign) > 3 and sign not in SMALL_WORDS))
    }


def main() -> None:
    """Fit, choose the threshold out of fold, write, and tell what passes of the pages kept back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--news", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    asked = parser.parse_args()
    lexicon = Lexicon.load()
    news = [t for path in sorted(asked.news.glob("*.txt")) for t in path.read_text(encoding="utf-8").split("\n\n") if t]
    ordinary = pages(asked.pages)
    fitted = [text for name, text in ordinary.items() if half(name) == 0]
    everyday, usual = standings(lexicon, [*news[::3], *fitted])
    told: dict[str, Any] = {"format": FORMAT, "start": 0.0, "threshold": 0.0, "everyday": everyday, "usual": usual}
    gate = Gate(lexicon, told | {"weights": {}})
    against = [w for text in [*news, *fitted] for w in gate.windows(plain(text))]
    extra = [w for text in composed(lexicon, COMPOSED) for w in list(gate.windows(plain(text)))[:1]]
    texts: list[list[Window]] = []
    whole: list[tuple[int, list[Window]]] = []
    groups: list[int] = []
    for number, (_, text, quotes) in enumerate(positives()):
        whole.append((number, list(gate.windows(plain(text)))))
        for quote in [*quotes, text]:
            windows = list(gate.windows(plain(quote)))
            if windows:
                texts.append(windows)
                groups.append(number)
    print(f"{len(against)} ordinary windows, {len(texts)} positive texts")
    fold = np.random.RandomState(0).randint(0, FOLDS, len(whole))

    def best(gate: Gate, windows: list[Window]) -> float:
        return max((gate.weigh(w) for w in windows), default=float("-inf"))

    out_of_fold = np.zeros(len(whole))
    for k in range(FOLDS):
        mine = [t for t, g in zip(texts, groups, strict=True) if fold[g] != k]
        weights, start = Fit(against, vocabulary(mine, extra, against)).run(mine, extra)
        judge = Gate(lexicon, told | {"weights": weights, "start": start})
        for number, windows in whole:
            if fold[number] == k:
                out_of_fold[number] = best(judge, windows)
    weights, start = Fit(against, vocabulary(texts, extra, against)).run(texts, extra)
    told |= {"weights": {k: v for k, v in weights.items() if v}, "start": round(start, 3)}
    names = [name for name, _, _ in positives()]
    documents = np.sort([s for s, name in zip(out_of_fold, names, strict=True) if not name.startswith("learn-")])
    told["threshold"] = round(float(documents[int(LOSS * len(documents))]), 3)
    print("lowest out of fold:", [f"{s:.2f} {n}" for s, n in sorted(zip(out_of_fold, names, strict=True))[:24]])
    judge = Gate(lexicon, told)
    kept_back = [judge.score(text) for name, text in ordinary.items() if half(name) == 1]
    for threshold in (told["threshold"], -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0):
        lost = int((documents < threshold).sum())
        passed = np.mean([s >= threshold for s in kept_back])
        print(
            f"threshold {threshold:6.2f}: {lost} of {len(documents)} lost out of fold, {passed:.3f} of ordinary pages pass"
        )
    (ROOT / "models" / "gate.json").write_text(json.dumps(told, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
