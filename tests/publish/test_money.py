"""Dollars, and "no rate" where there is none."""

from __future__ import annotations

import csv
from importlib import resources

import pytest

from publish import money
from records import ConfigError


@pytest.mark.parametrize(
    ("amount", "currency", "year", "note", "nominal"),
    [
        pytest.param(98.1785, "KES", 2015, "converted", 1.0, id="shillings of 2015"),
        pytest.param(31.1525e6, "TWD", 2023, "converted", 1e6, id="a currency that the World Bank does not tell"),
        pytest.param(5e6, "USD", 2015, "in_dollars", 5e6, id="dollars"),
        pytest.param(5e6, "USD", None, "in_dollars", 5e6, id="dollars of no year"),
        pytest.param(5e6, "EUR", None, "no_year", None, id="no year"),
        pytest.param(5e6, "ZWL", 2019, "no_rate", None, id="a currency without a trusted rate"),
        pytest.param(5e6, "EUR", 1998, "no_rate", None, id="before the currency was there"),
        pytest.param(5e6, "HRK", 2023, "no_rate", None, id="after it was gone"),
    ],
)
def test_an_amount_in_dollars(amount, currency, year, note, nominal):
    told = money.to_dollars(amount, currency, year, 2024)
    assert told.note == note
    assert told.nominal == (pytest.approx(nominal) if nominal is not None else None)


def test_constant_dollars_follow_the_price_index():
    index = money.deflator()
    told = money.to_dollars(100.0, "USD", 2010, 2024)
    assert told.constant == pytest.approx(100 * index[2024] / index[2010], abs=0.01)
    assert 140 < told.constant < 150
    assert money.to_dollars(100.0, "USD", 2024, 2024).constant == 100.0
    assert money.to_dollars(100.0, "USD", None, 2024).constant is None


def test_a_conversion_says_its_rate_year_and_origin():
    told = money.to_dollars(1e6, "EUR", 2019, 2024)
    assert (told.rate_year, told.origin) == (2019, "wb-fcrf")
    assert told.nominal == pytest.approx(1e6 / told.rate, abs=0.01)


def test_every_rate_and_index_has_an_origin_with_licence_and_date():
    known = {origin.origin: origin for origin in money.origins()}
    for name in ("rates.csv", "deflator.csv", "belt_and_road.csv"):
        text = (resources.files("publish") / "data" / name).read_text(encoding="utf-8")
        assert {row["origin"] for row in csv.DictReader(text.splitlines())} <= set(known)
    assert all(origin.licence and origin.as_of and origin.address for origin in known.values())


def test_rates_are_plausible():
    rates = money.rates()
    assert len({currency for currency, _ in rates}) > 130
    assert 0.8 < rates["EUR", 2019][0] < 1.0
    assert all(rate > 0 for rate, _ in rates.values())
    assert ("VES", 2019) not in rates


def test_a_base_year_without_an_index_is_refused():
    assert money.check_base_year(None) == max(money.deflator())
    with pytest.raises(ConfigError, match="no price index for 1850"):
        money.check_base_year(1850)
