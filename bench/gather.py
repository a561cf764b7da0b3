"""Gathering measured against peers, each part in one run: python -m bench.gather [PART...]

Parts: text, segments, dates, robots, feeds, warcs, damage, crawl. Data lies in bench/data/ (ignored by git; the page
docs/gathering.md names the public repositories that it comes from); a part whose data is not there is skipped with a
line on standard error. Peers are run by the interpreters in bench/.venvs/ (see bench/peers.py); absent ones are named.
Times are seconds on the processor, as other work on the machine would change the wall clock. Results go to
bench/results/gather.json; a part that was not run keeps its former result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import gather_crawl, gather_files, gather_text

HERE = Path(__file__).parent
DATA = HERE / "data"
RESULTS = HERE / "results" / "gather.json"

PARTS: dict[str, tuple[Callable[[Path, bool], dict[str, Any]], str]] = {
    "text": (gather_text.main_text, "article-extraction-benchmark"),
    "segments": (gather_text.segments, "trafilatura"),
    "dates": (gather_text.dates, "htmldate"),
    "robots": (gather_files.robots, "protego"),
    "feeds": (gather_files.feeds, "feedparser"),
    "warcs": (gather_files.warcs, "warcio"),
    "damage": (gather_files.damaged, ""),
    "crawl": (gather_crawl.against_scrapy, ""),
}


def main() -> int:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--no-peers", action="store_true", help="Measure what runs in this environment only.")
    asked = parser.parse_args()
    told: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    missed = 0
    for name in asked.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part {name!r}; parts are {', '.join(PARTS)}")
        measure, folder = PARTS[name]
        if folder and not (DATA / folder).is_dir():
            print(f"SKIPPED {name}: bench/data/{folder} is not there; see docs/gathering.md", file=sys.stderr)
            continue
        found = measure(DATA, not asked.no_peers)
        told[name] = {"on": datetime.now(UTC).date().isoformat(), **found}
        print(f"{name}: {json.dumps(found, indent=1)}", flush=True)
        missed += not found["holds"]
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
