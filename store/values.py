"""The values of a deal that people decide on: their names, their rules, and how two sets of them differ."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from records import FinancingType, RecordError, Role, Status, Technology

SLOTS = (
    *("vendor", "vendor_country", "country", "technologies", "financing_type", "financier", "financing_amount"),
    *("financing_currency", "value_amount", "value_currency", "customer", "year", "status", "alleged", "role", "place"),
)
"""In the order in which the screen and the tables show them; flat, as the columns of `deals`."""

_EMPTY_ALLOWED = frozenset(SLOTS) - {"country", "technologies", "status", "alleged"}
# Emptying the first empties the others, unless they are given a value in the same change.
_GO_WITH = {
    "value_amount": ("value_currency",),
    "financing_amount": ("financing_currency",),
    "financing_type": ("financier", "financing_amount", "financing_currency"),
}
_ENUMS: dict[str, Any] = {"financing_type": FinancingType, "status": Status, "role": Role}
_PATTERNS = {
    "vendor_country": (re.compile(r"[A-Z]{2}"), "two capital letters (ISO 3166-1)"),
    "country": (re.compile(r"[A-Z]{2}"), "two capital letters (ISO 3166-1)"),
    "financing_currency": (re.compile(r"[A-Z]{3}"), "three capital letters (ISO 4217)"),
    "value_currency": (re.compile(r"[A-Z]{3}"), "three capital letters (ISO 4217)"),
}
# The first CCTV contracts in the sources are of the 1960s; plans reach decades ahead.
FIRST_YEAR, LAST_YEAR = 1950, 2100


def values_of(row: Any) -> dict[str, Any]:
    """The slots of a row of `deals` (or of a finding): technologies as a list, alleged as a truth value."""
    told = {slot: row[slot] for slot in SLOTS}
    told["technologies"] = json.loads(told["technologies"])
    told["alleged"] = bool(told["alleged"])
    return told


def version_of(values: Mapping[str, Any]) -> str:
    """Equal for equal values; what a decision says it was made on."""
    told = json.dumps([values[slot] for slot in SLOTS], ensure_ascii=False)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def diff(then: Mapping[str, Any], now: Mapping[str, Any], decided: Mapping[str, Any] | None) -> dict[str, list[Any]]:
    """Slot -> [machine then, machine now, decided], for what the machine reads otherwise than when it was decided on.

    A machine that has come round to what the person decided is no difference.
    """
    told: dict[str, list[Any]] = {}
    for slot in SLOTS:
        was, has, wanted = then.get(slot), now.get(slot), (decided or then).get(slot)
        if has not in (was, wanted):
            told[slot] = [was, has, wanted]
    return told


def corrected(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with `changes` laid over them, checked slot by slot. Raises RecordError with slot, value and rule."""
    made = {slot: values.get(slot) for slot in SLOTS}
    for slot, value in changes.items():
        if slot not in made:
            raise RecordError(f"a deal has no {slot!r}; it has {', '.join(SLOTS)}")
        made[slot] = check(slot, value)
    for lead, rest in _GO_WITH.items():
        if lead in changes and made[lead] is None:
            made |= {slot: None for slot in rest if changes.get(slot) is None}
    if not made["vendor"] and not made["vendor_country"]:
        raise RecordError("a deal needs a vendor or, where none is named, the country it comes from")
    for amount, currency in (("value_amount", "value_currency"), ("financing_amount", "financing_currency")):
        if (made[amount] is None) != (made[currency] is None):
            raise RecordError(f"{amount} and {currency} belong together: {made[amount]!r}, {made[currency]!r}")
    if made["financing_type"] is None and (made["financier"] or made["financing_amount"] is not None):
        raise RecordError("a financier or a sum of financing needs a financing_type ('other' where it is not told)")
    return made


def check(slot: str, value: Any) -> Any:
    """One value in its right type, or RecordError with the rule that it breaks."""
    if isinstance(value, str):
        value = value.strip() or None
    if value is None or value == []:
        if slot in _EMPTY_ALLOWED:
            return None
        raise RecordError(f"{slot} cannot be empty")
    if slot == "technologies":
        return _technologies(value)
    if slot in _ENUMS:
        return _one_of(slot, value, _ENUMS[slot])
    if slot in _PATTERNS:
        pattern, rule = _PATTERNS[slot]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise RecordError(f"{slot} is {rule}, not {value!r}")
        return value
    if slot == "alleged":
        if not isinstance(value, bool | int) or value not in (0, 1):
            raise RecordError(f"alleged is true or false, not {value!r}")
        return bool(value)
    if slot == "year":
        return _year(value)
    if slot.endswith("_amount"):
        return _amount(slot, value)
    if not isinstance(value, str) or len(value) > 300:
        raise RecordError(f"{slot} is a text of at most 300 characters, not {str(value)[:60]!r}")
    return value


def _one_of(slot: str, value: Any, kinds: Any) -> str:
    try:
        return str(kinds(value).value)
    except ValueError as error:
        raise RecordError(f"{slot} is one of {', '.join(k.value for k in kinds)}, not {value!r}") from error


def _technologies(value: Any) -> list[str]:
    if isinstance(value, str):
        value = [part.strip() for part in value.replace("|", ",").split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        raise RecordError(f"technologies is a list, not {value!r}")
    return sorted({_one_of("technologies", item, Technology) for item in value})


def _year(value: Any) -> int:
    try:
        year = int(value)
    except (TypeError, ValueError) as error:
        raise RecordError(f"year is a number, not {value!r}") from error
    if not FIRST_YEAR <= year <= LAST_YEAR or year != float(value):
        raise RecordError(f"year is from {FIRST_YEAR} to {LAST_YEAR}, not {value!r}")
    return year


def _amount(slot: str, value: Any) -> float:
    try:
        amount = float(value)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{slot} is a plain number in units of the currency, not {value!r}") from error
    if not 0 < amount < 1e15:
        raise RecordError(f"{slot} is above zero and below 10^15, not {value!r}")
    return amount
