"""What several tests share: the shipped extractor, loaded once, and one headless browser."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extract.document import Extractor
from extract.graph import GraphBuilder

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    return Extractor.load()


@pytest.fixture(scope="session")
def builder(extractor: Extractor) -> GraphBuilder:
    return extractor.builder


@pytest.fixture(scope="module")  # a driver that outlives its module was seen to hang in a later one
def browser() -> Iterator[Any]:
    """The system's Chromium, headless. Without it the tests that need it are skipped, and say so."""
    if not CHROMIUM.exists():
        pytest.skip(
            f"NO CHROMIUM at {CHROMIUM}: review screen and release are NOT tested in a browser; apt install chromium"
        )
    from playwright.sync_api import sync_playwright

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
            yield started
            started.close()
