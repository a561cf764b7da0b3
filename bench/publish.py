"""A ledger of many generated deals, published twice, changed in one decision, published again: `python -m bench.publish`.

The first release is then loaded in pandas and DuckDB from every format. Prints what each step took and appends it to
bench/results/publish.jsonl. Memory is the most that all processes of a run held together (proportional share, so that
shared pages count once), in MiB, sampled every half second.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.generate import fill_workspace

HERE = Path(__file__).parent
GIGABYTE = 953  # MiB


def main() -> None:
    """Run the benchmark; exit status 1 where a bound is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deals", type=int, default=48_500, help="the ledger takes some for one: 46,500 gave 48,008")
    parser.add_argument("--seconds", type=float, default=120, help="bound of each publish")
    parser.add_argument("--megabytes", type=float, default=GIGABYTE, help="bound of each publish, in MiB")
    parser.add_argument("--keep", type=Path, help="leave workspace and releases here")
    told = parser.parse_args()
    folder = told.keep or Path(tempfile.mkdtemp(prefix="watchledger-publish-"))
    try:
        row = run(folder, told.deals)
    finally:
        if not told.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(row, indent=1))
    with (HERE / "results" / "publish.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")
    sys.exit(0 if holds(row, seconds=told.seconds, megabytes=told.megabytes) else 1)


def holds(row: dict[str, Any], *, seconds: float = 120, megabytes: float = GIGABYTE) -> bool:
    """Whether a run kept to its bounds, gave the same bytes twice, told the one change, and was loaded whole."""
    runs = [row[name] for name in ("first", "again", "with_diff")]
    bounded = all(run["seconds"] < seconds and run["megabytes"] < megabytes for run in runs)
    told = row["same_bytes"] and row["diff_of_one_decision"] == {"changed": 1}
    return bool(bounded and told and row["loaded"]["rows"]["deals"] == row["deals"] and not row["loaded"]["others"])


def run(folder: Path, deals: int) -> dict[str, Any]:
    """All steps in `folder`; returns their figures."""
    begun = time.monotonic()
    ledger = fill_workspace(folder, deals)
    filled = time.monotonic() - begun
    first = measured([*PUBLISH, str(folder / "first"), "--db", str(ledger), "--json"])
    again = measured([*PUBLISH, str(folder / "again"), "--db", str(ledger), "--json"])
    sums = [(folder / name / "SHA256SUMS").read_bytes() for name in ("first", "again")]
    loaded = measured([sys.executable, "-m", "bench.load", str(folder / "first")])
    change_one(ledger)
    third = measured([*PUBLISH, str(folder / "third"), "--db", str(ledger), "--since", str(folder / "first"), "--json"])
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds"),
        "deals": first["said"]["deals"],
        "generated": deals,
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "fill_seconds": round(filled, 1),
        "first": {name: first[name] for name in ("seconds", "cpu_seconds", "megabytes")},
        "again": {name: again[name] for name in ("seconds", "cpu_seconds", "megabytes")},
        "with_diff": {name: third[name] for name in ("seconds", "cpu_seconds", "megabytes")},
        "loading": {name: loaded[name] for name in ("seconds", "cpu_seconds", "megabytes")},
        "loaded": loaded["said"],
        "same_bytes": sums[0] == sums[1],
        "diff_of_one_decision": third["said"]["diff"],
        "release_megabytes": round(sum(p.stat().st_size for p in (folder / "first").rglob("*") if p.is_file()) / 1e6),
    }


PUBLISH = (sys.executable, "-m", "pipeline", "publish")


def change_one(ledger: Path) -> None:
    """Correct the customer of one deal."""
    from records import Act, DealState
    from store.desk import Desk
    from store.views import QueueFilter

    with Desk.open(ledger) as desk:
        deal = desk.deal_ids(QueueFilter(states=(DealState.ACCEPTED,)))[0]
        act = Act(
            who="editor", at=datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC), reason="a letter of the ministry"
        )
        desk.correct(deal, {"customer": "Another body"}, act)


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command; its wall time, processor time and most memory, all its processes together."""
    before = os.times()
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        most, done = [0.0], threading.Event()

        def watch() -> None:
            while not done.wait(0.5):
                most[0] = max(most[0], share_of(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        said, _ = process.communicate()
        done.set()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "seconds": round(time.monotonic() - begun, 1),
        "cpu_seconds": round(used, 1),
        "megabytes": round(most[0]),
        "said": json.loads(said),
    }


def share_of(pid: int) -> float:
    """Megabytes of a process and all its children, shared pages divided among those that share them."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) / 1024
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except (OSError, ValueError):
            continue  # it has just ended
    return total


if __name__ == "__main__":
    main()
