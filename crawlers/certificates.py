"""Certificates are verified, but for the hosts whose source entry says `bad_certificate`; those fetches say so."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from scrapy.core.downloader.contextfactory import _ScrapyClientContextFactory
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from service_identity import VerificationError
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

# How deep causes are followed; chains are three long.
_DEPTH = 8


class Handler(HTTP11DownloadHandler):
    """Scrapy's handler for http and https, with a policy by host (Scrapy has one for all)."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._contextFactory: Any = _ByHost(self._contextFactory, crawler.settings.getlist("BAD_CERTIFICATE_HOSTS"))


@implementer(IPolicyForHTTPS)
class _ByHost:
    def __init__(self, strict: Any, excepted: list[str]) -> None:
        self._strict = strict
        self._lenient = _ScrapyClientContextFactory(verify_certificates=False)
        self._excepted = frozenset(excepted)

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: N802
        """IPolicyForHTTPS."""
        policy = self._lenient if hostname.decode("ascii", "replace") in self._excepted else self._strict
        return policy.creatorForNetloc(hostname, port)


def is_certificate_error(error: BaseException | None, depth: int = _DEPTH) -> bool:
    """True if a connection failed because of the other side's certificate or TLS, at any cause."""
    if error is None or depth == 0:
        return False
    if isinstance(error, SSL.Error | VerificationError):
        return True
    reasons = [getattr(reason, "value", reason) for reason in getattr(error, "reasons", None) or ()]
    return any(is_certificate_error(cause, depth - 1) for cause in (*reasons, error.__cause__, error.__context__))
