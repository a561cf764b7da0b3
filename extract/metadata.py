"""Title, outlet, author and date of a web page, each by the first rule that gives a sensible answer.

trafilatura's own metadata reader costs more than reading the text does (MEASURED-CRAWL,
section 1), so the structured places are read here; htmldate is asked only when they are empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from htmldate import find_date
from lxml.html import HtmlElement

from records import Precision

EARLIEST_YEAR = 1990
# The rule of a page that is dated only by dates that cannot be: before there were pages, after the fetch, 31 February.
IMPLAUSIBLE = "implausible"
# A page's JSON-LD is a few kB; megabytes are somebody's data store.
MAX_JSON = 1_000_000
MAX_JSON_NODES = 20_000
# Text in which a date is looked for by htmldate: its searches are not linear.
MAX_TAGS_FOR_DATE_SEARCH = 8_000

_ARTICLE_TYPES = re.compile(r"article|report|blogposting|newsmedia", re.IGNORECASE)
_ISO = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?=$|[T ])")
_UTC = re.compile(r"T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]00:?00)$")
_URL_DAY = re.compile(r"/((?:19|20)\d{2})[/-]?(\d{2})[/-]?(\d{2})(?=[/.\-_]|$)")
_MAIL = re.compile(r"^\s*(?:[A-Z][a-z]{2},\s*)?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d")
_URL_PARTS = re.compile(r"/((?:19|20)\d{2})/(\d{1,2})/(\d{1,2})(?=/|$)")
_URL_MONTH = re.compile(r"/((?:19|20)\d{2})/(\d{2})/")
_DATE_METAS = (
    *("article:published_time", "datepublished", "date", "dc.date", "dc.date.issued", "dcterms.date", "pubdate"),
    *("publishdate", "publish-date", "parsely-pub-date", "sailthru.date", "og:article:published_time"),
)
_TITLE_METAS = ("og:title", "twitter:title", "dc.title", "headline")
_AUTHOR_METAS = ("author", "article:author", "dc.creator", "parsely-author", "sailthru.author")
_OUTLET_METAS = ("og:site_name", "application-name", "dc.publisher")
_BYLINE = re.compile(r"^\s*(?:by|par|por)\s+(.{3,80})$", re.IGNORECASE)


@dataclass(slots=True)
class Facts:
    """What a page says about itself. `free` False: it says that it is for subscribers only."""

    title: str = ""
    outlet: str = ""
    author: str = ""
    published: str | None = None
    precision: Precision | None = None
    rule: str | None = None
    free: bool = True
    _linked: list[dict[str, Any]] = field(default_factory=list)


def read_facts(tree: HtmlElement, url: str, fetched_at: datetime, hint_published: str = "") -> Facts:
    """Read a parsed page. `hint_published` is what the feed said; `fetched_at` bounds what is plausible."""
    metas = _metas(tree)
    linked = list(_json_ld(tree))
    articles = [node for node in linked if _ARTICLE_TYPES.search(_words(node.get("@type")))]
    facts = Facts(
        title=_title(tree, metas, articles),
        outlet=_first(metas, _OUTLET_METAS) or _name(next((n["publisher"] for n in articles if "publisher" in n), "")),
        author=_author(tree, metas, articles),
        free=not any(str(node.get("isAccessibleForFree")).lower() == "false" for node in linked),
    )
    impossible: set[str] = set()
    day = _day_of_address(tree, url, metas)
    local = day or metas.get("sailthru.date", "")[:10]
    for rule, value in _dates(tree, url, day, metas, articles, hint_published, fetched_at):
        published = to_partial_date(value, fetched_at)
        if published and _UTC.search(value):
            nearby = local if _next_to(published, local) else _local_day(tree, articles, value)
            published, rule = (nearby, "local_day") if nearby and nearby != published else (published, rule)
        if rule in ("meta", "json_ld") and _first_told(day, published, fetched_at):
            published, rule = day, "url"  # an address keeps the day it was made on when the page is dated anew
        if rule.startswith("page_text") and published[:7] in impossible:
            continue  # the search mends 31 February to the first of the month; a guess is no date
        if published:
            facts.published, facts.rule = published, rule
            facts.precision = (Precision.YEAR, Precision.MONTH, Precision.DAY)[published.count("-")]
            break
        if _ISO.match(value.strip()):  # a date, but one that cannot be
            facts.rule = IMPLAUSIBLE
            impossible.add(value.strip()[:7])
    return facts


def to_partial_date(value: str, fetched_at: datetime) -> str:
    """The date as precise as it is told (2024, 2024-05, 2024-05-17); empty where it is none or not plausible."""
    match = _ISO.match(value.strip()) or _ISO.match(_day_of_mail(value))
    if not match:
        return ""
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        told = datetime(year or 0, month or 1, day or 1, tzinfo=fetched_at.tzinfo)
    except ValueError:
        return ""
    # A page may be dated in a time zone that is a day ahead.
    fetched = fetched_at.year >= EARLIEST_YEAR  # else an archive that does not tell when it fetched
    if told.year < EARLIEST_YEAR or (fetched and (told - fetched_at).days > 1):
        return ""
    return match.group(0)


def _day_of_mail(value: str) -> str:
    """The local day of a date as e-mail and RSS write it ("Sat, 19 Oct 2019 00:04:00 +0200"); empty where it is none."""
    if not _MAIL.match(value):
        return ""
    try:
        return parsedate_to_datetime(value.strip()).date().isoformat()
    except ValueError:
        return ""


def _dates(
    tree: HtmlElement,
    url: str,
    day: str,
    metas: dict[str, str],
    articles: list[dict[str, Any]],
    hint: str,
    fetched_at: datetime,
) -> Iterator[tuple[str, str]]:
    """Candidates, the most trustworthy rule first; the costly one is asked only if the rest failed."""
    for name in _DATE_METAS:
        yield "meta", metas.get(name, "")
    for node in articles:
        yield "json_ld", _text(node.get("datePublished"))
    yield "feed", hint
    yield "url", day
    times = [stamp.get("datetime", "") for stamp in tree.iter("time")]
    searched = sum(1 for _ in tree.iter()) <= MAX_TAGS_FOR_DATE_SEARCH
    if searched:
        shown = _shown_date(tree, fetched_at, wide=False)
        yield "time" if shown and any(told.startswith(shown) for told in times) else "page_text", shown
    for told in times:
        yield "time", told
    if searched and not times:  # the wide search takes any date of the text, so it comes last
        yield "page_text_wide", _shown_date(tree, fetched_at, wide=True)
    if month := _URL_MONTH.search(url):
        yield "url", "-".join(month.groups())


def _shown_date(tree: HtmlElement, fetched_at: datetime, *, wide: bool) -> str:
    """A date that the page shows; bounded by the fetch, so that the answer does not change with the clock."""
    found = find_date(
        tree,
        extensive_search=wide,
        original_date=True,
        max_date=fetched_at.strftime("%Y-%m-%d") if fetched_at.year >= EARLIEST_YEAR else "2100-01-01",
        deferred_url_extractor=True,
    )
    return found or ""


def _day_of_address(tree: HtmlElement, url: str, metas: dict[str, str]) -> str:
    """The day in the page's address, or in the one it gives as its own; empty where there is none."""
    own = next(
        (link.get("href", "") for link in tree.iter("link") if (link.get("rel") or "").lower() == "canonical"), ""
    )
    for address in (url, own, metas.get("og:url", "")):
        if day := _URL_DAY.search(address) or _URL_PARTS.search(address):
            year, month, number = (int(part) for part in day.groups())
            return f"{year}-{month:02}-{number:02}"
    return ""


def _local_day(tree: HtmlElement, articles: list[dict[str, Any]], told: str) -> str:
    """The outlet's own day of a moment told in UTC, where the page tells the same moment by its own clock; else empty."""
    moment = _moment(told)
    times = (t.get("datetime") or "" for t in tree.iter("time") if (t.get("itemprop") or "").lower() == "datepublished")
    for other in (*(_text(node.get("datePublished")) for node in articles), *times):
        if moment and _moment(other) == moment and not _UTC.search(other):
            return str(other[:10])
    return ""


def _moment(told: str) -> datetime | None:
    """A time with its distance from UTC; none where it does not tell both."""
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _next_to(published: str, day: str) -> bool:
    """Whether two days follow each other: an evening's article bears the next day in UTC, and the outlet's own in its address."""
    return abs(_days_between(published, day)) == 1


def _first_told(day: str, published: str, fetched_at: datetime) -> bool:
    """Whether the day in the address lies before the one the page gives itself, by more than time zones and a night's delay."""
    return bool(to_partial_date(day, fetched_at)) and _days_between(day, published) > 2


def _days_between(earlier: str, later: str) -> int:
    """Days from one to the other; 0 where either is no day."""
    try:
        return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).days
    except ValueError:
        return 0


def _title(tree: HtmlElement, metas: dict[str, str], articles: list[dict[str, Any]]) -> str:
    headings = [_text_of(heading) for heading in tree.iter("h1")]
    candidates = [
        *(_text(node.get("headline")) for node in articles),
        *(metas.get(name, "") for name in _TITLE_METAS),
        *(headings if len(headings) == 1 else []),
        *(_text_of(title) for title in tree.iter("title")),
        *headings,
    ]
    title = next((c for c in candidates if c), "")
    # "Headline | Outlet": the heading on the page is the shorter, cleaner form of the same words.
    for heading in headings:
        if heading and heading != title and title.startswith(heading):
            return heading
    return title


def _author(tree: HtmlElement, metas: dict[str, str], articles: list[dict[str, Any]]) -> str:
    for node in articles:
        people = node.get("author")
        names = [_name(person) for person in (people if isinstance(people, list) else [people])]
        if any(names):
            return ", ".join(name for name in names if name)[:200]
    told = _first(metas, _AUTHOR_METAS)
    if told and not told.startswith("http"):
        return told[:200]
    for element in tree.xpath("//*[contains(@class, 'byline') or contains(@class, 'author') or @rel='author']")[:5]:
        words = _text_of(element)
        if match := _BYLINE.match(words):
            return match.group(1)
    return ""


def _metas(tree: HtmlElement) -> dict[str, str]:
    metas: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = (meta.get("property") or meta.get("name") or meta.get("itemprop") or "").lower()
        if name and len(metas) < 500:
            metas.setdefault(name, " ".join((meta.get("content") or "").split())[:1000])
    return metas


def _json_ld(tree: HtmlElement) -> Iterator[dict[str, Any]]:
    """The objects of all JSON-LD blocks, outer before inner, without walking into bottomless ones."""
    for script in tree.xpath("//script[@type='application/ld+json']"):
        text = script.text or ""
        if len(text) > MAX_JSON:
            continue
        try:
            waiting: list[Any] = [json.loads(text, strict=False)]
        except (ValueError, RecursionError):
            continue
        for _ in range(MAX_JSON_NODES):
            if not waiting:
                break
            node = waiting.pop(0)
            if isinstance(node, list):
                waiting[:0] = node[:200]
            elif isinstance(node, dict):
                yield node
                waiting.extend(node.get(key) for key in ("@graph", "mainEntity") if key in node)


def _first(metas: dict[str, str], names: tuple[str, ...]) -> str:
    return next((metas[name] for name in names if metas.get(name)), "")


def _name(value: Any) -> str:
    return _text(value.get("name")) if isinstance(value, dict) else _text(value)


def _words(value: Any) -> str:
    return " ".join(_text(item) for item in value) if isinstance(value, list) else _text(value)


def _text(value: Any) -> str:
    return " ".join(value.split())[:1000] if isinstance(value, str) else ""


def _text_of(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())[:500]
