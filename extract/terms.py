"""Reads what a loan costs and how long it runs out of the words around it: rate, maturity, grace period.

Only for a finding with one loan: of several, the words do not say whose terms they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from records import Financing, FinancingType, Finding

LENT = (
    FinancingType.CONCESSIONAL_LOAN,
    FinancingType.LOAN,
    FinancingType.EXPORT_CREDIT,
    FinancingType.VENDOR_FINANCING,
)

_WORDS = {
    word: number
    for number, words in {
        2: "two deux dos dois",
        3: "three trois tres três",
        4: "four quatre cuatro quatro",
        5: "five cinq cinco",
        6: "six seis",
        7: "seven sept siete sete",
        8: "eight huit ocho oito",
        9: "nine neuf nueve nove",
        10: "ten dix diez dez",
        12: "twelve",
        15: "fifteen quinze quince",
        20: "twenty vingt veinte vinte",
        25: "twenty-five",
        30: "thirty trente treinta trinta",
    }.items()
    for word in words.split()
}
_N = rf"(\d{{1,2}}(?:[.,]\d{{1,2}})?|{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_YEARS = r"[- ](?:years?|ans|années|años|anos)"
_PERCENT = r"\s?(?:%|per ?cent\b|pour ?cent\b|por ?ciento\b|por ?cento\b)"
_INTEREST = r"(?:interest|taux|intérêts?|tasa|interés|intereses|juros|taxa de juro)"
_LOAN = r"(?:loan|credit|facility|repa(?:id|y|yable|yment)|maturity|tenor|prêt|crédit|remboursable|préstamo|crédito|plazo|empréstimo)"

_RATE = (
    re.compile(rf"{_N}{_PERCENT}(?: \w+){{0,2}} {_INTEREST}", re.IGNORECASE),
    re.compile(rf"{_INTEREST}(?: \w+){{0,4}} {_N}{_PERCENT}", re.IGNORECASE),
)
_GRACE = (
    re.compile(rf"(?:grace(?: period)? of|(?:délai|période) de grâce de|différé de|(?:período de )?gracia de|carência de) {_N}{_YEARS}", re.IGNORECASE),
    re.compile(rf"{_N}{_YEARS}(?:['’] | of |['’]s |[- ]|s )?(?:grace|de grâce|de gracia|de carência)", re.IGNORECASE),
)  # fmt: skip
_MATURITY = (
    re.compile(rf"{_N}{_YEARS} (?:\w+ ){{0,2}}{_LOAN}", re.IGNORECASE),
    re.compile(rf"{_LOAN}[^.;]{{0,60}}? (?:over|in|for|of|within|sur|en|de|a|em) {_N}{_YEARS}", re.IGNORECASE),
)


@dataclass(frozen=True, slots=True)
class Terms:
    """Percent a year and years; blank where not told."""

    rate: float | None = None
    maturity_years: float | None = None
    grace_years: float | None = None


def read_terms(text: str) -> Terms:
    """The terms of a loan that a passage tells."""
    grace = _first(_GRACE, text)
    without = text
    for pattern in _GRACE:
        # "20 years with 5 years of grace": what is grace is no maturity.
        without = pattern.sub(" ", without)
    return Terms(rate=_first(_RATE, text), maturity_years=_first(_MATURITY, without), grace_years=grace)


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> float | None:
    for pattern in patterns:
        found = pattern.search(text)
        if found:
            told = found[1].casefold()
            return float(_WORDS[told]) if told in _WORDS else float(told.replace(",", "."))
    return None


def with_terms(finding: Finding) -> Finding:
    """The finding with the terms of its one loan, as its evidence tells them."""
    loans = [one for one in finding.instruments or (finding.financing,) if one and one.type in LENT]
    if len(loans) != 1:
        return finding
    terms = read_terms(" ".join(finding.evidence))
    if terms == Terms():
        return finding

    def told(one: Financing) -> Financing:
        if one != loans[0]:
            return one
        return replace(one, rate=terms.rate, maturity_years=terms.maturity_years, grace_years=terms.grace_years)

    financing = told(finding.financing) if finding.financing else None
    return replace(finding, financing=financing, instruments=tuple(told(one) for one in finding.instruments))
