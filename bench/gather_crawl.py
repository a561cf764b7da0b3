"""A local site of 2,000 pages crawled by us, with archive and frontier, and by Scrapy with its file cache (cold)."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.soak_crawl import most_memory
from records import Source, SourceKind, SourceType

PAGES = 2000
ROUNDS = 3
CONCURRENCY = 16
TARGET = 1.5
HOST = "bench.example"

_SCRAPY = """
import json, sys, time, resource
import scrapy
from scrapy.crawler import CrawlerProcess
base, cache = sys.argv[1], sys.argv[2]
class Bench(scrapy.Spider):
    name = 'bench'
    count = 0
    async def start(self):
        yield scrapy.Request(base + '/feed', callback=self.feed)
    def feed(self, response):
        for url in response.xpath('//link/text()').getall():
            yield scrapy.Request(base + url[len('http://bench.example'):], callback=self.page)
    def page(self, response):
        Bench.count += len(response.body) > 0
process = CrawlerProcess({
    'LOG_ENABLED': False, 'TELNETCONSOLE_ENABLED': False, 'ROBOTSTXT_OBEY': True, 'CONCURRENT_REQUESTS': 16,
    'CONCURRENT_REQUESTS_PER_DOMAIN': 16, 'DOWNLOAD_DELAY': 0, 'HTTPCACHE_ENABLED': True, 'HTTPCACHE_DIR': cache,
    'AUTOTHROTTLE_ENABLED': False, 'COOKIES_ENABLED': False,
})
began, cpu = time.monotonic(), time.process_time()
process.crawl(Bench); process.start()
print(json.dumps({'pages': Bench.count, 'seconds': time.monotonic() - began, 'cpu': time.process_time() - cpu,
                  'mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


def against_scrapy(_data: Path, with_peers: bool) -> dict[str, Any]:
    """Pages a second of three rounds in turn; `flat` compares the memory after half of the pages with that at the end."""
    port = _free_port()
    server = subprocess.Popen([sys.executable, __file__, str(port)])
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "scrapy": []}
    try:
        _wait_for(port)
        for _ in range(ROUNDS):
            runs["ours"].append(_ours(port))
            if with_peers and (told := _scrapy(port)):
                runs["scrapy"].append(told)
    finally:
        server.kill()
        server.wait()
    rows = {name: _summary(told) for name, told in runs.items() if told}
    ratio = rows["ours"]["pages_a_second"] / rows["scrapy"]["pages_a_second"] if "scrapy" in rows else None
    grown = max(run["mb"] - run["mb_at_half"] for run in runs["ours"])
    holds = (ratio is None or ratio >= TARGET) and all(run["pages"] == PAGES for run in runs["ours"]) and grown <= 30
    return {
        "pages": PAGES,
        "concurrency": CONCURRENCY,
        **rows,
        "ratio": ratio and round(ratio, 2),
        "mb_grown": grown,
        "holds": holds,
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "pages_a_second": round(statistics.median(run["pages"] / run["seconds"] for run in runs), 1),
        "cpu_ms_a_page": round(statistics.median(run["cpu"] / run["pages"] * 1000 for run in runs), 2),
        "mb": max(run["mb"] for run in runs),
        "rounds": len(runs),
    }


def _ours(port: int) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    try:
        child = multiprocessing.get_context("spawn").Process(target=_crawl, args=(folder, port))
        child.start()
        child.join()
        told: dict[str, Any] = json.loads((folder / "told.json").read_text())
        return told
    finally:
        shutil.rmtree(folder)


def _crawl(folder: Path, port: int) -> None:
    from crawlers.run import crawl
    from store.archive import Archive

    source = Source(
        id="bench",
        publisher="",
        country="ZZ",
        language="en",
        kind=SourceKind.FEED,
        source_type=SourceType.MEDIA,
        url=f"http://{HOST}/feed",
        delay=0.0,
        max_pages=PAGES,
    )
    archive = Archive.open(folder / "archive.db")
    seen = {"n": 0, "half": 0}

    def watch(_fetch: object) -> None:
        seen["n"] += 1
        if seen["n"] == PAGES // 2:
            seen["half"] = most_memory()

    began, cpu = time.monotonic(), time.process_time()
    archive.begin_run([source], datetime.now(UTC))
    crawl(
        [source],
        archive,
        contact="bench@example.org",
        version="0",
        address_book={HOST: ("127.0.0.1", port)},
        per_host=CONCURRENCY,
        watch=watch,
    )
    archive.end_run(datetime.now(UTC), "finished")
    told = {
        "pages": archive.overview()["pages"],
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "mb": most_memory(),
        "mb_at_half": seen["half"],
    }
    archive.close()
    (folder / "told.json").write_text(json.dumps(told))


def _scrapy(port: int) -> dict[str, Any] | None:
    python = Path(__file__).parent / ".venvs" / "scrapy" / "bin" / "python"
    if not python.exists():
        print("ABSENT scrapy: make bench/.venvs/scrapy (bench/peers.py says how)", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [str(python), "-c", _SCRAPY, f"http://127.0.0.1:{port}", cache], capture_output=True, text=True, check=True
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


# --- the site, in a process of its own


def _serve(port: int) -> None:
    import asyncio
    import gzip
    import random

    words = [f"word{n}" for n in range(3000)]
    rng = random.Random(1)
    bodies = [
        gzip.compress(f"<html><p>{n} {' '.join(rng.choices(words, k=6000))}</p></html>".encode(), 6)
        for n in range(PAGES)
    ]
    items = "".join(f"<item><link>http://{HOST}/{n}</link></item>" for n in range(PAGES))
    feed = f"<rss version='2.0'><channel>{items}</channel></rss>".encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
                name = path.strip("/")
                status, kind, coding, body = "404 Not Found", "text/plain", "", b"none"
                if name == "feed":
                    status, kind, body = "200 OK", "application/rss+xml", feed
                elif name.isdigit():
                    status, kind, coding, body = "200 OK", "text/html", "Content-Encoding: gzip\r\n", bodies[int(name)]
                head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{coding}Content-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", port, backlog=256)
        async with server:
            await server.serve_forever()

    asyncio.run(main())


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the site does not start")


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
