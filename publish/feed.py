"""An Atom feed of the deals accepted last, for those who follow a data set in a feed reader."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr

from publish import countries
from publish.derive import best_evidence, by_deal
from publish.release import Release
from publish.rows import Deal, Evidence

ENTRIES = 100


def write_feed(release: Release, path: Path) -> None:
    """feed.atom: the ENTRIES deals that were accepted last, newest first, after RFC 4287."""
    about = release.about
    newest = sorted(release.deals, key=lambda deal: deal.deal_id)
    newest.sort(key=lambda deal: deal.accepted_at, reverse=True)
    evidence = by_deal(release.evidence)
    urls = {source.source_id: source.url for source in release.sources}
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"  <id>{_id(about.name)}</id>",
        f"  <title>{_text(about.title)}: deals accepted last</title>",
        f"  <updated>{about.moment}</updated>",
        *(f"  <author><name>{_text(author)}</name></author>" for author in about.authors),
        f"  <rights>{_text(about.licence)}</rights>",
    ]
    if about.homepage:
        lines.append(f"  <link rel={quoteattr('alternate')} href={quoteattr(about.homepage)}/>")
    for deal in newest[:ENTRIES]:
        best = best_evidence(evidence.get(deal.deal_id, []))
        lines += _entry(about.name, deal, best, urls.get(best.source_id) if best and best.source_id else None)
    path.write_text("\n".join([*lines, "</feed>"]) + "\n", encoding="utf-8", newline="\n")


def _entry(name: str, deal: Deal, best: Evidence | None, url: str | None) -> list[str]:
    supplier = deal.vendor or f"Supplier from {countries.name_of(deal.vendor_country or '')}"
    when = f" ({deal.year})" if deal.year else ""
    said = best.quote if best and best.quote else "The sentence is not quoted in this release."
    source = [f"    <link rel={quoteattr('via')} href={quoteattr(_text(url, markup=False))}/>"] if url else []
    return [
        "  <entry>",
        f"    <id>{_id(name, deal.deal_id)}</id>",
        f"    <title>{_text(f'{supplier}, {deal.country_name}{when}')}</title>",
        f"    <updated>{deal.accepted_at}</updated>",
        *source,
        f"    <content>{_text(f'{said} Status: {deal.status}. Deal {deal.deal_id}.')}</content>",
        "  </entry>",
    ]


def _id(name: str, deal_id: str = "") -> str:
    # Made from names, so that it stays the same from release to release and wherever the feed is put.
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'watchledger:{name}:{deal_id}')}"


def _text(text: str, *, markup: bool = True) -> str:
    """`text` as XML 1.0 can carry it: control characters are no characters there."""
    kept = "".join(char if char >= " " or char in "\t\n" else " " for char in text)
    kept = kept.replace("\ufffe", " ").replace("\uffff", " ")
    return escape(kept) if markup else kept
