"""Do two findings tell of one deal? A score made of readable points, and each point's reason.

Points are log-odds: they add up, and the sum becomes a probability. They were set by what an analyst would say of
each sign and are held to the labelled pairs of tests/fixtures/pairs.jsonl by `bench/merge.py`.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz

AUTO = 2.0
"""Points from which two findings merge by themselves, where nothing contradicts (bench/merge.py: precision)."""
PROPOSE = -1.6
"""Points from which a person is asked (bench/merge.py: recall)."""

# One supplier sells to one country more than once: before any sign, another deal is likelier.
_SAME_PAIR = -1.0
_NATION_AND_COMPANY = -1.7
_LIKE_NAMES = -1.6

# Two reports of one sum differ by rounding and exchange rate; more than this is another sum.
SUM_TOLERANCE = 0.15
_SUM_EQUAL = 0.025

# Technologies that reporters use for one another: a safe city is told by its cameras.
_KIN = (
    frozenset(
        "safe_city video_surveillance facial_recognition license_plate_recognition smart_policing ai_surveillance".split()
    ),
    frozenset("communications_interception internet_monitoring location_tracking social_media_monitoring".split()),
    frozenset(("spyware", "mobile_forensics", "communications_interception")),
    frozenset(("border_surveillance", "drones", "biometric_id")),
)
# A customer so called may be any body of the state.
_ANY_BODY = re.compile(
    r"^(the )?(\w+ )?(government|state|ministry|ministry of (the )?interior|police|authorities|national police|"
    r"security (services|forces)|gouvernement|gobierno|governo|police nationale|policía nacional|policia)( of \w+)?$",
    re.IGNORECASE,
)
_PROJECT = re.compile(
    r"((?:[A-Z][\w'’-]+ ){1,4})(?:[Pp]roject|[Pp]rogramme|[Pp]rogram|[Ii]nitiative|[Ss]ystem|[Pp]lan)\b"
)
_PROJECT_NOISE = frozenset("the a an safe city smart national surveillance security new its this public cctv".split())
# Names such as ECU 911 or BOL-110; what follows a currency or "phase" is none.
_CODE = re.compile(r"\b(?!(?:USD|EUR|GBP|KES|UGX|ZAR|INR|PKR|Rs|Shs?)\b)([A-Z]{2,6})[- ]?(\d{2,4})\b(?![.,]\d)")
_COUNT = re.compile(r"(?<![\w.$€£¥])(\d{1,3}(?:[,.  ]\d{3})+|\d{2,6})(?= (?:[\w-]+ ){0,2}?(?:cameras|caméras|cámaras|"
                    r"câmeras|drones|cities|sites|devices|kits|sensors|vehicles|stations|terminals|phones|units|licen[cs]es))")  # fmt: skip
_PHASE = re.compile(
    r"\b(?:phase|fase|lot|tranche|stage) (?:(\d{1,2})|(i{1,3}|iv|v)\b|(one|two|three|four))"
    r"|\b(first|second|third|fourth|première|deuxième|troisième|primera|segunda|tercera|primeira|terceira) "
    r"(?:phase|fase|stage|tranche)",
    re.IGNORECASE,
)
_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            *("i one first première primera primeira", "ii two second deuxième segunda"),
            *("iii three third troisième tercera terceira", "iv four fourth", "v"),
        ),
        1,
    )
    for word in words.split()
}
_UMBRELLA = re.compile(
    r"framework (?:agreement|contract)|umbrella|master agreement|accord[- ]cadre|acuerdo marco|acordo[- ]quadro",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Profile:
    """What is compared of one finding, or of a group of findings: sets of what they tell."""

    pair: str
    vendor: str | None
    vendor_country: str | None
    country: str
    technologies: frozenset[str]
    years: set[int]
    sums: list[tuple[float, str]]
    customers: set[str]
    places: set[str]
    financiers: set[str]
    projects: set[str]
    counts: set[int]
    phases: set[int]
    days: list[int]  # ordinals of publication, in order
    articles: set[str]
    origins: set[str]
    names: set[str] = field(default_factory=set)  # of the vendor, case-folded
    umbrella: bool = False

    def take(self, other: Profile) -> None:
        """Add what another tells."""
        self.technologies |= other.technologies
        self.sums += [told for told in other.sums if told not in self.sums]
        for name in ("years", "customers", "places", "financiers", "projects", "counts", "phases", "articles"):
            getattr(self, name).update(getattr(other, name))
        self.origins |= other.origins
        self.names |= other.names
        self.days = sorted(self.days + other.days)
        self.umbrella = self.umbrella or other.umbrella


@dataclass(frozen=True, slots=True)
class Sameness:
    """Points for being one deal, the signs that they are made of, and what stands in the way of certainty.

    `contradicted`: something speaks against; `telling`: more than supplier, technology and year speaks for it.
    """

    points: float
    signs: tuple[tuple[float, str], ...]
    contradicted: bool
    telling: bool

    @property
    def score(self) -> float:
        """As a probability."""
        return 1 / (1 + math.exp(-self.points))

    @property
    def reasons(self) -> list[str]:
        """In words, strongest first: "one sum: 126,000,000 USD (+3.5)"."""
        return [f"{words} ({points:+.1f})" for points, words in sorted(self.signs, key=lambda sign: -abs(sign[0]))]

    @property
    def certain(self) -> bool:
        """Merges by itself."""
        return self.points >= AUTO and self.telling and not self.contradicted

    @property
    def likely(self) -> bool:
        """Worth asking a person."""
        return self.points >= PROPOSE


def profile(row: Any, quotes: Iterable[str]) -> Profile:
    """The profile of one finding: a row of `findings` with `published` and `origin`, and its quotes of evidence."""
    text = " ".join(quotes)
    sums = []
    for amount, currency in (("value_amount", "value_currency"), ("financing_amount", "financing_currency")):
        if row[amount]:
            sums.append((float(row[amount]), str(row[currency])))
    day = ordinal(row["published"])
    names = {row["vendor"].casefold()} if row["vendor"] else set()
    return Profile(
        pair=row["pair"],
        vendor=row["vendor"],
        vendor_country=row["vendor_country"],
        country=row["country"],
        technologies=_technologies(row["technologies"]),
        years={row["year"]} if row["year"] else set(),
        sums=sums,
        customers={row["customer"].casefold()} if row["customer"] else set(),
        places={row["place"].casefold()} if row["place"] else set(),
        financiers={row["financier"].casefold()} if row["financier"] else set(),
        projects=projects(text),
        counts={int(re.sub(r"\D", "", found)) for found in _COUNT.findall(text)},
        phases=phases(text),
        days=[] if day is None else [day],
        articles={row["article_id"]},
        origins={row["origin"]},
        names=names | {alias.casefold() for alias in json.loads(row["vendor_aliases"])},
        umbrella=bool(_UMBRELLA.search(text)),
    )


@lru_cache(maxsize=4096)
def _technologies(told: str) -> frozenset[str]:
    return frozenset(json.loads(told))


@lru_cache(maxsize=20_000)
def ordinal(published: str | None) -> int | None:
    """Day number of a date that is known to the day; None for a month or a year."""
    if not published or len(published) < 10:
        return None
    try:
        return date.fromisoformat(published[:10]).toordinal()
    except ValueError:
        return None


def projects(text: str) -> set[str]:
    """Names of projects: capitalised words before "project", "programme" and the like (the common ones left out), codes."""
    found = set()
    for match in _PROJECT.finditer(text):
        words = [word.casefold() for word in match[1].split() if word.casefold() not in _PROJECT_NOISE]
        if words:
            found.add(" ".join(words))
    found.update(f"{letters.casefold()} {number}" for letters, number in _CODE.findall(text))
    return found


def phases(text: str) -> set[int]:
    """Numbers of phases that a text names."""
    found = set()
    for match in _PHASE.finditer(text):
        word = next(group for group in match.groups() if group)
        found.add(int(word) if word.isdigit() else _ORDINALS.get(word.casefold(), 0))
    return found - {0}


def compare(one: Profile, other: Profile) -> Sameness:
    """Points for two findings (or groups of them) being one deal. Same country is taken for granted."""
    signs: list[tuple[float, str]] = [_suppliers(one, other)]
    if one.origins & other.origins and not one.articles & other.articles:
        signs.append((8.0, "copies of one story"))
    elif one.articles & other.articles and len(one.articles) == len(other.articles) == 1:
        signs.append((-4.0, "told apart in one article"))
    copies = len(signs) == 2 and signs[1][0] > 0
    against = _technology(one, other, signs)
    known = len(signs)
    for question in (_sums, _customers, _places, _financiers, _projects, _counts, _phases):
        against = question(one, other, signs) or against
    _published(one, other, signs)
    # A supplier sells one technology to a country twice in one year: that alone makes nothing certain.
    telling = copies or any(points >= 1.0 for points, _ in signs[known:])
    against = _years(one, other, signs) or against
    total = sum(points for points, _ in signs)
    return Sameness(total, tuple(signs), contradicted=against and not copies, telling=telling)


def may_be_certain(one: Profile, other: Profile) -> bool:
    """Quick no for two of one pair that `compare` would not call certain; a yes promises nothing."""
    if one.origins & other.origins:
        return True
    if not one.technologies & other.technologies:
        return False
    if one.years and other.years and not one.years & other.years and not _next_to(one.years, other.years):
        return False
    return not (one.places and other.places and not one.places & other.places)


def may_be_likely(one: Profile, other: Profile) -> bool:
    """Quick no for two of one pair that nobody should be asked about: neither technologies nor a sum in common."""
    return bool(one.technologies & other.technologies) or any(told in other.sums for told in one.sums)


def _next_to(years: set[int], others: set[int]) -> bool:
    return any(year - 1 in others or year + 1 in others for year in years)


def related(one: Profile, other: Profile) -> bool:
    """Can the two suppliers be the same? Equal pair, a nation and its company, or names that are alike."""
    return one.pair == other.pair or _suppliers(one, other)[0] > -9


def _suppliers(one: Profile, other: Profile) -> tuple[float, str]:
    if one.pair == other.pair:
        return _SAME_PAIR, "same supplier and country"
    if (one.vendor is None or other.vendor is None) and one.vendor_country == other.vendor_country:
        return _NATION_AND_COMPANY, "one names the supplier's country only"
    if one.names & other.names:
        return _LIKE_NAMES, "suppliers share a name"
    if one.vendor and other.vendor and like_names(one.vendor, other.vendor):
        return _LIKE_NAMES, "suppliers' names are alike"
    return -10.0, "different suppliers"


@lru_cache(maxsize=50_000)
def like_names(one: str, other: str) -> bool:
    """Two spellings of one company, or one name longer by a word ("CloudWalk", "CloudWalk Technology")."""
    a, b = sorted((one.casefold(), other.casefold()), key=len)
    return b.startswith(a + " ") or fuzz.ratio(a, b) >= 85


def _technology(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    shared = one.technologies & other.technologies
    if shared:
        points = 1.0 + 0.5 * (len(shared) > 1)
        signs.append((points, f"technology: {', '.join(sorted(shared))}"))
        return False
    if any(one.technologies & kin and other.technologies & kin for kin in _KIN):
        signs.append((-0.3, "technologies that are told for one another"))
        return True
    signs.append((-3.0, "different technologies"))
    return True


def _sums(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if not one.sums or not other.sums:
        return False
    best, known = math.inf, None
    for amount, currency in one.sums:
        for rival, other_currency in other.sums:
            if currency == other_currency:
                gap = abs(amount - rival) / max(amount, rival)
                if gap < best:
                    best, known = gap, (amount, currency)
    if known is None:
        return False
    if best <= _SUM_EQUAL:
        signs.append((3.5, f"one sum: {known[0]:,.0f} {known[1]}"))
    elif best <= SUM_TOLERANCE:
        signs.append((1.5, f"sums within 15 %: {known[0]:,.0f} {known[1]}"))
    else:
        signs.append((-2.5, "different sums"))
    return best > SUM_TOLERANCE


def _years(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if one.years and other.years:
        gap = min(abs(a - b) for a in one.years for b in other.years)
        if gap == 0:
            signs.append((1.5, f"year {min(one.years & other.years)}"))
            return False
        points = -0.5 if gap == 1 else -3.0
        signs.append((points, f"years {min(one.years)} and {min(other.years)}"))
        # A sum signed in December and approved in January is one deal.
        return gap > 1 or not any(points >= 3.5 for points, _ in signs)
    for told, silent in ((one, other), (other, one)):
        if told.years and silent.days and min(told.years) > date.fromordinal(max(silent.days)).year + 1:
            signs.append((-2.5, f"reported before {min(told.years)}"))
            return True
    return False


def _customers(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if not one.customers or not other.customers:
        return False
    if one.customers & other.customers:
        shared = min(one.customers & other.customers)
        signs.append((0.5 if any_body(shared) else 1.5, f"customer {shared}"))
        return False
    best = max(fuzz.token_set_ratio(a, b) for a in one.customers for b in other.customers)
    if best >= 85:
        signs.append((1.0, "customers of like name"))
        return False
    if any(stands_for(a, b) or stands_for(b, a) for a in one.customers for b in other.customers):
        signs.append((1.0, "one customer is the other's short form"))
        return False
    if any(any_body(name) for name in one.customers | other.customers):
        return False
    signs.append((-1.5, "different customers"))
    return True


@lru_cache(maxsize=20_000)
def any_body(name: str) -> bool:
    """Is this what any body of the state is called ("police", "the government")?"""
    return bool(_ANY_BODY.match(name))


_SMALL = frozenset("the of and for de la del des du et y e da do der und".split())


@lru_cache(maxsize=20_000)
def stands_for(short: str, name: str) -> bool:
    """Is `short` made of the first letters of `name`'s words, as INSA of Information Network Security Agency?"""
    letters = short.replace(".", "").casefold()
    words = [word for word in re.split(r"[\W_]+", name.casefold()) if word and word not in _SMALL]
    return 2 <= len(letters) == len(words) and letters == "".join(word[0] for word in words)


def _places(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if not one.places or not other.places:
        return False
    if one.places & other.places:
        signs.append((1.5, f"place {min(one.places & other.places)}"))
        return False
    signs.append((-2.0, f"places {min(one.places)} and {min(other.places)}"))
    return True


def _financiers(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if not one.financiers or not other.financiers:
        return False
    best = max(fuzz.token_set_ratio(a, b) for a in one.financiers for b in other.financiers)
    signs.append((1.5, f"financier {min(one.financiers)}") if best >= 80 else (-0.7, "different financiers"))
    return False


def _projects(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if one.projects & other.projects:
        signs.append((2.5, f"project {min(one.projects & other.projects)}"))
    elif one.projects and other.projects:
        signs.append((-1.0, "different project names"))
    return False


def _counts(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    shared = one.counts & other.counts
    if shared:
        signs.append((2.0, f"the same count: {max(shared):,}"))
    elif one.counts and other.counts:
        signs.append((-1.0, "different counts"))
    return False


def _phases(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> bool:
    if one.phases & other.phases:
        signs.append((1.0, f"phase {min(one.phases & other.phases)}"))
        return False
    late = {number for number in one.phases ^ other.phases if number > 1}
    if late:
        signs.append((-3.0, f"only one is phase {min(late)}"))
    return bool(late)


def _published(one: Profile, other: Profile, signs: list[tuple[float, str]]) -> None:
    if not one.days or not other.days:
        return
    gap = nearest(one.days, other.days)
    if gap <= 3:
        signs.append((2.5, "published within three days"))
    elif gap <= 14:
        signs.append((2.0, "published within a fortnight"))
    elif gap <= 45:
        signs.append((0.5, "published within six weeks"))
    elif gap > 365:
        signs.append((-0.5, "published over a year apart"))


def nearest(one: Sequence[int], other: Sequence[int]) -> int:
    """Smallest distance between two sorted lists of days."""
    if len(one) > len(other):
        one, other = other, one
    best = abs(one[0] - other[0])
    for day in one:
        place = bisect_left(other, day)
        if place < len(other):
            best = min(best, other[place] - day)
        if place:
            best = min(best, day - other[place - 1])
    return best
