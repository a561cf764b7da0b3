"""Puts the review screen together and serves it: guard, Datasette, plugin, over one ledger and its decisions."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from datasette.app import Datasette
from datasette.database import Database

from records import ConfigError
from review.api import Api
from review.guard import App, Guard
from review.house import House
from review.keys import load_keys
from review.pages import Pages
from review.people import People
from review.plugin import ReviewPlugin
from review.vocabulary import Loading
from store import review as shelf
from store.archive import Archive
from store.desk import Desk

# What a browser's SQL may cost: time, rows, and the length of a cell on a page.
SQL_LIMITS = {"sql_time_limit_ms": 1000, "max_returned_rows": 1000, "truncate_cells_html": 400}
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server is started with."""

    db: Path
    people: People
    hosts: Sequence[str] = ()
    sql: bool = False
    keys: Mapping[str, str] = field(default_factory=load_keys)
    lexicon: Path | None = None
    unaided_share: float = 0.0
    seed: int = 0
    releases: Path | None = None  # where releases lie; else in `releases` beside the ledger


class Server:
    """An application over one ledger; `close` gives files and threads back."""

    def __init__(self, settings: Settings, lexicon: Loading | None = None) -> None:
        self.settings = settings
        self.desk = Desk.open(settings.db)
        archive = settings.db.with_name("archive.db")
        self.archive = Archive.open(archive, write=False) if archive.exists() else None
        names = {"ledger": settings.db, "decisions": self.desk.store.path}
        self.house = House(
            desk=self.desk,
            archive=self.archive,
            lexicon=lexicon or Loading(settings.lexicon),
            keys=settings.keys,
            releases=settings.releases or settings.db.with_name("releases"),
            unaided_share=settings.unaided_share,
            seed=settings.seed,
            tables=tuple(names),
            warned=lambda: "; ".join(shelf.large_wals(self.desk, settings.db)),
        )
        pages = Pages(self.house)
        self.plugin = ReviewPlugin(pages, Api(self.house, pages), sql=settings.sql, shut=self.house.blind)
        self.datasette = self.plugin.attach(lambda: _datasette(names, sql=settings.sql))
        self.app: App = Guard(self.datasette.app(), settings.people, settings.hosts)

    def close(self) -> None:
        """Close the databases and take the plugin out."""
        self.plugin.close()
        self.datasette.executor.shutdown(wait=True)
        for database in self.datasette.databases.values():
            database.close()
        self.desk.close()
        if self.archive is not None:
            self.archive.close()


def _datasette(names: Mapping[str, Path], *, sql: bool) -> Datasette:
    settings = {
        **SQL_LIMITS,
        "default_allow_sql": sql,
        "allow_download": False,
        "suggest_facets": False,
        "allow_csv_stream": False,
        "num_sql_threads": 2,
        "default_cache_ttl": 0,
    }
    made = Datasette(files=[], memory=False, settings=settings, metadata={"title": "watchledger"})
    for name, path in names.items():
        made.add_database(Database(made, path=str(path), is_mutable=True), name=name)
    if "_memory" in made.databases:
        made.remove_database("_memory")
    return made


def listen(host: str, port: int) -> socket.socket:
    """A socket at `port`, or at a free one for 0. Raises ConfigError where it is taken."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=64)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {host}:{port}: {error.strerror}; take another --port, or 0 for a free one"
        ) from error


def serve(app: App, bound: socket.socket) -> None:
    """Answer requests until interrupted."""
    asyncio.run(make_server(app).serve(sockets=[bound]))


def make_server(app: App) -> Any:
    """A uvicorn server. Its logs say nothing of what was asked, since addresses hold titles and tokens."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=100,
        h11_max_incomplete_event_size=64 * 1024,
    )
    return uvicorn.Server(config)
