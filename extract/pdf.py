"""The text of a PDF, page by page, with running heads and feet cut and lines put together to paragraphs.

pypdfium2 was the fastest on hostile files (MEASURED-CRAWL, section 7); it still must run in
a worker with limits of time and memory.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

import pypdfium2 as pdfium

from records import Outcome

MAX_BYTES = 30 * 1024 * 1024
MAX_PAGES = 500
# A line that stands on so many of the pages, at their top or bottom, is a running head or foot.
HEAD_LINES = 2
HEAD_SHARE = 0.5
# A line this much shorter than the page's longest ends its paragraph.
FULL_LINE = 0.7
# A line that ends a sentence need not be that short.
FULL_LINE_AT_STOP = 0.92

_DIGITS = re.compile(r"\d+")
_NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2})*\.?\s+[A-Z\u00c0-\u00de]|[\u2022\u25aa-]\s")
_CREATED = re.compile(r"^D:(\d{4})(\d{2})(\d{2})")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
# pdfium marks a hyphen at a line's end with U+0002 or U+FFFE.
_SPLIT_WORD = re.compile("[\x02\ufffe\u00ad]\\s*\n|(?<=\\w)-\n(?=[a-z\u00df-\u00ff])")


class PdfError(ValueError):
    """A PDF has no text for us."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PdfText:
    """A PDF's text; `pages` has the offset at which each page starts; `cut` where pages were left out."""

    text: str
    pages: tuple[int, ...]
    title: str
    author: str
    created: str | None
    cut: bool


def read_pdf(body: bytes) -> PdfText:
    """Read a PDF. Raises PdfError: pdf_encrypted, pdf_broken, pdf_no_text or too big."""
    if len(body) > MAX_BYTES:
        raise PdfError(Outcome.TOO_BIG, "pdf")
    try:
        document = pdfium.PdfDocument(body)
    except pdfium.PdfiumError as error:
        encrypted = "password" in str(error).lower()
        raise PdfError(Outcome.QUARANTINED, "pdf_encrypted" if encrypted else "pdf_broken") from error
    try:
        total = len(document)
        raw = [_page_lines(document, number) for number in range(min(total, MAX_PAGES))]
        facts = document.get_metadata_dict()
    except pdfium.PdfiumError as error:
        raise PdfError(Outcome.QUARANTINED, "pdf_broken") from error
    finally:
        document.close()
    texts = [_paragraphs(lines) for lines in _without_running_lines(raw)]
    if not any(texts):
        raise PdfError(Outcome.QUARANTINED, "pdf_no_text")
    text, pages = _join(texts)
    created = _CREATED.match(facts.get("CreationDate", ""))
    return PdfText(
        text=text,
        pages=pages,
        title=facts.get("Title", "") or text.split("\n", 1)[0][:200],
        author=facts.get("Author", ""),
        created="-".join(created.groups()) if created else None,
        cut=total > MAX_PAGES,
    )


def _page_lines(document: pdfium.PdfDocument, number: int) -> list[str]:
    page = document[number]
    text_page = page.get_textpage()
    try:
        text = text_page.get_text_range()
    finally:
        text_page.close()
        page.close()
    text = _SPLIT_WORD.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text.encode("utf-8", "replace").decode("utf-8")))
    return [" ".join(line.split()) for line in text.split("\n")]


def _without_running_lines(pages: list[list[str]]) -> list[list[str]]:
    """Cut the lines at the top and bottom of pages that, numbers aside, stand on most of them."""
    seen: Counter[str] = Counter()
    for lines in pages:
        filled = [line for line in lines if line]
        seen.update({_DIGITS.sub("#", line) for line in filled[:HEAD_LINES] + filled[-HEAD_LINES:]})
    running = {line for line, times in seen.items() if times > 1 and times >= HEAD_SHARE * len(pages)}
    kept = []
    for lines in pages:
        last = len(lines)
        at_edge = [i for i, line in enumerate(lines) if line]
        edge = set(at_edge[:HEAD_LINES] + at_edge[-HEAD_LINES:])
        kept.append([lines[i] for i in range(last) if i not in edge or _DIGITS.sub("#", lines[i]) not in running])
    return kept


def _paragraphs(lines: list[str]) -> str:
    width = max((len(line) for line in lines), default=0)
    paragraphs: list[str] = []
    open_paragraph = False
    for line in lines:
        if not line:
            open_paragraph = False
            continue
        if open_paragraph and not _NUMBERED.match(line):
            paragraphs[-1] += " " + line
        else:
            paragraphs.append(line)
        open_paragraph = len(line) >= (FULL_LINE_AT_STOP if line[-1] in ".!?:" else FULL_LINE) * width
    return "\n\n".join(paragraphs)


def _join(texts: list[str]) -> tuple[str, tuple[int, ...]]:
    pages, parts, at = [], [], 0
    for text in texts:
        pages.append(at)
        if text:
            parts.append(text)
            at += len(text) + 2
    return "\n\n".join(parts), tuple(min(start, max(at - 2, 0)) for start in pages)
