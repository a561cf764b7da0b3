"""No request leaves for an address that is not public, unless a source's entry says so.

The check stands where names become addresses: the resolver hands Twisted only addresses
that passed, and Twisted dials just these, so that redirects, robots.txt, address literals
in any notation and names that change between check and use are all covered.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Self

from scrapy.crawler import Crawler, CrawlerProcess
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from records import Target

# Addresses of IPv4 hosts written as IPv6: what counts is the host behind the gateway.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

# Hosts refused in this process, for the middleware to tell a refusal from a name that does not resolve.
_refused: set[str] = set()


class EgressRefused(IgnoreRequest):
    """A request would have left for an address that is not public."""


def is_public(address: str) -> bool:
    """True if the address is a public unicast one, looked at through every IPv4-in-IPv6 notation."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


@implementer(IHostnameResolver)
class GuardedResolver:
    """Resolves names to addresses and lets public ones through.

    EGRESS_PRIVATE_HOSTS names hosts that may live anywhere (see EgressMiddleware); EGRESS_ADDRESS_BOOK maps a host
    to the one (address, port) at which it is to be dialled, as curl's --connect-to does.
    """

    def __init__(self, reactor: Any, private_hosts: frozenset[str], book: dict[str, tuple[str, int]]) -> None:
        self._reactor = reactor
        self._private_hosts = private_hosts
        self._book = book
        self._inner = reactor.nameResolver

    @classmethod
    def from_crawler(cls, crawler: CrawlerProcess, reactor: Any) -> Self:
        """Built by Scrapy from its settings."""
        settings = crawler.settings
        return cls(
            reactor,
            frozenset(settings.getdict("EGRESS_PRIVATE_HOSTS")),
            {host: (address, port) for host, (address, port) in settings.getdict("EGRESS_ADDRESS_BOOK").items()},
        )

    def install_on_reactor(self) -> None:
        """Called by Scrapy before the reactor runs."""
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[Any] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """IHostnameResolver: hand the receiver the addresses that may be dialled."""
        if hostName in self._book:
            address, port = self._book[hostName]
            resolution = _Resolution(hostName)
            resolutionReceiver.resolutionBegan(resolution)
            resolutionReceiver.addressResolved(IPv4Address("TCP", address, port))
            resolutionReceiver.resolutionComplete()
            return resolution
        receiver = resolutionReceiver
        if hostName not in self._private_hosts:
            receiver = _Guard(resolutionReceiver, hostName)
        return self._inner.resolveHostName(receiver, hostName, portNumber, addressTypes, transportSemantics)


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing is under way."""


@implementer(IResolutionReceiver)
class _Guard:
    """Holds a name's addresses back until all are known; one that is not public spoils them all."""

    def __init__(self, receiver: Any, host: str) -> None:
        self._receiver = receiver
        self._host = host
        self._addresses: list[IPv4Address | IPv6Address] = []

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        """IResolutionReceiver."""
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: IPv4Address | IPv6Address) -> None:  # noqa: N802
        """IResolutionReceiver."""
        self._addresses.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        """IResolutionReceiver."""
        if all(is_public(address.host) for address in self._addresses):
            _refused.discard(self._host)
            for address in self._addresses:
                self._receiver.addressResolved(address)
        else:
            _refused.add(self._host)
        self._receiver.resolutionComplete()


class EgressMiddleware:
    """Says `EgressRefused` where the resolver let no address through, or where a host is private to another source.

    EGRESS_PRIVATE_HOSTS maps a host to the ids of the sources whose entries let it live at a private address. A page
    of any other source must not make us ask there.
    """

    def __init__(self, owners: Mapping[str, Sequence[str]]) -> None:
        self._owners = owners

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built by Scrapy from its settings."""
        return cls(crawler.settings.getdict("EGRESS_PRIVATE_HOSTS"))

    def process_request(self, request: Request) -> None:
        """Refuse a private host to a source that has no right to it."""
        owners = self._owners.get(urlparse_cached(request).hostname or "")
        target: Target | None = request.meta.get("target") or request.meta.get("egress_for")
        if owners is not None and (target is None or target.source_id not in owners):
            raise EgressRefused("at a private address that is another source's")

    def process_exception(self, request: Request, exception: Exception) -> None:
        """A refused host looks like one that does not resolve; tell them apart."""
        host = urlparse_cached(request).hostname or ""
        if host in _refused and not isinstance(exception, IgnoreRequest):
            raise EgressRefused(f"{host} is not at a public address") from exception
