"""robots.txt by RFC 9309, which Scrapy's own middleware does not follow.

A robots.txt that cannot be had (5xx, 429, no connection) closes the host for this run; one
that does not exist (other 4xx, more than five redirects) opens it; of one that is too long
the first 512 KiB count. Crawl-delay is obeyed up to a minute.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Self

from protego import Protego
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.http import Request, Response
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.defer import Deferred

from crawlers.certificates import is_certificate_error
from crawlers.egress import EgressRefused
from crawlers.limits import DecodedTooBig, Undecodable
from records import Target

logger = logging.getLogger(__name__)

# RFC 9309, 2.5: at least 500 KiB must be parsed.
MAX_BYTES = 512 * 1024
MAX_CRAWL_DELAY = 60.0
NOT_PUBLIC = "not_public"
BAD_CERTIFICATE = "certificate"


class RobotsRefused(IgnoreRequest):
    """robots.txt does not let us fetch this address."""


class RobotsUnreachable(IgnoreRequest):
    """robots.txt could not be had, so the host is closed for now."""


class BadCertificate(IgnoreRequest):
    """The host's certificate is not valid, which showed when it was asked for its robots.txt."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one host's robots.txt says. `parser` None: everything is allowed; `closed`: nothing is."""

    parser: Any = None
    closed: str = ""

    def allows(self, url: str, agent: str) -> bool:
        """True if the address may be fetched."""
        return self.parser is None or bool(self.parser.can_fetch(url, agent))

    def delay(self, agent: str) -> float:
        """The Crawl-delay, 0 where none is asked for or it makes no sense."""
        asked = self.parser.crawl_delay(agent) if self.parser else None
        return min(float(asked), MAX_CRAWL_DELAY) if asked and asked > 0 else 0.0


def read_rules(status: int, body: bytes) -> Rules:
    """What a response to the request for robots.txt means."""
    if 200 <= status < 300:
        text = body[:MAX_BYTES].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        return Rules(parser=Protego.parse(text))
    if status == 429 or status >= 500:
        return Rules(closed=f"status {status}")
    return Rules()


class RobotsMiddleware:
    """Asks each host for its robots.txt once a run, before anything else."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._agent: str = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["BOT_NAME"]
        self._rules: dict[str, Rules | list[Deferred[None]]] = {}
        crawler.signals.connect(self._cut_long_robots, signal=signals.bytes_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built by Scrapy."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request through, or raise why not."""
        if request.meta.get("robots_txt"):
            return
        rules = await self._rules_for(request)
        if rules.closed == NOT_PUBLIC:
            raise EgressRefused("not at a public address")
        if rules.closed == BAD_CERTIFICATE:
            raise BadCertificate("the certificate is not valid")
        if rules.closed:
            raise RobotsUnreachable(f"robots.txt: {rules.closed}")
        if not rules.allows(request.url, self._agent):
            raise RobotsRefused("disallowed by robots.txt")

    async def _rules_for(self, request: Request) -> Rules:
        parts = urlparse_cached(request)
        site = f"{parts.scheme}://{parts.netloc}"
        known = self._rules.get(site)
        if isinstance(known, list):  # being asked for: wait until it has come
            waiting: Deferred[None] = Deferred()
            known.append(waiting)
            await maybe_deferred_to_future(waiting)
            known = self._rules[site]
        if isinstance(known, Rules):
            return known
        waiters: list[Deferred[None]] = []
        self._rules[site] = waiters
        rules = await self._ask(f"{site}/robots.txt", request.meta.get("target"))
        self._rules[site] = rules
        self._slow_down(request, rules.delay(self._agent))
        for waiter in waiters:
            waiter.callback(None)
        return rules

    async def _ask(self, url: str, target: Target | None) -> Rules:
        meta = {"robots_txt": True, "egress_for": target}
        request = Request(url, callback=NO_CALLBACK, meta=meta, priority=1000)
        engine = self._crawler.engine
        assert engine is not None
        try:
            response: Response = await engine.download_async(request)
        except EgressRefused:
            return Rules(closed=NOT_PUBLIC)
        except (DecodedTooBig, Undecodable) as error:  # there are rules, and we cannot read them
            return Rules(closed=type(error).__name__)
        except IgnoreRequest:  # too many redirects: as if there were none (RFC 9309, 2.3.1.2)
            return Rules()
        except Exception as error:  # whatever the network or a broken body raised: unreachable
            return Rules(closed=BAD_CERTIFICATE if is_certificate_error(error) else type(error).__name__)
        return read_rules(response.status, response.body)

    def _slow_down(self, request: Request, delay: float) -> None:
        engine = self._crawler.engine
        if not delay or engine is None:
            return
        downloader = engine.downloader
        key = downloader.get_slot_key(request)
        asked = downloader.per_slot_settings.setdefault(key, {})
        asked["delay"] = max(delay, asked.get("delay", self._crawler.settings.getfloat("DOWNLOAD_DELAY")))
        if key in downloader.slots:
            downloader.slots[key].delay = asked["delay"]

    def _cut_long_robots(self, data: bytes, request: Request) -> None:
        if not request.meta.get("robots_txt"):
            return
        request.meta["robots_bytes"] = request.meta.get("robots_bytes", 0) + len(data)
        if request.meta["robots_bytes"] > MAX_BYTES:
            raise StopDownload(fail=False)
