"""The page of a release: sound HTML whose every link is there, for every reader, that asks nobody; also in a browser, offline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from bench.generate import make_release
from publish.build import Plan, publish
from publish.derive import with_derived
from publish.diff import read_former
from publish.page import PICTURES
from publish.release import LICENCES
from publish.rows import TABLES

VOID = {"meta", "img", "br", "hr", "link", "input"}
HOSTILE = '<script>window.hit=1</script><img src=//canary.invalid/x onerror=window.hit=1> & "deals"'


class Page(HTMLParser):
    """Reads strictly: whatever a browser would have to repair is a fault."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{name}> is never closed" for name in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.faults += [f"<{tag}> has {name} twice" for name, n in Counter(names).items() if n > 1]
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes what is not open")

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


def read(folder: Path) -> Page:
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def links(page: Page) -> Iterator[str]:
    """Every address that the page names."""
    for _, attributes in page.elements:
        yield from (
            attributes[name] for name in ("href", "src", "srcset", "action", "poster", "data") if name in attributes
        )


@pytest.fixture(scope="module")
def second(folder, tmp_path_factory) -> Path:
    """A release that follows another."""
    release = make_release(60)
    about = replace(release.about, version="2.0.0", previous="1.0.0")
    path = tmp_path_factory.mktemp("releases") / "second"
    plan = Plan(folder=path, former=read_former(folder), validate=False, allow_shrink=True)
    gone = [
        replace(release.retired[0], deal_id=one, state="withdrawn", successor=None) for one in _lost(folder, release)
    ]
    publish(replace(release, about=about, retired=[*release.retired, *gone]), plan)
    return path


def _lost(folder: Path, release: Any) -> list[str]:
    return sorted(read_former(folder).deals - {deal.deal_id for deal in release.deals})


@pytest.mark.parametrize("which", ["folder", "second"])
def test_the_page_is_sound_html(request, which):
    folder = request.getfixturevalue(which)
    page = read(folder)
    assert page.faults == []
    assert (folder / "index.html").read_text(encoding="utf-8").startswith('<!doctype html>\n<html lang="en">')
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    assert {value for _, attributes in page.elements if (value := attributes.get("aria-labelledby"))} <= set(names)


@pytest.mark.parametrize("which", ["folder", "second"])
def test_every_link_leads_to_a_file_of_the_release_and_every_file_is_linked(request, which):
    folder = request.getfixturevalue(which)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    named = {unquote(link) for link in links(read(folder)) if not urlsplit(link).scheme}
    assert named <= there
    # The summary and the rows of the increment are for programs, which know where they are.
    programs = {name for name in there if name.startswith("changes/") and name != "changes/changes.csv"}
    assert there - programs - {"index.html"} == named


def test_the_page_asks_nobody_and_runs_nothing(folder):
    page, text = read(folder), (folder / "index.html").read_text(encoding="utf-8")
    assert not page.all("script", "iframe", "object", "embed", "link", "base", "form")
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|@font-face", text)
    # What it names of the world outside is the licence, to be clicked.
    assert [link for link in links(page) if urlsplit(link).scheme or link.startswith("//")] == [
        LICENCES["CC-BY-4.0"][1]
    ]


def test_the_page_can_be_read_without_seeing_it(folder):
    page = read(folder)
    assert page.all("title")
    assert [tag for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h2"]
    assert len(page.all("main")) == 1
    assert all(len(image["alt"]) > 10 for image in page.all("img"))
    assert len({image["alt"] for image in page.all("img")}) == len(PICTURES)
    assert all(cell["scope"] in ("col", "row") for cell in page.all("th"))
    assert all(table["aria-labelledby"] for table in page.all("table"))
    words = [
        link.get("aria-label") for link in page.all("a") if link["href"].startswith(("csv/", "parquet/", "jsonl/"))
    ]
    assert len(set(words)) == len(words) == 3 * len(TABLES)


def test_words_of_the_release_are_never_markup(tmp_path):
    release = make_release(12)
    about = replace(release.about, title=HOSTILE, authors=(HOSTILE,))
    deals = [replace(deal, vendor=HOSTILE, vendor_standard=HOSTILE, vendor_id=None) for deal in release.deals]
    plan = Plan(folder=tmp_path / "out", validate=False)
    publish(replace(release, about=about, deals=deals, parties=()), plan)
    page = read(tmp_path / "out")
    assert page.faults == []
    assert not page.all("script")
    assert len(page.all("img")) == len(PICTURES)
    assert page.text.count(HOSTILE) > 3


# --- in a browser


@pytest.fixture
def opened(browser, folder) -> Iterator[Any]:
    """The page of the release, opened from its folder with no network; at the end nothing may have gone wrong on it."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, offline=True)
    context.set_default_timeout(30000)
    page, faults, foreign = context.new_page(), [], []
    inside = folder.as_uri() + "/"
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(inside) else None)
    page.goto(f"{inside}index.html")
    yield page
    context.close()
    assert (faults, foreign) == ([], [])


def test_a_browser_opens_it_offline_with_all_of_its_pictures(opened):
    for image in opened.locator("img").all():
        image.scroll_into_view_if_needed()
    opened.wait_for_function("() => [...document.images].every(one => one.complete && one.naturalWidth > 400)")
    assert opened.locator("img").count() == len(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_opens_by_itself(opened, name):
    opened.locator(f'a[href="pictures/{name}.svg"]').click()
    opened.wait_for_url(f"**/pictures/{name}.svg")
    box = opened.evaluate(
        "() => { const box = document.documentElement.getBoundingClientRect(); return [box.width, box.height]; }"
    )
    assert min(box) > 200


def test_what_a_screen_reader_is_told(opened, generated):
    assert opened.title().startswith("Generated deals 1.0.0")
    assert opened.get_by_role("heading", level=1).inner_text() == "Generated deals"
    for name in ("Countries", "Files"):
        assert opened.get_by_role("table", name=name).count() == 1
    assert opened.get_by_role("link", name="deals_wide as csv", exact=True).count() == 1
    countries = opened.get_by_role("table", name="Countries")
    names = countries.get_by_role("rowheader").all_inner_texts()
    assert names == sorted(row.country_name for row in with_derived(generated).index_countries)
    assert countries.get_by_role("columnheader", name="smart city", exact=True).count() == 1
    assert countries.get_by_role("img", name="yes").count() > 5


@pytest.mark.parametrize("width", [390, 768, 1366])
def test_the_page_never_scrolls_sideways_and_its_tables_do_with_the_keyboard(opened, width):
    opened.set_viewport_size({"width": width, "height": 800})
    assert opened.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
    wide = opened.locator(".wide").first
    if wide.evaluate("box => box.scrollWidth > box.clientWidth"):
        wide.focus()
        opened.keyboard.press("ArrowRight")
        opened.wait_for_function("() => document.querySelector('.wide').scrollLeft > 0")


def test_text_stands_out_from_its_ground(opened):
    faint = opened.evaluate(
        """() => {
          const light = colour => { const [r, g, b] = colour.match(/\\d+/g).map(n => n / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
          return [...document.querySelectorAll('main *')].filter(one => one.textContent.trim())
            .map(one => getComputedStyle(one).color).filter(colour => 1.05 / (light(colour) + 0.05) < 4.5); }"""
    )
    assert faint == []
