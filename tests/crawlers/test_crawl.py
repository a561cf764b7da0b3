"""One crawl over a site full of what the web does, and what became of each address."""

from __future__ import annotations

import gzip
import socket
import zlib
from types import SimpleNamespace

import pytest

from records import SourceKind
from store.archive import Archive
from tests.crawlers.site import Reply, crawl_once, ends, feed_of, left, serve, source

HOSTS = (
    "good.example",
    "closed.example",
    "broken.example",
    "busy.example",
    "norobots.example",
    "dead.example",
    "listing.example",
    "late.example",
)


def article(word: str = "news") -> Reply:
    return Reply(f"<html><body><h1>{word}</h1></body></html>".encode())


def moved(to: str) -> Reply:
    return Reply(b"", 301, {"Location": to})


def heals(number: int, _headers: dict[str, str]) -> Reply:
    return Reply(b"oops", 500) if number == 1 else article()


def conditional(_number: int, headers: dict[str, str]) -> Reply:
    return Reply(b"", 304) if headers.get("If-None-Match") == '"1"' else feed_with_etag()


def feed_with_etag() -> Reply:
    reply = feed_of("http://norobots.example/one")
    reply.headers["ETag"] = '"1"'
    return reply


def routes(port: int) -> dict:
    good = "http://good.example"
    return {
        "good.example/robots.txt": Reply(b"User-agent: *\nDisallow: /private/\nDisallow: /*.bak$\n"),
        "good.example/feed": feed_of(
            *(
                f"{good}/{path}"
                for path in (
                    "plain",
                    "plain?utm_source=feed",
                    "plain#part",
                    "gz",
                    "deflated",
                    "gone",
                    "forbidden",
                    "heals",
                    "broken",
                    "picture",
                    "empty",
                    "short-body",
                    "bomb",
                    "moved",
                    "moved-twice",
                    "loop",
                    "to-loopback",
                    "to-file",
                    "to-private",
                    "private/a",
                    "x.bak",
                    "report.pdf",
                )
            ),
            f"http://127.0.0.1:{port}/secret",
            "http://2130706433/secret",
            "http://[::1]/secret",
            "http://localhost/secret",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/hostname",
            "javascript:alert(1)",
            "mailto:a@b.example",
            "http://user:word@good.example/login",
            "http://dead.example/down",
            "http://late.example/wait",
            "http://late.example/other",
        ),
        "good.example/plain": article(),
        "good.example/gz": Reply(gzip.compress(article("packed").body), headers={"Content-Encoding": "gzip"}),
        "good.example/deflated": Reply(
            zlib.compress(article("deflated").body), headers={"Content-Encoding": "deflate"}
        ),
        "good.example/forbidden": Reply(b"no", 403),
        "good.example/heals": heals,
        "good.example/broken": Reply(b"oops", 500),
        "late.example/wait": Reply(b"wait", 429, {"Retry-After": "120"}),
        "good.example/picture": Reply(b"\x89PNG\r\n", headers={"Content-Type": "text/html"}),
        "good.example/empty": Reply(b"  \n"),
        "good.example/short-body": Reply(article("cut").body, length=10_000),
        "good.example/bomb": Reply(gzip.compress(b" " * 64 * 1024 * 1024), headers={"Content-Encoding": "gzip"}),
        "good.example/moved": moved("/plain-too"),
        "good.example/plain-too": article("too"),
        "good.example/moved-twice": moved("/moved"),
        "good.example/loop": moved("/loop"),
        "good.example/to-loopback": moved(f"http://127.0.0.1:{port}/secret"),
        "good.example/to-file": moved("file:///etc/hostname"),
        "good.example/to-private": moved("/private/b"),
        "good.example/report.pdf": Reply(b"%PDF-1.4 and so on", headers={"Content-Type": "application/octet-stream"}),
        "127.0.0.1/secret": Reply(b"secret"),
        "closed.example/robots.txt": Reply(b"User-agent: *\nDisallow: /\n"),
        "closed.example/feed": feed_of("http://closed.example/a"),
        "broken.example/robots.txt": Reply(b"oops", 503),
        "broken.example/feed": feed_of("http://broken.example/a"),
        "busy.example/robots.txt": Reply(b"User-agent: *\nAllow: /\n"),
        "busy.example/feed": Reply(b"<html>we are busy</html>"),
        "norobots.example/feed": conditional,
        "norobots.example/one": article("one"),
        "listing.example/list": Reply(
            b"<base href='/in/'><a href='a.html'>One</a><a href='/out/b.html'>Two</a><a href='c.pdf#page=2'>Three</a>"
            b"<a href='http://other.example/in/d.html'>Four</a><a>no link</a>"
        ),
        "listing.example/in/a.html": article("a"),
        "listing.example/in/c.pdf": Reply(b"%PDF-1.7", headers={"Content-Type": "application/pdf"}),
    }


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    """Two crawls of the site: what each asked for, and how the first one ended."""
    folder = tmp_path_factory.mktemp("crawl")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = closed.getsockname()[1]
    table: dict = {}
    with serve(table) as site:
        table.update(routes(site.port))
        book = dict.fromkeys(HOSTS, ("127.0.0.1", site.port)) | {"dead.example": ("127.0.0.1", dead)}
        sources = [source(host) for host in HOSTS[:5]]
        sources.append(source("listing.example", "/list", kind=SourceKind.LISTING, include="/in/"))
        crawl_once(folder, sources, book)
        first, how, waiting = list(site.asked), ends(folder), left(folder)
        site.asked.clear()
        crawl_once(folder, sources, book)
    return SimpleNamespace(
        waiting=waiting, first=first, second=list(site.asked), ends=how, again=ends(folder), site=site, folder=folder
    )


@pytest.mark.parametrize(
    ("address", "outcome", "reason"),
    [
        ("good.example/plain", "kept", ""),
        ("good.example/gz", "kept", ""),
        ("good.example/deflated", "kept", ""),
        ("good.example/report.pdf", "kept", ""),
        ("good.example/heals", "kept", ""),
        ("good.example/moved", "copy_of", ""),
        ("good.example/moved-twice", "kept", ""),
        ("good.example/short-body", "kept", ""),
        ("good.example/gone", "http_error", "404"),
        ("good.example/forbidden", "http_error", "403"),
        ("good.example/broken", "retry_after", "500"),
        ("late.example/wait", "retry_after", "429"),
        ("late.example/other", "retry_after", "host_closed"),
        ("good.example/picture", "not_html", "text/html"),
        ("good.example/empty", "empty", ""),
        ("good.example/bomb", "too_big", "decompressed"),
        ("good.example/loop", "http_error", "too_many_redirects"),
        ("good.example/private/a", "blocked_by_robots", "disallowed"),
        ("good.example/x.bak", "blocked_by_robots", "disallowed"),
        ("good.example/to-private", "blocked_by_robots", "disallowed"),
        ("good.example/to-loopback", "egress_denied", "not_public"),
        ("localhost/secret", "egress_denied", "not_public"),
        ("169.254.169.254/latest/meta-data", "egress_denied", "not_public"),
        ("2130706433/secret", "egress_denied", "not_public"),
        ("[::1]/secret", "egress_denied", "not_public"),
        ("dead.example/down", "retry_after", "robots_unreachable"),
        ("closed.example/feed", "blocked_by_robots", "disallowed"),
        ("broken.example/feed", "retry_after", "robots_unreachable"),
        ("busy.example/feed", "quarantined", "no feed: its root is <html>"),
        ("norobots.example/one", "kept", ""),
        ("listing.example/in/a.html", "kept", ""),
        ("listing.example/in/c.pdf", "kept", ""),
    ],
)
def test_each_address_ends_in_its_outcome(crawled, address, outcome, reason):
    ends = crawled.waiting if reason == "host_closed" else crawled.ends
    assert ends[address] == (outcome, reason)


def test_a_redirect_to_a_file_is_not_followed(crawled):
    assert crawled.ends["good.example/to-file"][0] in {"http_error", "egress_denied"}


def test_nothing_but_web_addresses_enters_the_frontier(crawled):
    assert not [url for url in crawled.ends if url.startswith(("file:", "javascript:", "mailto:")) or "login" in url]


def test_no_request_reaches_a_private_address(crawled):
    assert not [address for address in crawled.first if "secret" in address]


def test_a_disallowed_address_is_not_asked_for(crawled):
    assert not [
        address
        for address in crawled.first
        if "/private/" in address or address.endswith((".bak", "closed.example/feed"))
    ]


def test_a_host_without_reachable_robots_is_left_alone(crawled):
    assert [address for address in crawled.first if address.startswith("broken.example")] != []
    assert {address for address in crawled.first if address.startswith("broken.example")} == {
        "broken.example/robots.txt"
    }


def test_spellings_of_one_address_are_asked_for_once(crawled):
    assert [address for address in crawled.first if address.partition("?")[0] == "good.example/plain"] == [
        "good.example/plain"
    ]


def test_a_listing_gives_what_its_pattern_wants_on_its_own_site(crawled):
    assert {url for url in crawled.ends if "listing" in url or "other" in url} == {
        "listing.example/list",
        "listing.example/in/a.html",
        "listing.example/in/c.pdf",
    }


def test_a_body_that_is_cut_short_is_kept_as_partial(crawled):
    archive = Archive.open(crawled.folder / "archive.db", write=False)
    [row] = archive.store.rows("SELECT partial FROM pages WHERE url LIKE '%short-body'")
    archive.close()
    assert row["partial"] == 1
    assert crawled.first.count("good.example/short-body") == 3  # tried twice more before it is believed


def test_a_second_crawl_asks_for_robots_and_indexes_only_and_leaves_closed_hosts_alone(crawled):
    assert set(crawled.second) == {
        *(
            f"{host}/robots.txt"
            for host in (
                "good.example",
                "closed.example",
                "busy.example",
                "norobots.example",
                "listing.example",
            )
        ),
        *("good.example/feed", "busy.example/feed", "norobots.example/feed", "listing.example/list"),
    }
    assert crawled.again["norobots.example/feed"] == ("not_modified", "")


def test_the_crawler_says_who_it_is_and_not_where_it_comes_from(crawled):
    assert crawled.site.agents == {"watchledger/0 (+tests@example.org)"}
    assert crawled.site.referers == {""}
