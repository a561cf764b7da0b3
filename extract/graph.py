"""A document as suppliers, recipient countries and what stands around each pair of them.

Suppliers are companies of the text and, for "Chinese firms" or a donor state, nations. Every pair of a
supplier and a country is a candidate for a deal; `pair_features` describes it in numbers that can be read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from extract.boilerplate import teaser_ranges
from extract.lexicon import Hit, Kind, Lexicon
from extract.mentions import LEGAL, Company, Mention, MentionFinder, Mentions, short_name
from extract.parse import Parsed, parse
from extract.text import Reading, read_text
from records import Document, Span, Technology

TECHNOLOGIES = tuple(t.value for t in Technology)
TRIGGER_CLASSES = (
    "supply", "install", "award", "sign", "buy", "use", "finance", "grant", "propose", "cancel", "deny", "allege", "lose",
    "ban", "nodeal", "rival", "predecessor", "subcontract", "own_budget", "vendor_financing", "ppp", "export_credit",
    "concessional", "loan",
)  # fmt: skip
_COMPANY_WORD = re.compile(
    r"^[\s-]*(?:(?:state-owned|state|private|owned|made|built|technology|tech|telecoms?|surveillance|security|camera|drone|spyware|"
    r"software|defence|defense|arms|electronics|AI|artificial intelligence|biometrics?|cyber|internet|engineering)[\s-]+){0,3}"
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
        """The usual short name: the lexicon's, else the form that stands most often, the longer of equals."""
        if not supplier.company:
            return None
        if supplier.company.vendor:
            return supplier.company.vendor
        counts: dict[str, int] = {}
        for m in supplier.company.names:
            counts[short_name(m)] = counts.get(short_name(m), 0) + 1
        return max(sorted(counts), key=lambda n: (counts[n], len(n)))

    def span(self, start: int, end: int, slot: str) -> Span | None:
        """A range of the reading as a span of the title or text as given; `None` where it crosses from one to the other."""
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

    def build(self, document: Document, lang: str = "en", hits: list[Hit] | None = None) -> Graph:
        title = document.title.strip()
        reading = read_text(f"{title}\n\n{document.text}" if title else document.text)
        title_end = len(read_text(title).text) if title else 0
        parsed = parse(reading, lang)
        if hits is None:
            hits = self.lexicon.find(reading.text, lang)
        teasers = teaser_ranges(reading.text, parsed.paragraphs, title_end)
        hits = [h for h in hits if not _inside(h.start, teasers)]
        mentions = self.finder.find(reading, parsed, hits, lang)
        for company in list(mentions.companies.values()):
            company.mentions = [m for m in company.mentions if not _inside(m.start, teasers)]
            if not company.mentions:
                del mentions.companies[company.key]
        mentions.money = [m for m in mentions.money if not _inside(m[0].start, teasers)]
        suppliers = self._suppliers(reading.text, mentions)
        recipients: dict[str, Recipient] = {}
        for m in mentions.countries:
            recipients.setdefault(m.key, Recipient(m.key, [])).mentions.append(m)
        graph = Graph(document, reading, title_end, lang, parsed, mentions, suppliers, list(recipients.values()), teasers)
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


_HOME_AFTER = re.compile(
    r"^[\s,(\-–—]*(?:(?:which|that) is )?(?:(?:an?|the|une?|una?|la|le|el|its|ltd|inc|a/s|s\.a)\b[\s.,]*)?(?:[\w-]+[\s-]){0,5}?"
    r"(?:of |in |from |based in |headquartered in |registered in |de |en |du |d'|del )?(?:the |la |le |les )?$",
    re.IGNORECASE,
)
_HOME_BEFORE = re.compile(r"^(?:['’]s)?[\s-]*(?:based|listed|owned|made|headquartered)?[\s,]*(?:[\w&-]+[\s-]){0,5}$")


def _tell_homes(graph: Graph) -> None:
    """Reads a company's home off the text where the lexicon does not know it: "the Israeli X", "X, a firm of Moscow", "X (Israel)"."""
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
                    if "." not in between and "\n" not in between and _HOME_AFTER.match(between) and between.strip(" ") not in ("in", "to", "for", "and", ",", ""):
                        votes[c.key] = votes.get(c.key, 0) + (2.0 if re.search(r"[,(]", between[:2]) else 0.7)
                elif c.form == "demonym" and m.start - 45 <= c.end <= m.start:
                    between = text[c.end : m.start]
                    if not re.search(r"[.;:\n,]", between) and _HOME_BEFORE.match(between):
                        votes[c.key] = votes.get(c.key, 0) + 1.5
                elif m.start - 25 <= c.end <= m.start and re.match(r"^(?:'s|-based|-listed)\s(?:[\w-]+\s){0,2}$", text[c.end : m.start]):
                    votes[c.key] = votes.get(c.key, 0) + 1.5
        if votes:
            supplier.country = max(sorted(votes), key=lambda k: votes[k])
            supplier.company.country = supplier.country


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


FEATURES = (
    *("nation known_vendor weak_name mentions references in_title first_at legal_suffix spacy_org spacy_person acronym "
      "strong_near weak_near money_near crowd company_word as_subject after_by").split(),
    *(f"s_{name}" for name in TRIGGER_CLASSES),
    *("c_mentions c_share c_in_title c_most c_most_foreign c_home_of_vendor c_only_demonym c_agency c_city c_weak c_first_at "
      "c_strong_near c_buy c_few").split(),
    *("home home_unknown same_sentence same_sentences sentence_gap same_paragraph paragraph_gap shared_paragraphs char_gap "
      "closest_country both_in_title one_country most_foreign_not_home strong_both weak_both money_both countries_in_sentence "
      "lead_window_country adjective_of doc_strong doc_weak doc_companies doc_countries").split(),
    *(f"b_{name}" for name in TRIGGER_CLASSES),
)  # fmt: skip
"""Names of the features of a pair: of the supplier, its sentences' triggers (s_), the country (c_), both, shared triggers (b_)."""


def _log(n: float) -> float:
    return math.log1p(max(0.0, n))


class PairDescriber:
    """Numbers about each candidate pair of one graph; names in `FEATURES`, same order."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        parsed, text = graph.parsed, graph.reading.text
        self.n_sentences = max(1, len(parsed.sentences))
        sentence = parsed.sentence_at
        self.trigger_at: dict[int, dict[str, int]] = {}
        for hit in graph.mentions.triggers:
            row = self.trigger_at.setdefault(sentence(hit.start), {})
            row[hit.entry.key] = row.get(hit.entry.key, 0) + 1
        self.strong_at: dict[int, int] = {}
        self.weak_at: dict[int, int] = {}
        for m in graph.mentions.technologies:
            target = self.weak_at if m.weak else self.strong_at
            target[sentence(m.start)] = target.get(sentence(m.start), 0) + 1
        self.money_at = {sentence(m.start) for m, _ in graph.mentions.money}
        self.company_count_at: dict[int, int] = {}
        for s in graph.suppliers:
            if s.company:
                for i in {sentence(m.start) for m in s.mentions}:
                    self.company_count_at[i] = self.company_count_at.get(i, 0) + 1
        self.country_at: dict[int, set[str]] = {}
        for r in graph.recipients:
            for m in r.mentions:
                self.country_at.setdefault(sentence(m.start), set()).add(r.key)
        self.homes = {s.country for s in graph.suppliers if s.company and s.company.vendor}
        self.most = max(graph.recipients, key=lambda r: len(r.mentions)).key if graph.recipients else ""
        outside = {s.country for s in graph.suppliers if s.company and s.company.vendor and s.country}
        ranked = sorted(graph.recipients, key=lambda r: -len(r.mentions))
        self.most_foreign = next((r.key for r in ranked if r.key not in outside), "")
        self.supplier = [self._supplier(s, text) for s in graph.suppliers]
        self.recipient = [self._recipient(r, text) for r in graph.recipients]

    def _sentences(self, mentions: Iterable[Mention]) -> list[int]:
        return sorted({self.graph.parsed.sentence_at(m.start) for m in mentions})

    def _supplier(self, s: Supplier, text: str) -> dict[str, float]:
        graph, parsed = self.graph, self.graph.parsed
        sentences = self._sentences([*s.mentions, *s.references])
        row = {
            "nation": float(s.is_nation),
            "known_vendor": float(bool(s.company and s.company.vendor)),
            "weak_name": float(all(m.weak for m in s.mentions)),
            "mentions": _log(len(s.mentions)),
            "references": _log(len(s.references)),
            "in_title": float(any(m.start < graph.title_end for m in s.mentions)),
            "first_at": sentences[0] / self.n_sentences if sentences else 1.0,
            "legal_suffix": float(bool(s.company) and any(LEGAL.search(n) for n in (s.company.names if s.company else []))),
            "spacy_org": float(any(parsed.ent[parsed.token_at(m.start)] == "ORG" for m in s.mentions)),
            "spacy_person": float(any(parsed.ent[parsed.token_at(m.start)] in ("PERSON", "PER") for m in s.mentions)),
            "acronym": float(bool(s.company) and all(n.isupper() for n in (s.company.names if s.company else []))),
            "strong_near": _log(sum(self.strong_at.get(i, 0) for i in sentences)),
            "weak_near": _log(sum(self.weak_at.get(i, 0) for i in sentences)),
            "money_near": float(any(i in self.money_at for i in sentences)),
            "crowd": min((self.company_count_at.get(i, 0) for i in sentences), default=0) / 4.0,
            "company_word": 0.0,
            "as_subject": 0.0,
            "after_by": 0.0,
        }
        for m in s.mentions:
            after = text[m.end : m.end + 60]
            before = text[max(0, m.start - 25) : m.start].lower()
            if _COMPANY_WORD.match(after):
                row["company_word"] += 0.5
            if re.search(r"\b(?:by|from|with|of|par|avec|por|con|de|to)\s+(?:the\s|a\s)?$", before):
                row["after_by"] = 1.0
            tokens = parsed.tokens_in(m.start, m.end)
            if any(parsed.dep[t].startswith("nsubj") for t in tokens):
                row["as_subject"] = 1.0
        row["company_word"] = min(row["company_word"], 2.0)
        for name in TRIGGER_CLASSES:
            row[f"s_{name}"] = min(1.0, 0.5 * sum(self.trigger_at.get(i, {}).get(name, 0) for i in sentences))
        return row

    def _recipient(self, r: Recipient, text: str) -> dict[str, float]:
        graph = self.graph
        sentences = self._sentences(r.mentions)
        forms = {m.form for m in r.mentions}
        total = sum(len(x.mentions) for x in graph.recipients)
        return {
            "c_mentions": _log(len(r.mentions)),
            "c_share": len(r.mentions) / max(1, total),
            "c_in_title": float(any(m.start < graph.title_end for m in r.mentions)),
            "c_most": float(r.key == self.most),
            "c_most_foreign": float(r.key == self.most_foreign),
            "c_home_of_vendor": float(r.key in self.homes),
            "c_only_demonym": float(forms == {"demonym"}),
            "c_agency": float("agency" in forms),
            "c_city": float(bool(forms & {"city", "region"})),
            "c_weak": float(all(m.weak for m in r.mentions)),
            "c_first_at": sentences[0] / self.n_sentences if sentences else 1.0,
            "c_strong_near": _log(sum(self.strong_at.get(i, 0) for i in sentences)),
            "c_buy": min(1.0, sum(self.trigger_at.get(i, {}).get("buy", 0) + self.trigger_at.get(i, {}).get("use", 0) for i in sentences) / 2),
            "c_few": 1.0 / max(1, len(graph.recipients)),
        }

    def describe(self, s_index: int, r_index: int) -> dict[str, float]:
        """Feature name to value for one pair."""
        graph, parsed = self.graph, self.graph.parsed
        s, r = graph.suppliers[s_index], graph.recipients[r_index]
        row = {**self.supplier[s_index], **self.recipient[r_index]}
        s_sent = self._sentences([*s.mentions, *s.references])
        r_sent = self._sentences(r.mentions)
        nearest = min((abs(a - b) for a in s_sent for b in r_sent), default=99)
        both = sorted(set(s_sent) & set(r_sent))
        s_par = {parsed.paragraph_at(m.start) for m in [*s.mentions, *s.references]}
        r_par = {parsed.paragraph_at(m.start) for m in r.mentions}
        para_gap = min((abs(a - b) for a in s_par for b in r_par), default=99)
        chars = min((abs(a.start - b.start) for a in s.mentions for b in r.mentions), default=9999)
        closest = min(
            ((abs(a.start - b.start), x.key) for a in s.mentions for x in graph.recipients if x.key != s.country for b in x.mentions),
            default=(0, ""),
        )[1]
        window = range(min(s_sent, default=0) - 1, min(s_sent, default=0) + 2)
        row |= {
            "home": float(s.country == r.key),
            "home_unknown": float(s.country is None),
            "same_sentence": float(bool(both)),
            "same_sentences": _log(len(both)),
            "sentence_gap": _log(nearest),
            "same_paragraph": float(para_gap == 0),
            "paragraph_gap": _log(para_gap),
            "shared_paragraphs": _log(len(s_par & r_par)),
            "char_gap": _log(chars / 50.0),
            "closest_country": float(closest == r.key),
            "both_in_title": row["in_title"] * row["c_in_title"],
            "one_country": float(len(graph.recipients) == 1),
            "most_foreign_not_home": row["c_most_foreign"] * float(s.country != r.key),
            "strong_both": _log(sum(self.strong_at.get(i, 0) for i in both)),
            "weak_both": _log(sum(self.weak_at.get(i, 0) for i in both)),
            "money_both": float(any(i in self.money_at for i in both)),
            "countries_in_sentence": min((len(self.country_at.get(i, ())) for i in both), default=0) / 4.0,
            "lead_window_country": float(any(r.key in self.country_at.get(i, ()) for i in window)),
            "adjective_of": 0.0,
            "doc_strong": _log(sum(self.strong_at.values())),
            "doc_weak": _log(sum(self.weak_at.values())),
            "doc_companies": _log(sum(1 for x in graph.suppliers if x.company)),
            "doc_countries": _log(len(graph.recipients)),
        }
        for a in s.mentions:
            for b in r.mentions:
                if b.form == "demonym" and 0 <= a.start - b.end <= 45 and "." not in graph.reading.text[b.end : a.start]:
                    row["adjective_of"] = 1.0
        for name in TRIGGER_CLASSES:
            row[f"b_{name}"] = min(1.0, float(sum(self.trigger_at.get(i, {}).get(name, 0) for i in both)))
        return row

    def matrix(self, pairs: list[tuple[int, int]]) -> NDArray[np.float32]:
        """Features of many pairs, shape (pairs, len(feature_names()))."""
        rows = [self.describe(s, r) for s, r in pairs]
        return np.array([[row[name] for name in FEATURES] for row in rows], dtype=np.float32).reshape(len(rows), len(FEATURES))
