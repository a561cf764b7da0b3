"""Who is let in: hosts, origins, methods, tokens (row S6 of the abuse matrix)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from records import ConfigError
from review.guard import BODY_LIMIT, Guard, host_name, same_origin
from review.people import COOKIE, alone, together

OURS = {"host": "127.0.0.1:8001", "origin": "http://127.0.0.1:8001", "sec-fetch-site": "same-origin"}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the person; reads the body whole."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"{scope['actor']['id']}:{len(body)}".encode()})


def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine in a thread of its own: a browser test in the same process leaves a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def request(
    guard: Guard, method: str, path: str = "/review", query: str = "", body: tuple[bytes, ...] = (b"",), **headers: str
):
    """(status, headers, body) of one request; underscores in header names are dashes."""
    sent: list[dict[str, Any]] = []
    parts = [{"type": "http.request", "body": part, "more_body": i + 1 < len(body)} for i, part in enumerate(body)]

    async def receive() -> Any:
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
    }
    to_the_end(guard(scope, receive, send))
    if not sent:
        return 0, {}, b""
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:8001", "LOCALHOST", "[::1]:8001", "127.0.0.1:1"], ids=lambda host: host
)
def test_our_own_names_are_answered(host):
    assert request(Guard(app, alone("ann")), "GET", host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8001", "127.0.0.1.evil.example", "localhost.evil.example", "", "127.0.0.1@evil.example",
     "127.0.0.1:80:80", "[::1", "127.0.0.1 ", "0.0.0.0"],
)  # fmt: skip
def test_foreign_hosts_are_refused(host):
    assert request(Guard(app, alone("ann")), "GET", host=host)[0] == 421


def test_a_host_can_be_allowed():
    assert request(Guard(app, alone("ann"), ["desk.local"]), "GET", host="DESK.local:80")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(OURS, 200, id="our page"),
        pytest.param({"host": "localhost:8001", "origin": "http://localhost:8001"}, 200, id="an older browser"),
        pytest.param(
            {"host": "localhost:8001", "sec-fetch-site": "same-origin"}, 200, id="no Origin, the browser's word"
        ),
        pytest.param({"host": "localhost:8001"}, 403, id="neither"),
        pytest.param(OURS | {"origin": "http://evil.example"}, 403, id="another origin"),
        pytest.param(OURS | {"origin": "null"}, 403, id="a sandboxed page"),
        pytest.param(OURS | {"origin": "http://127.0.0.1:9999"}, 403, id="another port"),
        pytest.param(OURS | {"origin": "http://127.0.0.1:8001.evil.example"}, 403, id="a longer name"),
        pytest.param(OURS | {"sec-fetch-site": "cross-site"}, 403, id="cross site"),
        pytest.param(OURS | {"sec-fetch-site": "same-site"}, 403, id="same site is not enough"),
        pytest.param(OURS | {"sec-fetch-site": "none"}, 403, id="typed into the address bar"),
        pytest.param(OURS | {"origin": "file://"}, 403, id="a file"),
    ],
)
def test_a_post_must_come_from_our_own_pages(headers, status):
    told = {name.replace("-", "_"): value for name, value in headers.items()}
    assert request(Guard(app, alone("ann")), "POST", **told)[0] == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "FOO"])
def test_other_methods_are_refused(method):
    assert request(Guard(app, alone("ann")), method, host="localhost", origin="http://localhost")[0] == 405


def test_a_large_body_is_refused_whether_it_says_so_or_not():
    guard = Guard(app, alone("ann"))
    told = {"host": "localhost", "origin": "http://localhost"}
    assert request(guard, "POST", content_length=str(BODY_LIMIT + 1), **told)[0] == 413
    assert request(guard, "POST", content_length="many", **told)[0] == 413
    assert request(guard, "POST", body=(b"x" * BODY_LIMIT, b"x"), **told)[0] == 0
    assert request(guard, "POST", body=(b"x" * BODY_LIMIT, b""), **told)[2] == b"ann:256000"


@pytest.mark.parametrize("path", ["/review", "/", "/watchledger/deals"])
def test_every_answer_has_a_policy_without_script_in_the_page(path):
    _, headers, _ = request(Guard(app, alone("ann")), "GET", path, host="localhost")
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["img-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    assert policy["frame-ancestors"] == "'none'"
    if path != "/watchledger/deals":
        assert policy["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_release_brings_its_own_style_and_no_script():
    _, headers, _ = request(Guard(app, alone("ann")), "GET", "/review/release/index.html", host="localhost")
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert (policy["style-src"], policy["img-src"]) == ("'unsafe-inline'", "'self'")
    assert policy.keys().isdisjoint({"script-src", "connect-src", "frame-src", "object-src"})


def test_alone_nobody_needs_a_token_and_together_everybody(tmp_path):
    assert request(Guard(app, alone("ann")), "GET", host="localhost")[2] == b"ann:0"
    people = together(["ann", "ben"], tmp_path)
    guard = Guard(app, people)
    assert request(guard, "GET", host="localhost")[0] == 401
    for token, name in people.tokens:
        status, headers, _ = request(guard, "GET", "/review/login", f"token={token}", host="localhost")
        assert (status, headers["location"]) == (303, "/review")
        assert "HttpOnly" in headers["set-cookie"]
        assert "SameSite=Strict" in headers["set-cookie"]
        cookie = headers["set-cookie"].split(";")[0]
        assert request(guard, "GET", host="localhost", cookie=f'odd="x; {cookie}')[2] == f"{name}:0".encode()
    assert request(guard, "GET", "/review/login", "token=guess", host="localhost")[0] == 401
    assert request(guard, "GET", host="localhost", cookie=f"{COOKIE}=")[0] == 401
    assert request(guard, "GET", host="localhost", cookie=f"{COOKIE}=é")[0] == 401


def test_tokens_outlive_a_restart_and_end_with_the_secret(tmp_path):
    first = together(["ann"], tmp_path)
    assert together(["ann"], tmp_path) == first
    secret = tmp_path / "review.secret"
    assert secret.stat().st_mode & 0o077 == 0
    secret.unlink()
    assert together(["ann"], tmp_path) != first
    secret.write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        together(["ann"], tmp_path)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 61, "a\u202eb"], ids=repr)
def test_a_name_that_cannot_be_read_is_refused(name):
    with pytest.raises(ConfigError, match="visible characters"):
        alone(name)


def test_a_websocket_is_closed():
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    to_the_end(Guard(app, alone("ann"))({"type": "websocket"}, lambda: None, send))  # type: ignore[arg-type, return-value]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_host_name_and_same_origin_read_what_browsers_send():
    assert host_name("[::1]:8001") == "::1"
    assert host_name("Desk.Local:80") == "desk.local"
    assert same_origin({"host": "Desk.local", "origin": "http://desk.LOCAL"})
