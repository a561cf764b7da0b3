"""What the lexicon offers to whoever fills in a field: completions, and what a word means."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Protocol

from extract.lexicon import Entry, Kind, Lexicon, Tables, Vendor
from extract.money import MoneyGrammar, Sum
from records import Technology

OFFERED = 9


class Vocabulary:
    """The lexicon, asked by whoever fills in a field."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._money = MoneyGrammar(lexicon.currencies)
        self._codes = {row["code"] for row in lexicon.currencies}

    @classmethod
    def load(cls, overlay: Path | None = None) -> Vocabulary:
        """Read the lexicon with a workspace's rows over it."""
        lexicon = Lexicon.load(overlay)
        lexicon.find("")  # builds the automaton now, so that no reviewer waits for it
        return cls(lexicon)

    def vendor(self, words: str) -> Vendor | None:
        """The supplier that `words` name, by name or alias."""
        name = self._key(Kind.VENDOR, words)
        return self.lexicon.vendors.get(name) if name else None

    def lender(self, words: str) -> str | None:
        """The lender's usual name."""
        return self._key(Kind.LENDER, words)

    def country(self, words: str) -> str | None:
        """ISO 3166-1 alpha-2 code of a code, country, demonym, city or agency; None where the lexicon has several."""
        code = words.upper()
        if len(code) == 2 and code in self.lexicon.country_names:
            return code
        if words.endswith(")") and words[-4:-3] == "(":
            return self.country(words[-3:-1])
        found = {entry.key for entry in self._entries(words) if entry.kind is Kind.COUNTRY and not entry.weak}
        found = found or {entry.key for entry in self._entries(words) if entry.kind in (Kind.COUNTRY, Kind.AGENCY)}
        return found.pop() if len(found) == 1 else None

    def country_name(self, code: str) -> str:
        """The English name of a code, or ""."""
        return self.lexicon.country_names.get(code, "")

    def technology(self, words: str) -> str | None:
        """The taxonomy's id of an id or of a phrase that stands for one."""
        name = words.lower().replace(" ", "_").replace("-", "_")
        if name in {t.value for t in Technology}:
            return name
        found = {entry.key for entry in self._entries(words) if entry.kind is Kind.TECHNOLOGY and not entry.weak}
        return found.pop() if len(found) == 1 else None

    def money(self, words: str, country: str) -> tuple[float, str] | None:
        """Amount and currency of a sum in words; `country` decides between currencies of one name."""
        for text in (words, f"{words.split()[-1].upper()} {' '.join(words.split()[:-1])}" if " " in words else words):
            found = self._money.find(text, lambda _: [country] if country else [])
            if len(found) == 1 and not found[0].inferred:
                return found[0].amount, found[0].currency
        return None

    def sums(self, text: str) -> list[Sum]:
        """All sums of money in a text."""
        return self._money.find(text)

    def complete(self, field: str, begun: str) -> list[str]:
        """At most OFFERED names for what was begun: those that start so, then those with a word that starts so."""
        names = self._names.get("country" if field == "vendor_country" else field)
        if names is None or not begun.strip():
            return []
        start = _fold(begun)
        at = bisect_left(names, (start, ""))
        found: dict[str, None] = {}
        while at < len(names) and names[at][0].startswith(start) and len(found) < OFFERED:
            found.setdefault(names[at][1])
            at += 1
        if len(found) < OFFERED and len(start) > 2:
            for folded, name in names:
                if f" {start}" in folded:
                    found.setdefault(name)
                    if len(found) == OFFERED:
                        break
        return list(found)

    @cached_property
    def _names(self) -> dict[str, list[tuple[str, str]]]:
        """For each field, (folded form, name) of everything that can be completed, sorted."""
        made: dict[str, set[tuple[str, str]]] = {
            "vendor": set(),
            "country": set(),
            "financier": set(),
            "customer": set(),
        }
        for vendor in self.lexicon.vendors.values():
            made["vendor"].update((_fold(form), vendor.name) for form in (vendor.name, *vendor.aliases))
        for code, name in self.lexicon.country_names.items():
            made["country"].update({(_fold(name), f"{name} ({code})"), (code.lower(), f"{name} ({code})")})
        for entries in self.lexicon.entries.values():
            for entry in entries:
                if entry.kind is Kind.LENDER:
                    made["financier"].add((_fold(entry.phrase), entry.key))
                elif entry.kind is Kind.AGENCY:
                    made["customer"].add((_fold(entry.phrase), entry.phrase))
        return {field: sorted(pairs) for field, pairs in made.items()}

    def _entries(self, words: str) -> list[Entry]:
        return self.lexicon.entries.get(words.replace("’", "'").lower(), [])

    def _key(self, kind: Kind, words: str) -> str | None:
        found = {entry.key for entry in self._entries(words) if entry.kind is kind}
        return found.pop() if len(found) == 1 else None


class Loading:
    """A vocabulary that is read beside the first pages; whoever needs it before waits for it.

    The names of countries are read at once: the queue needs nothing else of the lexicon.
    """

    def __init__(self, overlay: Path | None = None) -> None:
        self._overlay = overlay
        self._lock = Lock()
        self._made: Future[Vocabulary] | None = None
        rows = Tables(overlay).rows("countries.csv", ("iso2", "name"))
        self._names = {row["iso2"]: row["name"] for _, row in rows}

    def country_name(self, code: str) -> str:
        """The English name of a code, or ""."""
        return self._names.get(code, "")

    def begin(self) -> None:
        """Start to read, where nobody has."""
        with self._lock:
            if self._made is None:
                pool = ThreadPoolExecutor(1, thread_name_prefix="lexicon")
                self._made = pool.submit(Vocabulary.load, self._overlay)
                pool.shutdown(wait=False)

    def get(self) -> Vocabulary:
        """The vocabulary. Raises LexiconError where a row of it is wrong."""
        self.begin()
        assert self._made is not None
        return self._made.result()


class Names(Protocol):
    """What knows the names of countries: a vocabulary, or one that is still being read."""

    def country_name(self, code: str) -> str:
        """The English name of a code, or ""."""


def _fold(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return plain.casefold()
