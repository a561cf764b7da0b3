"""The one spider: asks sources for their documents and stores what comes, raw.

Nothing is cleaned here; that would cost five sixths of the speed (MEASURED-CRAWL, section 5).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from scrapy import Spider
from scrapy.downloadermiddlewares.retry import get_retry_request
from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    UnsupportedURLSchemeError,
)
from scrapy.http import Request, Response
from scrapy.utils.httpobj import urlparse_cached
from twisted.python.failure import Failure

from crawlers.certificates import is_certificate_error
from crawlers.egress import EgressRefused
from crawlers.limits import DecodedTooBig, Undecodable
from crawlers.readers import IndexReadError, read_index
from crawlers.robots import BadCertificate, RobotsRefused, RobotsUnreachable
from crawlers.scheduler import Frontier, HostQueue
from crawlers.urls import canonical
from records import Fetch, Link, Outcome, Page, Source, StoreError, Target

# How long a host that is down, or asks for time, is left alone: doubled with each attempt.
FIRST_WAIT = 15 * 60.0
LONGEST_WAIT = 24 * 3600.0
# An index of an index of an index is a loop.
MAX_INDEX_DEPTH = 3

# An index that was read and announces nothing: a warning, as most often its form has changed.
NO_LINKS = "no_links"

# What the first bytes must not be: pictures, films, archives, programs.
_NOT_DOCUMENTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"PK\x03\x04", b"\x7fELF", b"OggS", b"ID3")
_NOT_DOCUMENT_TYPES = ("image/", "audio/", "video/", "font/", "application/zip", "application/octet-stream")

_ERRORS: tuple[tuple[type[Exception], Outcome, str, bool], ...] = (
    (EgressRefused, Outcome.EGRESS_DENIED, "not_public", False),
    (RobotsRefused, Outcome.BLOCKED_BY_ROBOTS, "disallowed", False),
    (BadCertificate, Outcome.UNREACHABLE, "certificate", True),
    (RobotsUnreachable, Outcome.RETRY_AFTER, "robots_unreachable", True),
    (ValueError, Outcome.HTTP_ERROR, "bad_redirect", False),  # what Scrapy raises for a Location that is no address
    (UnsupportedURLSchemeError, Outcome.EGRESS_DENIED, "scheme", False),
    (NotSupported, Outcome.EGRESS_DENIED, "scheme", False),
    (DownloadCancelledError, Outcome.TOO_BIG, "body", False),
    (DecodedTooBig, Outcome.TOO_BIG, "decompressed", False),
    (Undecodable, Outcome.QUARANTINED, "", False),  # its words are ours: coding_x, broken_x
    (DownloadTimeoutError, Outcome.UNREACHABLE, "timeout", True),
    (CannotResolveHostError, Outcome.UNREACHABLE, "no_such_host", True),
    (DownloadConnectionRefusedError, Outcome.UNREACHABLE, "refused", True),
)


class SourceSpider(Spider):
    """Crawls `sources` out of `frontier`."""

    name = "sources"

    def __init__(
        self,
        sources: Iterable[Source],
        frontier: Frontier,
        per_host: int = 1,
        watch: Callable[[Fetch], None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sources = {source.id: source for source in sources}
        self.frontier = frontier
        self.queue = HostQueue(frontier, per_host)
        self.watch = watch
        self.fatal: StoreError | None = None
        self.ended = ""

    async def start(self) -> AsyncIterator[Any]:
        """Nothing of our own: the scheduler takes everything from the frontier."""
        return
        yield

    def closed(self, reason: str) -> None:
        """Called by Scrapy at the end: `finished`, `shutdown` or what stopped it."""
        self.ended = reason

    def request_for(self, target: Target) -> Request:
        """The request that asks for a target; conditional where an index was had before."""
        headers = {}
        if target.is_index and target.etag:
            headers["If-None-Match"] = target.etag
        if target.is_index and target.last_modified:
            headers["If-Modified-Since"] = target.last_modified
        return Request(
            target.url,
            callback=self.read,
            errback=self.failed,
            headers=headers,
            meta={"target": target},
            dont_filter=True,
        )

    def read(self, response: Response) -> Request | None:
        """Store a response. Whatever a response makes a library raise is that response's end, not the crawl's."""
        target: Target = response.meta["target"]
        try:
            return self._read(target, response)
        except CloseSpider:
            raise
        except Exception as error:
            self._record(_fetch(target, response, Outcome.QUARANTINED, f"unreadable_{type(error).__name__}"))
            return None

    def _read(self, target: Target, response: Response) -> Request | None:
        assert response.request is not None
        if "dataloss" in response.flags:
            again = get_retry_request(response.request, spider=self, reason="dataloss")
            if again is not None:
                return again
        if response.status == 304 and target.is_index:
            self._record(_fetch(target, response, Outcome.NOT_MODIFIED))
        elif response.status == 429 or response.status >= 500:
            wait = _retry_after(response, target.attempts)
            self._record(_fetch(target, response, Outcome.RETRY_AFTER, str(response.status), retry_after=wait))
        elif not 200 <= response.status < 300:
            self._record(_fetch(target, response, Outcome.HTTP_ERROR, str(response.status)))
        elif target.is_index:
            self._read_index(target, response)
        else:
            self._read_page(target, response)
        return None

    def failed(self, failure: Failure) -> None:
        """Name the end of a request that had no response."""
        target: Target = failure.request.meta["target"]  # type: ignore[attr-defined]
        outcome, reason, wait = Outcome.UNREACHABLE, "connection_failed", True
        for kind, known_outcome, known_reason, known_wait in _ERRORS:
            if isinstance(failure.value, kind):
                outcome, reason, wait = known_outcome, known_reason or str(failure.value), known_wait
                break
        else:
            if isinstance(failure.value, IgnoreRequest):  # the only one left that Scrapy itself raises
                outcome, reason, wait = Outcome.HTTP_ERROR, "too_many_redirects", False
            elif is_certificate_error(failure.value):
                reason = "certificate"
        self._record(
            Fetch(
                target=target,
                outcome=outcome,
                reason=reason,
                fetched_at=datetime.now(UTC),
                retry_after=_back_off(target.attempts) if wait else None,
            )
        )

    def _read_index(self, target: Target, response: Response) -> None:
        source = self.sources[target.source_id]
        try:
            found = read_index(source, response.url, response.body)
        except IndexReadError as error:
            self._record(_fetch(target, response, Outcome.QUARANTINED, str(error)))
            return
        links = [link for link in found.links if not link.is_index or target.depth < MAX_INDEX_DEPTH]
        left_out = dict(found.left_out)
        if len(links) < len(found.links):
            left_out["too_deep"] = len(found.links) - len(links)
        told = ", ".join(f"{name}: {count}" for name, count in sorted(left_out.items()))
        self._record(_fetch(target, response, Outcome.KEPT, told or ("" if found.links else NO_LINKS)), links=links)

    def _read_page(self, target: Target, response: Response) -> None:
        kind = _content_type(response)
        if not response.body.strip():
            self._record(_fetch(target, response, Outcome.EMPTY))
            return
        if response.body.startswith(_NOT_DOCUMENTS) or (
            kind.lower().startswith(_NOT_DOCUMENT_TYPES) and not response.body.startswith(b"%PDF-")
        ):
            self._record(_fetch(target, response, Outcome.NOT_HTML, kind[:60]))
            return
        host = urlparse_cached(response).hostname
        unverified = response.url.startswith("https:") and host in self.settings.getlist("BAD_CERTIFICATE_HOSTS")
        fetch = _fetch(target, response, Outcome.KEPT, "certificate_not_verified" if unverified else "")
        page = Page(
            url=target.url,
            final_url=fetch.final_url,
            status=response.status,
            fetched_at=fetch.fetched_at,
            content_type=kind,
            sha256=hashlib.sha256(response.body).hexdigest(),
            body=response.body,
            source_id=target.source_id,
            partial="dataloss" in response.flags,
        )
        self._record(fetch, page=page)

    def _record(self, fetch: Fetch, page: Page | None = None, links: list[Link] | None = None) -> None:
        try:
            new_hosts = self.frontier.record(fetch, page, links or [])
        except StoreError as error:  # a full disk ends the crawl; what was in hand still waits in the frontier
            self.fatal = error
            raise CloseSpider("store_failed") from error
        self.queue.done(fetch.target, new_hosts)
        if self.watch is not None:
            self.watch(fetch)


def _fetch(
    target: Target, response: Response, outcome: Outcome, reason: str = "", retry_after: float | None = None
) -> Fetch:
    return Fetch(
        target=target,
        outcome=outcome,
        reason=reason,
        status=response.status,
        final_url=canonical(response.url) or target.url,
        fetched_at=datetime.now(UTC),
        content_type=_content_type(response),
        etag=_header(response, "ETag"),
        last_modified=_header(response, "Last-Modified"),
        retry_after=retry_after,
    )


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")[:500]


def _content_type(response: Response) -> str:
    return _header(response, "Content-Type")


def _back_off(attempts: int) -> float:
    return float(min(FIRST_WAIT * 2**attempts, LONGEST_WAIT))


def _retry_after(response: Response, attempts: int) -> float:
    """Seconds to wait: what the server asks for, up to a day; else the usual back-off."""
    asked = _header(response, "Retry-After").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), LONGEST_WAIT)
    try:
        seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return _back_off(attempts)
    return min(max(seconds, 0.0), LONGEST_WAIT)
