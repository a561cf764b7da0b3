"""The records of a WARC or ARC file, also of a damaged one: what is lost is told, what lies behind it is read.

Readers in use end at the first damaged gzip member without a word (MEASURED-CRAWL, section 7: 2.6 % of the records
of a file with 20 damaged spots). Here the bytes behind the damage are searched for the next member, or the next
header line, that begins a record. A record whose gzip member fails its checksum is not given out; where the file
has no member of its own for each record, its WARC-Block-Digest is checked instead.

    for item in read_warc(stream):
        if isinstance(item, Loss): ...   # told once for each stretch that gave nothing
        elif item.kind == "response": page = to_page(item, source_id)   # crawlers.warc_http

Memory stays below about MAX_BLOCK + KEPT_BACK whatever the file holds; the stream is read forward once, never sought.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

# The block of one record; fetch limits are below (MEASURED-CRAWL, section 8), and more is a film or an attack.
MAX_BLOCK = 64 * 1024 * 1024
# The header lines of one record. Real ones have under 2 kB.
MAX_HEADER = 64 * 1024
# Compressed bytes of one gzip member that are kept to be searched when it proves damaged.
KEPT_BACK = 16 * 1024 * 1024
_STEP = 32 * 1024
_READ = 1 << 20
_GZIP = b"\x1f\x8b\x08"
_VERSION = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n")
_NEXT = re.compile(rb"\n(WARC/\d\.\d{1,2}[ \t]*\r?\n)")
_ARC = re.compile(rb"(\w[\w+.-]*:[^ \r\n]*) (\S+) (\d{14}) (\S+)(?: [^\r\n]*)? (\d{1,12})\r?\n")
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")


class Bytes(Protocol):
    """Anything with `read`: a file, a pipe, an fsspec file."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """One record. `offset` is where its gzip member (or, in a plain file, its header) begins in the file."""

    offset: int
    kind: str  # WARC-Type in lower case: response, revisit, resource, request, metadata, warcinfo ...; `arc`
    url: str
    date: str  # as the file says it: ISO 8601, or 14 digits in ARC
    record_id: str
    block: bytes
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


@dataclass(frozen=True, slots=True)
class Loss:
    """A stretch of the file that gave no record.

    `reason`: `damaged` (fails its checksum or cannot be inflated), `truncated` (the file ends inside a record),
    `too_big` (a block over MAX_BLOCK), `bad_header`, `bad_length` (Content-Length disagrees with what is there), or
    `not_warc`. `length` counts bytes of the file, 0 where only a part of one gzip member was lost.
    """

    offset: int
    length: int
    reason: str


class _DamagedError(Exception):
    """A gzip member cannot be inflated further."""


class _CutShortError(Exception):
    """The file ends inside a gzip member."""


def read_warc(stream: Bytes) -> Iterator[WarcRecord | Loss]:
    """All records of a WARC or ARC file, gzipped by record, gzipped as a whole, or plain, in order.

    `stream` is read forward from where it stands. Raises what `stream.read` raises, and nothing else.
    """
    source = _Source(stream)
    while source.fill(len(_GZIP)):
        if source.starts_with(_GZIP):
            yield from _read_member(source)
        elif source.start == 0 or not source.gzipped:
            yield from _read_plain(source)
        else:
            yield from _skip_to_member(source, source.start, "damaged")


def _read_member(source: _Source) -> Iterator[WarcRecord | Loss]:
    """The records of the gzip member at the source's position, and the loss if it is damaged."""
    start, source.gzipped = source.start, True
    text = _Text(_inflate(source), start, spans_members=True)
    held: WarcRecord | None = None
    losses: list[Loss] = []
    try:
        for item in _read_text(text):
            if isinstance(item, Loss):
                losses.append(item)
                continue
            # The last record of a member is given out when the member's checksum has been seen.
            if held is not None:
                yield held
            held = item
    except _DamagedError:
        source.rewind()
        yield from _skip_to_member(source, start, "damaged", at_least=1)
        return
    except _CutShortError:
        if held is not None:
            yield held
        yield Loss(start, source.end - start, "truncated")
        return
    if held is not None:
        yield held
    whole = held is None and len(losses) == 1
    yield from (Loss(start, source.start - start if whole else 0, loss.reason) for loss in losses)


def _skip_to_member(source: _Source, start: int, reason: str, at_least: int = 0) -> Iterator[Loss]:
    """Search for the next gzip member that begins a record, and tell what was passed over."""
    at = at_least
    while True:
        found = source.find(_GZIP, at)
        if found < 0:
            break
        source.drop(found)
        if _begins_record(source.peek(_STEP)):
            break
        at = 1
    yield Loss(start, source.start - start, reason)


def _begins_record(compressed: bytes) -> bool:
    """True if a gzip member begins here and in it a record: three bytes of magic stand in any data by chance."""
    try:
        text = zlib.decompressobj(wbits=31).decompress(compressed, 4096)
    except zlib.error:
        return False
    return bool(_VERSION.match(text) or _ARC.match(text))


def _inflate(source: _Source) -> Callable[[], bytes]:
    """A function that gives the next inflated bytes of the member, none at its (verified) end."""
    machine = zlib.decompressobj(wbits=31)
    over = False

    def more() -> bytes:
        nonlocal over
        while not over:
            given = source.take(_STEP) if not machine.unconsumed_tail else machine.unconsumed_tail
            if not given:
                over = True
                raise _CutShortError
            try:
                made = machine.decompress(given, _READ)
            except zlib.error as error:
                over = True
                raise _DamagedError from error
            if machine.eof:
                over = True
                source.give_back(len(machine.unused_data))
            if made:
                return made
        return b""

    return more


def _read_plain(source: _Source) -> Iterator[WarcRecord | Loss]:
    """The records of a file that is not compressed."""

    def more() -> bytes:
        given = source.take(_READ)
        source.forget()
        return given

    yield from _read_text(_Text(more, source.start, spans_members=False))


def _read_text(text: _Text) -> Iterator[WarcRecord | Loss]:
    """The records of uncompressed bytes."""
    while text.skip_blank():
        start = text.position()
        header = text.header()
        made = _read_header(header, start) if header is not None else None
        if made is None:
            yield text.search(start, text.fault())
            continue
        record, length = made
        if length > MAX_BLOCK:
            yield text.search(start, "too_big")
            continue
        assert header is not None
        block = text.block(len(header), length)
        if block is None:
            yield text.search(start, "truncated" if text.at_end(len(header) + length) else "bad_length")
            continue
        text.seen = True
        if not text.is_last() and not _fits_digest(block, record.headers.get("warc-block-digest", "")):
            yield Loss(start, text.position() - start, "damaged")
            continue
        yield WarcRecord(start, record.kind, record.url, record.date, record.record_id, block, record.headers)


def _fits_digest(block: bytes, told: str) -> bool:
    """False if the block is not what its digest was made of; True where there is none, or one we do not know."""
    name, _, value = told.partition(":")
    if name.lower() not in {"sha1", "sha256", "md5"}:
        return True
    made = hashlib.new(name.lower(), block, usedforsecurity=False)
    known = {made.hexdigest(), base64.b32encode(made.digest()).decode().lower().rstrip("=")}
    return value.lower().rstrip("=") in known


def _read_header(header: bytes, start: int) -> tuple[WarcRecord, int] | None:
    """A record without its block and the length of that; None where the bytes are no header."""
    if arc := _ARC.match(header):
        url, address, date, content_type, length = (part.decode("utf-8", "replace") for part in arc.groups())
        headers = {"content-type": content_type, "warc-ip-address": address}
        return WarcRecord(start, "arc", url, date, "", b"", headers), int(length)
    headers = {}
    for line in header.decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    length_told = headers.get("content-length", "")
    if not (length_told.isascii() and length_told.isdigit()) or len(length_told) > 18:
        return None
    kind, url = headers.get("warc-type", "").lower(), headers.get("warc-target-uri", "").strip("<>")
    record_id = headers.get("warc-record-id", "").strip("<>")
    return WarcRecord(start, kind, url, headers.get("warc-date", ""), record_id, b"", headers), int(length_told)


class _Source:
    """A stream of bytes that remembers what was taken since `start`, up to KEPT_BACK."""

    def __init__(self, stream: Bytes) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._taken = 0
        self.start = 0  # offset in the file of the first byte kept
        self.gzipped = False

    @property
    def end(self) -> int:
        """Offset in the file up to which it was read."""
        return self.start + len(self._kept)

    def fill(self, size: int) -> bool:
        """Forget what was taken and have `size` bytes ready, fewer at the end; False where there is none."""
        self.forget()
        while len(self._kept) < size and (more := self._stream.read(_READ)):
            self._kept += more
        return bool(self._kept)

    def starts_with(self, prefix: bytes) -> bool:
        return self._kept.startswith(prefix)

    def peek(self, size: int) -> bytes:
        self.fill(size)
        return bytes(self._kept[:size])

    def take(self, size: int) -> bytes:
        """The next bytes, none at the end of the file."""
        if self._taken >= len(self._kept):
            more = self._stream.read(_READ)
            if not more:
                return b""
            if self._taken > KEPT_BACK:
                self.forget()
            self._kept += more
        given = bytes(memoryview(self._kept)[self._taken : self._taken + size])
        self._taken += len(given)
        return given

    def give_back(self, size: int) -> None:
        self._taken -= size

    def rewind(self) -> None:
        """Go back to `start`."""
        self._taken = 0

    def forget(self) -> None:
        """Let go of what was taken."""
        self.drop(self._taken)

    def drop(self, size: int) -> None:
        del self._kept[:size]
        self.start += size
        self._taken = 0

    def find(self, wanted: bytes, at: int) -> int:
        """Where `wanted` stands from `at` on, counted from `start`; -1, with all dropped, where it does not."""
        while (found := self._kept.find(wanted, at)) < 0:
            keep = min(len(wanted) - 1, len(self._kept))
            self.drop(len(self._kept) - keep)
            at = 0
            more = self._stream.read(_READ)
            if not more:
                self.drop(len(self._kept))
                return -1
            self._kept += more
        return found


class _Text:
    """Uncompressed bytes with their records in them."""

    def __init__(self, more: Callable[[], bytes], start: int, *, spans_members: bool) -> None:
        self._more = more
        self._held = bytearray()
        self._start = start
        self._moves = not spans_members  # in a plain file offsets move on; in a gzip member they are the member's
        self.seen = False

    def position(self) -> int:
        return self._start

    def skip_blank(self) -> bool:
        """Go to the next byte that ends no line; False at the end."""
        while True:
            blank = 0
            while blank < len(self._held) and self._held[blank] in b"\r\n":
                blank += 1
            self._drop(blank)
            if self._held:
                return True
            if not self._pull():
                return False

    def header(self) -> bytes | None:
        """The header at hand with its closing blank line (an ARC line with its end); None where there is none."""
        while True:
            arc = _ARC.match(self._held)
            if arc:
                return arc.group()
            end = _END_OF_HEADER.search(self._held, 0, MAX_HEADER)
            if end:
                return bytes(self._held[: end.end()]) if _VERSION.match(self._held) else None
            wrong = len(self._held) >= 12 and not self._held.startswith(b"WARC/") and b"\n" in self._held[:MAX_HEADER]
            if wrong or len(self._held) >= MAX_HEADER or not self._pull():
                return None

    def block(self, at: int, length: int) -> bytes | None:
        """The block behind a header of `at` bytes, if after it the next record begins or nothing comes."""
        while len(self._held) < at + length + 12:
            if not self._pull():
                break
        if len(self._held) < at + length:
            return None
        behind = bytes(self._held[at + length : at + length + 12]).lstrip(b"\r\n")
        if behind and not b"WARC/".startswith(behind[:5]) and not _looks_like_arc(behind):
            return None
        block = bytes(memoryview(self._held)[at : at + length])
        self._drop(at + length)
        return block

    def fault(self) -> str:
        """What to call bytes that are no header."""
        if self._held.startswith(b"WARC/"):
            ends = self._moves and len(self._held) < MAX_HEADER and not _END_OF_HEADER.search(self._held)
            return "truncated" if ends else "bad_header"
        return "damaged" if self.seen else "not_warc"

    def is_last(self) -> bool:
        """True if nothing comes after the record in a gzip member, whose checksum then vouches for it."""
        return not self._moves and not self._held.strip(b"\r\n")

    def at_end(self, size: int) -> bool:
        """True if the bytes end before `size` of them are at hand."""
        return len(self._held) < size

    def search(self, start: int, reason: str) -> Loss:
        """Go to the next line that begins a record, and tell what was passed over."""
        at = 1
        while not (found := _NEXT.search(self._held, at)):
            keep = min(16, len(self._held))
            self._drop(len(self._held) - keep)
            at = 0
            if not self._pull():
                self._drop(len(self._held))
                break
        else:
            self._drop(found.start(1))
        return Loss(start, self._start - start if self._moves else 0, reason)

    def _pull(self) -> bool:
        more = self._more()
        self._held += more
        return bool(more)

    def _drop(self, size: int) -> None:
        if size:
            del self._held[:size]
        if self._moves:
            self._start += size


def _looks_like_arc(head: bytes) -> bool:
    return bool(re.match(rb"\w[\w+.-]*:", head))
