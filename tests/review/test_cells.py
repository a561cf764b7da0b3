"""Spreadsheet cells: nothing runs, and everything comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.cells import inert, plain

RUNS = [
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "\n=1",
        "a\n=1",
        "a\r=1",
    ),
    *(
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "=cmd|' /C calc'!A0",
        "%0A=1",
        "|x",
        " \t=1",
        "a\u2028=1",
        "\tx",
        "\x00=1",
    ),
]


@pytest.mark.parametrize("value", RUNS, ids=repr)
def test_what_would_run_is_led_by_an_apostrophe(value):
    cell = inert(value)
    assert cell != value
    assert plain(cell) == value
    for line in cell.splitlines() or [cell]:
        assert line.lstrip(" \u00a0\u200b\ufeff\x00")[:1] not in set("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


@pytest.mark.parametrize(
    "value", ["", "Huawei", "'Ndrangheta", "O'Brien", "2019", "a = b", "Zürich", "x - y"], ids=repr
)
def test_plain_words_stay_as_they_are(value):
    assert inert(value) == value == plain(value)


@given(st.text(alphabet="'=+-@\t\r\n \u00a0\uff1da|\u2028", max_size=12) | st.text(max_size=30))
def test_every_value_comes_back(value):
    assert plain(inert(value)) == value


@given(st.text(alphabet="'=+-@\t\r\n \u00a0a", max_size=12))
def test_no_cell_starts_with_what_runs(value):
    assert inert(value)[:1] not in set("=+-@\t\r\n")
