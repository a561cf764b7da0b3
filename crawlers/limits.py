"""How much of a response is taken, by what it says it is, and its codings taken off within that."""

from __future__ import annotations

from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Headers, Request, Response
from scrapy.responsetypes import responsetypes

from crawlers.coding import CodingError, TooBigError, decode_body
from records import Target

MB = 1024 * 1024
# MEASURED-CRAWL, section 8: real pages have 0.1 MB at the median and 1.6 MB at most; reports as PDF up to 30 MB.
MAX_PAGE = 5 * MB
MAX_OTHER = 30 * MB
# A feed has under 10 MB; a sitemap may have 50 MB by its own standard.
MAX_INDEX = 50 * MB
ACCEPTED = "gzip, deflate, br, zstd"


class DecodedTooBig(IgnoreRequest):
    """A body is larger than its limit when its codings are taken off."""


class Undecodable(IgnoreRequest):
    """A body is in a coding that we cannot take off."""


class LimitsMiddleware:
    """Sets the limit of each response when its headers have come, and decodes its body within it.

    Scrapy's own middleware has one limit for all, stores a body in an unknown coding as it is, and takes a gzip
    body that ends too early for a whole one.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built by Scrapy."""
        made = cls()
        crawler.signals.connect(made.limit, signal=signals.headers_received)
        return made

    def limit(self, headers: Headers, request: Request) -> None:
        """Called by Scrapy before it reads a body; the limit holds on the wire and after decoding."""
        if request.meta.get("robots_txt"):  # `crawlers.robots` reads the first half megabyte of whatever comes
            request.meta["download_maxsize"] = 0
            return
        kind = (headers.get("Content-Type") or b"").decode("latin-1").lower()
        request.meta["download_maxsize"] = limit_for(request.meta.get("target"), kind)

    def process_request(self, request: Request) -> None:
        """Say what we can decode."""
        request.headers.setdefault("Accept-Encoding", ACCEPTED)

    def process_response(self, request: Request, response: Response) -> Any:
        """The response with its body decoded."""
        told = [value.decode("latin-1") for value in response.headers.getlist("Content-Encoding")]
        if not told or not response.body:
            return response
        try:
            body, partial = decode_body(response.body, told, request.meta.get("download_maxsize") or MAX_PAGE)
        except TooBigError as error:
            raise DecodedTooBig("too big when decoded") from error
        except CodingError as error:
            raise Undecodable(str(error)) from error
        del response.headers["Content-Encoding"]
        flags = [*response.flags, "dataloss"] if partial and "dataloss" not in response.flags else response.flags
        kind = responsetypes.from_args(headers=response.headers, url=response.url, body=body)
        return response.replace(cls=kind, body=body, flags=flags)


def limit_for(target: Target | None, content_type: str) -> int:
    """Bytes that a body may have, on the wire and after decoding."""
    if target is not None and target.is_index:
        return MAX_INDEX
    return MAX_PAGE if content_type.startswith(("text/", "application/xhtml")) else MAX_OTHER
