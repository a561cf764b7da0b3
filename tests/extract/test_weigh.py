"""Rows of numbers for the trees: what is told of the pairs beside one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from extract.weigh import _of_others


def test_the_other_pairs_of_a_country_and_of_a_supplier_are_weighed_by_how_sure_they_are():
    # Pairs (supplier, country): (0, 0), (1, 0), (2, 0), (0, 1).
    arrays = SimpleNamespace(pair_supplier=np.array([0, 1, 2, 0]), pair_recipient=np.array([0, 0, 0, 1]))
    out = {"pair": np.array([9.0, 0.0, np.log(3.0), -40.0], np.float32)}
    chances = np.array([[0.0], [1.0], [0.2], [0.7]], np.float32)
    told = _of_others(arrays, out, 0, chances)
    assert told == pytest.approx([0.5 + 0.75, (0.5 * 1.0 + 0.75 * 0.2) / 1.25, 0.0, 0.0], abs=1e-3)


def test_a_pair_alone_has_nothing_beside_it():
    arrays = SimpleNamespace(pair_supplier=np.array([0]), pair_recipient=np.array([0]))
    told = _of_others(arrays, {"pair": np.array([3.0], np.float32)}, 0, np.ones((1, 2), np.float32))
    assert told == [0.0] * 6
