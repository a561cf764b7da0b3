"""Sets calibration and thresholds of a finished model on documents that nothing of it has learnt from.

    python -m extract.train.settle models/corpus/written/w23.jsonl ... [--out models/encoder]

Out of fold every document is read by a network that learnt from a part of the corpus; the one that ships learnt from all of it and is surer.
Where documents were written after it was trained, its thresholds belong there. Writes settings.json anew, and into figures.json the figures
over those documents and the confidence's reliability there (`unseen`); what was measured out of fold stays.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

from extract.judge import Judge
from extract.measure import table
from extract.scorer import Scored, Scorer
from extract.train.export import write_settings
from extract.train.items import Item
from extract.train.labels import read_gold
from extract.train.run import Judged, figures_of, findings, read_items, reliability, tune


def read_with(scorer: Scorer, items: Sequence[Item]) -> Judged:
    """Each document that has pairs, as the finished model judges it."""
    judged: Judged = {}
    for n, item in enumerate(items):
        scored: Scored | None = scorer.score(item.graph)
        if scored:
            judged[n] = (item, scored, Judge(scorer.trees, item.graph, scored.arrays, scored.outputs))
    return judged


def version_after(version: str, today: str) -> str:
    """The next version: today's, or its next number where today has one; a ledger reads its articles again under a new one."""
    if not version.startswith(today):
        return today
    number = version.removeprefix(today).removeprefix(".")
    return f"{today}.{int(number) + 1 if number.isdigit() else 2}"


def main(argv: Sequence[str] | None = None) -> None:
    """Set the thresholds, print the figures, write both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("unseen", nargs="+", type=Path, help="gold JSON lines that nothing has learnt from")
    parser.add_argument("--out", type=Path, default=Path("models/encoder"), help="folder of the model")
    parser.add_argument("--pair", type=float, help="threshold of the pair, where it is decided otherwise than by F1")
    args = parser.parse_args(argv)
    scorer = Scorer(args.out)
    items = read_items(read_gold(args.unseen), args.out / "tokenizer.json")
    judged = read_with(scorer, items)
    settings = tune(items, judged)
    if args.pair is not None:
        settings["pair"] = args.pair
    found = findings(items, judged, settings)
    unseen = {
        **figures_of(items, found),
        "settings": settings,
        "files": [path.stem for path in args.unseen],
        "reliability": reliability(judged, settings),
    }
    print(f"-- nothing learnt from them\n{table(unseen['all'])}", flush=True)
    figures = json.loads((args.out / "figures.json").read_text(encoding="utf-8"))
    figures["unseen"] = unseen
    write_settings(args.out, {"version": version_after(scorer.version, time.strftime("%Y.%m.%d")), "decode": settings})
    (args.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
