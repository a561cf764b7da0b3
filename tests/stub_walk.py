"""A walk without models: the real WARC reader and gate, and the stub reader behind them. Some pages do harm on purpose."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from commands.bulk import BulkSettings, WarcWalk
from extract.cascade import Cascade
from extract.gate import Gate
from extract.lexicon import Lexicon
from records import PageReading, StoredPage
from tests.stub_reader import StubReader

# A page that carries one of these marks (and passes the gate) does so to its walker.
POISON = b"POISON:"


def behave(body: bytes) -> None:
    """Do what the page says."""
    what = body[body.find(POISON) + len(POISON) :][:20].split(b"<")[0].strip().decode()
    if what == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "hang":
        time.sleep(600)
    if what == "spin":
        while True:
            pass
    if what == "eat":
        len(bytearray(3 << 30))
    if what == "exit":
        os._exit(0)
    if what == "raise":
        raise ValueError("a library's words about the page")
    if what.startswith("die-once"):
        # Somebody kills the whole worker, once: the file is there on the second try.
        flag = Path(what.partition(" ")[2])
        if not flag.exists():
            flag.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)


def read(stored: StoredPage) -> PageReading:
    """The stub's reading, after the harm."""
    if POISON in stored.page.body:
        behave(stored.page.body)
    made = StubReader()(stored)
    assert isinstance(made, PageReading)
    return made


@cache
def gate() -> Gate:
    """The shipped gate."""
    return Gate.load(Lexicon.load())


def make_stub_walk(settings: BulkSettings) -> WarcWalk:
    """What a walker makes instead of commands.bulk.make_walk."""
    cascade = Cascade(gate(), read, read, sample=settings.sample, seed=settings.seed)
    return WarcWalk(cascade, "stub-1")


Make = Callable[[BulkSettings], WarcWalk]
