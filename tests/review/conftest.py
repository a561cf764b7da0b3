"""A review server of its own for a test, and pages of the browser over it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from review.people import alone
from review.server import Server, Settings, listen, make_server
from review.vocabulary import Loading
from tests.review.ledger import make

ROOT = Path(__file__).parents[2]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A small ledger."""
    return make(tmp_path)


@contextlib.contextmanager
def serving(db: Path, lexicon: Loading, *, name: str = "ann", **settings: Any) -> Iterator[str]:
    """The server that `watchledger review` starts, in a thread; gives its address."""
    server = Server(Settings(db=db, people=alone(name), **settings), lexicon)
    bound = listen("127.0.0.1", 0)
    web = make_server(server.app)
    thread = threading.Thread(target=lambda: asyncio.run(web.serve(sockets=[bound])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        web.should_exit = True
        thread.join(60)
        server.close()
        bound.close()


@pytest.fixture(scope="session")
def lexicon() -> Loading:
    """The lexicon, read once for all servers."""
    made = Loading()
    made.get()
    return made


@pytest.fixture
def serve(lexicon: Loading) -> Iterator[Callable[..., str]]:
    """Starts servers that end with the test: serve(db, name="ben", sql=True)."""
    with contextlib.ExitStack() as stack:
        yield lambda db, **settings: stack.enter_context(serving(db, lexicon, **settings))


@contextlib.contextmanager
def command(db: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`watchledger review` in a process of its own, at a free port."""
    told = [sys.executable, "-m", "pipeline", "review", "--db", str(db), "--port", "0", "--no-browser", *options]
    process = subprocess.Popen(told, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


class Screen:
    """One page of the browser that counts the keys it presses and remembers what went wrong on it."""

    def __init__(self, page: Any, base: str) -> None:
        self.page = page
        self.base = base
        self.keys = 0
        self.faults: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        page.on(
            "request", lambda request: self.foreign.append(request.url) if not request.url.startswith(base) else None
        )

    def open(self, path: str) -> Screen:
        self.page.goto(self.base + path)
        self.page.wait_for_selector("body[data-ready]")
        return self

    def press(self, *keys: str) -> Screen:
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1
        return self

    @property
    def deal(self) -> str:
        return str(self.page.get_attribute("#deal", "data-id"))

    @property
    def pair(self) -> str:
        return str(self.page.text_content(".state .pair"))

    def field(self, name: str) -> str:
        return str(self.page.text_content(f'.field[data-field="{name}"] .value'))

    def wait_pair(self, words: str) -> None:
        self.page.wait_for_function(
            "words => document.querySelector('.state .pair')?.textContent.includes(words)", arg=words
        )

    def wait_notice(self, words: str) -> None:
        self.page.wait_for_function("words => document.querySelector('#notice').textContent.includes(words)", arg=words)


@pytest.fixture
def screen(browser: Any) -> Iterator[Callable[[str], Screen]]:
    """Opens pages of a laptop's size; at the end none may have thrown, or asked anybody but our server."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(30000)
    opened: list[Screen] = []

    def open_at(base: str) -> Screen:
        opened.append(Screen(context.new_page(), base))
        return opened[-1]

    yield open_at
    told = [(one.faults, one.foreign) for one in opened]
    context.close()
    assert all(faults == [] and foreign == [] for faults, foreign in told), told


def get(url: str, **headers: str) -> tuple[int, bytes, Any]:
    """Status, body and headers of a plain request, refusals included."""
    asked = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=90) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "did not come true in time"
        time.sleep(0.05)
