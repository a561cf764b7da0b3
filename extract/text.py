"""The text that the extractor reads: cleaned character by character, with a way back.

Strangers write what we read. Matching wants composed letters, plain quotes and no
invisible characters; whoever asks for a span wants offsets into the string that was
handed in. `Reading` keeps both.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

LONGEST_TOKEN = 300
"""An unbroken run of more characters is blanked: spaCy's URL rule is quadratic in it (spaCy issue 14020)."""

_PLAIN = str.maketrans(
    {
        "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2007": " ", "\u200a": " ", "\t": " ", "\x00": " ",
        "\ufffd": " ",
        "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u02bc": "'", "\u2032": "'", "`": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2033": '"',
        "\u2010": "-", "\u2011": "-", "\u2212": "-",
    }
)  # fmt: skip
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_CYRILLIC_TWINS = str.maketrans("аАвВеЕкКмМнНоОрРсСтТуУхХіІјЈ", "aAbBeEkKmMhHoOpPcCtTyYxXiIjJ")
_MIXED_WORD = re.compile(r"[A-Za-z\u0400-\u04ff]+")
_LONG_TOKEN = re.compile(rf"\S{{{LONGEST_TOKEN},}}")
_CLUSTER = re.compile(r"[^\u0300-\u036f\u0653-\u0655\u3099\u309a][\u0300-\u036f\u0653-\u0655\u3099\u309a]+")
_PARAGRAPH = re.compile(r"[^\n]*[^\s][^\n]*")


@dataclass(frozen=True, slots=True)
class Reading:
    """A string as the extractor reads it, and the way back to the string as given.

    ``jumps`` holds (position in ``text``, offset to add from there on), ascending.
    """

    raw: str
    text: str
    jumps: tuple[tuple[int, int], ...] = ()
    disguised: bool = False  # a name was written with look-alike letters or direction marks

    def back(self, position: int) -> int:
        """The offset in ``raw`` of a position in ``text``."""
        if not self.jumps:
            return position
        index = bisect_right(self.jumps, (position, len(self.raw) + 1)) - 1
        return position + (self.jumps[index][1] if index >= 0 else 0)

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Offsets in ``raw`` of a non-empty range of ``text``."""
        last = self.back(end - 1)
        stop = last + 1
        while stop < len(self.raw) and unicodedata.combining(self.raw[stop]):
            stop += 1
        return self.back(start), stop

    def without(self, ranges: list[tuple[int, int]]) -> Reading:
        """The reading with ranges of ``text`` cut out; offsets still lead back to ``raw``."""
        pieces: list[str] = []
        jumps: list[tuple[int, int]] = []
        made = at = 0
        for start, end in [*sorted(ranges), (len(self.text), len(self.text))]:
            if start > at:
                jumps.append((made, self.back(at) - made))
                jumps += [(made + p - at, shift + at - made) for p, shift in self.jumps if at < p < start]
                pieces.append(self.text[at:start])
                made += start - at
            at = max(at, end)
        return Reading(self.raw, "".join(pieces), tuple(jumps), self.disguised)

    def quote(self, start: int, end: int) -> str:
        """The words of ``raw`` behind a range of ``text``."""
        first, stop = self.raw_span(start, end)
        return self.raw[first:stop]


def read_text(raw: str) -> Reading:
    """Normalises for matching: NFC, plain quotes and spaces, no invisible characters, no giant tokens."""
    text = raw.translate(_PLAIN)
    disguised = False

    def unmask(match: re.Match[str]) -> str:
        nonlocal disguised
        word = match.group()
        if word.isascii() or not re.search("[A-Za-z]", word):
            return word
        disguised = True
        return word.translate(_CYRILLIC_TWINS)

    if not text.isascii():
        text = _MIXED_WORD.sub(unmask, text)
    jumps: list[tuple[int, int]] = []
    if not text.isascii() and (INVISIBLE.search(text) or not unicodedata.is_normalized("NFC", text)):
        pieces: list[str] = []
        at = shift = 0
        made = 0
        edits = sorted(
            [(m.start(), m.end(), "") for m in INVISIBLE.finditer(text)]
            + [(m.start(), m.end(), unicodedata.normalize("NFC", m.group())) for m in _CLUSTER.finditer(text)]
        )
        for start, end, instead in edits:
            if start < at:
                continue
            pieces += [text[at:start], instead]
            made += start - at + len(instead)
            shift += (end - start) - len(instead)
            jumps.append((made, shift))
            at = end
        pieces.append(text[at:])
        text = "".join(pieces)
    text = _LONG_TOKEN.sub(lambda m: " " * len(m.group()), text)
    return Reading(raw, text, tuple(jumps), disguised)


def lower(text: str) -> str:
    """Lower case without changing any length (the Turkish dotted I would)."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def paragraphs(text: str) -> list[tuple[int, int]]:
    """Ranges of the non-blank lines, without their outer white space."""
    found = []
    for match in _PARAGRAPH.finditer(text):
        words = match.group()
        start = match.start() + len(words) - len(words.lstrip())
        found.append((start, match.start() + len(words.rstrip())))
    return found
