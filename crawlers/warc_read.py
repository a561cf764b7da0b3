"""Pages out of a WARC file, with what our own exports say of them; every record and every loss is counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from crawlers.sources import is_source_id
from crawlers.urls import canonical
from crawlers.warc import Bytes, Loss, WarcRecord, read_warc
from crawlers.warc_http import NoPage, Reply, read_reply, refers_to, to_page
from crawlers.warc_write import OWN_FIELD
from records import Outcome, Page, Source, SourceKind, SourceType

# Records that describe other records, and never hold a page.
_ABOUT_OTHERS = {"warcinfo", "request", "metadata", "continuation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page out of a record; `digest` is what later revisits call its body, `source` what our own export says."""

    page: Page
    source: Source
    digest: str = ""
    title: str = ""
    published: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """A record that gave no page, and why: an outcome, or `about_others` for requests and the like."""

    offset: int
    outcome: str
    reason: str


def pages_of(stream: Bytes, source: Source, body_of: Callable[[str], bytes | None]) -> Iterator[Found | Passed | Loss]:
    """Each record of a WARC file as the page that it holds, why it holds none, or a loss.

    `source` is whom pages belong to that do not say it themselves. `body_of` gives the body that an earlier record of
    this file had under a payload digest (see `Found.digest`), for revisits.
    """
    for item in read_warc(stream):
        yield item if isinstance(item, Loss) else _read(item, source, body_of)


def _read(record: WarcRecord, source: Source, body_of: Callable[[str], bytes | None]) -> Found | Passed:
    if record.kind in _ABOUT_OTHERS or record.url.startswith(("filedesc:", "dns:", "metadata:", "urn:")):
        return Passed(record.offset, "about_others", record.kind)
    own = _own(record)
    digest = refers_to(record)
    if record.kind == "revisit":
        body = body_of(digest) if digest else None
        if body is None:
            return Passed(record.offset, str(Outcome.EMPTY), "revisit_of_unknown")
        reply = read_reply(record)
        kind = reply.headers.get("content-type", "") if isinstance(reply, Reply) else ""
        record = replace(record, kind="resource", block=body, headers=record.headers | {"content-type": kind})
    told_url = own.get("final_url", "")
    if told_url.startswith("file:") and told_url == record.url:
        record = replace(record, url="http://file.invalid/")  # put right below
    page = to_page(record, source.id)
    if isinstance(page, NoPage):
        return Passed(record.offset, str(page.outcome), page.reason)
    if own:
        page, source = _restore(page, own, source)
    return Found(
        page=page, source=source, digest=digest, title=own.get("title", ""), published=own.get("published", "")
    )


def _own(record: WarcRecord) -> dict[str, str]:
    try:
        told: Any = json.loads(record.headers.get(OWN_FIELD.lower(), "") or "{}")
    except ValueError:
        return {}
    return {k: v for k, v in told.items() if isinstance(v, str)} if isinstance(told, dict) else {}


def _restore(page: Page, own: dict[str, str], source: Source) -> tuple[Page, Source]:
    """The page and its source as they were exported; what does not fit the rules of either is left out."""
    final_url = own.get("final_url", "")
    if not final_url.startswith("file:"):
        final_url = canonical(final_url) or page.final_url
    url = own.get("url", "")
    page = replace(
        page,
        url=url if url.startswith("file:") else canonical(url) or final_url,
        final_url=final_url,
        content_type=own.get("content_type", page.content_type)[:500],
        via="file" if final_url.startswith("file:") else own.get("via", "warc")[:20],
        partial=page.partial,
        sha256=hashlib.sha256(page.body).hexdigest(),
    )
    if not is_source_id(own.get("source_id", "")):
        return page, source
    source = Source(
        id=own["source_id"],
        publisher=own.get("publisher", "")[:200],
        country=own.get("country", "ZZ")[:2],
        language=own.get("language", "en")[:2],
        kind=_member(SourceKind, own.get("kind", ""), source.kind),
        source_type=_member(SourceType, own.get("source_type", ""), source.source_type),
        url=canonical(own.get("source_url", "")),
    )
    return replace(page, source_id=source.id), source


def _member(enum: Any, value: str, otherwise: Any) -> Any:
    return enum(value) if value in set(enum) else otherwise
