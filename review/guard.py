"""Stands before Datasette: who may ask, from which page, under which name of this machine.

Datasette 0.65 answers any Host header and lets a POST without cookies past its CSRF check (both tried), so
a page on the web could decide deals through the analyst's own browser. Here a request must name a host of
the list, and everything but GET and HEAD must come from our own pages (`Origin`, else `Sec-Fetch-Site`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from review.people import COOKIE, People

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
LOGIN = "/review/login"
# Nothing that we take in is larger: a bulk act sends a filter, an added deal a few sentences.
BODY_LIMIT = 256_000

# Our own pages: no script, style, image or frame but ours, and none written into the page.
OUR_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Datasette's table pages write style into the page; script in the page stays off there too.
TABLE_POLICY = OUR_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
# The page of a release has its style in itself, and no script at all.
RELEASE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
RELEASE = "/review/release/"

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not let in."""

    status: int
    words: str


class Guard:
    """An ASGI application that lets through to `app` what passes; `people` says whose request it is."""

    def __init__(self, app: App, people: People, hosts: Iterable[str] = ()) -> None:
        self.app = app
        self.people = people
        self.hosts = LOOPBACK_HOSTS | {host.casefold() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: refused, logged in, or handed on with its person and our headers."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {key.lower().decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        send = with_headers(send, scope["path"])
        refusal = self.refusal(scope["method"], headers)
        if refusal:
            await answer(send, refusal.status, refusal.words)
            return
        if scope["path"] == LOGIN and self.people.shared:
            await self._log_in(scope, send)
            return
        person = self.people.who(cookie(headers.get("cookie", "")))
        if person is None:
            await answer(send, 401, "Open the address with your own token first; whoever runs the server has it.")
            return
        await self.app({**scope, "actor": {"id": person}}, limited(receive), send)

    def refusal(self, method: str, headers: dict[str, str]) -> Refusal | None:
        """Why a request with this method and these headers is not let in, or None."""
        host = headers.get("host", "")
        if host_name(host) not in self.hosts:
            return Refusal(421, "This server is not called that; start it with --allow-host to add a name.")
        if method in ("GET", "HEAD"):
            return None
        if method != "POST":
            return Refusal(405, "Only GET, HEAD and POST are answered.")
        if not same_origin(headers):
            return Refusal(403, "Only the review pages themselves may send this.")
        size = headers.get("content-length", "0")
        if not size.isdigit() or int(size) > BODY_LIMIT:
            return Refusal(413, f"More than {BODY_LIMIT:,} bytes are not taken in.")
        return None

    async def _log_in(self, scope: Scope, send: Send) -> None:
        token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self.people.who(token) is None:
            await answer(send, 401, "This token is nobody's here; ask whoever runs the server for a new one.")
            return
        kept = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000"
        extra = [(b"location", b"/review"), (b"set-cookie", kept.encode("ascii"))]
        await answer(send, 303, "Welcome.", extra)


def host_name(host: str) -> str:
    """The name in a Host header without its port: "[::1]:8001" is "::1"."""
    found = re.fullmatch(r"(?:\[([0-9a-f:.]+)\]|([^:\s/@]+))(?::\d{1,5})?", host.casefold())
    return (found[1] or found[2]) if found else ""


def same_origin(headers: dict[str, str]) -> bool:
    """Whether a request was made by a page of this very server; without `Origin`, the browser's word counts."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site == "same-origin"
    found = urlsplit(origin)
    return found.scheme in ("http", "https") and found.netloc.casefold() == headers.get("host", "").casefold()


def cookie(header: str) -> str:
    """Our cookie out of a Cookie header, or "" (SimpleCookie drops all cookies when a foreign one is odd)."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def with_headers(send: Send, path: str) -> Send:
    """A `send` that puts our security headers on every answer."""
    if path.startswith(RELEASE):
        policy = RELEASE_POLICY
    else:
        policy = OUR_POLICY if path == "/" or path.startswith("/review") else TABLE_POLICY
    ours = {**_HEADERS, b"content-security-policy": policy.encode("ascii")}

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", []) if bytes(pair[0]).lower() not in ours]
            message = {**message, "headers": [*kept, *ours.items()]}
        await send(message)

    return sender


def limited(receive: Receive) -> Receive:
    """A `receive` that ends a body that says less than it brings (chunked, no length told)."""
    taken = 0

    async def receiver() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_LIMIT:
            return {"type": "http.disconnect"}
        return message

    return receiver


async def answer(send: Send, status: int, words: str, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Send a short plain answer."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": (words + "\n").encode()})
