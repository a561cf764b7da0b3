"""A document as suppliers, recipient countries and what stands around each pair of them.

Suppliers are companies of the text and, for "Chinese firms" or a donor state, nations. Every pair of a
supplier and a country is a candidate for a deal; `pair_features` describes it in numbers that can be read.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from extract.boilerplate import teaser_ranges
from extract.lexicon import Hit, Kind, Lexicon
from extract.measure import norm
from extract.mentions import LEGAL, REFERENCE, Company, Mention, MentionFinder, Mentions, short_name
from extract.parse import Parsed, parse
from extract.text import Reading, paragraphs, read_text
from records import Document, Span, Technology

TECHNOLOGIES = tuple(t.value for t in Technology)
TRIGGER_CLASSES = (
    "supply", "install", "award", "sign", "buy", "use", "finance", "grant", "propose", "cancel", "deny", "allege",
    "lose", "ban", "nodeal", "rival", "predecessor", "subcontract", "own_budget", "vendor_financing", "ppp", "export_credit",
    "concessional", "loan",
)  # fmt: skip
_COMPANY_WORD = re.compile(
    r"^[\s-]*(?:(?:state-owned|state|private|owned|made|built|technology|tech|telecoms?|surveillance|security|camera|drone|spyware|"
    r"software|defence|defense|arms|electronics|AI|artificial intelligence|biometrics?|cyber|internet|"
    r"engineering)[\s-]+){0,3}"
    r"(?:firms?|compan(?:y|ies)|suppliers?|vendors?|makers?|manufacturers?|providers?|contractors?|start-?ups?|enterprises?|"
    r"exporters?|equipment|technology|technologies|systems?|cameras|drones|software|spyware|gear|kit|experts|engineers|technicians|"
    r"specialists|government|authorities|embassy|ambassador|side|state|army|military|donors?|aid|grant)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Supplier:
    """A company, or a nation where no company is told."""

    key: str
    company: Company | None
    country: str | None
    mentions: list[Mention]
    references: list[Mention] = field(default_factory=list)

    @property
    def is_nation(self) -> bool:
        return self.company is None


@dataclass(slots=True)
class Recipient:
    """A country of the text, with all that stands for it."""

    key: str
    mentions: list[Mention]


@dataclass(slots=True)
class Graph:
    """All that scoring needs to know of one document. Offsets are into ``reading.text`` (title, blank line, body)."""

    document: Document
    reading: Reading
    title_end: int
    lang: str
    parsed: Parsed
    mentions: Mentions
    suppliers: list[Supplier]
    recipients: list[Recipient]
    teasers: list[tuple[int, int]]
    vendor_technologies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    country_names: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def vendor_name(supplier: Supplier) -> str | None:
        """The usual short name as the text has it: the lexicon's where it stands there, else the most frequent form.

        Of forms that stand as often, the longer one. A text that says "Morpho" is not quoted as saying "Idemia".
        """
        if not supplier.company:
            return None
        told = Counter(short_name(name) for name in supplier.company.names)
        known = supplier.company.vendor
        if known and norm(known) in map(norm, told):
            return known
        return max(sorted(told), key=lambda n: (told[n], len(n)))

    def span(self, start: int, end: int, slot: str) -> Span | None:
        """A range of the reading as a span of the title or text as given; `None` where it crosses over."""
        first, stop = self.reading.raw_span(start, end)
        title = self.document.title.strip()
        body_at = len(title) + 2 if title else 0
        if first >= body_at:
            return Span(start=first - body_at, end=stop - body_at, slot=slot)
        if stop <= len(title):
            shift = len(self.document.title) - len(self.document.title.lstrip())
            return Span(start=first + shift, end=stop + shift, slot=slot, where="title")
        return None

    def pairs(self) -> list[tuple[int, int]]:
        """Candidate (supplier, recipient) indexes; a nation does not supply itself."""
        return [
            (s, r)
            for s, supplier in enumerate(self.suppliers)
            for r, recipient in enumerate(self.recipients)
            if not (supplier.is_nation and supplier.country == recipient.key)
        ]


class GraphBuilder:
    """Makes the graph of a document. Built once a process."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.finder = MentionFinder(lexicon)

    def build(self, document: Document, lang: str = "en") -> Graph:
        """Reads a document; paragraphs that name nothing are left out first, so that padding changes no deal."""
        title = document.title.strip()
        reading = read_text(f"{title}\n\n{document.text}" if title else document.text)
        title_end = len(read_text(title).text) if title else 0
        hits = self.lexicon.find(reading.text, lang)
        silent = _silent_paragraphs(reading.text, hits, title_end)
        if silent:
            reading = reading.without(silent)
            hits = self.lexicon.find(reading.text, lang)
        parsed = parse(reading, lang)
        teasers = teaser_ranges(reading.text, parsed.paragraphs, title_end)
        hits = [h for h in hits if not _inside(h.start, teasers)]
        mentions = self.finder.find(reading, parsed, hits, lang)
        products = {(m.start, m.end) for m in mentions.technologies}
        for company in list(mentions.companies.values()):
            company.mentions = [m for m in company.mentions if not _inside(m.start, teasers)]
            if not company.mentions or (not company.vendor and _all_products(reading.text, company, products)):
                del mentions.companies[company.key]
        mentions.money = [m for m in mentions.money if not _inside(m[0].start, teasers)]
        suppliers = self._suppliers(reading.text, mentions)
        recipients: dict[str, Recipient] = {}
        for m in mentions.countries:
            recipients.setdefault(m.key, Recipient(m.key, [])).mentions.append(m)
        graph = Graph(
            document, reading, title_end, lang, parsed, mentions, suppliers, list(recipients.values()), teasers
        )
        graph.country_names = self.lexicon.country_names
        _tell_homes(graph)
        graph.vendor_technologies = {
            s.company.vendor: tuple(self.lexicon.vendors[s.company.vendor].technologies)
            for s in suppliers
            if s.company and s.company.vendor
        }
        _resolve_references(graph)
        return graph

    def _suppliers(self, text: str, mentions: Mentions) -> list[Supplier]:
        made = [Supplier(c.key, c, c.country, list(c.mentions)) for c in mentions.companies.values()]
        nations: dict[str, list[Mention]] = {}
        for m in mentions.countries:
            if m.form in ("demonym", "name"):
                nations.setdefault(m.key, []).append(m)
        return made + [Supplier(f"#{iso}", None, iso, found) for iso, found in nations.items()]


def _all_products(text: str, company: Company, products: set[tuple[int, int]]) -> bool:
    """Is a name always that of a technology: a product ("Pegasus", "NeoFace") or a thing in capitals? It supplies nothing itself."""
    return all(
        (m.start, m.start + len(re.sub(r"['’]s$", "", text[m.start : m.end]))) in products for m in company.mentions
    )


_HOME_AFTER = re.compile(
    r"^[\s,(\-–—]*(?:(?:which|that) is )?(?:(?:an?|the|une?|una?|la|le|el|its|ltd|inc|a/s|s\.a)\b[\s.,]*)?"
    r"(?:[\w-]+[\s-]){0,5}?"
    r"(?:of |in |from |based in |headquartered in |registered in |de |en |du |d'|del )?(?:the |la |le |les )?$",
    re.IGNORECASE,
)
_HOME_BEFORE = re.compile(r"^(?:['’]s)?[\s-]*(?:based|listed|owned|made|headquartered)?[\s,]*(?:[\w&-]+[\s-]){0,5}$")


def _tell_homes(graph: Graph) -> None:
    """Reads a company's home off the text where the lexicon does not know it.

    "The Israeli X", "X, a firm of Moscow", "X (Israel)".
    """
    text = graph.reading.text
    for supplier in graph.suppliers:
        if not supplier.company or supplier.country:
            continue
        votes: dict[str, float] = {}
        for m in supplier.mentions:
            for c in graph.mentions.countries:
                if c.weak or c.form == "agency":
                    continue
                if m.end <= c.start <= m.end + 60:
                    between = text[m.end : c.start]
                    if (
                        "." not in between
                        and "\n" not in between
                        and _HOME_AFTER.match(between)
                        and between.strip(" ") not in ("in", "to", "for", "and", ",", "")
                    ):
                        votes[c.key] = votes.get(c.key, 0) + (2.0 if re.search(r"[,(]", between[:2]) else 0.7)
                elif c.form == "demonym" and m.start - 45 <= c.end <= m.start:
                    between = text[c.end : m.start]
                    if not re.search(r"[.;:\n,]", between) and _HOME_BEFORE.match(between):
                        votes[c.key] = votes.get(c.key, 0) + 1.5
                elif m.start - 25 <= c.end <= m.start and re.match(
                    r"^(?:'s|-based|-listed)\s(?:[\w-]+\s){0,2}$", text[c.end : m.start]
                ):
                    votes[c.key] = votes.get(c.key, 0) + 1.5
        if votes:
            supplier.country = max(sorted(votes), key=lambda k: votes[k])
            supplier.company.country = supplier.country


_NAMES_SOMETHING = re.compile(r"\d|(?<=[\w,;:] )[\"'(]?[A-ZÀ-Þ]|^[A-ZÀ-Þ]{2,}")


def _silent_paragraphs(text: str, hits: list[Hit], title_end: int) -> list[tuple[int, int]]:
    """Paragraphs of the body without a phrase of the lexicon, a figure, a name or a reference to a company."""
    told = bytearray(len(text) + 1)
    for hit in hits:
        if hit.entry.kind is not Kind.WORD:
            told[hit.start] = 1
    found: list[tuple[int, int]] = []
    whole = paragraphs(text)
    kept_before = False
    for n, (start, end) in enumerate(whole):
        if (
            start < title_end
            or any(told[start:end])
            or _NAMES_SOMETHING.search(text[start:end])
            or REFERENCE.search(text, start, end)
        ):
            kept_before = True
            continue
        # With the break before it (where nothing is kept before it, after it), so that nothing of it is left.
        last = n + 1 == len(whole)
        found.append((whole[n - 1][1] if n else 0, end if kept_before or last else whole[n + 1][0]))
    return found


def _inside(position: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(s <= position < e for s, e in ranges)


def _resolve_references(graph: Graph) -> None:
    """Gives "the company" to the last company before it, "the Israeli firm" to the last one at home in Israel."""
    text = graph.reading.text
    companies = [s for s in graph.suppliers if s.company]
    for ref in graph.mentions.references:
        words = text[ref.start : ref.end]
        inner = [m for m in graph.mentions.countries if ref.start <= m.start < ref.end]
        if ref.form in ("a", "an", "un", "une", "una"):
            continue
        best: tuple[float, Supplier] | None = None
        for supplier in companies:
            before = [m for m in supplier.mentions if m.end <= ref.start]
            if not before or any(m.start < ref.end and ref.start < m.end for m in supplier.mentions):
                continue
            last = max(m.end for m in before)
            score = -(ref.start - last) / 100.0 + math.log1p(len(before))
            if supplier.company and supplier.company.vendor:
                score += 2.0
            if inner:
                if supplier.country == inner[0].key:
                    score += 8.0
                elif supplier.country:
                    continue
            if best is None or score > best[0]:
                best = (score, supplier)
        if best and (ref.start - max(m.end for m in best[1].mentions if m.end <= ref.start)) < 1500 and words:
            best[1].references.append(Mention(ref.start, ref.end, "reference", best[1].key))


_SHARED_TRIGGERS = tuple(f"b_{name}" for name in TRIGGER_CLASSES)
SUPPLIER_FEATURES = (
    *(
        "nation known_vendor weak_name mentions references in_title first_at legal_suffix spacy_org spacy_person acronym "
        "strong_near weak_near money_near crowd company_word as_subject after_by"
    ).split(),
    *(f"s_{name}" for name in TRIGGER_CLASSES),
)
COUNTRY_FEATURES = tuple(
    (
        "c_mentions c_share c_in_title c_most c_most_foreign c_home_of_vendor c_only_demonym c_agency c_city c_weak "
        "c_first_at c_strong_near c_buy c_few"
    ).split()
)
BOTH_FEATURES = (
    *(
        "home home_unknown same_sentence same_sentences sentence_gap same_paragraph paragraph_gap shared_paragraphs "
        "char_gap closest_country both_in_title one_country most_foreign_not_home strong_both weak_both money_both "
        "countries_in_sentence lead_window_country adjective_of doc_strong doc_weak doc_companies doc_countries"
    ).split(),
    *_SHARED_TRIGGERS,
)
FEATURES = (*SUPPLIER_FEATURES, *COUNTRY_FEATURES, *BOTH_FEATURES)
"""Names of the features of a pair: of the supplier and its sentences' triggers (s_), the country (c_), both (b_)."""
_AFTER_BY = re.compile(r"\b(?:by|from|with|of|par|avec|por|con|de|to)\s+(?:the\s|a\s)?$")
_ADJECTIVE_REACH = 45
"""Characters between a nationality and a supplier's name that it still may describe."""
Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


def _log(n: float) -> float:
    return math.log1p(max(0.0, n))


def _logs(counts: Numbers | Places) -> Numbers:
    # math.log1p one by one: NumPy's own differs in the last bit from machine to machine.
    return np.array([math.log1p(n) for n in counts.tolist()])


def _flat(lists: list[list[int]]) -> tuple[Places, Places]:
    """Lists one after the other, and where each begins."""
    starts = np.cumsum([0, *map(len, lists)])[:-1]
    return np.array([n for part in lists for n in part], np.int64), starts.astype(np.int64)


class PairDescriber:
    """Numbers about each candidate pair of one graph; names in `FEATURES`, same order.

    What is true of a supplier or a country alone is worked out once; the rest for one supplier with all countries.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.n_sentences = max(1, len(graph.parsed.sentences))
        self._count_by_sentence()
        self.s_sentences = [self._sentences([*s.mentions, *s.references]) for s in graph.suppliers]
        self.r_sentences = [self._sentences(r.mentions) for r in graph.recipients]
        self._lay_out_countries()
        self.companies = np.zeros(self.n_sentences)
        for s in graph.suppliers:
            if s.company:
                self.companies[self._sentences(s.mentions)] += 1
        self.homes = {s.country for s in graph.suppliers if s.company and s.company.vendor}
        self.most = max(graph.recipients, key=lambda r: len(r.mentions)).key if graph.recipients else ""
        ranked = sorted(graph.recipients, key=lambda r: -len(r.mentions))
        self.most_foreign = next((r.key for r in ranked if r.key not in self.homes), "")
        suppliers = [self._supplier(s, at) for s, at in zip(graph.suppliers, self.s_sentences, strict=True)]
        self.supplier = np.array([[row[name] for name in SUPPLIER_FEATURES] for row in suppliers])
        recipients = [self._recipient(r, at) for r, at in zip(graph.recipients, self.r_sentences, strict=True)]
        self.country = np.array([[row[name] for name in COUNTRY_FEATURES] for row in recipients])

    def _count_by_sentence(self) -> None:
        found, sentence = self.graph.mentions, self.graph.parsed.sentence_at
        self.triggers = np.zeros((self.n_sentences, len(TRIGGER_CLASSES)))
        for hit in found.triggers:
            if hit.entry.key in TRIGGER_CLASSES:
                self.triggers[sentence(hit.start), TRIGGER_CLASSES.index(hit.entry.key)] += 1
        self.strong, self.weak = np.zeros(self.n_sentences), np.zeros(self.n_sentences)
        for m in found.technologies:
            (self.weak if m.weak else self.strong)[sentence(m.start)] += 1
        self.money = np.zeros(self.n_sentences, bool)
        self.money[[sentence(m.start) for m, _ in found.money]] = True

    def _lay_out_countries(self) -> None:
        """Where the countries stand: in which sentences and paragraphs, and at which offsets, one country after the other."""
        graph = self.graph
        self.keys = [r.key for r in graph.recipients]
        self.in_sentence = np.zeros((len(self.keys), self.n_sentences), bool)
        self.in_paragraph = np.zeros((len(self.keys), max(1, len(graph.parsed.paragraphs))), bool)
        for n, (r, sentences) in enumerate(zip(graph.recipients, self.r_sentences, strict=True)):
            self.in_sentence[n, sentences] = True
            self.in_paragraph[n, self._paragraphs(r.mentions)] = True
        self.sentence_list, self.first_sentence = _flat(self.r_sentences)
        self.paragraph_list, self.first_paragraph = _flat([self._paragraphs(r.mentions) for r in graph.recipients])
        self.offsets, self.first_offset = _flat([[m.start for m in r.mentions] for r in graph.recipients])
        adjectives = [(m.end, n) for n, r in enumerate(graph.recipients) for m in r.mentions if m.form == "demonym"]
        self.adjectives = np.array(adjectives, np.int64).reshape(-1, 2)

    def _sentences(self, mentions: Iterable[Mention]) -> list[int]:
        return sorted({self.graph.parsed.sentence_at(m.start) for m in mentions})

    def _paragraphs(self, mentions: Iterable[Mention]) -> list[int]:
        return sorted({self.graph.parsed.paragraph_at(m.start) for m in mentions})

    def _supplier(self, s: Supplier, sentences: list[int]) -> dict[str, float]:
        graph, parsed, text = self.graph, self.graph.parsed, self.graph.reading.text
        names = s.company.names if s.company else []
        labels = {parsed.ent[parsed.token_at(m.start)] for m in s.mentions}
        row = {
            "nation": float(s.is_nation),
            "known_vendor": float(bool(s.company and s.company.vendor)),
            "weak_name": float(all(m.weak for m in s.mentions)),
            "mentions": _log(len(s.mentions)),
            "references": _log(len(s.references)),
            "in_title": float(any(m.start < graph.title_end for m in s.mentions)),
            "first_at": sentences[0] / self.n_sentences if sentences else 1.0,
            "legal_suffix": float(any(LEGAL.search(n) for n in names)),
            "spacy_org": float("ORG" in labels),
            "spacy_person": float(bool(labels & {"PERSON", "PER"})),
            "acronym": float(bool(s.company) and all(n.isupper() for n in names)),
            "strong_near": _log(float(self.strong[sentences].sum())),
            "weak_near": _log(float(self.weak[sentences].sum())),
            "money_near": float(self.money[sentences].any()),
            "crowd": float(self.companies[sentences].min(initial=np.inf)) / 4.0 if sentences else 0.0,
            "after_by": float(any(_AFTER_BY.search(text[max(0, m.start - 25) : m.start].lower()) for m in s.mentions)),
            "as_subject": float(
                any(parsed.dep[t].startswith("nsubj") for m in s.mentions for t in parsed.tokens_in(m.start, m.end))
            ),
            "company_word": min(
                2.0, 0.5 * sum(bool(_COMPANY_WORD.match(text[m.end : m.end + 60])) for m in s.mentions)
            ),
        }
        triggers = np.minimum(1.0, 0.5 * self.triggers[sentences].sum(0)).tolist()
        return row | {f"s_{name}": n for name, n in zip(TRIGGER_CLASSES, triggers, strict=True)}

    def _recipient(self, r: Recipient, sentences: list[int]) -> dict[str, float]:
        graph = self.graph
        forms = {m.form for m in r.mentions}
        buying = self.triggers[:, [TRIGGER_CLASSES.index("buy"), TRIGGER_CLASSES.index("use")]]
        return {
            "c_mentions": _log(len(r.mentions)),
            "c_share": len(r.mentions) / max(1, len(self.offsets)),
            "c_in_title": float(any(m.start < graph.title_end for m in r.mentions)),
            "c_most": float(r.key == self.most),
            "c_most_foreign": float(r.key == self.most_foreign),
            "c_home_of_vendor": float(r.key in self.homes),
            "c_only_demonym": float(forms == {"demonym"}),
            "c_agency": float("agency" in forms),
            "c_city": float(bool(forms & {"city", "region"})),
            "c_weak": float(all(m.weak for m in r.mentions)),
            "c_first_at": sentences[0] / self.n_sentences if sentences else 1.0,
            "c_strong_near": _log(float(self.strong[sentences].sum())),
            "c_buy": min(1.0, float(buying[sentences].sum()) / 2),
            "c_few": 1.0 / max(1, len(graph.recipients)),
        }

    @staticmethod
    def _nearest(places: list[int], theirs: Places, first: Places) -> Places:
        """For each country the least distance between one of `places` and one of its own."""
        gaps = np.abs(np.array(places, np.int64)[:, None] - theirs[None, :]).min(0)
        return np.minimum.reduceat(gaps, first)

    def _adjectives(self, s: Supplier) -> Numbers:
        """1 for each country whose adjective stands shortly before a mention of the supplier, in its sentence."""
        found, text = np.zeros(len(self.keys)), self.graph.reading.text
        starts = np.array([m.start for m in s.mentions], np.int64)
        gaps = starts[:, None] - self.adjectives[None, :, 0]
        for m, a in np.argwhere((gaps >= 0) & (gaps <= _ADJECTIVE_REACH)).tolist():
            if "." not in text[self.adjectives[a, 0] : starts[m]]:
                found[self.adjectives[a, 1]] = 1.0
        return found

    def _both(self, s_index: int) -> Numbers:
        """Numbers about one supplier with every country, shape (countries, len(BOTH_FEATURES))."""
        graph, s, sentences = self.graph, self.graph.suppliers[s_index], self.s_sentences[s_index]
        paragraphs = self._paragraphs([*s.mentions, *s.references])
        shared = self.in_sentence[:, sentences]
        times = shared.sum(1)
        sentence_gap = self._nearest(sentences, self.sentence_list, self.first_sentence)
        paragraph_gap = self._nearest(paragraphs, self.paragraph_list, self.first_paragraph)
        chars = self._nearest([m.start for m in s.mentions], self.offsets, self.first_offset)
        abroad = [(gap, key) for gap, key in zip(chars.tolist(), self.keys, strict=True) if key != s.country]
        closest = min(abroad, default=(0, ""))[1]
        home = np.array([key == s.country for key in self.keys])
        crowd = np.where(shared, self.in_sentence.sum(0)[sentences], np.inf).min(1, initial=np.inf)
        in_title = self.supplier[s_index, SUPPLIER_FEATURES.index("in_title")]
        window = slice(max(0, sentences[0] - 1), sentences[0] + 2)
        row: dict[str, Numbers | Places | float] = {
            "home": home,
            "home_unknown": float(s.country is None),
            "same_sentence": times > 0,
            "same_sentences": _logs(times),
            "sentence_gap": _logs(sentence_gap),
            "same_paragraph": (paragraph_gap == 0).astype(np.float64),
            "paragraph_gap": _logs(paragraph_gap),
            "shared_paragraphs": _logs(self.in_paragraph[:, paragraphs].sum(1)),
            "char_gap": _logs(chars / 50.0),
            "closest_country": np.array([float(key == closest) for key in self.keys]),
            "both_in_title": in_title * self.country[:, COUNTRY_FEATURES.index("c_in_title")],
            "one_country": float(len(self.keys) == 1),
            "most_foreign_not_home": self.country[:, COUNTRY_FEATURES.index("c_most_foreign")] * ~home,
            "strong_both": _logs(shared @ self.strong[sentences]),
            "weak_both": _logs(shared @ self.weak[sentences]),
            "money_both": (shared & self.money[sentences]).any(1).astype(np.float64),
            "countries_in_sentence": np.where(times > 0, crowd, 0.0) / 4.0,
            "lead_window_country": self.in_sentence[:, window].any(1).astype(np.float64),
            "adjective_of": self._adjectives(s),
            "doc_strong": _log(float(self.strong.sum())),
            "doc_weak": _log(float(self.weak.sum())),
            "doc_companies": _log(sum(1 for x in graph.suppliers if x.company)),
            "doc_countries": _log(len(self.keys)),
        }
        made = np.empty((len(self.keys), len(BOTH_FEATURES)))
        for n, name in enumerate(BOTH_FEATURES[: -len(TRIGGER_CLASSES)]):
            made[:, n] = row[name]
        made[:, -len(TRIGGER_CLASSES) :] = np.minimum(1.0, shared @ self.triggers[sentences])
        return made

    def matrix(self, pairs: list[tuple[int, int]]) -> NDArray[np.float32]:
        """Features of many pairs, shape (pairs, len(FEATURES))."""
        made = np.empty((len(pairs), len(FEATURES)), np.float32)
        rows: dict[int, list[int]] = {}
        for p, (s, _) in enumerate(pairs):
            rows.setdefault(s, []).append(p)
        own, country = len(SUPPLIER_FEATURES), len(SUPPLIER_FEATURES) + len(COUNTRY_FEATURES)
        for s, at in rows.items():
            r = [pairs[p][1] for p in at]
            made[at, :own] = self.supplier[s]
            made[at, own:country] = self.country[r]
            made[at, country:] = self._both(s)[r]
        return made
