"""A small ledger for the screen: deals with marks in two articles, one of them hostile, one of another language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from records import (
    Article,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    Money,
    Outcome,
    PageReading,
    Span,
    Status,
    Technology,
)
from store.ledger import Ledger
from tests.store.factory import NOW

CAMERAS = (
    "The council met on Monday.\n\nIn 2019 Huawei sold 2,000 cameras to the Kenya Police for $12 million. China Exim Bank "
    "lent the money. 🎥 Café owners in Nairobi were not asked.\n\nZTE had bid as well, for Uganda and for Zambia.\n\nThe end."
)
SPYWARE = "NSO Group delivered Pegasus to Mexico in 2014. The ministry paid 32 million dollars.\n\nNobody was told."
COPY = "Kenya's police bought Huawei cameras in 2019, a second paper writes. They cost $12 million."
PAYLOADS = {
    "title": "<script>window.hit=1</script><img src=x onerror='window.hit=1'> A title",
    "url": "javascript:window.hit=1",
    "outlet": '"><svg onload=window.hit=1>',
    "vendor": "<img src=//canary.invalid/v onerror=window.hit=1>",
    "customer": "</span><iframe src='https://canary.invalid/f'></iframe>",
    "sentence": "<style>body{display:none}</style><a href='javascript:window.hit=1'>x</a> sold cameras to Ghana. {{7*7}} \u202egnp.exe",
}


def finding(text: str, vendor: str, country: str, marks: dict[str, str], quote: str, **values: Any) -> Finding:
    """A finding whose marks lie on the given words of the text."""
    spans = [Span(start=text.index(quote), end=text.index(quote) + len(quote), slot="evidence")]
    spans += [Span(start=text.index(w), end=text.index(w) + len(w), slot=slot) for slot, w in marks.items()]
    told: dict[str, Any] = {
        "vendor": vendor,
        "vendor_aliases": (vendor,),
        "vendor_country": "CN",
        "country": country,
        "technologies": (Technology.VIDEO_SURVEILLANCE,),
        "evidence": (quote,),
        "confidence": 0.9,
        "status": Status.AGREED,
        "reasons": ("supplier_near=1 (+1.20)", "boilerplate=1 (-0.40)"),
        "spans": tuple(sorted(set(spans))),
        "field_confidence": (("pair", 0.9), ("status", 0.5)),
    }
    return Finding(**told | values)


def readings() -> list[PageReading]:
    """What was read: five deals in three articles, a hostile one, and an article with nothing in it."""
    quote = "In 2019 Huawei sold 2,000 cameras to the Kenya Police for $12 million."
    made = [
        _reading(
            "cameras",
            CAMERAS,
            "Cameras for Nairobi",
            finding(
                CAMERAS,
                *("Huawei", "KE"),
                {
                    "vendor": "Huawei",
                    "technologies": "cameras",
                    "customer": "Kenya Police",
                    "value": "$12 million",
                    "year": "2019",
                },
                quote,
                confidence=0.97,
                customer="Kenya Police",
                year=2019,
                value=Money(amount=12e6, currency="USD", raw="$12 million"),
                financing=Financing(type=FinancingType.LOAN, financier="China Exim Bank"),
            ),
            finding(
                CAMERAS, "ZTE", "UG", {"vendor": "ZTE", "country": "Uganda"}, "ZTE had bid as well", confidence=0.6
            ),
            finding(
                CAMERAS, "ZTE", "ZM", {"vendor": "ZTE", "country": "Zambia"}, "ZTE had bid as well", confidence=0.4
            ),
        ),
        _reading(
            "copy",
            COPY,
            "Police buy cameras",
            finding(COPY, "Huawei", "KE", {"vendor": "Huawei", "year": "2019"}, COPY[:60], confidence=0.8, year=2019),
        ),
        _reading(
            "spyware",
            SPYWARE,
            "Pegasus in Mexico",
            finding(
                SPYWARE,
                *("NSO Group", "MX"),
                {"vendor": "NSO Group", "technologies": "Pegasus", "country": "Mexico", "year": "2014"},
                SPYWARE[:46],
                vendor_country="IL",
                technologies=(Technology.SPYWARE,),
                year=2014,
                confidence=0.92,
            ),
        ),
        _reading("nothing", "A text on bread and nothing else, quite long, so that it is kept as an article.", "Bread"),
    ]
    text = f"Before it.\n\n{PAYLOADS['sentence']}\n\nAfter it."
    hostile = finding(
        text,
        PAYLOADS["vendor"],
        "GH",
        {"country": "Ghana"},
        PAYLOADS["sentence"],
        customer=PAYLOADS["customer"],
        confidence=0.3,
        reasons=("<b>rule</b>=1 (+1.0)",),
    )
    made.append(_reading("hostile", text, PAYLOADS["title"], hostile, url=PAYLOADS["url"], outlet=PAYLOADS["outlet"]))
    return made


def _reading(name: str, text: str, title: str, *findings: Finding, **article: Any) -> PageReading:
    told: dict[str, Any] = {
        "url": f"https://daily.example/{name}",
        "outlet": "Daily",
        "published": "2024-05-01",
    } | article
    outcome = Outcome.KEPT if findings else Outcome.NOT_RELEVANT
    return PageReading(
        page_id=name,
        outcome=outcome,
        article=Article(article_id=name, title=title, text=text, language="en", **told),
        extraction=Extraction(id=name, outcome=outcome, extractor_version="x", deals=findings),
    )


def make(folder: Path, *more: PageReading) -> Path:
    """The ledger in `folder`; returns its path."""
    path = folder / "watchledger.db"
    ledger = Ledger.open(path)
    ledger.begin_run("process", "v1", NOW)
    for item in (*readings(), *more):
        ledger.save(item, "v1", "daily")
    ledger.settle()
    ledger.end_run(NOW, "finished")
    ledger.close()
    return path
