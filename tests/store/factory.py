"""Short ways to make the records that the store keeps."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from records import (
    Article,
    Extraction,
    Fetch,
    Finding,
    Money,
    Outcome,
    Page,
    PageReading,
    Source,
    SourceKind,
    SourceType,
    Span,
    Status,
    Target,
    Technology,
)
from store.archive import Archive
from store.ledger import Ledger

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def later(**delta: float) -> datetime:
    """A time after NOW."""
    return NOW + timedelta(**delta)


def source(name: str = "daily", **values: Any) -> Source:
    """A source called `name`."""
    told: dict[str, Any] = {
        "id": name,
        "publisher": name.title(),
        "country": "KE",
        "language": "en",
        "kind": SourceKind.FEED,
        "source_type": SourceType.MEDIA,
        "url": f"http://{name}.example/feed",
    }
    return Source(**told | values)


def page(url: str, body: bytes = b"<p>text</p>", source_id: str = "daily", **values: Any) -> Page:
    """A stored page."""
    told: dict[str, Any] = {
        "url": url,
        "final_url": url,
        "status": 200,
        "fetched_at": NOW,
        "content_type": "text/html",
        "sha256": hashlib.sha256(body).hexdigest(),
        "body": body,
        "source_id": source_id,
    }
    return Page(**told | values)


def fetch(target: Target, outcome: Outcome = Outcome.KEPT, **values: Any) -> Fetch:
    """The end of a target."""
    return Fetch(
        **{"target": target, "outcome": outcome, "fetched_at": NOW, "status": 200, "final_url": target.url} | values
    )


def new_archive(folder: Path) -> Archive:
    """An empty archive."""
    return Archive.open(folder / "archive.db")


def new_ledger(folder: Path) -> Ledger:
    """An empty ledger with a run begun."""
    ledger = Ledger.open(folder / "watchledger.db")
    ledger.begin_run("process", "v1", NOW)
    return ledger


def finding(vendor: str | None = "Huawei", country: str = "KE", **values: Any) -> Finding:
    """A finding of cameras."""
    told: dict[str, Any] = {
        "vendor": vendor,
        "vendor_aliases": (vendor,),
        "vendor_country": "CN",
        "country": country,
        "technologies": (Technology.VIDEO_SURVEILLANCE,),
        "evidence": (f"{vendor} sold cameras.",),
        "confidence": 0.8,
        "status": Status.AGREED,
        "spans": (Span(start=0, end=len(vendor or "China"), slot="vendor"),),
    }
    return Finding(**told | values)


def dollars(amount: float) -> Money:
    """An amount of US dollars."""
    return Money(amount=amount, currency="USD", raw=f"${amount:,.0f}")


def reading(
    name: str, *findings: Finding, text: str = "", outcome: Outcome = Outcome.KEPT, **article: Any
) -> PageReading:
    """What was read on a page called `name`."""
    told: dict[str, Any] = {
        "article_id": name,
        "url": f"http://daily.example/{name}",
        "title": f"About {name}",
        "text": text or f"A text that only {name} has, long enough to be told from every other text that there is.",
        "language": "en",
        "published": "2024-05-01",
    }
    return PageReading(
        page_id=name,
        outcome=outcome,
        article=Article(**told | article),
        extraction=Extraction(id=name, outcome=outcome, extractor_version="x", deals=findings),
    )


def save(ledger: Ledger, *readings: PageReading, version: str = "v1") -> None:
    """Save readings and settle."""
    for item in readings:
        ledger.save(item, version, "daily")
    ledger.settle()
