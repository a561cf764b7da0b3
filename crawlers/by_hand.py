"""Pages that somebody brings: an address, or a file from their disk."""

from __future__ import annotations

import hashlib
import mimetypes
from datetime import UTC, datetime
from pathlib import Path

from crawlers.urls import canonical
from records import InputError, Page, Source, SourceKind, SourceType

# Has no index of its own, hence no address.
BY_HAND = Source(
    id="by-hand",
    publisher="",
    country="ZZ",
    language="en",
    kind=SourceKind.LISTING,
    source_type=SourceType.MEDIA,
    url="",
)


def read_address(address: str) -> str:
    """The address in its one spelling. Raises InputError where it is none."""
    url = canonical(address)
    if not url:
        raise InputError(f"{address[:200]!r} is no web address; write it as https://host/path")
    return url


def read_file(path: Path) -> Page:
    """A file as a page. Raises InputError where it cannot be read."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return Page(
        url=f"file:{path.name}",
        final_url=f"file:{path.name}",
        status=200,
        fetched_at=datetime.now(UTC),
        content_type=mimetypes.guess_type(path.name)[0] or "",
        sha256=hashlib.sha256(body).hexdigest(),
        body=body,
        source_id=BY_HAND.id,
        via="file",
    )
