"""Coverage claims: counts over countries that name no pairs ("Huawei supplies at least 50 countries").

Kept apart from deals, so that a world-wide count never becomes seventy deals. Here is what can be said of the candidates
(`extract.counts`) in numbers, and the way from scores to claims; the scores come from the same network as those of the pairs.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from extract.counts import COUNTED, NUMBER, SPREAD, Count
from extract.graph import TECHNOLOGIES, Graph, Supplier
from extract.mentions import Mention
from records import Claim, Qualifier, Technology

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
_SHARE = r"(?:out\s)?of\s(?:the\s|some\s)?(?:world's\s)?"
_OUT_OF = re.compile(rf"\b{NUMBER}\s{_SHARE}\d{{2,3}}\b", re.IGNORECASE)
_OF_THE_WORLD = re.compile(rf"{NUMBER}\s(?:{COUNTED}\s)?{_SHARE}(?:1\d\d|20\d)\b", re.IGNORECASE)
_LISTS = re.compile(
    r"^[\s,(–—-]*(?:(?:around|across|of) the (?:world|globe)[\s,]*)?(?:such as|including|among them|for example|notably|like|tels? que|dont|"
    r"comme|entre ellos|incluid[oa]s|como)\b",
    re.IGNORECASE,
)
_WORLD = re.compile(
    r"\b(?:world-?wide|around the world|across the (?:world|globe)|globally|the world's|dans le monde|en el mundo)\b",
    re.IGNORECASE,
)

BEFORE, INSIDE, ALIGNED = 0, 1, 10
"""The columns of a supplier's features that say whether the sentence names it before the number, and at all, and that hold `_Place.aligned`."""
CLAIM_FEATURES = 16
CLAIM_SUPPLIER_FEATURES = 13
CLAIM_TECHNOLOGY_FEATURES = 10
Floats = NDArray[np.float32]


def claim_features(graph: Graph, counts: list[Count]) -> tuple[Floats, Floats, Floats]:
    """Numbers about each candidate: its own (C, 16), of each supplier to it (C, S, 13), of each technology (C, 15, 10)."""
    own = np.zeros((len(counts), CLAIM_FEATURES), np.float32)
    to_supplier = np.zeros((len(counts), len(graph.suppliers), CLAIM_SUPPLIER_FEATURES), np.float32)
    to_technology = np.zeros((len(counts), len(TECHNOLOGIES), CLAIM_TECHNOLOGY_FEATURES), np.float32)
    doc = np.zeros(len(TECHNOLOGIES), np.float32)
    for m in graph.mentions.technologies:
        doc[TECHNOLOGIES.index(m.key)] += 0.4 if m.weak else 1.0
    to_technology[:, :, 4] = doc / max(1.0, float(doc.sum()))
    to_technology[:, :, 5] = np.log1p(doc)
    together: dict[int, list[Count]] = {}
    for count in counts:
        together.setdefault(count.sentence, []).append(count)
    for c, count in enumerate(counts):
        place = _Place(graph, count, together[count.sentence])
        _tell_technologies(graph, place, to_technology[c])
        _tell_suppliers(graph, place, to_supplier[c])
        own[c] = _own(graph, place, to_supplier[c], to_technology[c])
    return own, to_supplier, to_technology


class _Place:
    """A count among its sentence and the other counts of it."""

    def __init__(self, graph: Graph, count: Count, siblings: list[Count]) -> None:
        self.count, self.at = count, count.mention.start
        self.low, self.high = graph.parsed.sentences[count.sentence]
        self.sentence = graph.reading.text[self.low : self.high]
        self.siblings = siblings
        self.others = [other.mention.start for other in siblings if other is not count]
        self.respective = bool(_RESPECTIVELY.search(self.sentence))

    def holds(self, m: Mention) -> bool:
        return self.low <= m.start < self.high

    def beside(self, start: int) -> bool:
        """Whether no other count stands between this one and an offset."""
        return not any(min(start, self.at) < other < max(start, self.at) for other in self.others)

    def aligned(self, places: list[tuple[int, str]], key: str) -> float:
        """For a "respectively": 1 where this key stands at the number's place in a list as long as the numbers', -1 at another."""
        keys = list(dict.fromkeys(k for _, k in sorted(places)))
        n = len(self.siblings)
        if not self.respective or key not in keys or len(keys) < n:
            return 0.0
        listed = keys[-n:] if key in keys[-n:] else keys[:n]
        return 1.0 if key in listed and listed.index(key) == self.siblings.index(self.count) else -1.0


def _tell_technologies(graph: Graph, place: _Place, rows: Floats) -> None:
    """Fills what is told of each technology (15, 10), but for the document's shares in columns 4 and 5."""
    text, at = graph.reading.text, place.at
    told = [m for m in graph.mentions.technologies if place.holds(m)]
    for m in graph.mentions.technologies:
        row = rows[TECHNOLOGIES.index(m.key)]
        weight = 0.4 if m.weak else 1.0
        if place.holds(m):
            row[0] = max(row[0], weight)
            row[1] = max(row[1], weight / (1 + abs(m.start - at) / 40))
            if m.start < at and not re.search(r"[;)]", text[m.end : at - 1]):
                row[2] = max(row[2], weight)
        elif abs(graph.parsed.sentence_at(m.start) - place.count.sentence) == 1:
            row[3] = max(row[3], weight)
    for t, name in enumerate(TECHNOLOGIES):
        rows[t, 6] = place.aligned([(m.start, m.key) for m in told], name)
    before = max((m for m in told if m.end <= at), key=lambda m: m.end, default=None)
    after = min((m for m in told if m.start > at), key=lambda m: m.start, default=None)
    for column, near in ((7, before), (8, after)):
        if near and place.beside(near.start):
            rows[TECHNOLOGIES.index(near.key), column] = 1.0
    bracketed = _bracketed(graph, place.count)
    if bracketed:
        rows[TECHNOLOGIES.index(bracketed.key), 9] = 1.0


def _tell_suppliers(graph: Graph, place: _Place, rows: Floats) -> None:
    """Fills what is told of each supplier (S, 13)."""
    text, at = graph.reading.text, place.at
    told = [(m.start, s) for s, supplier in enumerate(graph.suppliers) for m in supplier.mentions if place.holds(m)]
    known = [s.is_nation or bool(s.company and s.company.vendor) for s in graph.suppliers]
    named = [(start, graph.suppliers[s].key) for start, s in told if known[s]]
    lasts = [
        max((m.start for m in supplier.mentions if m.start < at and supplier.company), default=-1)
        for supplier in graph.suppliers
    ]
    last_vendor = max(
        (last for last, s in zip(lasts, graph.suppliers, strict=True) if s.company and s.company.vendor), default=-1
    )
    for supplier, row, last in zip(graph.suppliers, rows, lasts, strict=True):
        mentions = [*supplier.mentions, *supplier.references]
        gaps = [abs(graph.parsed.sentence_at(m.start) - place.count.sentence) for m in mentions if m.start < at]
        inside = [m for m in mentions if place.holds(m)]
        row[:11] = [
            any(m.start < at for m in inside),
            bool(inside),
            np.log1p(min(gaps, default=30)),
            supplier.is_nation,
            supplier.is_nation and any(
                _FIRMS.match(text[m.end : m.end + 60]) or (m.form == "name" and _DOES.match(text[m.end : m.end + 40])) for m in inside
            ),
            bool(supplier.company and supplier.company.vendor),
            any(m.kind == "reference" for m in inside),
            1.0 / (1 + min((abs(m.start - at) for m in inside), default=2000) / 40),
            np.log1p(len(mentions)),
            last == last_vendor >= 0,
            place.aligned(named, supplier.key),
        ]  # fmt: skip
    before, after = max((x for x in told if x[0] < at), default=None), min((x for x in told if x[0] > at), default=None)
    for column, near in ((11, before), (12, after)):
        if near and place.beside(near[0]):
            rows[near[1], column] = 1.0


def _own(graph: Graph, place: _Place, suppliers: Floats, technologies: Floats) -> list[float]:
    """What is told of the count by itself (16)."""
    text, sentence, count = graph.reading.text, place.sentence, place.count
    return [
        bool(SPREAD.search(sentence)), bool(_ELSEWHERE.search(sentence)), bool(_SURVEILLANCE.search(sentence)), count.lone,
        bool(technologies[:, 0].any()), bool(technologies[:, 3].any()),
        bool(suppliers[:, 5].dot(suppliers[:, 0]) > 0), bool(suppliers[:, 4].any()),
        float(np.log(count.number)) / 5, count.qualifier is not Qualifier.EXACTLY,
        min(1.0, len(graph.mentions.technologies) / 10), bool(suppliers[:, 6].any()),
        bool(_OUT_OF.match(text, place.at)), bool(_LISTS.match(text[count.mention.end : count.mention.end + 60])),
        bool(_WORLD.search(sentence)), float(np.log(len(place.siblings))),
    ]  # fmt: skip


_LEADS_TO = r"\s*(?:in\s|at least\s|more than\s|over\s|some\s|about\s|en\s|dans\s)*$"
_BRACKET = re.compile(rf"[(]{_LEADS_TO}")
_OPENS = re.compile(rf"^[^().;]{{0,25}}[(:]{_LEADS_TO}")


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


def _respective(graph: Graph, count: Count, aligned: Floats) -> int | None:
    """The supplier that a "respectively" gives to a number, or nothing; of two lists the one that stands nearer before the numbers."""

    def last(s: int) -> int:
        return max((m.start for m in graph.suppliers[s].mentions if m.start < count.mention.start), default=-1)

    return max((int(s) for s in np.flatnonzero(aligned > 0)), key=last, default=None)


def _out_of_reach(graph: Graph, count: Count, supplier: Supplier, told: Floats) -> bool:
    """Whether a number cannot be a supplier's: a share of all countries whose sentence has not named it yet, a number in brackets
    whose sentence does not name it, or any number that is told before the supplier is."""
    text, at = graph.reading.text, count.mention.start
    if _OF_THE_WORLD.match(text, at):
        return not told[BEFORE]
    if told[INSIDE]:
        return False
    return bool(_BRACKET.search(text, max(0, at - 30), at)) or all(m.start > at for m in supplier.mentions)


def _at_the_head(graph: Graph, count: Count, best: int) -> int:
    """The nation where its firms are told with several of them by name: "Chinese firms, above all Huawei, ZTE and Dahua, supply 63 states"."""
    if best >= len(graph.suppliers) or graph.suppliers[best].is_nation:
        return best
    text, at = graph.reading.text, count.mention.start
    low = graph.parsed.sentences[count.sentence][0]
    at_home = [(n, s) for n, s in enumerate(graph.suppliers) if s.country == graph.suppliers[best].country]
    firms = [s for _, s in at_home if s.company and s.company.vendor]
    for n, nation in at_home:
        heads = [m.end for m in nation.mentions if low <= m.start < at and _FIRMS.match(text[m.end : m.end + 60])]
        if nation.is_nation and heads and sum(any(min(heads) <= m.start < at for m in s.mentions) for s in firms) > 1:
            return n
    return best


def decode_claims(
    graph: Graph,
    counts: list[Count],
    to_supplier: Floats,
    accept: Floats,
    supplier: Floats,
    technology: Floats,
    settings: dict[str, float],
) -> list[Claim]:
    """Claims out of the scores (logits): accept (C,), supplier (C, S + 1), technology (C, 15).

    The last score of a supplier row stands for "no supplier told". What a "respectively" says (`to_supplier`, as from `claim_features`)
    is taken at its word, and so are the places where no supplier can be meant (`_out_of_reach`).
    """
    found: list[Claim] = []
    seen: set[tuple[str | None, str | None, int, str]] = set()
    for c, count in enumerate(counts):
        chance = 1 / (1 + float(np.exp(-accept[c])))
        if chance < settings["claim"]:
            continue
        listed = _respective(graph, count, to_supplier[c, :, ALIGNED])
        best = int(supplier[c].argmax()) if listed is None else listed
        if best < len(graph.suppliers) and _out_of_reach(graph, count, graph.suppliers[best], to_supplier[c, best]):
            best = len(graph.suppliers)
        best = _at_the_head(graph, count, best)
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
