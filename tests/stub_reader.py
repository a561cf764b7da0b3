"""A reader without models, for tests of everything around it: one pattern, one kind of deal."""

from __future__ import annotations

import re

from extract.blocks import sketch
from extract.clean import clean
from records import Extraction, Finding, Outcome, PageReading, Status, StoredPage, Technology

_SUPPLIERS = ("Huawei", "ZTE", "Sandvine", "Verint", "CloudWalk", "CEIEC", "Amesys", "Cellebrite")
_COUNTRIES = {"Kenya": "KE", "Uganda": "UG", "Zambia": "ZM", "Serbia": "RS", "Belarus": "BY", "Zimbabwe": "ZW"}


class StubReader:
    """Finds a deal where one sentence names a supplier and a country of two short lists."""

    version = "stub-1"

    def __call__(self, stored: StoredPage | None) -> PageReading | str:
        if stored is None:
            return self.version
        cleaned = clean(stored)
        article = cleaned.article
        if article is None:
            return PageReading(page_id=stored.page_id, outcome=cleaned.outcome, reason=cleaned.reason)
        deals = []
        for sentence in re.split(r"(?<=[.!?])\s+", article.text):
            for vendor in _SUPPLIERS:
                for name, code in _COUNTRIES.items():
                    if vendor in sentence and name in sentence:
                        deals.append(_finding(vendor, code, sentence))
        outcome = Outcome.KEPT if deals else Outcome.NOT_RELEVANT
        extraction = Extraction(
            id=article.article_id, outcome=outcome, extractor_version=self.version, deals=tuple(deals)
        )
        return PageReading(
            page_id=stored.page_id,
            outcome=outcome,
            article=article,
            extraction=extraction,
            blocks=cleaned.blocks,
            sketch=sketch(article.text) if deals else (),
        )


def _finding(vendor: str, country: str, sentence: str) -> Finding:
    return Finding(
        vendor=vendor,
        vendor_aliases=(vendor,),
        vendor_country=None,
        country=country,
        technologies=(Technology.VIDEO_SURVEILLANCE,),
        evidence=(sentence,),
        confidence=0.5,
        status=Status.AGREED,
    )


def make_stub_reader() -> StubReader:
    """What the pool calls in each worker."""
    return StubReader()
