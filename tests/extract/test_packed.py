"""Weights in a few bits: what is lost, what is kept, and what a wrong file ends in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.packed import GROUP, as_int8, load_packed, pack, rounded, save_packed

MODELS = Path(__file__).parents[2] / "models"
LOST = {4: 0.10, 5: 0.05, 6: 0.026}
"""Root mean square of what a standard normal number loses, by bits; halves with each bit."""


def normal(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


@pytest.mark.parametrize("bits", LOST)
def test_a_bit_more_loses_half_as_much(bits):
    numbers = normal(64, 4 * GROUP)
    lost = float(np.sqrt(((rounded(numbers, bits) - numbers) ** 2).mean()))
    assert LOST[bits] / 2 < lost < LOST[bits]


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 3 * GROUP),
    bits=st.sampled_from(sorted(LOST)),
    exponent=st.integers(-3, 3),
    seed=st.integers(0, 9),
)
def test_what_was_rounded_once_stays_as_it_is(rows, columns, bits, exponent, seed):
    once = rounded(normal(rows, columns, seed) * np.float32(10.0**exponent), bits)
    packed = pack(once, bits)
    assert np.allclose(packed.unpack(), once, rtol=2e-3, atol=0)
    some = np.array([rows - 1, 0])
    assert np.array_equal(packed.unpack(some), packed.unpack()[some])


def test_nothing_but_noughts_stays_nothing():
    assert not rounded(np.zeros((2, GROUP), np.float32), 5).any()


def test_a_number_takes_no_more_than_its_bits_and_a_share_of_the_scale():
    packed = pack(normal(8, GROUP), 5)
    assert 8 * (packed.low.nbytes + packed.high.nbytes + packed.scales.nbytes) == 8 * GROUP * 5 + 8 * 16


@pytest.mark.parametrize("bits", [3, 7, 8])
def test_what_cannot_be_packed_says_so(bits):
    with pytest.raises(ValueError, match="no packing"):
        pack(normal(2, GROUP), bits)


def test_the_file_gives_back_what_was_packed(tmp_path):
    tables = {f"graph/{bits}": pack(normal(4, GROUP + bits, bits), bits) for bits in LOST}
    save_packed(tmp_path / "weights.npz", tables)
    read = load_packed(tmp_path / "weights.npz")
    assert read.keys() == tables.keys()
    for name, table in tables.items():
        assert np.array_equal(read[name].unpack(), table.unpack())


def test_int8_has_a_scale_a_row():
    numbers = normal(3, GROUP) * np.array([[1.0], [100.0], [0.0]], np.float32)
    whole, scales = as_int8(numbers)
    assert np.abs(whole[:2]).max(1).tolist() == [127, 127]
    assert np.allclose(whole * scales[:, None], numbers, atol=scales.max() / 2)


def test_the_frozen_layers_of_the_shipped_encoder_are_multiplied_in_int8():
    tables = load_packed(MODELS / "encoder" / "weights.npz")
    whole = [name for name in tables if name.startswith("encoder/") and name.endswith("_quantized")]
    assert len(whole) == 6 * 6  # query, key, value, attended, up, down of six layers
    assert {tables[name].bits for name in whole} == {5}


def test_what_ships_in_models_takes_at_most_60_mb():
    shipped = [p for p in MODELS.rglob("*") if p.is_file() and "corpus" not in p.parts and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in shipped) <= 60_000_000
