"""Kill `watchledger demo` at random moments, run it again, and see that the ledger is as if nothing had happened.

    python -m bench.soak_demo --kills 200 --seed 1 --beside 2

Every round has a workspace of its own; as many run side by side as there are cores. Writes its result to
bench/results/soak_demo.json; exit status 1 where a digest differed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

DEMO = (sys.executable, "-m", "pipeline", "demo", "--json", "--db")
STATUS = (sys.executable, "-m", "pipeline", "status", "--digest", "--json", "--db")
RESULTS = Path(__file__).parent / "results" / "soak_demo.json"
# Nothing here takes so long; a run that does hangs.
PATIENCE = 300


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a run without any kill gave, and how long it took."""

    digest: str
    seconds: float


def run(command: Sequence[str], db: Path) -> None:
    """Run to the end; raises where the run fails."""
    done = subprocess.run([*command, str(db)], capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise RuntimeError(f"exit status {done.returncode}: {done.stderr.strip()[-500:]}")


def digest(db: Path) -> str:
    """The digest of a finished run."""
    done = subprocess.run([*STATUS, str(db)], capture_output=True, text=True, timeout=PATIENCE, check=True)
    return str(json.loads(done.stdout)["digest"])


def kill_after(command: Sequence[str], db: Path, seconds: float) -> bool:
    """Start a run and kill -9 it after so many seconds; False where it ended before."""
    process = subprocess.Popen(
        [*command, str(db)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True


def undisturbed(command: Sequence[str] = DEMO) -> Undisturbed:
    """A run in a new folder that nothing interrupts."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "watchledger.db"
        began = time.monotonic()
        run(command, db)
        return Undisturbed(digest(db), time.monotonic() - began)


def moments_of(rng: random.Random, expected: Undisturbed) -> list[float]:
    """Seconds after which the one to three runs of a round are killed."""
    return [rng.uniform(0.0, expected.seconds) for _ in range(rng.randint(1, 3))]


def survives(moments: Sequence[float], expected: Undisturbed, command: Sequence[str] = DEMO) -> tuple[bool, int]:
    """Kill a run at each moment over one workspace, let the next one end, and compare; how many were still running, too."""
    folder = Path(tempfile.mkdtemp())
    try:
        db = folder / "watchledger.db"
        kills = sum(kill_after(command, db, moment) for moment in moments)
        run(command, db)
        return digest(db) == expected.digest, kills
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def soak(expected: Undisturbed, wanted: int, seed: int, beside: int) -> tuple[int, list[list[float]]]:
    """Rounds until so many runs were killed: the number, and the moments of the rounds whose digest differed."""
    rng = random.Random(seed)
    kills, failed = 0, []
    with ThreadPoolExecutor(beside) as pool:
        going: dict[Future[tuple[bool, int]], list[float]] = {}
        while going or kills < wanted:
            while kills < wanted and len(going) < beside:
                moments = moments_of(rng, expected)
                going[pool.submit(survives, moments, expected)] = moments
            for done in wait(going, return_when=FIRST_COMPLETED).done:
                moments = going.pop(done)
                same, killed = done.result()
                kills += killed
                if not same:
                    failed.append(moments)
            print(f"{kills} kills, {len(failed)} differing digests", file=sys.stderr, flush=True)
    return kills, failed


def main() -> int:
    """The soak run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--beside", type=int, default=os.cpu_count() or 1, help="rounds at a time")
    asked = parser.parse_args()
    expected, began = undisturbed(), time.monotonic()
    kills, failed = soak(expected, asked.kills, asked.seed, asked.beside)
    told = {
        "kills": kills,
        "seed": asked.seed,
        "differing": failed,
        "seconds": round(time.monotonic() - began),
        "digest": expected.digest,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
