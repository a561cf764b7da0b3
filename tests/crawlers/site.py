"""A web site on loopback that does what a test tells it to, and a crawl of it in a process of its own."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from crawlers.run import crawl
from records import Source, SourceKind, SourceType
from store.archive import Archive


@dataclass
class Reply:
    """What one address answers; `length` lies about the body's length."""

    body: bytes = b"<html><body><p>Some words.</p></body></html>"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


Route = Reply | Callable[[int, dict[str, str]], Reply]  # a function is given the number of the request and its headers


@dataclass
class Site:
    """A running site: its port and what was asked."""

    port: int = 0
    asked: list[str] = field(default_factory=list)  # host + path
    agents: set[str] = field(default_factory=set)
    referers: set[str] = field(default_factory=set)

    def times(self, address: str) -> int:
        """How often `host/path` was asked for."""
        return self.asked.count(address)


@contextmanager
def serve(routes: dict[str, Route]) -> Iterator[Site]:
    """Serve `routes` (host + path to reply) on 127.0.0.1."""
    site, counts, guard = Site(), Counter[str](), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each reply, sent in two parts, waits 40 ms for an acknowledgement

        def do_GET(self) -> None:
            address = (self.headers["Host"] or "").partition(":")[0] + self.path
            with guard:
                counts[address] += 1
                number = counts[address]
                site.asked.append(address)
                site.agents.add(self.headers["User-Agent"] or "")
                site.referers.add(self.headers["Referer"] or "")
            reply = routes.get(address, Reply(b"nothing", 404))
            if callable(reply):
                reply = reply(number, dict(self.headers))
            self.send_response(reply.status)
            headers = {"Content-Type": "text/html; charset=utf-8"} | reply.headers
            headers["Content-Length"] = str(len(reply.body) if reply.length is None else reply.length)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)
            if reply.length is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hung up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def feed_of(*urls: str) -> Reply:
    """An RSS feed that announces `urls`."""
    items = "".join(f"<item><title>T</title><link>{url}</link></item>" for url in urls)
    return Reply(f"<rss version='2.0'><channel>{items}</channel></rss>".encode(), headers={"Content-Type": "text/xml"})


def source(host: str, path: str = "/feed", **values: Any) -> Source:
    """A source at a host of the site, asked without delay."""
    told: dict[str, Any] = {
        "id": host.partition(".")[0],
        "publisher": host,
        "country": "KE",
        "language": "en",
        "kind": SourceKind.FEED,
        "source_type": SourceType.MEDIA,
        "url": f"http://{host}{path}",
        "delay": 0.0,
    }
    return Source(**told | values)


def crawl_once(folder: Path, sources: Sequence[Source], book: dict[str, tuple[str, int]]) -> None:
    """One crawl in a process of its own, as Twisted's reactor runs once a process."""
    child = multiprocessing.get_context("spawn").Process(target=_crawl, args=(folder, list(sources), book))
    child.start()
    child.join(120)
    assert child.exitcode == 0


def _crawl(folder: Path, sources: list[Source], book: dict[str, tuple[str, int]]) -> None:
    archive = Archive.open(folder / "archive.db")
    archive.begin_run(sources, datetime.now(UTC))
    how = crawl(sources, archive, contact="tests@example.org", version="0", address_book=book)
    archive.end_run(datetime.now(UTC), how)
    archive.close()


def ends(folder: Path) -> dict[str, tuple[str, str]]:
    """How each address ended in the latest crawl: outcome and reason by address."""
    archive = Archive.open(folder / "archive.db", write=False)
    rows = archive.store.rows(
        "SELECT url, outcome, reason FROM fetches WHERE run_id = (SELECT MAX(run_id) FROM crawl_runs)"
    )
    archive.close()
    assert len({row["url"] for row in rows}) == len(rows), "an address ended twice"
    return {row["url"].removeprefix("http://"): (row["outcome"], row["reason"]) for row in rows}


def left(folder: Path) -> dict[str, tuple[str, str]]:
    """What waits in the frontier, with the outcome and reason that it has so far."""
    archive = Archive.open(folder / "archive.db", write=False)
    rows = archive.store.rows("SELECT url, outcome, reason FROM frontier WHERE state = 'waiting'")
    archive.close()
    return {row["url"].removeprefix("http://"): (row["outcome"], row["reason"]) for row in rows}
