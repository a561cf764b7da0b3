"""What an index announces: feeds, sitemaps and listing pages to links. Pure functions over bytes."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from lxml import etree
from lxml import html as lxml_html

from crawlers.urls import canonical, same_site
from records import Link, Source, SourceKind

# MEASURED-CRAWL, section 8: no honest feed or sitemap is larger.
MAX_XML = 50 * 1024 * 1024
MAX_LINKS = 50_000


class IndexReadError(ValueError):
    """An index is not what its source says it is."""


def read_index(source: Source, url: str, body: bytes) -> list[Link]:
    """The links that an index at `url` announces and that its source wants, newest first.

    Raises IndexReadError where the bytes are no feed, sitemap or page.
    """
    wanted = re.compile(source.include) if source.include else None
    links: dict[str, Link] = {}
    for link in _READERS[source.kind](url, body):
        address = canonical(urljoin(url, link.url))
        if not address or address in links or len(links) >= MAX_LINKS:
            continue
        if source.kind != SourceKind.FEED and not same_site(address, url):
            continue  # only a feed may speak for other hosts
        if wanted and not link.is_index and not wanted.search(address):
            continue
        links[address] = Link(url=address, title=link.title, published=to_iso(link.published), is_index=link.is_index)
    return sorted(links.values(), key=lambda link: (link.published, link.url), reverse=True)


def to_iso(date: str) -> str:
    """A feed's date as ISO 8601 with a time zone where it has one; empty where it is no date."""
    date = date.strip()
    if not date:
        return ""
    try:
        return datetime.fromisoformat(date).isoformat()
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(date).isoformat()
    except (ValueError, TypeError):
        return date[:10] if re.match(r"\d{4}-\d{2}-\d{2}", date) else ""


def _read_feed(_url: str, body: bytes) -> Iterator[Link]:
    """RSS 0.9-2.0, RDF and Atom."""
    root = _parse_xml(body)
    if _name(root) not in {"rss", "RDF", "feed"}:
        raise IndexReadError(f"no feed: its root is <{_name(root)[:40]}>")
    for entry in root.iter("{*}item", "{*}entry"):
        parts = list(entry)
        title = " ".join(_first_text(parts, "title").split())
        published = _first_text(parts, "pubDate", "published", "date", "issued", "updated")
        if address := _feed_address(parts):
            yield Link(url=address, title=title, published=published)


def _feed_address(parts: list[etree._Element]) -> str:
    for part in parts:
        if _name(part) != "link":
            continue
        if part.get("href") and part.get("rel", "alternate") == "alternate":
            return str(part.get("href"))
        if part.text and part.text.strip():
            return str(part.text).strip()
    for part in parts:  # a permanent guid is the address where RSS leaves <link> out
        if _name(part) in {"guid", "id"} and part.get("isPermaLink") != "false":
            return (part.text or "").strip()
    return ""


def _read_sitemap(_url: str, body: bytes) -> Iterator[Link]:
    """Sitemaps, news sitemaps and sitemap indexes, gzipped or not."""
    root = _parse_xml(_gunzip(body))
    if _name(root) not in {"urlset", "sitemapindex"}:
        raise IndexReadError(f"no sitemap: its root is <{_name(root)[:40]}>")
    for entry in root.iter("{*}url", "{*}sitemap"):
        parts = list(entry.iter())
        if address := _first_text(parts, "loc"):
            yield Link(
                url=address,
                title=" ".join(_first_text(parts, "title").split()),
                published=_first_text(parts, "publication_date", "lastmod"),
                is_index=_name(entry) == "sitemap",
            )


def _read_listing(url: str, body: bytes) -> Iterator[Link]:
    """The links of a web page, with their words as title."""
    try:
        root = lxml_html.document_fromstring(body, parser=lxml_html.HTMLParser(encoding=None, huge_tree=False))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise IndexReadError("no page: it has no content") from error
    base = next((urljoin(url, tag.get("href", "")) for tag in root.iter("base")), url)
    for anchor in root.iter("a"):
        if href := anchor.get("href"):
            yield Link(url=urljoin(base, href.strip()), title=" ".join(anchor.text_content().split())[:300])


_READERS: dict[SourceKind, Callable[[str, bytes], Iterator[Link]]] = {
    SourceKind.FEED: _read_feed,
    SourceKind.SITEMAP: _read_sitemap,
    SourceKind.LISTING: _read_listing,
}


def _parse_xml(body: bytes) -> etree._Element:
    # No entities, no network, no DTD: a feed is written by strangers.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(body.lstrip()[:MAX_XML], parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise IndexReadError("not well-formed XML") from error
    if root is None:
        raise IndexReadError("not XML")
    return root


def _gunzip(body: bytes) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(body)).read(MAX_XML)
    except (OSError, EOFError, zlib.error) as error:
        raise IndexReadError("broken gzip") from error


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _first_text(parts: list[etree._Element], *names: str) -> str:
    for name in names:
        for part in parts:
            if _name(part) == name:
                return "".join(part.itertext()).strip()
    return ""
