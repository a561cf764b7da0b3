"""`make bench-quality`: all levels and slots, out of fold over the corpus and on dev_a, against pinned floors.

Reads the out-of-fold predictions that the last training wrote, runs the extractor and the naive baseline on dev_a,
lists the deals won and lost on dev_a since the pinned run, and the errors by cause. `--pin` pins this run;
it refuses to lower a floor without `--lower`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import spacy

from bench.baseline import extract_naively
from bench.causes import causes
from extract.contract import extraction_row, load_gold
from extract.document import Extractor
from extract.measure import LEVELS, SLOTS, match, report, table
from extract.parse import PIPELINES
from records import Document

HERE = Path(__file__).parent
ROOT = HERE.parent
FLOORS = HERE / "floors.json"
PINNED = HERE / "results" / "dev_a_pinned.jsonl"
OUT_OF_FOLD = HERE / "results" / "out_of_fold.jsonl"
FEWEST = 15
"""Slots with fewer gold values are reported and bear no floor."""


def corpus() -> dict[str, dict[str, Any]]:
    """All gold documents that training knows, by id; the real ones without their text."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((ROOT / "models" / "corpus").glob("*/*.jsonl")):
        found.update(load_gold(path))
    return found


def run(extractor: Extractor, gold: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        key: extraction_row(
            extractor.extract(Document(id=key, text=d["text"], title=d["title"], date=d["date"], lang=d["lang"]))
        )
        for key, d in gold.items()
    }


def _pairs(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(d["vendor"] or f"({d['vendor_country']})", d["country"]) for d in document.get("deals", [])}


def changes(
    gold: dict[str, dict[str, Any]], before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]
) -> list[str]:
    """Deals of the gold that are found now and were not, or the reverse; and wrong ones that came or went."""
    lines = []
    for key, document in gold.items():
        deals = document["deals"]
        old, new = before.get(key, {}).get("deals", []), now.get(key, {}).get("deals", [])
        had, has = {g for g, _ in match(deals, old)}, {g for g, _ in match(deals, new)}
        for g in sorted(has ^ had):
            supplier, country = deals[g]["vendor"] or deals[g]["vendor_country"], deals[g]["country"]
            lines.append(f"  {'won ' if g in has else 'lost'} {key}: {supplier} -> {country}")
        right_old = {(old[p]["vendor"], old[p]["country"]) for _, p in match(deals, old)}
        right_new = {(new[p]["vendor"], new[p]["country"]) for _, p in match(deals, new)}
        for pair in sorted(_pairs({"deals": new}) - _pairs({"deals": old})):
            if pair not in right_new:
                lines.append(f"  new error {key}: {pair[0]} -> {pair[1]}")
        for pair in sorted(_pairs({"deals": old}) - _pairs({"deals": new})):
            if pair not in right_old:
                lines.append(f"  error gone {key}: {pair[0]} -> {pair[1]}")
    return lines


def below(figures: dict[str, Any], floors: dict[str, float]) -> list[str]:
    return [
        f"{level}: {figures[level]['f1']:.4f} is under its floor of {floor:.4f}"
        for level, floor in floors.items()
        if figures[level]["f1"] < floor
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pin", action="store_true")
    parser.add_argument("--lower", action="store_true")
    args = parser.parse_args()
    failed: list[str] = []
    gold = corpus()
    found = load_gold(OUT_OF_FOLD)
    stale = set(gold) ^ set(found)
    parts = {
        "whole corpus": gold,
        "real": {k: d for k, d in gold.items() if "source" in d},
        "written": {k: d for k, d in gold.items() if "source" not in d},
        "French": {k: d for k, d in gold.items() if d["lang"] == "fr"},
        "Spanish": {k: d for k, d in gold.items() if d["lang"] == "es"},
    }
    figures: dict[str, Any] = {}
    for name, part in parts.items():
        part = {k: d for k, d in part.items() if k in found}
        if not part:
            continue
        figures[name] = report(part, {k: found[k] for k in part})
        print(f"== held out, {name}\n{table(figures[name])}\n")
    if stale:
        print(f"note: {len(stale)} documents of the corpus were not held out in the last training\n")
    print("errors by cause, out of fold")
    for cause, n in causes({k: d for k, d in gold.items() if k in found}, found).most_common():
        print(f"{n:5} {cause}")
    dev = load_gold(HERE / "gold" / "dev_a.jsonl")
    extractor = Extractor.load()
    now = run(extractor, dev)
    figures["dev_a"] = report(dev, now)
    print(f"\n== dev_a, {extractor.version}\n{table(figures['dev_a'])}")
    nlp = spacy.load(PIPELINES["en"])
    naive = report(dev, {key: extract_naively(nlp, extractor.lexicon, d) for key, d in dev.items()}, bootstrap=0)
    print(
        "naive baseline in the same run: "
        + ", ".join(f"{level} {naive[level]['f1']:.3f}" for level in ("pair", "triple", "tuple"))
    )
    figures["naive baseline on dev_a"] = naive
    figures["causes"] = causes({k: d for k, d in gold.items() if k in found}, found)
    figures["extractor"] = extractor.version
    (HERE / "results" / "quality.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if PINNED.is_file():
        print("\nsince the pinned run:")
        print("\n".join(changes(dev, load_gold(PINNED), now)) or "  no deal came or went")
    floors: dict[str, float] = json.loads(FLOORS.read_text()) if FLOORS.is_file() else {}
    failed += below(figures["whole corpus"], floors)
    if args.pin:
        new = {
            level: round(figures["whole corpus"][level]["f1"] - 0.001, 4)
            for level in (*LEVELS, *SLOTS)
            if figures["whole corpus"][level]["gold"] >= FEWEST
        }
        lowered = [level for level in floors if new.get(level, 0.0) < floors[level]]
        if lowered and not args.lower:
            print(f"\nnot pinned: {', '.join(lowered)} would be lowered; add --lower if that is meant")
            return 1
        FLOORS.write_text(json.dumps(new, indent=1) + "\n")
        PINNED.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in now.values()), encoding="utf-8")
        print("\npinned")
        return 0
    for line in failed:
        print(f"FAILED {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
