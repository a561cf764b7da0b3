"""A WARC record as a page: its HTTP reply taken apart, within limits."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crawlers.coding import CodingError, TooBigError, decode_body
from crawlers.urls import canonical
from crawlers.warc import WarcRecord
from records import Outcome, Page

# As for what is fetched (crawlers.settings): one page after decoding.
MAX_BODY = 30 * 1024 * 1024
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})[^\n]*\n")
_BLANK = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")


@dataclass(frozen=True, slots=True)
class NoPage:
    """Why a record gives no page, as an outcome with its reason."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply out of a record; `partial` where the body ends before its coding does."""

    status: int
    body: bytes
    partial: bool = False
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


def to_page(record: WarcRecord, source_id: str) -> Page | NoPage:
    """The page of a `response`, `resource`, `conversion` or ARC record, or why there is none.

    A `revisit` has no body of its own: see `refers_to`. Other kinds (requests, metadata) are `not_html`.
    """
    if record.kind not in {"response", "resource", "conversion", "arc"}:
        return NoPage(Outcome.NOT_HTML, f"record_{record.kind[:20] or 'without_type'}")
    url = canonical(record.url)
    if not url:
        return NoPage(Outcome.NOT_HTML, "no_web_address")
    reply = read_reply(record)
    if isinstance(reply, NoPage):
        return reply
    if not 200 <= reply.status < 300:
        return NoPage(Outcome.HTTP_ERROR, str(reply.status))
    if not reply.body.strip(b"\x00 \t\r\n"):
        return NoPage(Outcome.EMPTY, "")
    return Page(
        url=url,
        final_url=url,
        status=reply.status,
        fetched_at=read_date(record.date),
        content_type=reply.headers.get("content-type", ""),
        sha256=hashlib.sha256(reply.body).hexdigest(),
        body=reply.body,
        source_id=source_id,
        partial=reply.partial or "warc-truncated" in record.headers,
        via="warc",
    )


def refers_to(record: WarcRecord) -> str:
    """The payload digest by which a `revisit` record names the body that it had before; empty where it names none."""
    return record.headers.get("warc-payload-digest", "").lower()


def read_date(date: str) -> datetime:
    """WARC-Date or an ARC date as a time; the epoch where it is neither, so that it is never taken for today."""
    for form in ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ", "%Y%m%d%H%M%S"):
        try:
            return datetime.strptime(date.strip(), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    try:
        read = datetime.fromisoformat(date.strip())
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def read_reply(record: WarcRecord) -> Reply | NoPage:
    """The HTTP reply in a record's block; a block without a status line is the body itself."""
    block = record.block
    told = _STATUS.match(block)
    if not told:
        kind = record.headers.get("content-type", "")
        if kind.lower().startswith("application/http"):
            return NoPage(Outcome.QUARANTINED, "no_status_line")
        return Reply(200, block, headers={"content-type": kind})
    blank = _BLANK.search(block, told.end() - 2)
    head, body = (block[: blank.start()], block[blank.end() :]) if blank else (block, b"")
    headers: dict[str, str] = {}
    for line in head.split(b"\n")[1:1000]:
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.decode("latin-1").strip().lower(), value.decode("latin-1").strip()[:1000])
    try:
        made, partial = _decode(body, headers)
    except TooBigError:
        return NoPage(Outcome.TOO_BIG, "decompressed")
    except CodingError as error:
        return NoPage(Outcome.QUARANTINED, str(error))
    return Reply(int(told.group(1)), made, partial, headers)


def _decode(body: bytes, headers: dict[str, str]) -> tuple[bytes, bool]:
    """Take chunks and codings off. Many archives keep the header of a coding that they took off themselves."""
    partial = False
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body, partial = _join_chunks(body)
    try:
        body, cut = decode_body(body, [headers.get("content-encoding", "")], MAX_BODY)
    except CodingError as error:
        if not (error.broken and body.lstrip()[:1] in {b"<", b"{", b"%"}):
            raise
        cut = False
    if len(body) > MAX_BODY:
        raise TooBigError
    return body, partial or cut


def _join_chunks(body: bytes) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    at = 0
    while match := _CHUNK.match(body, at):
        size = int(match.group(1), 16)
        if size == 0:
            return b"".join(parts), False
        parts.append(body[match.end() : match.end() + size])
        if match.end() + size > len(body):
            return b"".join(parts), True
        at = match.end() + size
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    # Never chunked: the archive took the chunks away and left the header. Else it ends between chunks.
    return (body, False) if not parts else (b"".join(parts), True)
