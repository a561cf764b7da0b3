"""Sums of money in the notations that deals come in."""

import csv
from importlib.resources import files

import pytest

from extract.money import MoneyGrammar


@pytest.fixture(scope="module")
def grammar() -> MoneyGrammar:
    table = (files("models") / "lexicon" / "currencies.csv").read_text(encoding="utf-8")
    return MoneyGrammar(csv.DictReader(table.splitlines()))


@pytest.mark.parametrize(
    ("text", "near", "sums"),
    [
        pytest.param("worth US$240m", [], [("US$240m", 240e6, "USD")], id="letter m after the digits"),
        pytest.param("Sh60b for cameras", ["KE"], [("Sh60b", 60e9, "KES")], id="Kenyan shillings, b for billion"),
        pytest.param("Shs700,000 a set", ["UG"], [("Shs700,000", 700e3, "UGX")], id="the same sign in Uganda"),
        pytest.param("Rs 453 crore", ["IN"], [("Rs 453 crore", 4.53e9, "INR")], id="crore"),
        pytest.param("Rs453 million", ["PK"], [("Rs453 million", 453e6, "PKR")], id="rupees of Pakistan"),
        pytest.param("12 lakh rupees", ["IN"], [("12 lakh rupees", 1.2e6, "INR")], id="lakh"),
        pytest.param("RMB 41.21 bn", [], [("RMB 41.21 bn", 41.21e9, "CNY")], id="renminbi"),
        pytest.param("FCFA 6 milliards", ["CM"], [("FCFA 6 milliards", 6e9, "XAF")], id="central African franc"),
        pytest.param("6,5 milliards de FCFA", ["SN"], [("6,5 milliards de FCFA", 6.5e9, "XOF")], id="decimal comma, currency last"),
        pytest.param("GH¢4.2 million", [], [("GH¢4.2 million", 4.2e6, "GHS")], id="cedi"),
        pytest.param("some seventy million dollars", [], [("seventy million dollars", 70e6, "USD")], id="number in words"),
        pytest.param("half a billion dollars", [], [("half a billion dollars", 0.5e9, "USD")], id="half a billion"),
        pytest.param("250 million francs", ["CH"], [("250 million francs", 250e6, "CHF")], id="Swiss francs"),
        pytest.param("4,700 millones de pesos", ["MX"], [("4,700 millones de pesos", 4.7e9, "MXN")], id="Mexican thousands"),
        pytest.param("G. 18.700.000.000", ["PY"], [("G. 18.700.000.000", 18.7e9, "PYG")], id="guaraní"),
        pytest.param("G. 18.700.000", ["UY"], [], id="a letter is a currency only where it is issued"),
        pytest.param("Rs. 3.15 arab", ["NP"], [("Rs. 3.15 arab", 3.15e9, "NPR")], id="arab"),
        pytest.param(
            "two hundred and seventy million dollars", [],
            [("two hundred and seventy million dollars", 270e6, "USD")], id="hundreds in words",
        ),
        pytest.param(
            "eighteen and a half million euros", [], [("eighteen and a half million euros", 18.5e6, "EUR")], id="and a half"
        ),
        pytest.param(
            "between $3 and $5 million", [], [("$3", 3e6, "USD"), ("$5 million", 5e6, "USD")], id="a range shares its scale"
        ),
        pytest.param("$5 and 3 million people", [], [("$5", 5.0, "USD")], id="no range"),
        pytest.param("CZK 93,000,000", [], [("CZK 93,000,000", 93e6, "CZK")], id="thousands by commas"),
        pytest.param("a $173m project", [], [("$173m", 173e6, "USD")], id="an undetermined dollar is American"),
        pytest.param("NZ$9 million", ["NZ"], [("NZ$9 million", 9e6, "NZD")], id="a told dollar is its own"),
        pytest.param(
            "Sixty million dollars, the public was told. It was 118.5 million.", [],
            [("Sixty million dollars", 60e6, "USD"), ("118.5 million", 118.5e6, "USD")], id="a bare sum takes the currency before it",
        ),
        pytest.param("$5 bought two million faces", [], [("$5", 5.0, "USD")], id="what is counted is no money"),
        pytest.param("the R2 unit", ["US"], [], id="a letter is a currency only near its country"),
    ],
)  # fmt: skip
def test_sums_are_read(grammar, text, near, sums):
    found = grammar.find(text, lambda _: near)
    assert [(text[s.start : s.end], s.amount, s.currency) for s in found] == sums
