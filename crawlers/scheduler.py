"""Hands Scrapy its requests out of a frontier on disk, host by host.

Scrapy's own job directory loses a third to a half of the pages when it is killed
(MEASURED-CRAWL, section 5). Here nothing is taken off the disk until its end is stored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from scrapy import Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.http import Request

from records import Fetch, Link, Page, StoreError, Target


class Frontier(Protocol):
    """What the crawl needs of the archive; `pipeline` hands one in."""

    def waiting_hosts(self) -> list[str]:
        """Hosts with something to fetch in this run."""

    def next_target(self, host: str, in_hand: frozenset[str]) -> Target | None:
        """The next address of a host that is not in hand already."""

    def record(self, fetch: Fetch, page: Page | None = None, links: Sequence[Link] = ()) -> list[str]:
        """Store a target's end; returns the hosts of links that are new."""


class HostQueue:
    """Takes targets from the frontier in turn over the hosts, so many at a time from each."""

    def __init__(self, frontier: Frontier, per_host: int) -> None:
        self._frontier = frontier
        self._per_host = per_host
        self._ready: dict[str, None] = dict.fromkeys(frontier.waiting_hosts())  # an ordered set
        self._in_hand: dict[str, set[str]] = {}
        self._host_of: dict[str, str] = {}
        self._stopped = False

    def __bool__(self) -> bool:
        return bool(self._ready)

    def take(self) -> Target | None:
        """The next target of a host that is free, or None."""
        while self._ready:
            host = next(iter(self._ready))
            del self._ready[host]
            held = self._in_hand.setdefault(host, set())
            target = self._frontier.next_target(host, frozenset(held))
            if target is None:
                continue
            held.add(target.url)
            self._host_of[target.url] = host
            if len(held) < self._per_host:
                self._ready[host] = None
            return target
        return None

    def stop(self) -> None:
        """Hand out nothing more."""
        self._ready.clear()
        self._stopped = True

    def done(self, target: Target, new_hosts: Sequence[str] = ()) -> None:
        """A target's end is stored: its host is free again, and these hosts have more."""
        host = self._host_of.pop(target.url)
        self._in_hand[host].discard(target.url)
        for name in (host, *new_hosts):
            if self._stopped:
                return
            if len(self._in_hand.get(name, ())) < self._per_host:
                self._ready[name] = None


class FrontierScheduler(BaseScheduler):
    """Scrapy's scheduler over the spider's HostQueue.

    Requests that Scrapy itself makes (redirects, retries) belong to a target that is in
    hand; they wait in memory, because a kill puts their target back anyway.
    """

    def __init__(self) -> None:
        self._own: deque[Request] = deque()
        self._queue: HostQueue | None = None
        self._spider: Spider | None = None

    def open(self, spider: Spider) -> None:
        """Called by Scrapy when the crawl starts."""
        self._spider = spider
        self._queue = spider.queue  # type: ignore[attr-defined]

    def has_pending_requests(self) -> bool:
        """True while something can be handed out."""
        return bool(self._own) or bool(self._queue)

    def enqueue_request(self, request: Request) -> bool:
        """Keep a redirect or retry."""
        self._own.append(request)
        return True

    def next_request(self) -> Request | None:
        """The next request, or None while every host is busy."""
        if self._own:
            return self._own.popleft()
        assert self._queue is not None
        assert self._spider is not None
        try:
            target = self._queue.take()
        except StoreError as error:  # what was in hand still waits in the frontier
            self._spider.fatal = error  # type: ignore[attr-defined]
            self._queue.stop()
            return None
        return None if target is None else self._spider.request_for(target)  # type: ignore[attr-defined]
