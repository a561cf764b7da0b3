"""Amounts in US dollars: of the deal's year by the mean rate of that year, and of one base year by consumer prices.

Rates and price index are files in publish/data, each row with its origin; where they have no row, there
are no dollars. Years are those of the deals: a contract of 2015 is converted at the mean rate of 2015.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from publish.rows import MoneyNote, Origin
from records import ConfigError

DOLLAR = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dollars:
    """What an amount is in dollars, and how that came about."""

    note: MoneyNote
    nominal: float | None = None
    constant: float | None = None
    rate: float | None = None
    rate_year: int | None = None
    origin: str | None = None


def to_dollars(amount: float, currency: str, year: int | None, base_year: int) -> Dollars:
    """`amount` of `year` in US dollars of that year and of `base_year`.

    Without a year there is no rate to take, and no constant dollars of an amount that is in dollars.
    """
    index = deflator()
    if currency == DOLLAR:
        constant = _at(amount, index[base_year] / index[year]) if year in index else None
        return Dollars(note=MoneyNote.IN_DOLLARS, nominal=_at(amount, 1.0), constant=constant)
    if year is None:
        return Dollars(note=MoneyNote.NO_YEAR)
    found = rates().get((currency, year))
    if found is None:
        return Dollars(note=MoneyNote.NO_RATE)
    rate, origin = found
    return Dollars(
        note=MoneyNote.CONVERTED,
        nominal=_at(amount, 1 / rate),
        constant=_at(amount, index[base_year] / (rate * index[year])) if year in index else None,
        rate=rate,
        rate_year=year,
        origin=origin,
    )


def check_base_year(year: int | None) -> int:
    """The year of constant dollars: `year`, or the last that the price index has. Raises ConfigError where it has not."""
    index = deflator()
    if year is not None and year not in index:
        raise ConfigError(f"no price index for {year}; constant dollars can be of {min(index)} to {max(index)}")
    return year or max(index)


@cache
def rates() -> dict[tuple[str, int], tuple[float, str]]:
    """(currency, year) to units for one dollar and the origin of the rate."""
    return {
        (row["currency"], int(row["year"])): (float(row["units_per_usd"]), row["origin"]) for row in _read("rates.csv")
    }


@cache
def deflator() -> dict[int, float]:
    """Year to the index of consumer prices in the United States."""
    return {int(row["year"]): float(row["index"]) for row in _read("deflator.csv")}


@cache
def origins() -> tuple[Origin, ...]:
    """Where the data in publish/data is from."""
    return tuple(Origin(**row) for row in _read("origins.csv"))


@cache
def belt_and_road() -> dict[str, bool]:
    """Country to whether the 2019 index marks it as member of the Belt and Road Initiative."""
    return {row["country"]: row["member"] == "1" for row in _read("belt_and_road.csv")}


def _read(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("publish") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def _at(amount: float, factor: float) -> float:
    # Cents: digits below are noise of the division, and would differ between machines.
    return round(amount * factor, 2)
