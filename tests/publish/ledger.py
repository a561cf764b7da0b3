"""A small ledger with its archive and decisions, as a workspace has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from records import (
    Act,
    Article,
    Claim,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    Money,
    Outcome,
    PageReading,
    Qualifier,
    Span,
    Status,
    Technology,
)
from store.archive import Archive, page_id
from store.book import Book
from store.desk import Desk
from store.ledger import Ledger
from tests.store.factory import NOW, page, source

EDITOR = "Ana Reviewer"
DECIDED = datetime(2024, 6, 1, 9, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One page, and the one deal that is read in it; every word of `told` is looked up in the text."""

    name: str
    text: str
    vendor: str
    country: str
    vendor_id: str = ""  # the name in small letters where none is given
    home: str = "CN"
    technologies: tuple[Technology, ...] = (Technology.VIDEO_SURVEILLANCE,)
    status: Status = Status.AGREED
    year: int | None = None
    value: Money | None = None
    financing: Financing | None = None
    customer: str | None = None
    title: str = ""
    words: tuple[tuple[str, str], ...] = ()  # slot, words in the text


STORIES = (
    Story(
        name="kenya",
        title='=HYPERLINK("http://evil.example") Nairobi buys cameras',
        text="Nairobi, Monday. Huawei will install 1,800 cameras for the Kenya Police in a deal of KES 14.9 billion "
        "signed in 2015. The Export-Import Bank of China lends the money. Critics object.",
        vendor="Huawei",
        country="KE",
        technologies=(Technology.SAFE_CITY, Technology.VIDEO_SURVEILLANCE),
        year=2015,
        value=Money(amount=14.9e9, currency="KES", raw="KES 14.9 billion"),
        financing=Financing(type=FinancingType.CONCESSIONAL_LOAN, financier="Export-Import Bank of China"),
        customer="Kenya Police",
        words=(
            ("vendor", "Huawei"),
            ("country", "Kenya"),
            ("technologies", "cameras"),
            ("customer", "Kenya Police"),
            ("value", "KES 14.9 billion"),
            ("year", "2015"),
            ("financing", "Export-Import Bank of China"),
        ),
    ),
    Story(
        name="serbia",
        title="Belgrade watches",
        text="In Belgrade, police of Serbia use face recognition cameras by Huawei, agreed for €12 million in 2019.",
        vendor="Huawei",
        country="RS",
        technologies=(Technology.FACIAL_RECOGNITION,),
        status=Status.OPERATIONAL,
        year=2019,
        value=Money(amount=12e6, currency="EUR", raw="€12 million"),
        words=(
            ("vendor", "Huawei"),
            ("country", "Serbia"),
            ("technologies", "face recognition"),
            ("value", "€12 million"),
            ("year", "2019"),
        ),
    ),
    Story(
        name="zimbabwe",
        title="Harare plans",
        text="CloudWalk and Zimbabwe talk about a face recognition system worth ZWL 3 million, ministers said in 2018.",
        vendor="CloudWalk",
        country="ZW",
        technologies=(Technology.FACIAL_RECOGNITION,),
        status=Status.PROPOSED,
        year=2018,
        value=Money(amount=3e6, currency="ZWL", raw="ZWL 3 million"),
        words=(("vendor", "CloudWalk"), ("country", "Zimbabwe"), ("value", "ZWL 3 million"), ("year", "2018")),
    ),
    Story(
        name="uganda",
        title="Kampala",
        text="ZTE sold phone tapping gear to Uganda, according to two officials who asked not to be named.",
        vendor="ZTE",
        country="UG",
        technologies=(Technology.COMMUNICATIONS_INTERCEPTION,),
        words=(("vendor", "ZTE"), ("country", "Uganda"), ("technologies", "phone tapping gear")),
    ),
)


def finding(story: Story) -> Finding:
    """What a reader that makes no mistakes gives."""
    first = story.text.index(story.vendor)
    begin = story.text.rfind(". ", 0, first) + 2 if ". " in story.text[:first] else 0
    stop = story.text.find(". ", first)
    stop = len(story.text) if stop < 0 else stop + 1
    spans = [Span(start=begin, end=stop, slot="evidence")]
    spans += [
        Span(start=story.text.index(words), end=story.text.index(words) + len(words), slot=slot)
        for slot, words in story.words
    ]
    return Finding(
        vendor=story.vendor,
        vendor_aliases=(story.vendor,),
        vendor_country=story.home,
        vendor_id=story.vendor_id or story.vendor.lower(),
        country=story.country,
        technologies=story.technologies,
        evidence=(story.text[begin:stop],),
        confidence=0.9,
        financing=story.financing,
        instruments=(story.financing,) if story.financing else (),
        value=story.value,
        customer=story.customer,
        year=story.year,
        status=story.status,
        spans=tuple(sorted(spans)),
    )


def make_workspace(folder: Path, stories: tuple[Story, ...] = STORIES, accept: bool = True) -> Path:
    """An archive, a ledger and (with `accept`) a decision on every deal; returns the ledger's path."""
    archive = Archive.open(folder / "archive.db")
    ledger = Ledger.open(folder / "watchledger.db")
    archive.begin_run([source()], NOW)
    ledger.begin_run("process", "v1", NOW)
    for story in stories:
        add_story(archive, ledger, story)
    ledger.settle()
    ledger.close()
    archive.close()
    path = folder / "watchledger.db"
    if accept:
        with Desk.open(path) as desk:
            for hours, deal_id in enumerate(sorted(item.deal_id for item in desk.queue().items)):
                desk.accept(deal_id, act(hours=hours))
    return path


def add_story(archive: Archive, ledger: Ledger, story: Story) -> str:
    """Store one page with its reading; returns the article's id."""
    url = f"http://user:secret@daily.example/{story.name}"
    fetched = page(url, story.text.encode())
    archive.store.db.conn.execute(
        "INSERT INTO bodies VALUES (?, ?, ?)", (fetched.sha256, len(fetched.body), fetched.body)
    )
    wanted = page_id(url, fetched.sha256)
    archive.store.db.conn.execute(
        "INSERT INTO pages (page_id, url, final_url, status, fetched_at, content_type, sha256, source_id, partial, via, title)"
        " VALUES (?, ?, ?, 200, ?, 'text/html', ?, 'daily', 0, 'crawl', ?)",
        (wanted, url, url, NOW.isoformat(timespec="seconds"), fetched.sha256, story.title),
    )
    article = Article(
        article_id=wanted,
        url=url,
        title=story.title,
        text=story.text,
        language="en",
        outlet="The Daily",
        published="2020-05",
        published_precision=None,
    )
    claim = Claim(
        vendor=story.vendor,
        vendor_country="CN",
        technologies=(),
        n_countries=50,
        qualifier=Qualifier.AT_LEAST,
        evidence=story.text[:40],
    )
    extraction = Extraction(
        id=wanted, outcome=Outcome.KEPT, extractor_version="v1", deals=(finding(story),), claims=(claim,)
    )
    reading = PageReading(page_id=wanted, outcome=Outcome.KEPT, article=article, extraction=extraction)
    ledger.save(reading, "v1", "daily")
    return wanted


def act(reason: str = "", **later: Any) -> Act:
    """An act of the editor, some time after DECIDED."""
    return Act(who=EDITOR, at=DECIDED + timedelta(**later), reason=reason)


def deal_of(ledger: Path, country: str) -> str:
    """The id of the only deal with a country."""
    with Book.open(ledger) as book:
        return next(view.deal_id for view in book.accepted() if view.shown["country"].value == country)
