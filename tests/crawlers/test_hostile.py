"""A crawl over a site that is written to harm it: it ends by itself, within its budget, every address with a name."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import brotli
import pytest
import zstandard

from crawlers.coding import TooBigError, decode_body
from crawlers.limits import MAX_PAGE
from crawlers.run import crawl
from records import Outcome, Source, SourceKind
from store.archive import Archive
from tests.crawlers import hostile
from tests.crawlers.hostile import HTML, PAGE, chunked, coded, moved, raw, reply
from tests.crawlers.site import source

SECONDS = 2.5  # for a response; thirty in a real run
BUDGET = 40

# Name of the host -> what it does, outcome, reason. Each is announced by one feed.
PAGES: dict[str, tuple[hostile.Talk, str, str]] = {
    "plain": (reply(), "kept", ""),
    # redirects
    "endless": (hostile.endless_moves, "http_error", "too_many_redirects"),
    "loop": (moved("/page"), "http_error", "too_many_redirects"),
    "to-metadata": (moved("http://169.254.169.254/latest/meta-data/"), "egress_denied", "not_public"),
    "to-private": (moved("http://10.0.0.1/"), "egress_denied", "not_public"),
    "to-zero": (moved("http://0.0.0.0/"), "egress_denied", "not_public"),
    "to-shared": (moved("http://100.64.0.1/"), "egress_denied", "not_public"),
    "to-six": (moved("http://[::1]/"), "egress_denied", "not_public"),
    "to-mapped": (moved("http://[::ffff:127.0.0.1]/"), "egress_denied", "not_public"),
    "to-decimal": (moved("http://2130706433/"), "egress_denied", "not_public"),
    "to-octal": (moved("http://0177.0.0.1/"), "egress_denied", "not_public"),
    "to-name": (moved("http://localhost/"), "egress_denied", "not_public"),
    "to-somebody-s": (moved("http://intranet.example/secret"), "egress_denied", "not_public"),
    "to-file": (moved("file:///etc/hostname"), "http_error", "302"),
    "to-data": (moved("data:text/html,hello"), "http_error", "302"),
    "to-ftp": (moved("ftp://plain.example/x"), "http_error", "302"),
    "to-gopher": (moved("gopher://plain.example/x"), "http_error", "302"),
    "to-script": (moved("javascript:alert(1)"), "http_error", "bad_redirect"),
    "to-nowhere": (reply(b"", status="302 Found"), "http_error", "302"),
    "to-disallowed": (moved("http://closed.example/page"), "blocked_by_robots", "disallowed"),
    # bombs and codings
    "unknown-coding": (coded("rot13", PAGE), "quarantined", "coding_rot13"),
    "broken-coding": (coded("gzip", b"\x00\x01\x02 no gzip"), "quarantined", "broken_gzip"),
    "onion": (coded("gzip, gzip, gzip, gzip", PAGE), "quarantined", "too_many_codings"),
    "cut-coding": (coded("gzip", gzip.compress(PAGE * 50)[:-20]), "kept", ""),
    # bodies that do not end, do not come, or are not as long as they say
    "endless-body": (hostile.endless_body, "too_big", "body"),
    "drip": (hostile.drip, "unreachable", "timeout"),
    "silence": (hostile.silence, "unreachable", "timeout"),
    "short": (reply(length=9000), "kept", ""),
    "long": (reply(length=30), "kept", ""),
    "huge": (reply(length=10**12), "too_big", "body"),
    "two-lengths": (reply(PAGE, HTML, "Content-Length: 7"), "unreachable", "connection_failed"),
    "negative-length": (reply(PAGE, HTML, "Content-Length: -5", length=-1), "unreachable", "connection_failed"),
    "bad-chunk": (chunked(b"zz\r\nnothing\r\n"), "empty", ""),
    "huge-chunk": (chunked(b"fffffffffff\r\nx"), "kept", ""),
    # headers
    "huge-header": (hostile.huge_header, "unreachable", "connection_failed"),
    "many-headers": (hostile.many_headers, "kept", ""),
    "nul-header": (raw(b"HTTP/1.1 200 OK\r\nX: a\x00b\rc\r\nConnection: close\r\n\r\n" + PAGE), "kept", ""),
    "no-http": (raw(b"SSH-2.0-OpenSSH_9.0\r\n\r\n"), "unreachable", "connection_failed"),
    "reset": (hostile.reset, "unreachable", "connection_failed"),
    "odd-status": (reply(status="999 Denied"), "retry_after", "999"),
    "teapot": (reply(status="418 Teapot"), "http_error", "418"),
    "no-content": (raw(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"), "empty", ""),
    "unasked-304": (raw(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"), "http_error", "304"),
    # asks for time
    "year-9999": (reply(b"", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", status="429 Slow"), "retry_after", "429"),
    "superscript": (reply(b"", "Retry-After: \xb2", status="503 Busy"), "retry_after", "503"),
    # bodies that are no pages
    "nothing": (reply(b""), "empty", ""),
    "blank": (reply(b" \n\t"), "empty", ""),
    "picture": (reply(b"\x89PNG\r\n\x1a\n\x00\x00"), "not_html", HTML[14:]),
    # bodies that harm a parser later on: stored as they are
    "bad-charset": (reply(PAGE, "Content-Type: text/html; charset=klingon-\xff"), "kept", ""),
    "deep": (reply(b"<div>" * 100_000), "kept", ""),
    "refresh": (
        reply(
            b"<meta http-equiv=refresh content='0;url=http://closed.example/page'><link rel=canonical href=http://x/>"
            + PAGE
        ),
        "kept",
        "",
    ),
    "soft-404": (reply(b"<html><title>Page not found</title><p>Sorry.</p></html>"), "kept", ""),
    # rules
    "robots-503": (reply(), "retry_after", "robots_unreachable"),
    "robots-reset": (reply(), "retry_after", "robots_unreachable"),
    "robots-silence": (reply(), "retry_after", "robots_unreachable"),
    "robots-bomb": (reply(), "retry_after", "robots_unreachable"),
    "robots-to-private": (reply(), "egress_denied", "not_public"),
    "robots-long": (reply(), "blocked_by_robots", "disallowed"),
    "robots-loop": (reply(), "kept", ""),
} | {f"bomb-{name}": (talk, "too_big", "decompressed") for name, talk in hostile.bombs().items()}
PAGES["bomb-wide"] = (PAGES["bomb-wide"][0], "quarantined", "broken_zstd")

ROBOTS = {
    "robots-503": reply(status="503 Busy"),
    "robots-reset": hostile.reset,
    "robots-silence": hostile.silence,
    "robots-bomb": coded("gzip", gzip.compress(b"#" * (40 << 20))),
    "robots-to-private": moved("http://127.0.0.1/robots.txt"),
    "robots-long": reply(b"User-agent: *\nDisallow: /\n" + b"#" * (19 << 20), "Content-Type: text/plain"),
    "robots-loop": moved("/robots.txt"),
    "closed": reply(b"User-agent: *\nDisallow: /\n", "Content-Type: text/plain"),
}

SEED = "http://seed.example"
NOT_ADDRESSES = [
    "javascript:alert(1)",
    "mailto:a@b.example",
    "http://user:word@plain.example/",
    f"{SEED}/{'a' * 3000}",
    f"{SEED}/a/b/a/b/a/b/a/b/",
    f"{SEED}/x?" + "&".join(f"p{n}=1" for n in range(40)),
    f"{SEED}:99999/",
    "http://[::bad/",
]
SESSIONS = [f"{SEED}/story;jsessionid={n}?PHPSESSID={n}&utm_source=x" for n in range(5)]


def rss(*items: str, head: str = "") -> hostile.Talk:
    body = f"<?xml version='1.0'?>{head}<rss version='2.0'><channel>{''.join(items)}</channel></rss>"
    return reply(body.encode(), "Content-Type: application/rss+xml")


def item(url: str, more: str = "") -> str:
    return f"<item><title>T</title><link>{url.replace('&', '&amp;')}</link>{more}</item>"


def sitemap(*urls: str, kind: str = "sitemap") -> bytes:
    outer = {"sitemap": "sitemapindex", "url": "urlset"}[kind]
    return f"<{outer}>{''.join(f'<{kind}><loc>{u}</loc></{kind}>' for u in urls)}</{outer}>".encode()


def ever_deeper(sock: Any, path: str, number: int) -> None:
    reply(sitemap(f"http://deeper.example{path}d", f"http://deeper.example{path}e"))(sock, path, number)


LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 20}'>" for n in range(9)
)
CALENDAR = "".join(f"<a href='/day?y={n // 365}&d={n % 365}'>day</a>" for n in range(3000)).encode()


def routes() -> dict[str, hostile.Talk]:
    table: dict[str, hostile.Talk] = {f"{name}.example/page": trap[0] for name, trap in PAGES.items()}
    table |= {"endless.example/*": hostile.endless_moves, "intranet.example/*": reply(b"secret")}
    table |= {f"{name}.example/robots.txt": talk for name, talk in ROBOTS.items()}
    pages = [item(f"http://{name}.example/page") for name in PAGES]
    table["seed.example/feed"] = rss(
        *pages,
        *pages,
        *map(item, NOT_ADDRESSES),
        *map(item, SESSIONS),
        *(item(f"{SEED}/twice", "<guid>one</guid>") for _ in range(3)),
        item(f"{SEED}/2099", "<pubDate>Fri, 01 Jan 2099 00:00:00 GMT</pubDate>"),
        item(f"{SEED}/1900", "<pubDate>Mon, 01 Jan 1900 00:00:00 GMT</pubDate>"),
        item(f"{SEED}/nonsense", "<pubDate>the day after tomorrow</pubDate>"),
        item("https://selfsigned.example/page"),
    )
    table |= dict.fromkeys(
        [f"seed.example/{p}" for p in ("story", "twice", "2099", "1900", "nonsense")], reply()
    ) | dict.fromkeys(("selfsigned.example/page", "excepted.example/page", "calendar.example/*"), reply())
    table["excepted.example/feed"] = rss(item("https://excepted.example/page"))
    table["laughs.example/feed"] = rss(item("http://laughs.example/&j;"), head=LAUGHS + "]>")
    table["outside.example/feed"] = rss(
        item("http://outside.example/a", "<description>&f;</description>"),
        head="<!DOCTYPE x SYSTEM 'http://plain.example/dtd' [<!ENTITY f SYSTEM 'file:///etc/hostname'>"
        "<!ENTITY % p SYSTEM 'http://plain.example/entity'>%p;]>",
    )
    table["outside.example/a"] = reply()
    table["nested.example/feed"] = reply(b"<rss>" + b"<item>" * 200_000)
    table["web-page.example/feed"] = reply()
    table["json.example/feed"] = reply(b'{"items": ' + b"[" * 200_000)
    table["calendar.example/list"] = reply(CALENDAR)
    table["empty-list.example/list"] = reply(b"<p>Nothing today.</p>")
    table["wide-list.example/list"] = reply(b"<a href=x>" * 200_000)
    table["circle.example/sitemap"] = reply(sitemap("http://circle.example/two", "http://circle.example/sitemap"))
    table["circle.example/two"] = reply(sitemap("http://circle.example/sitemap", "http://circle.example/two"))
    table["deeper.example/*"] = ever_deeper
    table["bomb-map.example/sitemap"] = reply(gzip.compress(b"<urlset>" + BLANKS_AND_MORE + b"</urlset>", 1))
    table["wide-map.example/sitemap"] = reply(sitemap(*(f"http://wide-map.example/m{n}" for n in range(400))))
    table["wide-map.example/*"] = reply(sitemap(kind="url"))
    return table


BLANKS_AND_MORE = b" " * (60 << 20)

SOURCES = [
    source("seed.example", max_pages=200),
    *(source(f"{n}.example") for n in ("laughs", "outside", "nested", "web-page", "json")),
    source("excepted.example", url="https://excepted.example/feed", bad_certificate=True),
    source("intranet.example", private_network=True),
    *(
        source(f"{n}.example", "/list", kind=SourceKind.LISTING, include=".", max_pages=BUDGET)
        for n in ("calendar", "empty-list", "wide-list")
    ),
    *(
        source(f"{n}.example", "/sitemap", kind=SourceKind.SITEMAP, max_pages=BUDGET)
        for n in ("circle", "deeper", "bomb-map", "wide-map")
    ),
]


def _crawl(folder: Path, sources: list[Source], book: dict[str, tuple[str, int]]) -> None:
    before = _most_memory()
    archive = Archive.open(folder / "archive.db")
    archive.begin_run(sources, datetime.now(UTC))
    how = crawl(sources, archive, contact="tests@example.org", version="0", address_book=book, timeout=SECONDS)
    archive.end_run(datetime.now(UTC), how)
    archive.close()
    after = _most_memory()
    (folder / "told.json").write_text(json.dumps({"how": how, "kb": after - before}))


def _most_memory() -> int:
    """The most memory that this process has had so far, in kB."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    folder = tmp_path_factory.mktemp("hostile")
    with hostile.serve(routes(), folder) as site:
        hosts = {address.partition("/")[0] for address in routes()}
        book = dict.fromkeys(hosts, ("127.0.0.1", site.port))
        book |= dict.fromkeys(("selfsigned.example", "excepted.example"), ("127.0.0.1", site.tls_port))
        began = time.monotonic()
        child = multiprocessing.get_context("spawn").Process(target=_crawl, args=(folder, SOURCES, book))
        child.start()
        child.join(90)
        seconds = time.monotonic() - began
        if child.is_alive():
            child.kill()
        archive = Archive.open(folder / "archive.db", write=False)
        rows = archive.store.rows("SELECT * FROM fetches")
        frontier = archive.store.rows("SELECT * FROM frontier")
        pages = {row["url"]: row for row in archive.store.rows("SELECT * FROM pages")}
        sound = archive.store.one("PRAGMA integrity_check")
        archive.close()
        yield SimpleNamespace(
            exit=child.exitcode,
            seconds=seconds,
            told=json.loads((folder / "told.json").read_text()),
            ends={row["url"]: row for row in rows},
            fetches=rows,
            frontier=frontier,
            pages=pages,
            sound=sound,
            site=site,
        )


def test_it_is_forty_traps_and_more():
    assert len(PAGES) + len(SOURCES) + len(NOT_ADDRESSES) - 1 >= 40


def test_the_crawl_ends_by_itself_and_its_file_is_sound(crawled):
    assert (crawled.exit, crawled.told["how"], crawled.sound) == (0, "finished", "ok")
    assert crawled.seconds < 60


def test_memory_stays_within_what_is_allowed_for_the_largest_responses(crawled):
    assert crawled.told["kb"] < 250_000


def test_every_address_ends_once_and_in_a_named_outcome(crawled):
    names = {str(outcome) for outcome in Outcome}
    assert len(crawled.ends) == len(crawled.fetches)
    assert {row["outcome"] for row in crawled.frontier} <= names
    assert all(row["reason"] for row in crawled.frontier if row["outcome"] not in ("kept", "copy_of", "empty"))


@pytest.mark.parametrize("name", sorted(PAGES))
def test_each_trap_ends_as_it_should(crawled, name):
    row = crawled.ends[f"http://{name}.example/page"]
    assert (row["outcome"], row["reason"]) == PAGES[name][1:]


@pytest.mark.parametrize(
    ("address", "outcome", "reason"),
    [
        ("http://web-page.example/feed", "quarantined", "no feed: its root is <html>"),
        ("http://json.example/feed", "quarantined", "no JSON"),
        ("http://calendar.example/list", "kept", "one_query: 2700"),
        ("http://empty-list.example/list", "kept", "no_links"),
        ("http://wide-list.example/list", "quarantined", "too large for a page"),
        ("http://bomb-map.example/sitemap", "kept", "no_links"),
        ("https://selfsigned.example/page", "unreachable", "certificate"),
        ("https://excepted.example/page", "kept", "certificate_not_verified"),
    ],
)
def test_each_index_and_certificate_ends_as_it_should(crawled, address, outcome, reason):
    row = crawled.ends[address]
    assert (row["outcome"], row["reason"]) == (outcome, reason)


@pytest.mark.parametrize("name", ["short", "cut-coding", "huge-chunk"])
def test_what_came_in_part_is_kept_as_such(crawled, name):
    assert crawled.pages[f"http://{name}.example/page"]["partial"] == 1


def test_nothing_private_was_asked_and_no_parser_asked_for_anything(crawled):
    assert crawled.site.times("intranet.example/secret") == 0
    assert crawled.site.times("plain.example") == crawled.site.times("plain.example/page") + 1  # and its robots.txt
    assert not [address for address in crawled.site.asked if address.startswith(("127.", "localhost"))]


def test_disallowed_pages_are_not_asked_for_also_not_after_a_refresh(crawled):
    assert crawled.site.times("closed.example/page") == 0
    assert crawled.site.times("robots-long.example/page") == 0


def test_addresses_that_are_none_do_not_enter_and_sessions_are_one_page(crawled):
    known = {row["url"] for row in crawled.frontier}
    assert not known & set(NOT_ADDRESSES)
    assert {url for url in known if url.startswith(SEED)} == {
        f"{SEED}/{path}" for path in ("feed", "story", "twice", "2099", "1900", "nonsense")
    }


def test_no_source_takes_more_than_its_budget(crawled):
    assert crawled.site.times("calendar.example/day") == BUDGET
    assert 1 <= crawled.site.times("wide-map.example/m") <= 200
    assert crawled.site.times("deeper.example/") <= 1 + 2 + 4 + 8 + 1
    assert crawled.site.times("circle.example/") <= 3
    waiting = [row for row in crawled.frontier if row["url"].startswith("http://calendar.example/day")]
    assert len(waiting) == 300
    assert {row["reason"] for row in waiting if row["outcome"] == "retry_after"} == {"budget"}


def test_no_wait_is_longer_than_a_day(crawled):
    row = next(row for row in crawled.frontier if row["url"] == "http://year-9999.example/page")
    wait = datetime.fromisoformat(row["due_at"]) - datetime.fromisoformat(row["asked_at"])
    assert wait.total_seconds() == pytest.approx(24 * 3600, abs=60)


PACKERS = {
    "gzip": partial(gzip.compress, compresslevel=1),
    "br": partial(brotli.compress, quality=4),
    "zstd": zstandard.compress,
    "deflate": partial(zlib.compress, level=1),
}


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_costs_no_more_than_its_limit(name):
    blanks = b" " * (256 << 20)
    bomb = PACKERS[name](blanks)
    del blanks
    tracemalloc.start()
    with pytest.raises(TooBigError):
        decode_body(bomb, [name], MAX_PAGE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
