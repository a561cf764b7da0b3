"""From a stored page to its reading: clean, then extract. What a worker process runs."""

from __future__ import annotations

from pathlib import Path

from extract.blocks import SKETCH_VERSION, sketch
from extract.clean import CLEANER_VERSION, clean, detect_language
from extract.document import Extractor
from extract.gate import Gate
from records import Document, Outcome, PageReading, StoredPage


class PageReader:
    """Reads pages with one loaded extractor. The same page always gives the same reading."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self.version = f"clean-{CLEANER_VERSION}+minhash-{SKETCH_VERSION}+{extractor.version}"

    @classmethod
    def load(cls, overlay: Path | None = None) -> PageReader:
        """Load the models, with a workspace's own lexicon where it has one."""
        detect_language("A first text, so that no document pays for loading the model.")
        return cls(Extractor.load(overlay))

    @property
    def gate(self) -> Gate:
        """The gate that the extractor asks; it decides on pages too."""
        return self._extractor.gate

    def __call__(self, stored: StoredPage | None) -> PageReading | str:
        """The reading of a page; asked with None, the version that reads."""
        return self.version if stored is None else self.read(stored)

    def read(self, stored: StoredPage, *, gated: bool = True) -> PageReading:
        """The reading of a page; without the gate, also of a text that it would drop."""
        cleaned = clean(stored)
        article = cleaned.article
        if article is None:
            return PageReading(page_id=stored.page_id, outcome=cleaned.outcome, reason=cleaned.reason)
        extraction = self._extractor.extract(
            Document(
                id=article.article_id,
                text=article.text,
                title=article.title,
                date=article.published,
                lang=article.language,
                url=article.url,
            ),
            gated=gated,
        )
        return PageReading(
            page_id=stored.page_id,
            outcome=Outcome.KEPT if extraction.deals or extraction.claims else extraction.outcome,
            reason=cleaned.reason,
            article=article,
            extraction=extraction,
            blocks=cleaned.blocks,
            sketch=sketch(article.text) if extraction.deals or extraction.claims else (),
        )
