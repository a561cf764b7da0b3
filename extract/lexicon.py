"""The words of the domain, read from models/lexicon, and a matcher that finds them all in one pass.

Tables are CSV; a list inside a cell is joined with ``|``. A workspace may lay its own rows over ours
(same file names in its overlay folder). A wrong row ends the load with file, line and remedy.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import ahocorasick_rs

import models  # before anything that puts another `models` on the path (onnxruntime.quantization does)
from extract.text import lower
from records import LexiconError, Technology

OTHER_LANGUAGES = ("fr", "es", "pt")


class Kind(StrEnum):
    """What a phrase of the lexicon names."""

    VENDOR = "vendor"
    COUNTRY = "country"
    AGENCY = "agency"
    LENDER = "lender"
    ORGANISATION = "organisation"
    TECHNOLOGY = "technology"
    TRIGGER = "trigger"
    WORD = "word"


NAMES = frozenset({Kind.VENDOR, Kind.COUNTRY, Kind.AGENCY, Kind.LENDER, Kind.ORGANISATION})
_RANK = {Kind.VENDOR: 0, Kind.LENDER: 1, Kind.AGENCY: 2, Kind.ORGANISATION: 3, Kind.COUNTRY: 4}


@dataclass(frozen=True, slots=True)
class Entry:
    """One phrase: what it stands for, in which form and language, and whether it is weak (ambiguous) evidence."""

    kind: Kind
    key: str
    phrase: str
    form: str = "name"
    lang: str = ""
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase of the lexicon found at a range of code points."""

    start: int
    end: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Vendor:
    """A supplier that the lexicon knows. ``country`` is its home."""

    name: str
    aliases: tuple[str, ...]
    country: str
    parent: str
    kinds: tuple[str, ...]
    technologies: tuple[Technology, ...]
    common: frozenset[str]
    wikidata: str

    @property
    def id(self) -> str:
        """A slug of the canonical name, stable as long as the name is."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def _cells(row: Mapping[str, str], column: str) -> list[str]:
    return [part.strip() for part in (row.get(column) or "").split("|") if part.strip()]


class Tables:
    """Rows of the lexicon's CSV files, each with the place that an error message names."""

    def __init__(self, overlay: Path | None = None) -> None:
        self.overlay = overlay

    def rows(self, name: str, required: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
        sources = [(f"models/lexicon/{name}", (files(models) / "lexicon" / name).read_text(encoding="utf-8"))]
        if self.overlay and (self.overlay / name).is_file():
            try:
                sources.append((str(self.overlay / name), (self.overlay / name).read_text(encoding="utf-8-sig")))
            except (OSError, UnicodeDecodeError) as error:
                raise LexiconError(f"{self.overlay / name}: cannot be read as UTF-8 text: {error}") from error
        for place, text in sources:
            reader = csv.DictReader(text.splitlines(), strict=True)
            missing = set(required) - set(reader.fieldnames or ())
            if missing:
                raise LexiconError(
                    f"{place}: no column {', '.join(sorted(missing))}; the header says {reader.fieldnames}"
                )
            try:
                for row in reader:
                    if None in row or None in row.values():
                        raise LexiconError(f"{place}:{reader.line_num}: the row has not as many cells as the header")
                    yield f"{place}:{reader.line_num}", row
            except csv.Error as error:
                raise LexiconError(f"{place}:{reader.line_num}: {error}") from error


@dataclass
class Lexicon:
    """All tables, and one automaton over their phrases."""

    vendors: dict[str, Vendor] = field(default_factory=dict)
    vendor_country: dict[str, str] = field(default_factory=dict)
    currencies: list[dict[str, str]] = field(default_factory=list)
    lender_country: dict[str, str] = field(default_factory=dict)
    lender_kind: dict[str, str] = field(default_factory=dict)
    country_names: dict[str, str] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)

    @classmethod
    def load(cls, overlay: Path | None = None) -> Lexicon:
        """Reads models/lexicon and, over it, the tables of a workspace's overlay folder."""
        tables, made = Tables(overlay), cls()
        made._load_vendors(tables)
        made._load_places(tables)
        made._load_organisations(tables)
        made._load_phrases(tables)
        made.currencies = [row for _, row in tables.rows("currencies.csv", ("code", "symbols", "words", "countries"))]
        return made

    def _add(self, entry: Entry) -> None:
        phrase = lower(entry.phrase.replace("’", "'"))
        if len(phrase) > 1:
            self.entries.setdefault(phrase, []).append(entry)

    def _load_vendors(self, tables: Tables) -> None:
        known = {t.value for t in Technology}
        for place, row in tables.rows("vendors.csv", ("name", "aliases", "country", "technologies", "common_word")):
            wrong = set(_cells(row, "technologies")) - known
            if wrong or not re.fullmatch("[A-Z]{2}", row["country"]):
                raise LexiconError(f"{place}: {row['name']}: unknown technology or country {wrong or row['country']!r}")
            former = [cell.partition("@")[0].strip() for cell in _cells(row, "former_names")]
            common = set(_cells(row, "common_aliases"))
            if row["common_word"] == "1":
                common.add(row["name"])
            vendor = Vendor(
                name=row["name"],
                aliases=tuple(dict.fromkeys([*_cells(row, "aliases"), *former])),
                country=row["country"],
                parent=row.get("parent", ""),
                kinds=tuple(_cells(row, "kind")),
                technologies=tuple(Technology(t) for t in _cells(row, "technologies")),
                common=frozenset(common),
                wikidata=row.get("wikidata", ""),
            )
            self.vendors[vendor.name] = vendor
            for name in dict.fromkeys([vendor.name, *vendor.aliases]):
                self._add(Entry(Kind.VENDOR, vendor.name, name, weak=name in common or len(name) < 3))

    def _load_places(self, tables: Tables) -> None:
        for _, row in tables.rows("countries.csv", ("iso2", "name", "aliases", "demonyms", "capital")):
            iso2 = row["iso2"]
            self.country_names[iso2] = row["name"]
            for name in [row["name"], *_cells(row, "aliases")]:
                self._add(Entry(Kind.COUNTRY, iso2, name, "name"))
            for name in _cells(row, "demonyms"):
                self._add(Entry(Kind.COUNTRY, iso2, name, "demonym"))
            for lang in OTHER_LANGUAGES:
                for name in _cells(row, f"names_{lang}"):
                    self._add(Entry(Kind.COUNTRY, iso2, name, "demonym" if name[:1].islower() else "name", lang))
            for name in _cells(row, "capital"):
                self._add(Entry(Kind.COUNTRY, iso2, name, "city"))
        for _, row in tables.rows("places.csv", ("name", "iso2", "kind", "ambiguous")):
            self._add(Entry(Kind.COUNTRY, row["iso2"], row["name"], row["kind"], weak=row["ambiguous"] == "1"))

    def _load_organisations(self, tables: Tables) -> None:
        for _, row in tables.rows("agencies.csv", ("name", "aliases", "iso2", "kind")):
            for name in [row["name"], *_cells(row, "aliases")]:
                self._add(Entry(Kind.AGENCY, row["iso2"], name, row["kind"]))
        for _, row in tables.rows("lenders.csv", ("name", "aliases", "country", "kind")):
            self.lender_country[row["name"]] = row["country"]
            self.lender_kind[row["name"]] = row["kind"]
            for name in [row["name"], *_cells(row, "aliases")]:
                self._add(Entry(Kind.LENDER, row["name"], name, row["kind"]))
        for _, row in tables.rows("organisations.csv", ("name", "aliases", "type", "country")):
            for name in [row["name"], *_cells(row, "aliases")]:
                self._add(Entry(Kind.ORGANISATION, row["name"], name, row["type"]))

    def _load_phrases(self, tables: Tables) -> None:
        known = {t.value for t in Technology}
        for place, row in tables.rows("technologies.csv", ("phrase", "lang", "id", "strength")):
            if row["id"] not in known:
                raise LexiconError(f"{place}: no technology {row['id']!r}; the taxonomy is in records.py")
            self._add(
                Entry(
                    Kind.TECHNOLOGY, row["id"], row["phrase"], row["strength"], row["lang"], row["strength"] == "weak"
                )
            )
        for _, row in tables.rows("triggers.csv", ("phrase", "lang", "class")):
            self._add(Entry(Kind.TRIGGER, row["class"], row["phrase"], row["class"], row["lang"]))
        for _, row in tables.rows("company_words.csv", ("phrase", "lang", "class")):
            self._add(Entry(Kind.WORD, row["class"], row["phrase"], row["class"], row["lang"]))

    @cached_property
    def _phrases(self) -> list[str]:
        return list(self.entries)

    @cached_property
    def _automaton(self) -> ahocorasick_rs.AhoCorasick:
        return ahocorasick_rs.AhoCorasick(self._phrases)

    def find(self, text: str, lang: str = "en") -> list[Hit]:
        """All phrases in `text` on word borders and in an allowed case; entries of other languages are left out.

        Names that overlap are settled for the longest (then vendor before lender, agency, organisation, country);
        technologies, triggers and company words are settled among their own kind.
        """
        low = lower(text)
        hits: list[Hit] = []
        for index, start, end in self._automaton.find_matches_as_indexes(low, overlapping=True):
            if (start and low[start - 1].isalnum() and low[start].isalnum()) or (
                end < len(low) and low[end].isalnum() and low[end - 1].isalnum()
            ):
                continue
            words = text[start:end]
            hits += [
                Hit(start, end, entry)
                for entry in self.entries[self._phrases[index]]
                if (not entry.lang or entry.lang == lang or (entry.lang == "en" and entry.kind is Kind.TECHNOLOGY))
                and (entry.kind not in NAMES or _case_fits(entry, words, lang))
            ]
        return _settle(hits)


def known_vendors(overlay: Path | None = None) -> dict[str, Vendor]:
    """The lexicon's suppliers by id, without its phrases: for whoever only asks what a company is called."""
    made = Lexicon()
    made._load_vendors(Tables(overlay))
    return {vendor.id: vendor for vendor in made.vendors.values()}


def _case_fits(entry: Entry, words: str, lang: str) -> bool:
    phrase = entry.phrase
    if words == phrase:
        return True
    if entry.lang and lang != "en" and phrase[:1].islower():
        return True
    if phrase.isupper() and len(phrase) <= 6:
        return False
    if words.isupper():
        return len(words) > 3
    return (
        all(not p.isupper() or w.isupper() for p, w in zip(phrase, words, strict=False))
        and words[:1].isupper() == phrase[:1].isupper()
    )


def _settle(hits: list[Hit]) -> list[Hit]:
    kept: list[Hit] = []
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault("name" if hit.entry.kind in NAMES else hit.entry.kind.value, []).append(hit)
    for group, members in groups.items():
        members.sort(key=lambda h: (h.start - h.end, h.entry.weak, _RANK.get(h.entry.kind, 9), h.start))
        ends: dict[tuple[int, int], set[tuple[str, str]]] = {}
        taken = bytearray(max(h.end for h in members))
        for hit in members:
            span = (hit.start, hit.end)
            if span in ends:
                same = (hit.entry.kind.value, hit.entry.key)
                if group != "name" and same not in ends[span]:
                    ends[span].add(same)
                    kept.append(hit)
                continue
            if any(taken[hit.start : hit.end]):
                continue
            taken[hit.start : hit.end] = b"\x01" * (hit.end - hit.start)
            ends[span] = {(hit.entry.kind.value, hit.entry.key)}
            kept.append(hit)
    kept.sort(key=lambda h: (h.start, h.end))
    return kept
