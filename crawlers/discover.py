"""Where a publisher announces its documents: found from a page, as a draft for sources.toml."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from crawlers.readers import IndexReadError, read_index
from crawlers.urls import absolute, canonical
from records import Page, Source, SourceKind, SourceType

# Where sites that name no feed most often have one.
USUAL_PLACES = ("/feed", "/rss.xml", "/feed.xml", "/atom.xml", "/feed.json", "/sitemap.xml", "/sitemap_index.xml")
MOST_PLACES = 20
_FEED_TYPES = {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry for sources.toml, how many documents its index announces now, and one of them."""

    source: Source
    documents: int
    example: str


def first_places(url: str) -> list[str]:
    """What is asked first: the page, its host's robots.txt, and the usual places."""
    parts = urlsplit(url)
    site = f"{parts.scheme}://{parts.netloc}"
    return list(dict.fromkeys([url, f"{site}/robots.txt", *(f"{site}{place}" for place in USUAL_PLACES)]))


def named_places(pages: Iterable[Page]) -> list[str]:
    """The feeds that pages name in their heads, and the sitemaps that a robots.txt names."""
    found: dict[str, None] = {}
    for page in pages:
        if page.final_url.endswith("/robots.txt"):
            text = page.body[: 512 * 1024].decode("utf-8", "replace")
            found |= dict.fromkeys(re.findall(r"(?im)^\s*sitemap\s*:\s*(\S+)", text))
        elif (tree := _tree(page)) is not None:
            for link in tree.iter("link"):
                kind, href = (link.get("type") or "").lower(), link.get("href") or ""
                if kind in _FEED_TYPES and "alternate" in (link.get("rel") or "").lower():
                    found[absolute(page.final_url, href)] = None
    return list(dict.fromkeys(url for place in found if (url := canonical(place))))[:MOST_PLACES]


def drafts(pages: Iterable[Page], home: str, *, private_network: bool) -> list[Draft]:
    """An entry for each page that is a feed or sitemap with something in it, the fullest feed first."""
    pages = list(pages)
    front = next((page for page in pages if canonical(page.url) == canonical(home)), None)
    base = _about(front, home, private_network)
    found: list[Draft] = []
    for page in pages:
        for kind in (SourceKind.FEED, SourceKind.SITEMAP):
            source = replace(base, kind=kind, url=canonical(page.final_url))
            try:
                links = read_index(source, page.final_url, page.body).links
            except IndexReadError:
                continue
            if links and source.url not in {draft.source.url for draft in found}:
                found.append(Draft(source=source, documents=len(links), example=links[0].url))
    found.sort(key=lambda draft: (draft.source.kind != SourceKind.FEED, -draft.documents))
    return [
        replace(d, source=replace(d.source, id=d.source.id + (f"-{n}" if n > 1 else "")))
        for n, d in enumerate(found, 1)
    ]


def as_toml(draft: Draft) -> str:
    """The draft as it is pasted into sources.toml."""
    source = draft.source
    lines = [
        "[[source]]",
        f'id = "{source.id}"',
        f"publisher = {_quoted(source.publisher)}",
        f'country = "{source.country}"  # the publisher\'s seat, ISO 3166-1: set it',
        f'language = "{source.language}"',
        f'kind = "{source.kind}"  # announces {draft.documents} documents now, as {draft.example[:120]}',
        f'source_type = "{source.source_type}"  # official, company, academic, ngo, media or social: check it',
        f"url = {_quoted(source.url)}",
    ]
    return "\n".join(lines + (["private_network = true"] if source.private_network else [])) + "\n"


def _about(front: Page | None, home: str, private_network: bool) -> Source:
    host = (urlsplit(home).hostname or "source").removeprefix("www.")
    tree = _tree(front) if front is not None else None
    name, language = host, "en"
    if tree is not None:
        told = tree.xpath("//meta[@property='og:site_name']/@content") or tree.xpath("//title/text()")
        name = " ".join(str(told[0]).split())[:80] if told else host
        lang = (tree.get("lang") or "")[:2].lower()
        language = lang if re.fullmatch("[a-z]{2}", lang) else "en"
    return Source(
        id=re.sub(r"[^a-z0-9]+", "-", host.rsplit(".", 1)[0]).strip("-")[:50] or "new-source",
        publisher=name or host,
        country="ZZ",
        language=language,
        kind=SourceKind.FEED,
        source_type=SourceType.MEDIA,
        url=home,
        private_network=private_network,
    )


def _tree(page: Page) -> lxml_html.HtmlElement | None:
    if b"<html" not in page.body[:4096].lower() or page.body.count(b"<") > 100_000:
        return None
    try:
        return lxml_html.document_fromstring(page.body, parser=lxml_html.HTMLParser(huge_tree=False))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None


def _quoted(text: str) -> str:
    return '"' + re.sub(r"[\x00-\x1f\x7f]", " ", text).replace("\\", "\\\\").replace('"', '\\"') + '"'
