"""Coverage claims: counts over countries that name no pairs ("Huawei supplies at least 50 countries").

Kept apart from deals, so that a world-wide count never becomes seventy deals. Here are the candidates (every number
that may count countries), what can be said of them in numbers, and the way from scores to claims; the scores come
from the same network as those of the pairs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from extract.graph import TECHNOLOGIES, Graph
from extract.mentions import Mention
from records import Claim, Qualifier, Technology

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
_NUMBER = rf"(?:\d{{1,3}}|(?:a|one) hundred and (?:{_TO_99})|{_TO_99})"
COUNTED = (
    r"(?:countries|nations|states|governments|jurisdictions|territories|capitals|republics|regimes|democracies|"
    r"autocracies|"
    r"pays|États|gouvernements|capitales|países|gobiernos|Estados|naciones|capitales|governos)"
)
_COUNT = re.compile(
    rf"\b(?P<number>{_NUMBER})(?:\s(?:out\s)?of\s(?:the\s|some\s)?(?:world's\s)?\d{{1,3}})?\s"
    rf"(?:(?!(?:in|across|from|and|of|dans|en|y|et)\s|{_NUMBER}\s)[\w'-]+\s){{0,3}}?(?P<counted>{COUNTED})\b",
    re.IGNORECASE,
)
_LONE = re.compile(rf"\b(?P<number>{_NUMBER})\b", re.IGNORECASE)
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
_ELSEWHERE = re.compile(
    r"\b(?:offices?|employees?|staff|employs|phones?|handsets?|smartphones?|subsidiar\w*|branch(?:es)?|headquarter\w*|"
    r"embass\w*|visited|delegat\w*|"
    r"signator\w*|declaration|member states|mobile operators|5G|4G|stores?|students?|journalists?|newsrooms?|experts|"
    r"athletes|population|"
    r"ratif\w*|voted|exhibit\w*|visitors|sanctions?|bann?(?:s|ed)?|carriers|researchers|media|law|laws|legislation|"
    r"factor(?:y|ies)|shareholders|"
    r"victims|targets?|targeted|citizens of|nationals|roaming|cables?|loans?|roads?|bureaux|oficinas|empleados|"
    r"employés|filiales)\b",
    re.IGNORECASE,
)
_SPREAD = re.compile(
    r"\b(?:suppl|sell|sold|sale|export|deliver|provid|ship|equip|deploy|us(?:e|es|ed|ing|er|ers)\b|operat|install|"
    r"customer|client|buy|bought|purchas|"
    r"market|adopt|present|active|found|traces?|identified|detected|servers?|licen[cs]|contract|deal|agreement|spread|"
    r"reach|roll|runs?\b|service|work|"
    r"introduced|hands|in place|rely|credited|agencies|vend|fourni|livr|utilis|compr|usan?\b|utiliz|instal|acquir|"
    r"obtain|adquir|achet)",
    re.IGNORECASE,
)
_SURVEILLANCE = re.compile(r"surveill|spy|monitor|vigilan|intercept|espion", re.IGNORECASE)
_FIRMS = re.compile(
    r"^[\s-]*(?:(?:AI|state-owned|private|technology|tech|surveillance|security|telecoms?|spyware|drone|camera|"
    r"facial recognition)[\s-]){0,3}"
    r"(?:firms?|compan(?:y|ies)|suppliers?|vendors?|makers?|manufacturers?|providers?|contractors?|exporters?|"
    r"technology|technologies|equipment|"
    r"surveillance|systems?|gear|kit|drones|cameras|spyware|entreprises|empresas|sociétés|fabricants)\b",
    re.IGNORECASE,
)
_DOES = re.compile(
    r"^(?:,? and (?:the )?\w+)?,?\s(?:alone\s|itself\s|also\s|now\s)?(?:is|are|has|have|had|supplies|supply|sells?|"
    r"sold|exports?|exported|ships|delivers|provides)\b"
)

_RESPECTIVELY = re.compile(r"\b(?:respectively|respectivement|respectivamente|in that order)\b", re.IGNORECASE)
_OUT_OF = re.compile(rf"\b{_NUMBER}\s(?:out\s)?of\s(?:the\s|some\s)?(?:world's\s)?\d{{2,3}}\b", re.IGNORECASE)
_LISTS = re.compile(
    r"^[\s,(–—-]*(?:(?:around|across|of) the (?:world|globe)[\s,]*)?(?:such as|including|among them|for example|notably|like|tels? que|dont|"
    r"comme|entre ellos|incluid[oa]s|como)\b",
    re.IGNORECASE,
)
_WORLD = re.compile(
    r"\b(?:world-?wide|around the world|across the (?:world|globe)|globally|the world's|dans le monde|en el mundo)\b",
    re.IGNORECASE,
)

CLAIM_FEATURES = 16
CLAIM_SUPPLIER_FEATURES = 13
CLAIM_TECHNOLOGY_FEATURES = 10
Floats = NDArray[np.float32]


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
            if number not in counted and not _SPREAD.search(text, *parsed.sentences[parsed.sentence_at(at)]):
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


def claim_features(graph: Graph, counts: list[Count]) -> tuple[Floats, Floats, Floats]:
    """Numbers about each candidate: its own (C, 16), of each supplier to it (C, S, 13), of each technology (C, 15, 10)."""
    text, parsed = graph.reading.text, graph.parsed
    own = np.zeros((len(counts), CLAIM_FEATURES), np.float32)
    to_supplier = np.zeros((len(counts), len(graph.suppliers), CLAIM_SUPPLIER_FEATURES), np.float32)
    to_technology = np.zeros((len(counts), len(TECHNOLOGIES), CLAIM_TECHNOLOGY_FEATURES), np.float32)
    doc = np.zeros(len(TECHNOLOGIES), np.float32)
    for m in graph.mentions.technologies:
        doc[TECHNOLOGIES.index(m.key)] += 0.4 if m.weak else 1.0
    share = doc / max(1.0, float(doc.sum()))
    together: dict[int, list[int]] = {}
    for c, count in enumerate(counts):
        together.setdefault(count.sentence, []).append(c)
    for c, count in enumerate(counts):
        low, high = parsed.sentences[count.sentence]
        at = count.mention.start
        sentence = text[low:high]
        siblings = together[count.sentence]
        respective = bool(_RESPECTIVELY.search(sentence))
        place = siblings.index(c)
        listed = _in_order([(m.start, m.key) for m in graph.mentions.technologies if low <= m.start < high])
        for t, name in enumerate(TECHNOLOGIES):
            to_technology[c, t, 6] = _aligned(listed, name, place, len(siblings)) if respective else 0.0
        beside = [counts[k].mention.start for k in siblings if k != c]
        ahead = [m for m in graph.mentions.technologies if low <= m.start and m.end <= at]
        behind = [m for m in graph.mentions.technologies if at < m.start < high]
        for column, next_to in (
            (7, max(ahead, key=lambda m: m.end, default=None)),
            (8, min(behind, key=lambda m: m.start, default=None)),
        ):
            if next_to and not any(min(next_to.start, at) < k < max(next_to.start, at) for k in beside):
                to_technology[c, TECHNOLOGIES.index(next_to.key), column] = 1.0
        bracketed = _bracketed(graph, count)
        if bracketed:
            to_technology[c, TECHNOLOGIES.index(bracketed.key), 9] = 1.0
        for m in graph.mentions.technologies:
            t = TECHNOLOGIES.index(m.key)
            row = to_technology[c, t]
            weight = 0.4 if m.weak else 1.0
            gap = abs(parsed.sentence_at(m.start) - count.sentence)
            if low <= m.start < high:
                row[0] = max(row[0], weight)
                row[1] = max(row[1], weight / (1 + abs(m.start - at) / 40))
                if m.start < at and not re.search(r"[;)]", text[m.end : at - 1]):
                    row[2] = max(row[2], weight)
            elif gap == 1:
                row[3] = max(row[3], weight)
        to_technology[c, :, 4] = share
        to_technology[c, :, 5] = np.log1p(doc)
        nearest_before = -1
        named = _in_order(
            [
                (m.start, supplier.key)
                for supplier in graph.suppliers
                for m in supplier.mentions
                if low <= m.start < high and (supplier.is_nation or (supplier.company and supplier.company.vendor))
            ]
        )
        inside_all = [
            (m.start, s)
            for s, supplier in enumerate(graph.suppliers)
            for m in supplier.mentions
            if low <= m.start < high
        ]
        for column, near in (
            (11, max((x for x in inside_all if x[0] < at), default=None)),
            (12, min((x for x in inside_all if x[0] > at), default=None)),
        ):
            if near and not any(min(near[0], at) < other < max(near[0], at) for other in beside):
                to_supplier[c, near[1], column] = 1.0
        for s, supplier in enumerate(graph.suppliers):
            row = to_supplier[c, s]
            mentions = [*supplier.mentions, *supplier.references]
            gaps = [abs(parsed.sentence_at(m.start) - count.sentence) for m in mentions if m.start < at]
            inside = [m for m in mentions if low <= m.start < high]
            row[0] = float(any(m.start < at for m in inside))
            row[1] = float(bool(inside))
            row[2] = float(np.log1p(min(gaps, default=30)))
            row[3] = float(supplier.is_nation)
            row[4] = float(
                supplier.is_nation
                and any(
                    _FIRMS.match(text[m.end : m.end + 60])
                    or (m.form == "name" and _DOES.match(text[m.end : m.end + 40]))
                    for m in inside
                )
            )
            row[5] = float(bool(supplier.company and supplier.company.vendor))
            row[6] = float(any(m.kind == "reference" for m in inside))
            row[7] = 1.0 / (1 + min((abs(m.start - at) for m in inside), default=2000) / 40)
            row[8] = float(np.log1p(len(mentions)))
            last = max((m.start for m in supplier.mentions if m.start < at and supplier.company), default=-1)
            if last > nearest_before and (supplier.company and supplier.company.vendor):
                nearest_before = last
            row[9] = float(last)
            row[10] = _aligned(named, supplier.key, place, len(siblings)) if respective else 0.0
        to_supplier[c, :, 9] = (to_supplier[c, :, 9] == nearest_before) & (nearest_before >= 0)
        own[c] = [
            bool(_SPREAD.search(sentence)), bool(_ELSEWHERE.search(sentence)), bool(_SURVEILLANCE.search(sentence)),
            count.lone,
            bool(to_technology[c, :, 0].any()), bool(to_technology[c, :, 3].any()),
            to_supplier[c, :, 5].dot(to_supplier[c, :, 0]) > 0,
            to_supplier[c, :, 4].any(), np.log(count.number) / 5, count.qualifier is not Qualifier.EXACTLY,
            min(1.0, len(graph.mentions.technologies) / 10), to_supplier[c, :, 6].any(),
            bool(_OUT_OF.match(text, at)), bool(_LISTS.match(text[count.mention.end : count.mention.end + 60])),
            bool(_WORLD.search(sentence)), np.log(len(siblings)),
        ]  # fmt: skip
    return own, to_supplier, to_technology


def _in_order(places: list[tuple[int, str]]) -> list[str]:
    """Keys by their first place, each once."""
    return list(dict.fromkeys(key for _, key in sorted(places)))


def _aligned(keys: list[str], key: str, place: int, of: int) -> float:
    """For a "respectively": 1 where this key stands at the number's place in a list as long as the numbers', -1 at another."""
    if key not in keys or len(keys) < of:
        return 0.0
    last = keys[-of:] if keys[-of:].count(key) else keys[:of]
    return 1.0 if key in last and last.index(key) == place else -1.0


_OPENS = re.compile(r"^[^().;]{0,25}[(:]\s*(?:in\s|at least\s|more than\s|over\s|some\s|about\s|en\s|dans\s)*$")


def _bracketed(graph: Graph, count: Count) -> Mention | None:
    """The technology right before a bracket that holds the number: "facial recognition systems (64 countries)"."""
    text, at = graph.reading.text, count.mention.start
    before = [m for m in graph.mentions.technologies if m.end <= at]
    last = max(before, key=lambda m: (m.end, not m.weak), default=None)
    return last if last and _OPENS.match(text[last.end : at]) else None


def _suppliers_named(graph: Graph) -> list[Mention]:
    """Where a vendor of the lexicon, or a nation with "firms" behind it, is named."""
    text = graph.reading.text
    return [
        m
        for s in graph.suppliers
        for m in s.mentions
        if (s.company and s.company.vendor) or (s.is_nation and _FIRMS.match(text[m.end : m.end + 60]))
    ]


def decode_claims(
    graph: Graph, counts: list[Count], accept: Floats, supplier: Floats, technology: Floats, settings: dict[str, float]
) -> list[Claim]:
    """Claims out of the scores (logits): accept (C,), supplier (C, S + 1), technology (C, 15).

    The last score of a supplier row stands for "no supplier told".
    """
    found: list[Claim] = []
    seen: set[tuple[str | None, str | None, int, str]] = set()
    for c, count in enumerate(counts):
        chance = 1 / (1 + float(np.exp(-accept[c])))
        if chance < settings["claim"]:
            continue
        best = int(supplier[c].argmax())
        chances = 1 / (1 + np.exp(-technology[c]))
        told = {m.key for m in graph.mentions.technologies}
        kept = [
            t
            for i, t in enumerate(TECHNOLOGIES)
            if chances[i] >= settings["claim_technology"] and (t in told or chances[i] > 0.8)
        ]
        if not kept:
            kept = [TECHNOLOGIES[int(chances.argmax())]]
        if len(kept) > 1 and Technology.AI_SURVEILLANCE.value in kept:
            kept.remove(Technology.AI_SURVEILLANCE.value)
        bracketed = _bracketed(graph, count)
        if bracketed:
            kept = [bracketed.key]
            if not any(count.sentence == graph.parsed.sentence_at(m.start) for m in _suppliers_named(graph)):
                best = len(graph.suppliers)
        vendor = home = None
        spans = [graph.span(count.mention.start, count.mention.end, "n_countries")]
        if best < len(graph.suppliers):
            chosen = graph.suppliers[best]
            home = chosen.country
            vendor = graph.vendor_name(chosen)
            near = min([*chosen.mentions, *chosen.references], key=lambda m: abs(m.start - count.mention.start))
            spans.append(graph.span(near.start, near.end, "vendor"))
        key = (vendor, home, count.number, "|".join(kept))
        if key in seen:
            continue
        seen.add(key)
        low, high = graph.parsed.sentences[count.sentence]
        spans += [
            graph.span(m.start, m.end, "technologies")
            for m in graph.mentions.technologies
            if m.key in kept and low <= m.start < high
        ][:4]
        found.append(
            Claim(
                vendor=vendor,
                vendor_country=home,
                technologies=tuple(sorted(Technology(t) for t in kept)),
                n_countries=count.number,
                qualifier=count.qualifier,
                evidence=graph.reading.quote(low, high).strip(),
                confidence=round(chance, 4),
                spans=tuple(sorted(s for s in spans if s)),
            )
        )
    return found
