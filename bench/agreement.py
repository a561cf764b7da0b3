"""How far two annotators agree: `python -m bench.agreement` scores the second annotation of a tenth of the corpus.

Writes bench/results/agreement_written.json and agreement_real.json.
"""

from __future__ import annotations

import json
from pathlib import Path

from bench.quality import corpus
from extract.contract import load_gold
from extract.measure import report, table

ROOT = Path(__file__).parent.parent


def main() -> None:
    second = load_gold(ROOT / "models" / "corpus" / "second_annotation.jsonl")
    first = corpus()
    for name, real in (("written", False), ("real", True)):
        gold = {key: first[key] for key in second if key in first and ("source" in first[key]) is real}
        made = report(gold, {key: second[key] for key in gold})
        print(f"== {name}, {len(gold)} documents\n{table(made)}\n")
        path = ROOT / "bench" / "results" / f"agreement_{name}.json"
        path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
