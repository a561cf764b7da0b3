"""Numbers that may count countries ("at least fifty states", "facial recognition in 64"), and how exactly they are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from extract.graph import Graph
from extract.mentions import Mention
from records import Qualifier

_WORDS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "dozen": 12, "a dozen": 12, "two dozen": 24, "three dozen": 36, "a hundred": 100, "one hundred": 100,
    "half a dozen": 6,
    "a score": 20, "two score": 40,
    "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "sept": 7, "huit": 8, "neuf": 9, "dix": 10, "onze": 11, "douze": 12,
    "treize": 13,
    "quatorze": 14, "quinze": 15, "seize": 16, "vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50,
    "soixante": 60,
    "soixante-dix": 70, "quatre-vingts": 80, "cent": 100, "une douzaine de": 12, "une vingtaine de": 20,
    "une trentaine de": 30,
    "une quarantaine de": 40, "une cinquantaine de": 50, "une soixantaine de": 60, "une centaine de": 100, "dos": 2,
    "tres": 3,
    "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12,
    "trece": 13,
    "catorce": 14, "quince": 15, "veinte": 20, "veinticinco": 25, "treinta": 30, "cuarenta": 40, "cincuenta": 50,
    "sesenta": 60,
    "setenta": 70, "ochenta": 80, "noventa": 90, "cien": 100, "una docena de": 12, "una veintena de": 20,
    "una treintena de": 30,
    "medio centenar de": 50, "un centenar de": 100,
}  # fmt: skip
_UNIT = (
    "one|two|three|four|five|six|seven|eight|nine|un|deux|trois|quatre|cinq|six|sept|huit|neuf|"
    "uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve"
)
_TENS = (
    "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|vingt|trente|quarante|cinquante|soixante|"
    "treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa"
)
_LISTED = "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True))
_TO_99 = rf"(?:{_TENS})(?:[- ]|-et-| y )(?:{_UNIT})|{_LISTED}"
NUMBER = rf"(?:\d{{1,3}}|(?:a|one) hundred and (?:{_TO_99})|{_TO_99})"
COUNTED = (
    r"(?:countries|nations|states|governments|jurisdictions|territories|capitals|republics|regimes|democracies|"
    r"autocracies|"
    r"pays|États|gouvernements|capitales|países|gobiernos|Estados|naciones|capitales|governos)"
)
_COUNT = re.compile(
    rf"\b(?P<number>{NUMBER})(?:\s(?:out\s)?of\s(?:the\s|some\s)?(?:world's\s)?\d{{1,3}})?\s"
    rf"(?:(?!(?:in|across|from|and|of|dans|en|y|et)\s|{NUMBER}\s)[\w'-]+\s){{0,3}}?(?P<counted>{COUNTED})\b",
    re.IGNORECASE,
)
_LONE = re.compile(rf"\b(?P<number>{NUMBER})\b", re.IGNORECASE)
_NOT_LONE = re.compile(
    r"^\s?(?:%|per ?cent|percent|million|billion|thousand|million|years?|months?|days?|weeks?|hours?|km|kilomet|"
    r"cameras?|people|officers?|"
    r"January|February|March|April|May|June|July|August|September|October|November|December|st\b|nd\b|rd\b|th\b|"
    r"[-–/.,:]\d)",
    re.IGNORECASE,
)
_COUNTED_NEAR = re.compile(rf"\b{COUNTED}\b", re.IGNORECASE)
_AT_LEAST = re.compile(
    r"(?:at least|more than|over|no fewer than|not fewer than|no less than|upwards? of|in excess of|a minimum of|"
    r"well over|above|beyond|"
    r"au moins|plus de|au-delà de|al menos|más de|por lo menos|no menos de|pelo menos|mais de)\W*(?:the )?$",
    re.IGNORECASE,
)
_AT_MOST = re.compile(
    r"(?:up to|at most|no more than|not more than|fewer than|less than|as many as|a maximum of|under|not quite|"
    r"jusqu'à|moins de|au plus|au maximum|hasta|menos de|como máximo|a lo sumo)\W*$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:about|around|some|roughly|approximately|nearly|almost|close to|an estimated|estimated|circa|perhaps|"
    r"environ|près de|quelque|une?|unos|unas|cerca de|alrededor de|aproximadamente|casi|"
    r"in the region of|or so)\W*$",
    re.IGNORECASE,
)
_ROUND_NOUNS = re.compile(r"^(?:une \w+aine de|una \w+ena de|medio centenar de|un centenar de)$", re.IGNORECASE)
_AFTER_LEAST = re.compile(
    r"^\W*(?:\w+\s)?(?:or more|and counting|at least|ou plus|o más|au moins|al menos)\b", re.IGNORECASE
)
_AFTER_ABOUT = re.compile(
    r"^\W*(?:\w+\s)?(?:or so|or thereabouts|approximately|give or take|environ|más o menos)\b", re.IGNORECASE
)
SPREAD = re.compile(
    r"\b(?:suppl|sell|sold|sale|export|deliver|provid|ship|equip|deploy|us(?:e|es|ed|ing|er|ers)\b|operat|install|"
    r"customer|client|buy|bought|purchas|"
    r"market|adopt|present|active|found|traces?|identified|detected|servers?|licen[cs]|contract|deal|agreement|spread|"
    r"reach|roll|runs?\b|service|work|"
    r"introduced|hands|in place|rely|credited|agencies|vend|fourni|livr|utilis|compr|usan?\b|utiliz|instal|acquir|"
    r"obtain|adquir|achet)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Count:
    """A number that may count countries, as a mention over number and noun."""

    mention: Mention
    number: int
    qualifier: Qualifier
    sentence: int
    lone: bool  # no noun beside it ("facial recognition in 64")


def to_number(word: str) -> int | None:
    """Reads "50", "twenty-five", "two dozen", "quarante"."""
    low = re.sub(r"\s+", " ", word.lower().strip())
    if low.isdigit():
        return int(low)
    if low in _WORDS:
        return _WORDS[low]
    over = re.match(r"^(?:a|one) hundred and (.+)$", low)
    if over:
        return 100 + (to_number(over[1]) or 0)
    match = re.match(rf"^({_TENS})(?:[- ]|-et-| y )({_UNIT})$", low)
    if not match:
        return None
    return _WORDS[match[1]] + {"one": 1, "un": 1, "uno": 1}.get(match[2], _WORDS.get(match[2], 0))


def _qualifier(text: str, start: int, end: int, word: str) -> Qualifier:
    before, after = text[max(0, start - 32) : start], text[end : end + 25]
    if _AT_LEAST.search(before) or _AFTER_LEAST.match(after):
        return Qualifier.AT_LEAST
    if _AT_MOST.search(before):
        return Qualifier.AT_MOST
    if _ABOUT.search(before) or _AFTER_ABOUT.match(after) or _ROUND_NOUNS.match(word):
        return Qualifier.ABOUT
    return Qualifier.EXACTLY


def find_counts(graph: Graph) -> list[Count]:
    """Every number in the body that may count countries, teasers left out, in order."""
    text, parsed = graph.reading.text, graph.parsed
    found: dict[int, Count] = {}
    if not _COUNTED_NEAR.search(text):
        return []

    def add(match: re.Match[str], end: int, lone: bool) -> None:
        start, number = match.start("number"), to_number(match["number"])
        if (
            number is None
            or not 2 <= number <= 200
            or start < graph.title_end
            or any(a <= start < b for a, b in graph.teasers)
        ):
            return
        if start in found or any(c.mention.start <= start < c.mention.end for c in found.values()):
            return
        sentence = parsed.sentence_at(start)
        found[start] = Count(
            Mention(start, end, "count", str(number)),
            number,
            _qualifier(text, start, end, match["number"]),
            sentence,
            lone,
        )

    for match in _COUNT.finditer(text):
        add(match, match.end("counted"), False)
    taken = [(m.start, m.end) for m, _ in graph.mentions.money] + [(m.start, m.end) for m in graph.mentions.years]
    counted = {parsed.paragraph_at(c.mention.start) for c in found.values() if not c.lone}
    for number, (start, end) in enumerate(parsed.paragraphs):
        if number not in counted and number - 1 not in counted:
            continue
        for match in _LONE.finditer(text, start, end):
            at, word = match.start(), match["number"].lower()
            if number not in counted and not SPREAD.search(text, *parsed.sentences[parsed.sentence_at(at)]):
                continue  # the paragraph after a count may go on with it, but says that something is spread
            plain = to_number(word) or 0
            if (
                plain < 4
                or text[at - 1 : at] in "$€£#.,-/"
                or _NOT_LONE.match(text, match.end())
                or any(a <= at < b for a, b in taken)
            ):
                continue
            add(match, match.end(), True)
    return [found[at] for at in sorted(found)]
