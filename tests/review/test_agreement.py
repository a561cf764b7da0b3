"""Agreement figures against examples that others have published with their results."""

from __future__ import annotations

import pytest

from review.agreement import agreement, cohen_kappa, krippendorff_alpha, percent


def table(counts: dict[tuple[str, str], int]) -> list[tuple[str, str]]:
    """Pairs out of a table of counts."""
    return [pair for pair, n in counts.items() for _ in range(n)]


# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", sections A, B and C (. = missing).
BINARY = ("0100000010", "1110010000")
NOMINAL = ("aabbdcccedda", "babbbccceddd")
COLUMNS = ("1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(BINARY, 0.095, id="two observers, two values"),
        pytest.param(NOMINAL, 0.692, id="two observers, five values"),
        pytest.param([row.split() for row in COLUMNS], 0.743, id="four observers, missing values"),
    ],
)
def test_alpha_of_krippendorffs_own_examples(rows, expected):
    units = [[value for value in unit if value != "."] for unit in zip(*rows, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(expected, abs=0.0006)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # The textbook table of 50 grant proposals read twice (Wikipedia, "Cohen's kappa").
        pytest.param({("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}, 0.4, id="grants"),
        # Same agreement of 60 %, other margins (same article, after Smeeton and others).
        pytest.param({("y", "y"): 45, ("y", "n"): 15, ("n", "y"): 25, ("n", "n"): 15}, 0.1304, id="margins alike"),
        pytest.param({("y", "y"): 25, ("y", "n"): 35, ("n", "y"): 5, ("n", "n"): 35}, 0.2593, id="margins apart"),
        # Cohen (1960), table 1: 200 cases in three classes, shares .25 .13 .12 / .12 .02 .16 / .03 .15 .02.
        pytest.param(
            {
                ("1", "1"): 50,
                ("1", "2"): 26,
                ("1", "3"): 24,
                ("2", "1"): 24,
                ("2", "2"): 4,
                ("2", "3"): 32,
                ("3", "1"): 6,
                ("3", "2"): 30,
                ("3", "3"): 4,
            },
            -0.09,
            id="Cohen 1960",
        ),
    ],
)
def test_kappa_of_published_tables(counts, expected):
    assert cohen_kappa(table(counts)) == pytest.approx(expected, abs=0.005)


def test_full_agreement_is_one_and_none_by_chance_is_not_defined():
    assert cohen_kappa([("a", "a"), ("b", "b")]) == krippendorff_alpha([("a", "a"), ("b", "b")]) == 1
    assert cohen_kappa([("a", "a")] * 5) is None
    assert krippendorff_alpha([("a", "a")] * 5) is None
    assert (percent([]), cohen_kappa([]), krippendorff_alpha([])) == (None, None, None)


def test_a_slot_is_told_with_all_three_figures():
    made = agreement("status", table({("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}))
    assert (made.units, made.percent) == (50, 0.7)
    assert made.kappa == pytest.approx(0.4)
    # Alpha takes chance from both coders together: 1 - (n - 1) * Do / De with n = 100 values, 55 of them "y".
    assert made.alpha == pytest.approx(1 - 99 * 30 / (100**2 - 55**2 - 45**2))
