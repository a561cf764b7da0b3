"""Pages that somebody brings: an address, or a file from their disk."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from crawlers.urls import canonical
from records import InputError, Page, Source, SourceKind, SourceType

# What is taken out of a folder.
SAVED = {".html", ".htm", ".xhtml", ".pdf", ".txt"}
MAX_FILE = 30 * 1024 * 1024
# Browsers write where a page was saved from into its first lines; SingleFile does so as `url:`.
_SAVED_FROM = re.compile(rb"<!--\s*(?:saved from url=\(\d+\)|Page saved with SingleFile\s+url:\s*)(https?://[^\s>]+)")

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


def expand(items: Iterable[str]) -> tuple[list[str], list[Path]]:
    """Addresses in their one spelling, and files, with a folder as the saved pages in it, in order.

    Raises InputError for an address that is none, and for a folder without pages.
    """
    urls, files = [], []
    for item in items:
        if "://" in item:
            urls.append(read_address(item))
        elif (folder := Path(item)).is_dir():
            found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SAVED and path.is_file())
            if not found:
                raise InputError(f"{folder}: no saved pages in it ({', '.join(sorted(SAVED))})")
            files += found
        else:
            files.append(Path(item))
    return urls, files


def read_file(path: Path) -> Page:
    """A file as a page, at the address that the browser which saved it left in it, if any.

    Raises InputError where it cannot be read or is too large to be a page.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise InputError(f"{path}: larger than {MAX_FILE >> 20} MB, which no page is")
        body = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    saved_from = _SAVED_FROM.search(body[:4096])
    url = canonical(saved_from.group(1).decode("ascii", "replace")) if saved_from else ""
    return Page(
        url=url or f"file:{path.name}",
        final_url=url or f"file:{path.name}",
        status=200,
        fetched_at=datetime.now(UTC),
        content_type=mimetypes.guess_type(path.name)[0] or "",
        sha256=hashlib.sha256(body).hexdigest(),
        body=body,
        source_id=BY_HAND.id,
        via="file",
    )
