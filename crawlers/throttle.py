"""The delay of a host follows how fast it answers; it never falls under what its source or robots.txt asks for."""

from __future__ import annotations

from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.http import Request, Response

# A host that takes longer than this to answer is not asked more seldom for it.
LONGEST_DELAY = 60.0


class ThrottleMiddleware:
    """AutoThrottle (as in Scrapy: the delay moves half-way to the latency), with a floor for each host.

    Scrapy's own extension has one floor for all hosts and so undercuts a Crawl-delay that robots.txt asks for.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built by Scrapy."""
        return cls(crawler)

    def process_response(self, request: Request, response: Response) -> Any:
        """Adjust the delay of the host that answered."""
        engine, latency = self._crawler.engine, request.meta.get("download_latency")
        if engine is None or latency is None or request.meta.get("robots_txt"):
            return response
        downloader = engine.downloader
        key = downloader.get_slot_key(request)
        slot = downloader.slots.get(key)
        if slot is not None:
            told = downloader.per_slot_settings.get(key, {})
            floor = float(told.get("delay", self._crawler.settings.getfloat("DOWNLOAD_DELAY")))
            if floor > 0:  # 0 is asked for by who owns the host
                slot.delay = next_delay(slot.delay, latency / slot.concurrency, floor, well=response.status < 400)
        return response


def next_delay(delay: float, latency: float, floor: float, *, well: bool) -> float:
    """Seconds to the next request: half-way to the latency, at once up to it, never down after an error."""
    wanted = max(latency, (delay + latency) / 2.0)
    wanted = max(floor, min(wanted, LONGEST_DELAY))
    return wanted if well or wanted > delay else delay
