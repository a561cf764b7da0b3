"""`make bench-final`: totals on dev_b, never a single deal of it; date and figures go to bench/results/."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from bench.quality import run
from extract.contract import load_gold
from extract.document import Extractor
from extract.measure import report, table

HERE = Path(__file__).parent


def main() -> None:
    gold = load_gold(HERE / "gold" / "dev_b.jsonl")
    extractor = Extractor.load()
    made = report(gold, run(extractor, gold))
    print(table(made))
    now = datetime.datetime.now(tz=datetime.UTC)
    row = {"date": now.isoformat(timespec="seconds"), "extractor_version": extractor.version, "figures": made}
    with (HERE / "results" / "dev_b.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
