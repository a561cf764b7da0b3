"""The full counts of rows P1, P2, P4, S1, G1 and flat memory: `python -m bench.soak_scale --rounds 1000 --kills 200`.

- rounds: random splits, orders and repeats of shards, with irrelevant pages added: the same ledger each time (G1);
- kills: `bulk` and `load` killed with -9 at random moments and run again: the same digest, no half article (P2, S1);
- pages: one walker over so many pages: resident memory at its start and end.

Uses the real reader, gate, sandbox and ledger with the tests' stub in place of the models, so that what is counted is
the machinery. Writes bench/results/soak_scale.json; exit status 1 where anything differed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.speed_jobs import flat_memory
from bench.stream import stream, write_warc
from store.digest import digest
from store.ledger import Ledger
from tests.stub_walk import make_stub_walk
from tests.test_bulk import DEALS, SETTINGS, dull_pages, page
from tests.test_bulk import write_warc as write_pages

RESULTS = Path(__file__).parent / "results" / "soak_scale.json"
RUN = (
    "import sys\n"
    "from functools import partial\n"
    "from pathlib import Path\n"
    "from commands.bulk import load_parts, run_bulk\n"
    "from tests.stub_walk import make_stub_walk\n"
    "from tests.test_bulk import LIMITS, SETTINGS\n"
    "from work.engines import Processes\n"
    "out = Path(sys.argv[1])\n"
    "run_bulk(sys.argv[2:], out / 'parts', Processes(2), SETTINGS, partial(make_stub_walk, SETTINGS), LIMITS)\n"
    "load_parts(out / 'parts', out / 'w.db')\n"
)


def ledger_digest(db: Path) -> str:
    """The digest of a ledger's content."""
    ledger = Ledger.open(db, write=False)
    try:
        return digest(ledger.store)
    finally:
        ledger.close()


def half_articles(db: Path) -> int:
    """Readings that name an article which is not there, and findings without evidence."""
    conn = sqlite3.connect(db)
    try:
        lost = conn.execute(
            "SELECT COUNT(*) FROM readings WHERE article_id NOT IN (SELECT article_id FROM articles)"
        ).fetchone()[0]
        bare = conn.execute("SELECT COUNT(*) FROM findings WHERE finding_id NOT IN (SELECT finding_id FROM evidence)")
        return int(lost + bare.fetchone()[0])
    finally:
        conn.close()


def make_shards(folder: Path, seed: int) -> list[str]:
    """The same pages in each seed's order and split, with some irrelevant ones of its own."""
    pick = random.Random(seed)
    pages = {f"https://news.example/{n}/{key}": page(text, n) for n in range(8) for key, text in DEALS.items()}
    order = list(pages)
    pick.shuffle(order)
    cuts = sorted(pick.sample(range(1, len(order)), 2))
    shards = []
    for n, (start, stop) in enumerate(zip([0, *cuts], [*cuts, len(order)], strict=True)):
        told = {url: pages[url] for url in order[start:stop]} | dull_pages(f"{seed}-{n}", pick.randrange(4))
        shards.append(write_pages(folder / f"{n}.warc.gz", told))
    pick.shuffle(shards)
    return shards


def same_ledger(seed: int, expected: str | None, walker: Any) -> str:
    """One round of G1; returns the digest. Raises where it is not the expected one, or counts do not add up."""
    from commands.bulk import PartCollector, load_parts
    from work.sandbox import Told
    from work.shards import Manifest

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = make_shards(folder, seed)
        manifest = Manifest(folder / "parts", "soak", {})
        for shard in shards:
            collector, seen = PartCollector(shard), 0
            for number, item in enumerate(walker.items(shard)):
                collector.add(Told(number, {}, walker.work(item)))
                seen += 1
            collector.add(Told(seen, walker.counts()))
            part = collector.part()
            if part.told["pages"] != seen:
                raise AssertionError(f"seed {seed}: {seen} pages in, {part.told['pages']} out")
            manifest.finish(shard, part)
        for _ in range(2):  # running twice is running once
            load_parts(folder / "parts", folder / "w.db")
        made = ledger_digest(folder / "w.db")
    if expected is not None and made != expected:
        raise AssertionError(f"seed {seed}: another ledger")
    return made


def killed_run(seed: int, seconds: float, shards: list[str], expected: str) -> tuple[int, list[str]]:
    """Kill a run up to three times at random moments, then let it end. Returns kills and faults."""
    pick, kills, faults = random.Random(seed), 0, []
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        command = [sys.executable, "-c", RUN, str(out), *shards]
        for _ in range(pick.randint(1, 3)):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                process.wait(pick.uniform(0.1, seconds))
            except subprocess.TimeoutExpired:
                # The parent alone, or all of its processes at once.
                if pick.random() < 0.5:
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
                process.wait()
                kills += 1
            if (out / "w.db").exists() and half_articles(out / "w.db"):
                faults.append(f"seed {seed}: half an article")
        subprocess.run(command, check=True, timeout=600)
        if ledger_digest(out / "w.db") != expected:
            faults.append(f"seed {seed}: another ledger")
    return kills, faults


def main() -> int:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    walker = make_stub_walk(SETTINGS)
    faults: list[str] = []
    expected: str | None = None
    for seed in range(asked.rounds):
        try:
            expected = same_ledger(asked.seed * 100_000 + seed, expected, walker)
        except AssertionError as error:
            faults.append(str(error))
    kills = 0
    with tempfile.TemporaryDirectory() as name:
        shards = make_shards(Path(name), asked.seed)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as out:
            subprocess.run([sys.executable, "-c", RUN, out, *shards], check=True, timeout=600)
            undisturbed = ledger_digest(Path(out) / "w.db")
        seconds = time.monotonic() - began
        number = 0
        while kills < asked.kills:
            more, found = killed_run(asked.seed * 1000 + number, seconds, shards, undisturbed)
            kills, number = kills + more, number + 1
            faults += found
        path = Path(name) / "stream.warc.gz"
        write_warc(path, stream(min(asked.pages, 2000)))
        memory = flat_memory(str(path), str(max(1, asked.pages // 2000))) if asked.pages else {}
    told = {"rounds": asked.rounds, "kills": kills, "faults": faults, "memory": memory, "seed": asked.seed}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
