"""The fields of a deal as the screen shows and takes them: typed, checked, raw beside normalised."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from records import FinancingType, RecordError, Role, Status, Technology
from review.vocabulary import Vocabulary

EARLIEST_YEAR, LATEST_YEAR = 1950, 2100
LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the key that opens it, its name, the deal's columns that it covers, the slot it is marked as."""

    key: str
    name: str
    label: str
    slot: str
    columns: tuple[str, ...]
    choices: tuple[str, ...] = ()
    several: bool = False


FIELDS: tuple[Field, ...] = (
    Field("1", "vendor", "Vendor", "vendor", ("vendor",)),
    Field("2", "country", "Country", "country", ("country",)),
    Field("3", "technologies", "Technology", "technology", ("technologies",), tuple(t.value for t in Technology), True),
    Field("4", "financing_type", "Financing", "financing", ("financing_type",), tuple(f.value for f in FinancingType)),
    Field("5", "financier", "Financier", "financier", ("financier",)),
    Field("6", "financing_amount", "Financed sum", "financing", ("financing_amount", "financing_currency")),
    Field("7", "value", "Contract value", "value", ("value_amount", "value_currency")),
    Field("8", "customer", "Customer", "customer", ("customer",)),
    Field("9", "year", "Year", "year", ("year",)),
    Field("0", "status", "Status", "status", ("status",), tuple(s.value for s in Status)),
    Field("-", "alleged", "Alleged", "alleged", ("alleged",), ("no", "yes")),
    Field("=", "vendor_country", "Home", "vendor", ("vendor_country",)),
)
BY_NAME = {item.name: item for item in FIELDS}
NEEDED = ("country", "technologies", "status")
ROLES = tuple(role.value for role in Role)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was typed, and what it means: the columns to store and the words to show."""

    raw: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    shown: str = ""
    note: str = ""


def check(name: str, raw: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    """Read what was typed into a field. Raises RecordError with the reason where it is not such a value.

    `deal` are the other values as they stand (a country tells what "shillings" are). Blank means "the text does
    not say", which some fields refuse.
    """
    if name not in BY_NAME:
        raise RecordError(f"there is no field {name!r}")
    item = BY_NAME[name]
    words = " ".join(raw.split())
    if any(ord(c) < 32 or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069 for c in words):
        raise RecordError(f"{item.label}: the value holds characters that cannot be seen")
    if not words:
        return _blank(item, deal)
    if len(words) > LONGEST_NAME:
        raise RecordError(f"{item.label}: more than {LONGEST_NAME} characters")
    return _READERS[name](item, words, vocabulary, deal)


def _blank(item: Field, deal: Mapping[str, Any]) -> Checked:
    if item.name in NEEDED:
        raise RecordError(f"{item.label} cannot be blank")
    other = {"vendor": "vendor_country", "vendor_country": "vendor"}.get(item.name)
    if other and not deal.get(other):
        raise RecordError("a deal names a vendor or, where the text tells no company, the supplier's country")
    empty: Any = False if item.name == "alleged" else None
    return Checked("", dict.fromkeys(item.columns, empty), "")


def _vendor(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    known = vocabulary.vendor(words)
    if known is None:
        return Checked(words, {"vendor": words}, words, "not in the lexicon")
    columns: dict[str, Any] = {"vendor": known.name}
    if known.country and known.country != deal.get("vendor_country"):
        columns["vendor_country"] = known.country
    return Checked(words, columns, known.name, f"home {known.country}")


def _country(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    code = vocabulary.country(words)
    if code is None:
        raise RecordError(f"{item.label}: {words!r} is no country or place that the lexicon knows")
    return Checked(words, {item.name: code}, country_shown(code, vocabulary))


def _technologies(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    found: list[str] = []
    for part in re.split(r"[,;|]", words):
        name = vocabulary.technology(part.strip())
        if name is None:
            raise RecordError(f"Technology: {part.strip()!r} is none of {', '.join(item.choices)}")
        found.append(name)
    kept = sorted(set(found))
    return Checked(words, {"technologies": kept}, ", ".join(map(spoken, kept)))


def _choice(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    value = words.lower().replace(" ", "_").replace("-", "_")
    if value not in item.choices:
        raise RecordError(f"{item.label}: {words!r} is none of {', '.join(map(spoken, item.choices))}")
    return Checked(words, {item.columns[0]: value == "yes" if item.name == "alleged" else value}, spoken(value))


def _money(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    found = vocabulary.money(words, str(deal.get("country") or ""))
    if found is None:
        raise RecordError(f'{item.label}: {words!r} is no sum with a currency; write "12.5 million EUR"')
    amount, currency = found
    if not math.isfinite(amount) or amount <= 0:
        raise RecordError(f"{item.label}: a sum is more than nothing")
    return Checked(words, dict(zip(item.columns, (amount, currency), strict=True)), money_shown(amount, currency))


def _year(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    found = re.fullmatch(r"\d{4}", words) or re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", words)
    if not found or not words.isascii():
        raise RecordError(f"Year: {words!r} holds no year of four digits")
    year = int(found[0])
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise RecordError(f"Year: {year} is not between {EARLIEST_YEAR} and {LATEST_YEAR}")
    return Checked(words, {"year": year}, str(year))


def _name(item: Field, words: str, vocabulary: Vocabulary, deal: Mapping[str, Any]) -> Checked:
    if not any(c.isalnum() for c in words):
        raise RecordError(f"{item.label}: {words!r} is no name")
    shown = (vocabulary.lender(words) or words) if item.name == "financier" else words
    return Checked(words, {item.name: shown}, shown)


_READERS: dict[str, Callable[[Field, str, Vocabulary, Mapping[str, Any]], Checked]] = {
    "vendor": _vendor,
    "country": _country,
    "vendor_country": _country,
    "technologies": _technologies,
    "financing_type": _choice,
    "financier": _name,
    "financing_amount": _money,
    "value": _money,
    "customer": _name,
    "year": _year,
    "status": _choice,
    "alleged": _choice,
}


def shown(item: Field, deal: Mapping[str, Any], vocabulary: Vocabulary) -> str:
    """The words for a field of a deal; "" for blank."""
    value = deal.get(item.columns[0])
    if item.name == "alleged":
        return "yes" if value else "no"
    if value in (None, "", [], ()):
        return ""
    if item.several:
        return ", ".join(spoken(v) for v in value)
    if len(item.columns) == 2:
        return money_shown(float(str(value)), str(deal.get(item.columns[1]) or ""))
    if item.name in ("country", "vendor_country"):
        return country_shown(str(value), vocabulary)
    return spoken(str(value)) if item.choices else str(value)


def spoken(name: str) -> str:
    """An id of the taxonomy as people say it."""
    return name.replace("_", " ")


def money_shown(amount: float, currency: str) -> str:
    """ "USD 173,000,000"; cents only where there are any."""
    return f"{currency} {amount:,.0f}" if amount == int(amount) else f"{currency} {amount:,.2f}"


def country_shown(code: str, vocabulary: Vocabulary) -> str:
    """ "Kenya (KE)"."""
    name = vocabulary.country_name(code)
    return f"{name} ({code})" if name else code
