"""What the crawler asks of a host, and when: robots.txt over redirects, delays, private hosts."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from crawlers.throttle import LONGEST_DELAY, next_delay
from tests.crawlers.site import Reply, crawl_once, ends, feed_of, serve, source

HOPS = {"five": 5, "six": 6}
PAGE = Reply(b"<html><p>A page with some words.</p></html>")


def hops(host: str, count: int) -> dict[str, Reply]:
    """A robots.txt that is `count` redirects away and disallows /private."""
    told = {f"{host}/robots.txt": Reply(b"", 301, {"Location": "/r1"})}
    told |= {f"{host}/r{n}": Reply(b"", 302, {"Location": f"/r{n + 1}"}) for n in range(1, count)}
    return told | {f"{host}/r{count}": Reply(b"User-agent: *\nDisallow: /private\n")}


def routes(stamps: list[float]) -> dict:
    table: dict = {}
    for name, count in HOPS.items():
        host = f"{name}.example"
        table |= hops(host, count) | {
            f"{host}/feed": feed_of(f"http://{host}/private", f"http://{host}/open"),
            f"{host}/private": PAGE,
            f"{host}/open": PAGE,
        }
    table["slow.example/robots.txt"] = Reply(b"User-agent: *\nCrawl-delay: 1\n")
    table["slow.example/feed"] = feed_of("http://slow.example/1", "http://slow.example/2")

    def stamped(_number: int, _headers: dict) -> Reply:
        stamps.append(time.monotonic())
        return PAGE

    table["slow.example/1"] = table["slow.example/2"] = stamped
    table["guest.example/feed"] = feed_of("http://intranet.example/secret", "http://guest.example/a")
    table["guest.example/a"] = PAGE
    table["intranet.example/feed"] = feed_of("http://intranet.example/own")
    table["intranet.example/own"] = table["intranet.example/secret"] = PAGE
    return table


@pytest.fixture(scope="module")
def crawled(tmp_path_factory):
    folder, stamps = tmp_path_factory.mktemp("polite"), []
    with serve(routes(stamps)) as site:
        hosts = ("five", "six", "slow", "guest", "intranet")
        book = {f"{host}.example": ("127.0.0.1", site.port) for host in hosts}
        sources = [source(f"{host}.example", private_network=host == "intranet") for host in hosts]
        crawl_once(folder, sources, book)
    return SimpleNamespace(ends=ends(folder), asked=site.asked, stamps=stamps)


def test_rules_that_are_five_redirects_away_hold(crawled):
    assert crawled.ends["five.example/private"] == ("blocked_by_robots", "disallowed")
    assert crawled.ends["five.example/open"] == ("kept", "")
    assert "five.example/private" not in crawled.asked


def test_rules_that_are_six_redirects_away_count_as_none(crawled):
    assert crawled.ends["six.example/private"][0] in {"kept", "copy_of"}


def test_a_crawl_delay_is_kept_between_two_pages(crawled):
    first, second = crawled.stamps
    assert second - first >= 0.95


def test_a_private_host_is_open_to_the_source_that_names_it_only(crawled):
    assert crawled.ends["intranet.example/own"] == ("kept", "")
    assert crawled.ends["intranet.example/secret"] == ("egress_denied", "not_public")
    assert "intranet.example/secret" not in crawled.asked


@pytest.mark.parametrize(
    ("delay", "latency", "floor", "well", "wanted"),
    [
        pytest.param(1.0, 0.2, 1.0, True, 1.0, id="never under the floor"),
        pytest.param(1.0, 4.0, 1.0, True, 4.0, id="up at once"),
        pytest.param(4.0, 1.0, 1.0, True, 2.5, id="down by half"),
        pytest.param(4.0, 1.0, 1.0, False, 4.0, id="not down after an error"),
        pytest.param(1.0, 500.0, 1.0, True, LONGEST_DELAY, id="within reason"),
        pytest.param(5.0, 0.1, 5.0, True, 5.0, id="a Crawl-delay is not undercut"),
    ],
)
def test_the_delay_follows_the_host(delay, latency, floor, well, wanted):
    assert next_delay(delay, latency, floor, well=well) == wanted
