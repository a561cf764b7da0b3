"""What an index announces: feeds, sitemaps and listing pages to links. Pure functions over bytes."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from crawlers.urls import absolute, canonical, pattern, same_site
from records import Link, Source, SourceKind

# MEASURED-CRAWL, section 8: no honest feed or sitemap is larger.
MAX_XML = 50 * 1024 * 1024
MAX_LINKS = 50_000
MAX_LISTING = 5 * 1024 * 1024
MAX_TAGS = 100_000


# Addresses that differ in the values of their query only, out of one reading: more is a calendar or a shop's filter.
MAX_A_QUERY = 300


@dataclass(frozen=True, slots=True)
class Index:
    """What an index announces, newest first, and how many of its links were left out, by reason."""

    links: list[Link]
    left_out: dict[str, int] = field(default_factory=dict)


class IndexReadError(ValueError):
    """An index is not what its source says it is."""


def read_index(source: Source, url: str, body: bytes) -> Index:
    """The links that an index at `url` announces and that its source wants.

    Links of other sites in a sitemap or listing, links that its pattern does not want, and links that are no web
    addresses are no matches and not counted. Raises IndexReadError where the bytes are not what the source's kind says.
    """
    wanted = re.compile(source.include) if source.include else None
    links: dict[str, Link] = {}
    queries: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for link in _READERS[source.kind](url, body):
        address = canonical(absolute(url, link.url))
        if not address or address in links:
            continue
        if source.kind not in _SPEAK_FOR_OTHERS and not same_site(address, url):
            continue
        if wanted and not link.is_index and not wanted.search(address):
            continue
        if len(links) >= MAX_LINKS:
            left_out["too_many"] += 1
            continue
        if "?" in address:
            template = pattern(address)
            queries[template] += 1
            if queries[template] > MAX_A_QUERY:
                left_out["one_query"] += 1
                continue
        links[address] = Link(url=address, title=link.title, published=to_iso(link.published), is_index=link.is_index)
    found = sorted(links.values(), key=lambda link: (link.published, link.url), reverse=True)
    return Index(found, dict(left_out))


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
    """RSS 0.9-2.0, RDF, Atom and JSON Feed."""
    if body.lstrip()[:1] == b"{":
        yield from _read_json_feed(body)
        return
    root = _parse_xml(body)
    if _name(root) not in {"rss", "RDF", "feed"}:
        raise IndexReadError(f"no feed: its root is <{_name(root)[:40]}>")
    for entry in _outermost(root, "item", "entry"):
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
    for entry in _outermost(root, "url", "sitemap"):
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
    if len(body) > MAX_LISTING or body.count(b"<") > MAX_TAGS:
        raise IndexReadError("too large for a page")
    try:
        root = lxml_html.document_fromstring(body, parser=lxml_html.HTMLParser(encoding=None, huge_tree=False))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise IndexReadError("no page: it has no content") from error
    base = next((absolute(url, tag.get("href", "")) for tag in root.iter("base")), "") or url
    for anchor in root.iter("a"):
        if href := anchor.get("href"):
            yield Link(url=absolute(base, href.strip()), title=" ".join(anchor.text_content().split())[:300])


def _read_json_feed(body: bytes) -> Iterator[Link]:
    """JSON Feed 1.0 and 1.1 (jsonfeed.org)."""
    items = _parse_json(body).get("items")
    if not isinstance(items, list):
        raise IndexReadError("no feed: its JSON has no items")
    for item in items:
        if isinstance(item, dict) and (address := item.get("url") or item.get("external_url") or item.get("id")):
            published = item.get("date_published") or item.get("date_modified") or ""
            yield Link(url=str(address), title=" ".join(str(item.get("title") or "").split()), published=str(published))


def _read_search(_url: str, body: bytes) -> Iterator[Link]:
    """The article list of the GDELT document API, as its documentation shows it (mode=artlist, format=json)."""
    articles = _parse_json(body).get("articles", [])
    if not isinstance(articles, list):
        raise IndexReadError("no search answer: its JSON has no articles")
    for article in articles:
        if isinstance(article, dict) and article.get("url"):
            seen = re.sub(r"^(\d{4})(\d\d)(\d\d)T.*", r"\1-\2-\3", str(article.get("seendate") or ""))
            yield Link(url=str(article["url"]), title=" ".join(str(article.get("title") or "").split()), published=seen)


def _read_urls(_url: str, body: bytes) -> Iterator[Link]:
    """A text with an address a line; lines that begin with # are remarks."""
    lines = body[:MAX_XML].decode("utf-8-sig", "replace").splitlines()
    told = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if told and not any(re.match(r"https?://|/", line) for line in told):
        raise IndexReadError("no list of addresses")
    yield from (Link(url=line.split()[0]) for line in told)


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body[:MAX_XML].decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        raise IndexReadError("no JSON") from error
    if not isinstance(told, dict):
        raise IndexReadError("no JSON object")
    return told


# A feed, a list or a search answer may name addresses of any site; a sitemap or listing only its own.
_SPEAK_FOR_OTHERS = {SourceKind.FEED, SourceKind.URLS, SourceKind.SEARCH}
_READERS: dict[SourceKind, Callable[[str, bytes], Iterator[Link]]] = {
    SourceKind.FEED: _read_feed,
    SourceKind.SITEMAP: _read_sitemap,
    SourceKind.LISTING: _read_listing,
    SourceKind.URLS: _read_urls,
    SourceKind.SEARCH: _read_search,
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


def _outermost(root: etree._Element, *names: str) -> Iterator[etree._Element]:
    """The elements of these names; those within one of their kind are left out, as each would be walked again."""
    for element in root.iter(*(f"{{*}}{name}" for name in names)):
        if not any(_name(above) in names for above in element.iterancestors()):
            yield element


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _first_text(parts: list[etree._Element], *names: str) -> str:
    for name in names:
        for part in parts:
            if _name(part) == name:
                return "".join(part.itertext()).strip()
    return ""
