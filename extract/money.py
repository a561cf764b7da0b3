"""Sums of money in running text: number, scale and currency, in the notations that deals come in.

A grammar of our own because price-parser and quantulum3 fail on such sums ("US$240m" becomes 240
or dollar metres). It reads "US$240m", "Sh60b", "Rs 453 crore", "RMB 41.2 bn", "FCFA 6 milliards",
"half a billion dollars", "10,5 millones de euros" and "118.5 million" after a sum in dollars.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

SCALES: Mapping[str, float] = {
    "k": 1e3, "thousand": 1e3, "mille": 1e3, "mil": 1e3,
    "lakh": 1e5, "lakhs": 1e5, "lac": 1e5, "lacs": 1e5,
    "m": 1e6, "mn": 1e6, "mln": 1e6, "mio": 1e6, "mm": 1e6, "million": 1e6, "millions": 1e6, "millón": 1e6,
    "millon": 1e6,
    "millones": 1e6, "milhão": 1e6, "milhões": 1e6, "milhoes": 1e6,
    "crore": 1e7, "crores": 1e7, "cr": 1e7,
    "b": 1e9, "bn": 1e9, "bln": 1e9, "billion": 1e9, "billions": 1e9, "milliard": 1e9, "milliards": 1e9, "mrd": 1e9,
    "md": 1e9,
    "mil millones": 1e9, "bilhão": 1e9, "bilhões": 1e9, "bilhoes": 1e9, "bi": 1e9, "mi": 1e6,
    "arab": 1e9, "arba": 1e9, "kharab": 1e11, "juta": 1e6, "miliar": 1e9, "triliun": 1e12, "lakh crore": 1e12, "trillion": 1e12, "trillions": 1e12, "tn": 1e12,
    "trn": 1e12, "billón": 1e12, "billones": 1e12,
}  # fmt: skip
_SHORT_SCALES = {"k", "m", "mn", "mm", "b", "bn", "cr", "bi", "mi", "md", "tn", "mio", "mln", "bln", "mrd", "trn"}

_UNITS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "sept": 7,
    "huit": 8, "neuf": 9, "dix": 10, "onze": 11, "douze": 12, "quinze": 15, "uno": 1, "una": 1, "dos": 2, "tres": 3,
    "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "once": 11, "doce": 12, "um": 1,
    "dois": 2, "três": 3, "dez": 10,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60, "veinte": 20, "treinta": 30,
    "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80, "noventa": 90, "vinte": 20,
}  # fmt: skip
_HUNDREDS = {
    "hundred": 100, "cent": 100, "cents": 100, "cien": 100, "ciento": 100, "doscientos": 200, "doscientas": 200,
    "trescientos": 300, "trescientas": 300, "cuatrocientos": 400, "quinientos": 500, "seiscientos": 600,
    "setecientos": 700, "ochocientos": 800, "novecientos": 900, "cem": 100, "cento": 100, "duzentos": 200,
    "trezentos": 300, "quinhentos": 500,
}  # fmt: skip
_FRACTIONS = {"half a": 0.5, "half": 0.5, "a quarter of a": 0.25, "three quarters of a": 0.75, "a": 1.0, "medio": 0.5,
              "un demi": 0.5, "several": 0.0}  # fmt: skip


_Branches: TypeAlias = dict[str, "_Branches"]


def _alternatives(words: Iterable[str]) -> str:
    """A pattern of any of `words`, the longest first, that shares their beginnings.

    Without that, a search that ignores case tries every word at every place, which took most of a worst text's time.
    """
    tree: _Branches = {}
    for word in words:
        branch = tree
        for letter in word:
            branch = branch.setdefault(r"\s" if letter == " " else re.escape(letter), {})
        branch[""] = {}
    return _pattern(tree)


def _pattern(tree: _Branches) -> str:
    options = [letter + _pattern(branch) for letter, branch in tree.items() if letter]
    joined = options[0] if len(options) == 1 else f"(?:{'|'.join(options)})" if options else ""
    return f"(?:{joined})?" if joined and "" in tree else joined


_DIGITS = r"\d{1,3}(?:[,. ']\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?"
_ARTICLES = ("a", "an", "un", "une", "una", "um")
_NUMERAL = _alternatives([*_TENS, *(u for u in _UNITS if u not in _ARTICLES), *_HUNDREDS])
_WORDS = (
    rf"{_alternatives([f for f in _FRACTIONS if f not in ('several', 'a', 'half')])}"
    rf"|(?:{'|'.join(_ARTICLES)})(?=[ -](?:{_alternatives(SCALES)})\b)"  # a million; a bare article is no number
    rf"|(?:an?[- ])?(?:{_NUMERAL})(?:[- ](?:(?:and|et|y|e)[- ])?(?:{_NUMERAL})\b)*(?:[- ]and[- ]a[- ]half|[- ]y[- ]medio)?"
)
_SCALE = _alternatives(SCALES)

_ANY_DIGIT = re.compile(r"\d")
_ANY_NUMBER = re.compile(rf"\b(?:{_WORDS})\b", re.IGNORECASE)
_NOT_COUNTED = re.compile(
    r"\s*(?:[.,;:!?)\]\"'-]|$|(?:in|for|to|on|over|from|by|and|or|was|is|were|are|will|would|has|had|that|which|had|at|"
    r"into|went|goes|came|under|with|as|be|but|not|per|when|since|after|before|than|loan|credit|contract|deal|project|"
    r"grant|budget|en|pour|por|para|sur|de plus|que|y|et|ou|fue|sont|seront|será|project's)\b)"
)
"""What may follow a sum that leaves its currency out; a noun would be what is counted ("two million faces")."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum found in a text: range, amount, candidates for the currency, best first."""

    start: int
    end: int
    amount: float
    currencies: tuple[str, ...]
    inferred: bool = False

    @property
    def currency(self) -> str:
        return self.currencies[0]


class MoneyGrammar:
    """Finds sums of money. Built once from the currency table of the lexicon."""

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self.by_symbol: dict[str, list[str]] = {}
        self.by_word: dict[str, list[str]] = {}
        self.issuers: dict[str, set[str]] = {}
        for row in rows:
            code = row["code"]
            self.issuers[code] = set(row["countries"].split("|"))
            for symbol in filter(None, row["symbols"].split("|")):
                self.by_symbol.setdefault(symbol, []).append(code)
            for word in filter(None, row["words"].split("|")):
                self.by_word.setdefault(word, []).append(code)
        before = _alternatives(self.by_symbol)
        after_symbols = _alternatives(s for s in self.by_symbol if len(s) > 1 or not s.isalpha())
        words = _alternatives(self.by_word)
        number = rf"(?:(?P<digits>{_DIGITS})(?!\d)|(?P<words>(?i:\b(?:{_WORDS})\b)))"
        scale = rf"(?:[\s-]?(?P<scale>(?i:{_SCALE}))\b\.?)?"
        self._before = re.compile(
            rf"(?<![\w$])(?P<symbol>{before})\.?[\s-]?(?P<digits>{_DIGITS}){scale.replace('(?P<scale>', '(?P<scale>')}"
        )
        self._word_before = re.compile(rf"(?<!\w)(?P<symbol>(?i:{words}))\s(?P<digits>{_DIGITS}){scale}")
        self._after = re.compile(
            rf"(?<![\w.,]){number}{scale}(?:\s?(?:of|de|d')?\s?|-)"
            rf"(?:(?P<symbol>{after_symbols})(?!\w)|(?P<word>(?i:{words}))\b)"
        )
        self._range = re.compile(
            rf"(?<![\w$])(?P<symbol>{before})\.?[\s-]?(?P<digits>{_DIGITS})"
            rf"(?=(?:(?:\s?[-–—]\s?|\s(?:to|à|a)\s)(?:{before})?|\s(?:and|or|et|ou|y|o|e)\s(?:{before}))"
            rf"\s?(?:{_DIGITS})[\s-]?(?P<scale>(?i:{_SCALE}))\b)"
        )
        self._bare = re.compile(rf"(?<![\w.,$]){number}[\s-](?P<scale>(?i:million|billion|milliards?|millions|millones|"
                                rf"mil millones|crores?|lakhs?|milhões|bilhões|trillion|bn|mn|m))\b")  # fmt: skip

    def find(
        self, text: str, near: Callable[[int], Iterable[str]] = lambda _: (), *, decimal_comma: bool = False
    ) -> list[Sum]:
        """All sums in `text`, in order, none overlapping.

        `near` gives, for an offset, ISO 3166 codes of the countries that the text around it is about, nearest
        first; it decides what "Rs", "shillings" or "pesos" are.
        """
        found: dict[int, Sum] = {}
        taken = bytearray(len(text) + 1)

        def keep(start: int, end: int, amount: float | None, codes: list[str], inferred: bool = False) -> None:
            if amount is None or amount <= 0 or amount > 1e15 or any(taken[start:end]):
                return
            found[start] = Sum(start, end, amount, self._order(codes, near(start)), inferred)
            taken[start:end] = b"\x01" * (end - start)

        digits = (
            text if _ANY_DIGIT.search(text) else ""
        )  # three of the five patterns need one, and try every place of a text
        for match in self._range.finditer(digits):  # "between $3 and $5 million": the first is in millions too
            if match["symbol"] in self.by_symbol:
                low = self._amount(match, decimal_comma)
                keep(match.start(), match.end("digits"), low, self.by_symbol[match["symbol"]])
        for match in self._before.finditer(digits):
            codes = self.by_symbol[match["symbol"]]
            if (
                len(match["symbol"].rstrip(".")) == 1
                and match["symbol"][0].isalpha()
                and not self._issued_near(codes, near(match.start()))
            ):
                continue
            start, end = match.span()
            keep(start, end, self._amount(match, decimal_comma), codes)
        numbers = text if digits or _ANY_NUMBER.search(text) else ""
        for match in self._after.finditer(numbers):
            codes = self.by_symbol[match["symbol"]] if match["symbol"] else self.by_word[match["word"].lower()]
            if (
                match["words"]
                and not match["scale"]
                and match["words"].lower() in ("a", "an", "one", "un", "una", "um")
            ):
                continue
            if (
                match["word"]
                and match["word"].lower() in ("sum", "sums", "won", "real", "sol", "colon")
                and not match["scale"]
            ):
                continue
            keep(match.start(), match.end(), self._amount(match, decimal_comma), codes)
        for match in self._word_before.finditer(digits):
            keep(match.start(), match.end(), self._amount(match, decimal_comma), self.by_word[match["symbol"].lower()])
        for match in self._bare.finditer(numbers):
            earlier = [s for at, s in found.items() if not s.inferred and at < match.start()]
            nearest = max(earlier, key=lambda s: s.start, default=None) or min(
                found.values(), key=lambda s: s.start, default=None
            )
            if nearest and _NOT_COUNTED.match(text, match.end()):
                keep(
                    match.start(),
                    match.end(),
                    self._amount(match, decimal_comma),
                    list(nearest.currencies),
                    inferred=True,
                )
        return [found[at] for at in sorted(found)]

    def _issued_near(self, codes: Iterable[str], countries: Iterable[str]) -> bool:
        around = set(countries)
        return any(self.issuers[c] & around for c in codes)

    def _order(self, codes: list[str], countries: Iterable[str]) -> tuple[str, ...]:
        if len(codes) == 1:
            return tuple(codes)
        if "USD" in codes:  # an undetermined "dollar" is the American one, by the guidelines
            return ("USD", *(c for c in codes if c != "USD"))
        places = list(countries)
        rank = {c: next((n for n, p in enumerate(places) if p in self.issuers[c]), len(places)) for c in codes}
        return tuple(sorted(codes, key=lambda c: (rank[c], codes.index(c))))

    @staticmethod
    def _amount(match: re.Match[str], decimal_comma: bool) -> float | None:
        groups = match.groupdict()
        scale_word = re.sub(r"\s+", " ", (groups.get("scale") or "").lower())
        scale = SCALES.get(scale_word, 1.0)
        if groups.get("words"):
            number = words_to_number(groups["words"])
        else:
            number = digits_to_number(groups["digits"], scaled=scale > 1e3, decimal_comma=decimal_comma)
        return None if number is None else round(number * scale, 2)


def digits_to_number(digits: str, *, scaled: bool, decimal_comma: bool = False) -> float | None:
    """Reads "1,234.5", "1.234,5", "1 234 567", "93.000.000"; a lone separator before three digits groups thousands."""
    plain = digits.replace(" ", "").replace("'", "")
    marks = [c for c in plain if c in ".,"]
    if not marks:
        return float(plain)
    last = max(plain.rfind("."), plain.rfind(","))
    tail = len(plain) - last - 1
    grouped = marks.count(plain[last]) > 1 or (tail == 3 and not (len(set(marks)) > 1 and plain[last] != marks[0]))
    if grouped and scaled and len(marks) == 1 and tail == 3 and plain[last] == "." and not decimal_comma:
        grouped = False  # "1.250 million" is a decimal in English, thousands in Spanish; "4,700 millones" is Mexican
    if len(set(marks)) > 1:
        grouped = False
    try:
        if grouped:
            return float(plain.replace(".", "").replace(",", ""))
        head, rest = plain[:last], plain[last + 1 :]
        return float(f"{head.replace('.', '').replace(',', '') or '0'}.{rest}")
    except ValueError:
        return None


def words_to_number(words: str) -> float | None:
    """Reads "seventy", "two hundred and seventy", "eighteen and a half", "half a"; `None` for what is no number."""
    low = re.sub(r"\s+", " ", words.lower().strip())
    if low in _FRACTIONS:
        return _FRACTIONS[low] or None
    half = re.search(r"[- ](?:and[- ]a[- ]half|y[- ]medio)$", low)
    total = 0.0
    for word in re.split(r"[- ]", low[: half.start()] if half else low):
        if word in ("hundred", "cent", "cents") and total:
            total *= 100
        elif word in _HUNDREDS:
            total += _HUNDREDS[word]
        elif word in _TENS or word in _UNITS:
            total += _TENS.get(word) or _UNITS[word]
        elif word not in ("and", "et", "y", "e"):
            return None
    return (total + 0.5 if half else total) or None
