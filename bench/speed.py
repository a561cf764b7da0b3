"""`make bench-speed`: each figure as a ratio in one run, the median of at least five interleaved rounds, with memory.

    python -m bench.speed --rounds 5 --pages 400 [--only articles,store,...]

Times are processor seconds, so that a machine that others use as well gives the same ratio; what needs the clock on
the wall (two processes against one) says so and is left out where the machine is not idle. Peers run in environments
of their own under bench/.venvs (made by bench/peers/make.sh); one that is not there is left out, and said to be.
Results go to bench/results/speed.json with machine and versions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.stream import stream, write_warc

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "speed.json"
PEERS = {"warcio_trafilatura": "classic", "datatrove": "datatrove", "newsplease": "newsplease"}
# news-please takes a fifth of a second a page; it gets the head of the same stream.
SLOW_PAGES = 60
RELEVANT = 80
"""Documents with deals that a round of `extraction` reads, about; other ones in each round."""
PATIENCE = 3600
LOAD_FOR_WALL = 1.0


def job(*arguments: str) -> dict[str, Any]:
    """One of our jobs in a process of its own."""
    return _run([sys.executable, "-m", "bench.speed_jobs", *arguments])


def peer(name: str, path: str) -> dict[str, Any] | None:
    """A peer's job, or None where its environment is not there."""
    python = HERE / ".venvs" / PEERS[name] / "bin" / "python"
    return _run([str(python), str(HERE / "peers" / "job.py"), name, path]) if python.exists() else None


def _run(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=HERE.parent)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}: {done.stderr.strip()[-800:]}")
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def articles(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """WARC to articles against the three peers, and whether a planted page was lost."""
    whole, head = str(folder / "stream.warc.gz"), str(folder / "head.warc.gz")
    made = list(stream(pages, seed=seed))
    write_warc(Path(whole), iter(made))
    write_warc(Path(head), iter(made[:SLOW_PAGES]))
    ours = job("articles", whole)
    planted = {page.url for page in made if page.deal}
    told: dict[str, Any] = {
        "ms_page": 1000 * ours["cpu_s"] / pages,
        "peak_mb": ours["peak_mb"],
        "passed": ours["articles"],
        "planted": len(planted),
        "planted_lost": len(planted - set(ours["found"])),
    }
    for name in PEERS:
        path, many = (head, SLOW_PAGES) if name == "newsplease" else (whole, pages)
        done = peer(name, path)
        if done is not None:
            ms = 1000 * done["cpu_s"] / many
            told |= {f"{name}_ms_page": ms, f"ratio_{name}": ms / told["ms_page"], f"{name}_peak_mb": done["peak_mb"]}
            told[f"{name}_articles_share"] = done["articles"] / many
    return told


def findings(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """WARC to findings against warcio and trafilatura; needs the trained model."""
    path = folder / "findings.warc.gz"
    write_warc(path, stream(pages, seed=seed))
    ours = job("findings", str(path))
    told: dict[str, Any] = {"ms_page": 1000 * ours["cpu_s"] / pages, "peak_mb": ours["peak_mb"]}
    if (done := peer("warcio_trafilatura", str(path))) is not None:
        told["ratio_warcio_trafilatura"] = 1000 * done["cpu_s"] / pages / told["ms_page"]
    return told


def extraction(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """Words a second against stock spaCy: relevant documents, and a stream with 2 % of them; needs the model."""
    relevant = [
        json.loads(line)
        for path in sorted((HERE.parent / "models" / "corpus" / "written").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    relevant = [d for d in relevant if d["deals"] and d["lang"] == "en"]
    relevant = relevant[seed :: len(relevant) // RELEVANT]
    dull = _dull_documents(pages)
    told: dict[str, Any] = {}
    for name, documents in (("relevant", relevant), ("stream", [*dull, *relevant[: max(1, len(dull) // 49)]])):
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(d) + "\n" for d in documents), encoding="utf-8")
        ours, theirs = job("extraction", str(path)), job("stock_spacy", str(path))
        told |= {
            f"{name}_words_s": ours["words"] / ours["cpu_s"],
            f"{name}_stock_words_s": theirs["words"] / theirs["cpu_s"],
            f"{name}_ratio": theirs["cpu_s"] / ours["cpu_s"],
            f"{name}_peak_mb": ours["peak_mb"],
        }
    return told


def _dull_documents(number: int) -> list[dict[str, Any]]:
    """Cleaned ordinary pages."""
    import trafilatura

    from bench.stream import ordinary_pages

    found = []
    for _, body in ordinary_pages()[: number * 2]:
        text = trafilatura.extract(body, fast=True, include_comments=False) or ""
        if len(text) > 200:
            found.append({"id": str(len(found)), "text": text})
        if len(found) >= number:
            break
    return found


def store(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """20,000 articles and 100,000 deals into SQLite against sqlite-utils (fewer for fewer pages)."""
    from bench.speed_store import compare

    articles_made = min(20_000, pages * 50)
    return dict(compare(articles_made, 5 * articles_made))


def processes(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """Two walkers against one, Dask against our own processes, a second run against the first; wall clock."""
    import time

    from commands.bulk import BulkSettings, make_walk, run_bulk
    from tests.stub_walk import make_stub_walk
    from work.engines import Dask, Engine, Processes

    if os.getloadavg()[0] > LOAD_FOR_WALL:
        return {"left_out": f"the machine was not idle: load {os.getloadavg()[0]:.1f}"}
    make: Callable[..., Any] = make_walk if (HERE.parent / "models" / "encoder").exists() else make_stub_walk
    shards = []
    for n in range(4):
        path = folder / f"shard-{n}.warc.gz"
        write_warc(path, stream(pages, seed=seed * 10 + n))
        shards.append(str(path))

    def run(engine: Engine, out: str) -> float:
        from functools import partial

        began = time.perf_counter()
        run_bulk(shards, folder / out, engine, BulkSettings(), partial(make, BulkSettings()))
        return time.perf_counter() - began

    one, two = run(Processes(1), f"one{seed}"), run(Processes(2), f"two{seed}")
    again = run(Processes(2), f"two{seed}")
    told = {"two_against_one": one / two, "second_run": again / two}
    try:
        from distributed import LocalCluster
    except ModuleNotFoundError:
        return told
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        told["dask_against_processes"] = two / run(Dask(cluster.scheduler_address), f"dask{seed}")
    return told


def start(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """Processor seconds of `watchledger --help`, and of `extract` on one short document where the model is there."""
    told = {"help_s": _seconds([sys.executable, "-m", "pipeline", "--help"])}
    if (HERE.parent / "models" / "encoder").exists():
        path = folder / "one.txt"
        path.write_text("Huawei sold CCTV cameras to Kenya's police in 2019, officials said.", encoding="utf-8")
        told["extract_s"] = _seconds([sys.executable, "-m", "pipeline", "extract", str(path)])
    return told


def _seconds(command: list[str]) -> float:
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        " u = resource.getrusage(resource.RUSAGE_CHILDREN); print(u.ru_utime + u.ru_stime)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True, cwd=HERE.parent
    )
    return float(done.stdout)


def worst(folder: Path, pages: int, seed: int) -> dict[str, Any]:
    """The slowest stage on 200 kB of each of the worst texts."""
    told = job("worst_texts")["seconds"]
    slowest = {name: max(stages.values()) for name, stages in told.items()}
    name = max(slowest, key=lambda key: slowest[key])
    return {"worst_s": slowest[name], "worst_text": f"{name}: {told[name]}"}


MEASURES: dict[str, Callable[[Path, int, int], dict[str, Any]]] = {
    "articles": articles,
    "findings": findings,
    "extraction": extraction,
    "store": store,
    "processes": processes,
    "start": start,
    "worst": worst,
}
NEED_MODEL = {"findings", "extraction"}


def summary(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Median and quartiles of each number over the rounds."""
    told: dict[str, Any] = {}
    for key in rounds[-1]:
        values = [r[key] for r in rounds if isinstance(r.get(key), (int, float))]
        if not values:
            told[key] = rounds[-1][key]
            continue
        quartiles = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
        told[key] = {"median": statistics.median(values), "q1": quartiles[0], "q3": quartiles[2], "rounds": len(values)}
    return told


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    packages = ("trafilatura", "spacy", "onnxruntime", "pebble", "fastwarc", "resiliparse", "sqlite-utils", "pyarrow")
    return {
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "versions": {name: version(name) for name in packages},
    }


def main() -> None:
    """Measure what is asked, keeping what was measured of the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--only", default=",".join(MEASURES))
    asked = parser.parse_args()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in asked.only.split(","):
        if name in NEED_MODEL and not (HERE.parent / "models" / "encoder").exists():
            print(f"{name}: left out, there is no trained model", file=sys.stderr)
            continue
        rounds: list[dict[str, Any]] = []
        for number in range(asked.rounds):
            with tempfile.TemporaryDirectory() as folder:
                rounds.append(MEASURES[name](Path(folder), asked.pages, number + 1))
            print(f"{name} {number + 1}: {json.dumps(rounds[-1])}", file=sys.stderr)
            kept[name] = summary(rounds) | {"pages": asked.pages, "taken_on": machine()}
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
