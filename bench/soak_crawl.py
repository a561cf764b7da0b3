"""Crawl 20,000 pages in ten runs that are killed at random moments: every page is stored, and hardly one asked twice.

    python -m bench.soak_crawl --pages 20000 --runs 10 --seed 1

Writes its result to bench/results/soak_crawl.json; exit status 1 where counts do not add up or memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import Source, SourceKind, SourceType

RESULTS = Path(__file__).parent / "results" / "soak_crawl.json"
HOST = "soak.example"
MOST_TWICE = 0.01
# The interpreter's own arenas come and go by this much.
MOST_GROWN_MB = 20
PATIENCE = 900


def soak(pages: int, runs: int, seed: int) -> dict[str, Any]:
    """Run it; the result says whether it `holds`, and by which figures."""
    rng, folder = random.Random(seed), Path(tempfile.mkdtemp())
    each = pages // runs
    context = multiprocessing.get_context("spawn")
    port = _free_port()
    server = context.Process(target=_serve, args=(port, each), daemon=True)
    server.start()
    try:
        _asked(port)
        kills, memory, began = 0, [], time.monotonic()
        for run in range(runs):
            goal = each * (run + 1)
            for _ in range(rng.randint(0, 2)):
                kills += _kill_at(context, folder, port, run, each, rng.randrange(goal - each, goal))
            child = context.Process(target=_crawl, args=(folder, port, run, each))
            child.start()
            child.join(PATIENCE)
            if child.exitcode != 0:
                raise RuntimeError(f"run {run} ended with {child.exitcode}")
            memory.append(int((folder / "mb.txt").read_text()))
            print(f"run {run + 1} of {runs}: {kills} kills so far, {memory[-1]} MB", file=sys.stderr, flush=True)
        return _result(folder, _asked(port), each * runs, kills, memory, time.monotonic() - began)
    finally:
        server.kill()
        server.join()
        shutil.rmtree(folder, ignore_errors=True)


def _result(
    folder: Path, asked: dict[str, int], pages: int, kills: int, memory: list[int], seconds: float
) -> dict[str, Any]:
    from store.archive import Archive

    archive = Archive.open(folder / "archive.db", write=False)
    one = archive.store.one
    stored, known = one("SELECT COUNT(*) FROM pages"), one("SELECT COUNT(*) FROM frontier WHERE NOT is_index")
    ended = one("SELECT COUNT(*) FROM fetches WHERE NOT is_index")
    sound = one("PRAGMA integrity_check")
    archive.close()
    twice = sum(times - 1 for times in asked.values())
    grown = memory[-1] - memory[0]
    holds = stored == known == ended == pages == len(asked) and twice <= MOST_TWICE * pages
    return {
        "pages": pages,
        "runs": len(memory),
        "kills": kills,
        "stored": stored,
        "known": known,
        "ended": ended,
        "asked_twice": twice,
        "integrity": sound,
        "mb_by_run": memory,
        "mb_grown": grown,
        "seconds": round(seconds),
        "holds": holds and sound == "ok" and grown <= MOST_GROWN_MB,
    }


def _kill_at(context: Any, folder: Path, port: int, run: int, each: int, pages: int) -> int:
    """Start a run and kill -9 it when the site has given out so many pages; 0 where it ended before."""
    child = context.Process(target=_crawl, args=(folder, port, run, each))
    child.start()
    while child.is_alive() and len(_asked(port)) < pages:
        time.sleep(0.02)
    child.kill()
    child.join()
    return int(child.exitcode != 0)


def _crawl(folder: Path, port: int, run: int, each: int) -> None:
    from crawlers.run import crawl
    from store.archive import Archive

    source = Source(
        id=f"soak-{run}",
        publisher="",
        country="ZZ",
        language="en",
        kind=SourceKind.FEED,
        source_type=SourceType.MEDIA,
        url=f"http://{HOST}/feed{run}",
        delay=0.0,
        max_pages=each,
    )
    archive = Archive.open(folder / "archive.db")
    archive.begin_run([source], datetime.now(UTC))
    how = crawl(
        [source],
        archive,
        contact="soak@example.org",
        version="0",
        address_book={HOST: ("127.0.0.1", port)},
        per_host=8,
    )
    archive.end_run(datetime.now(UTC), how)
    archive.close()
    (folder / "mb.txt").write_text(str(most_memory()))


def most_memory() -> int:
    """The most MB that this process has had (not getrusage: a child inherits its parent's figure)."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024


def _serve(port: int, each: int) -> None:
    asked: Counter[str] = Counter()

    def answer(path: str) -> tuple[str, bytes]:
        name = path.strip("/")
        if name.startswith("feed"):
            first = int(name[4:]) * each
            items = "".join(f"<item><link>http://{HOST}/{n}</link></item>" for n in range(first, first + each))
            return "200 OK", f"<rss><channel>{items}</channel></rss>".encode()
        if name == "asked":
            return "200 OK", json.dumps(asked).encode()
        if name.isdigit():
            asked[name] += 1
            return "200 OK", f"<html><p>{f'Page {name} has words of its own. ' * 40}</p></html>".encode()
        return "404 Not Found", b"none"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                status, body = answer((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode())
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        async with await asyncio.start_server(talk, "127.0.0.1", port, backlog=256) as server:
            await server.serve_forever()

    asyncio.run(main())


def _asked(port: int) -> dict[str, int]:
    """How often each page was asked for; waits until the site is up."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/asked", timeout=30) as response:
                told: dict[str, int] = json.loads(response.read())
                return told
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the site does not answer")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def main() -> int:
    """The soak run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    told = soak(asked.pages, asked.runs, asked.seed)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told))
    return 0 if told["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
