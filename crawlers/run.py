"""Run one crawl in this process. Twisted's reactor runs once a process, so a process crawls once."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from scrapy.crawler import CrawlerProcess
from scrapy.settings import Settings

from crawlers.scheduler import Frontier
from crawlers.spiders.sources import SourceSpider
from records import Fetch, Source


def crawl(
    sources: Sequence[Source],
    frontier: Frontier,
    *,
    contact: str,
    version: str,
    address_book: Mapping[str, tuple[str, int]] | None = None,
    per_host: int = 1,
    timeout: float = 30.0,
    watch: Callable[[Fetch], None] | None = None,
) -> str:
    """Fetch what the frontier holds for `sources` and say how it ended: `finished` or `stopped`.

    `contact` is told to every site. `address_book` maps hosts to where they are dialled,
    which the demo uses for its newsroom; `timeout` is for a whole response, in seconds; `watch` is told each fetch as it is stored.
    Raises StoreError where storing failed.
    """
    settings = Settings()
    settings.setmodule("crawlers.settings")
    settings.set("USER_AGENT", f"watchledger/{version} (+{contact})")
    settings.set("CONCURRENT_REQUESTS_PER_DOMAIN", per_host)
    settings.set("DOWNLOAD_SLOTS", _slots(sources, per_host))
    settings.set("EGRESS_PRIVATE_HOSTS", _owners(sources))
    settings.set("BAD_CERTIFICATE_HOSTS", sorted({_host(s.url) for s in sources if s.bad_certificate}))
    settings.set("DOWNLOAD_TIMEOUT", timeout)
    settings.set("EGRESS_ADDRESS_BOOK", dict(address_book or {}))
    process = CrawlerProcess(settings)
    crawler = process.create_crawler(SourceSpider)
    # Every request's end is in the archive. CrawlerProcess sets logging up anew, so this comes after it.
    for name in ("scrapy", "twisted", "py.warnings"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    process.crawl(crawler, sources=sources, frontier=frontier, per_host=per_host, watch=watch)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        process.start()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    spider = crawler.spider
    if isinstance(spider, SourceSpider) and spider.fatal is not None:
        raise spider.fatal
    return "finished" if isinstance(spider, SourceSpider) and spider.ended == "finished" else "stopped"


def _slots(sources: Sequence[Source], per_host: int) -> dict[str, dict[str, float]]:
    """The delay of each source's host; where several sources share a host, the longest."""
    slots: dict[str, dict[str, float]] = {}
    for source in sources:
        slot = slots.setdefault(_host(source.url), {"concurrency": per_host, "delay": 0.0})
        slot["delay"] = max(slot["delay"], source.delay)
    return slots


def _owners(sources: Sequence[Source]) -> dict[str, list[str]]:
    """The hosts that may live at a private address, with the sources that say so."""
    owners: dict[str, list[str]] = {}
    for source in sources:
        if source.private_network:
            owners.setdefault(_host(source.url), []).append(source.id)
    return owners


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
