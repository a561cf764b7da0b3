"""From offsets to a page: spans of a text as marked, escaped HTML, and the part of a text that is shown.

Offsets are code points of the text as stored. The text of an article is a stranger's: everything passes
through `escape`, and the marks are the only elements that come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

# Slot -> the letter that stands beside its colour. The order says which mark shows where two overlap.
LETTERS: dict[str, str] = {
    "vendor": "V",
    "country": "C",
    "technology": "T",
    "financier": "L",
    "financing": "F",
    "value": "S",
    "customer": "B",
    "year": "Y",
    "status": "P",
    "alleged": "A",
    "place": "C",
    "role": "R",
}
# Names that the extractor gives to spans of one slot.
_SAME_SLOT = {
    "technologies": "technology",
    "vendor_country": "vendor",
    "financing_type": "financing",
    "financing.type": "financing",
    "financing.amount": "financing",
    "financing_amount": "financing",
    "financing.financier": "financier",
    "amount": "value",
    "place": "country",
}
_SENTENCE_END = re.compile(r"[.!?…。؟](?:[\"'”’»)\]]+)?\s+(?=[\"'“‘«(\[]?\w)|\n+")
# Text shown around the evidence at most; what lies beyond is a key away.
SHOWN_POINTS = 1400


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A half-open range of code points of one text, and the slot that it supports."""

    start: int
    end: int
    slot: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text as HTML, with the range of code points that it shows."""

    html: Markup
    start: int
    end: int


def slot_of(name: str) -> str:
    """The slot that a span called `name` is shown as; unknown ones keep their name and are shown plain."""
    return _SAME_SLOT.get(name, name)


def marked(text: str, start: int, end: int, marks: Iterable[Mark], evidence: Sequence[tuple[int, int]] = ()) -> Markup:
    """`text[start:end]` with its marks; each piece says at which code point it starts; evidence is of class "told".

    Overlapping marks are cut into pieces; a piece shows the first slot of LETTERS that covers it and names the others
    in its title. Only the first piece of a mark carries the letter.
    """
    within = [m for m in marks if m.start < end and m.end > start and m.slot in LETTERS]
    points = [p for m in within for p in (m.start, m.end)] + [p for place in evidence for p in place]
    borders = sorted({start, end, *(min(max(p, start), end) for p in points)})
    rank = list(LETTERS)
    out: list[Markup] = []
    shown_before: set[Mark] = set()
    for left, right in pairwise(borders):
        covering = sorted((m for m in within if m.start <= left and right <= m.end), key=lambda m: rank.index(m.slot))
        piece = escape(text[left:right])
        if not covering:
            told = Markup(' class="told"') if any(a <= left and right <= b for a, b in evidence) else ""
            out.append(Markup('<span{} data-at="{}">{}</span>').format(told, left, piece))
            continue
        top = covering[0]
        letter = LETTERS[top.slot] if top not in shown_before else ""
        shown_before.add(top)
        slots = ", ".join(dict.fromkeys(m.slot for m in covering))
        out.append(
            Markup('<mark class="slot-{}" data-letter="{}" data-at="{}" title="{}">{}</mark>').format(
                top.slot, letter, left, slots, piece
            )
        )
    return Markup("").join(out)


def sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Ranges of the sentences of `text[start:end]`; good enough to choose what is shown, not to extract by."""
    stop = len(text) if end is None else end
    found: list[tuple[int, int]] = []
    at = start
    for match in _SENTENCE_END.finditer(text, start, stop):
        found.append((at, match.end()))
        at = match.end()
    if at < stop:
        found.append((at, stop))
    return [(a, b) for a, b in found if text[a:b].strip()]


def around(text: str, points: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The range to show for evidence at `points`: its paragraph, with the sentence before and the one after.

    Never more than SHOWN_POINTS: a paragraph that is longer is cut to the sentences around the first evidence.
    """
    if not points:
        return _cut(text, 0, len(text), 0)
    first, last = min(a for a, _ in points), max(b for _, b in points)
    if last - first > SHOWN_POINTS:
        first, last = points[0]
    left = text.rfind("\n", 0, first) + 1
    right = text.find("\n", last)
    right = len(text) if right < 0 else right
    if right - left > SHOWN_POINTS:
        left, right = _sentences_around(text, left, right, first, last)
    before = sentences(text, max(0, left - 2000), left)
    after = sentences(text, right, min(len(text), right + 2000))
    if before and right - before[-1][0] <= SHOWN_POINTS:
        left = before[-1][0]
    if after and after[0][1] - left <= SHOWN_POINTS:
        right = after[0][1]
    return _cut(text, left, right, first)


def _sentences_around(text: str, left: int, right: int, first: int, last: int) -> tuple[int, int]:
    parts = sentences(text, left, right)
    hit = [i for i, (a, b) in enumerate(parts) if a < last and b > first] or [0]
    low, high = hit[0], hit[-1]
    return parts[max(0, low - 1)][0], parts[min(len(parts) - 1, high + 1)][1]


def _cut(text: str, left: int, right: int, first: int) -> tuple[int, int]:
    """At most SHOWN_POINTS of a range, with `first` in it: for text without sentence or line ends."""
    if right - left <= SHOWN_POINTS:
        return left, right
    left = max(left, first - SHOWN_POINTS // 4)
    return left, min(right, left + SHOWN_POINTS)


def passage(text: str, points: Sequence[tuple[int, int]], marks: Iterable[Mark]) -> Passage:
    """What is shown of a text for evidence at `points`."""
    start, end = around(text, points)
    return Passage(paragraphs(text, start, end, marks, points), start, end)


def paragraphs(
    text: str, start: int, end: int, marks: Iterable[Mark], evidence: Sequence[tuple[int, int]] = ()
) -> Markup:
    """`text[start:end]` as paragraphs with marks; those that hold evidence are of class "evidence"."""
    kept = sorted(marks)
    out = []
    for match in re.compile(r"[^\n]+").finditer(text, start, end):
        left, right = match.span()
        if not match[0].strip():
            continue
        near = [m for m in kept if m.start < right and m.end > left]
        holds = any(a < right and b > left for a, b in evidence)
        out.append(
            Markup("<p{}>{}</p>").format(
                Markup(' class="evidence"') if holds else "", marked(text, left, right, near, evidence)
            )
        )
    return Markup("\n").join(out)
