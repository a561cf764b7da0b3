"""Pages into a WARC file (ISO 28500, WARC/1.1) that other tools read: a gzip member a record, revisits for copies."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC
from typing import Protocol

from records import Page

# What only we know of a page goes into one header line, which other readers pass over.
OWN_FIELD = "X-Watchledger"
_REVISIT = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
_NAMESPACE = uuid.UUID("6f7f6a1e-7c43-4d0e-9a6b-0f6d1c1c7a11")


class Writable(Protocol):
    """Anything with `write`."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""


class WarcWriter:
    """Writes pages in the order given. Pages with the same body must follow each other to become revisits."""

    def __init__(self, stream: Writable, software: str) -> None:
        self._stream = stream
        self._last: tuple[str, str, str, str] | None = None  # sha256, payload digest, URL and date of the last response
        told = f"software: {software}\r\nformat: WARC File Format 1.1\r\n".encode()
        self._write("warcinfo", {"Content-Type": "application/warc-fields"}, told, "warcinfo")

    def add(self, page: Page, own: Mapping[str, str]) -> None:
        """Write one page as `response` (or `resource` where it never was a reply), or as `revisit` of the last."""
        date = page.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = {
            "WARC-Target-URI": page.final_url,
            "WARC-Date": date,
            OWN_FIELD: json.dumps(own, ensure_ascii=True, sort_keys=True),
        }
        if page.partial:
            fields["WARC-Truncated"] = "unspecified"
        name = f"{page.final_url}\n{page.sha256}\n{date}"
        if not page.final_url.startswith(("http://", "https://")):
            kind = _plain(page.content_type) or "application/octet-stream"
            self._write("resource", fields | {"Content-Type": kind}, page.body, name)
            return
        fields["Content-Type"] = "application/http; msgtype=response"
        if self._last is not None and self._last[0] == page.sha256:
            _, digest, url, when = self._last
            fields |= {"WARC-Profile": _REVISIT, "WARC-Payload-Digest": digest}
            fields |= {"WARC-Refers-To-Target-URI": url, "WARC-Refers-To-Date": when}
            self._write("revisit", fields, _head(page), name)
            return
        digest = _digest(page.body)
        self._last = (page.sha256, digest, page.final_url, date)
        self._write("response", fields | {"WARC-Payload-Digest": digest}, _head(page) + page.body, name)

    def _write(self, kind: str, fields: Mapping[str, str], block: bytes, name: str) -> None:
        told = {
            "WARC-Type": kind,
            # Made of what the record holds, so that the same export gives the same file.
            "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(_NAMESPACE, name)}>",
            "WARC-Date": "1970-01-01T00:00:00Z",
            **fields,
            "WARC-Block-Digest": _digest(block),
            "Content-Length": str(len(block)),
        }
        head = "WARC/1.1\r\n" + "".join(f"{key}: {_plain(value)}\r\n" for key, value in told.items()) + "\r\n"
        self._stream.write(gzip.compress(head.encode() + block + b"\r\n\r\n", compresslevel=6, mtime=0))


def _head(page: Page) -> bytes:
    """The reply's header as far as it was kept; the body stands as it was after decoding, so no coding is named."""
    kind = f"Content-Type: {_plain(page.content_type)}\r\n" if page.content_type else ""
    return f"HTTP/1.1 {page.status} OK\r\n{kind}Content-Length: {len(page.body)}\r\n\r\n".encode("latin-1", "replace")


def _digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode("ascii")


def _plain(value: str) -> str:
    return " ".join(value.split())
