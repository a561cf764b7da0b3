"""Which sentence of a document shows a value, where it stands, and how much of it a release quotes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from publish.rows import QUOTE_MOST
from store.views import FindingView


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A sentence with its offsets, and the offsets of the words in it; all count in `where` (text or title)."""

    text: str | None = None
    quote_start: int | None = None
    quote_end: int | None = None
    start: int | None = None
    end: int | None = None
    where: str | None = None

    def without_words(self) -> Quote:
        """The offsets only."""
        return replace(self, text=None)

    def cut(self) -> Quote:
        """At most QUOTE_MOST characters, the words that tell the value among them; offsets stay exact."""
        if self.text is None or len(self.text) <= QUOTE_MOST:
            return self
        if self.quote_start is None:
            return replace(self, text=self.text[:QUOTE_MOST])
        first = 0
        if self.start is not None and self.end is not None:
            middle = (self.start + self.end) // 2 - self.quote_start
            first = max(0, min(middle - QUOTE_MOST // 2, len(self.text) - QUOTE_MOST))
        kept = self.text[first : first + QUOTE_MOST]
        begin = self.quote_start + first
        return replace(self, text=kept, quote_start=begin, quote_end=begin + len(kept))


def quote_of(one: FindingView, slot: str) -> Quote:
    """The sentence in which the finding's `slot` is told: around its first span, else the first quoted sentence."""
    spans = [span for span in one.spans if span["slot"] == slot]
    sentences = [span for span in one.spans if span["slot"] == "evidence" and span["in"] == "text"]
    for span in sorted(spans, key=lambda span: (span["in"] != "text", span["start"])):
        if span["in"] == "title":
            continue
        for sentence in sentences:
            if sentence["start"] <= span["start"] and span["end"] <= sentence["end"]:
                return _quote(one, sentence["start"], sentence["end"], span)
    if spans:
        first = min(spans, key=lambda span: (span["in"] != "text", span["start"]))
        if first["in"] == "title":
            return Quote(
                text=one.article.title or None,
                quote_start=0,
                quote_end=len(one.article.title),
                start=first["start"],
                end=first["end"],
                where="title",
            ).cut()
        begin, stop = _sentence_around(one.article.text, first["start"], first["end"])
        return _quote(one, begin, stop, first)
    if sentences:
        return _quote(one, sentences[0]["start"], sentences[0]["end"], None)
    return _found_again(one)


def _quote(one: FindingView, begin: int, stop: int, span: dict[str, int] | None) -> Quote:
    return Quote(
        text=one.article.text[begin:stop] or None,
        quote_start=begin,
        quote_end=stop,
        start=span["start"] if span else None,
        end=span["end"] if span else None,
        where="text",
    ).cut()


def _found_again(one: FindingView) -> Quote:
    """The first quoted sentence, looked up in the text: findings that were stored without its offsets."""
    words = one.evidence[0] if one.evidence else ""
    begin = one.article.text.find(words) if words else -1
    if begin < 0:
        return Quote(text=words[:QUOTE_MOST] or None)
    return Quote(text=words, quote_start=begin, quote_end=begin + len(words), where="text").cut()


_ENDS = ("\n", ". ", "? ", "! ")


def _sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """From the last sentence's end before `start` to the first after `end`, within the paragraph."""
    before = [place + len(mark) for mark in _ENDS if (place := text.rfind(mark, 0, start)) >= 0]
    after = [place + len(mark.strip()) for mark in _ENDS if (place := text.find(mark, end)) >= 0]
    return max(before, default=0), min(after, default=len(text))
