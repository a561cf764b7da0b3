"""Tables of numbers in a few bits each: what the shipped network is stored as.

A row of weights is cut into groups of `GROUP`, the last one filled up with noughts; a group keeps one scale (fp16) and each number a signed
code of 4, 5 or 6 bits, so that number = scale * code (round to nearest, with the scale that loses least; as GPTQ's baseline, Frantar et al. 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
GROUP = 64
_CLIPS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75)


@dataclass(frozen=True, slots=True)
class Packed:
    """A matrix (rows, columns) as codes; `width` is `columns` filled up to a multiple of `GROUP`."""

    bits: int
    columns: int
    low: Bytes  # (rows, width / 2): the low four bits of two codes a byte
    high: Bytes  # (rows, width * (bits - 4) / 8): what is above them, bit plane by bit plane
    scales: NDArray[np.float16]  # (rows, width / GROUP)

    def unpack(self, rows: NDArray[np.int64] | slice = slice(None)) -> Floats:
        """The numbers, of these rows alone if told."""
        low, scales = self.low[rows], self.scales[rows].astype(np.float32)
        codes = np.empty((len(low), low.shape[1] * 2), np.int8)
        codes[:, 0::2], codes[:, 1::2] = low & 15, low >> 4
        if self.bits > 4:
            planes = np.unpackbits(self.high[rows].reshape(len(low), self.bits - 4, -1), axis=2, bitorder="little")
            for n in range(self.bits - 4):
                codes += planes[:, n].view(np.int8) << np.int8(4 + n)
        codes -= np.int8(1 << (self.bits - 1))
        groups = codes.reshape(len(low), -1, GROUP).astype(np.float32)
        groups *= scales[:, :, None]
        return groups.reshape(len(low), -1)[:, : self.columns]


def pack(numbers: Floats, bits: int) -> Packed:
    """The matrix in so many bits a number. Raises ValueError for other widths than 4, 5 and 6."""
    rows, columns = numbers.shape
    if bits not in (4, 5, 6):
        raise ValueError(f"no packing in {bits} bits")
    top = 1 << (bits - 1)
    filled = np.pad(numbers.astype(np.float32), ((0, 0), (0, -columns % GROUP)))
    groups = filled.reshape(rows, -1, GROUP)
    widest = np.take_along_axis(groups, np.abs(groups).argmax(-1)[..., None], -1)
    codes = np.zeros_like(groups)
    scales = np.ones_like(widest)
    least = np.full_like(widest, np.inf)
    for clip in _CLIPS:
        # The widest number is the code that has no opposite.
        scale = (widest * (clip / -top)).astype(np.float16).astype(np.float32)
        scale[scale == 0] = 1.0
        tried = np.clip(np.rint(groups / scale), -top, top - 1)
        error = ((tried * scale - groups) ** 2).sum(-1, keepdims=True)
        better = error < least
        codes, scales = np.where(better, tried, codes), np.where(better, scale, scales)
        least = np.minimum(error, least)
    unsigned = (codes.reshape(rows, -1).astype(np.int16) + top).astype(np.uint8)
    low: Bytes = ((unsigned[:, 0::2] & 15) | ((unsigned[:, 1::2] & 15) << 4)).astype(np.uint8)
    planes = [np.packbits((unsigned >> (4 + n)) & 1, axis=1, bitorder="little") for n in range(bits - 4)]
    high = np.concatenate([np.zeros((rows, 0), np.uint8), *planes], axis=1)
    return Packed(bits, columns, low, high, scales[:, :, 0].astype(np.float16))


def rounded(numbers: Floats, bits: int) -> Floats:
    """What is left of a matrix when it was packed and unpacked."""
    return pack(numbers, bits).unpack()


def as_int8(numbers: Floats) -> tuple[NDArray[np.int8], Floats]:
    """A matrix as int8 with one scale a row, shape (rows,): what integer products take."""
    scales = np.abs(numbers).max(1) / np.float32(127.0)
    scales[scales == 0] = 1.0
    return np.rint(numbers / scales[:, None]).astype(np.int8), scales


def save_packed(path: Path, tables: Mapping[str, Packed]) -> None:
    """Writes the matrices into one npz file."""
    flat: dict[str, Any] = {}
    for name, table in tables.items():
        flat |= {f"{name} bits": np.array([table.bits, table.columns]), f"{name} scales": table.scales}
        flat |= {f"{name} low": table.low, f"{name} high": table.high}
    np.savez(path, allow_pickle=False, **flat)


def load_packed(path: Path) -> dict[str, Packed]:
    """Reads what `save_packed` wrote. Raises OSError, KeyError, TypeError or ValueError for a file that is none."""
    with np.load(path, allow_pickle=False) as stored:
        names = [key.removesuffix(" bits") for key in stored.files if key.endswith(" bits")]
        tables = {}
        for name in names:
            bits, columns = stored[f"{name} bits"].tolist()
            tables[name] = Packed(bits, columns, *(stored[f"{name} {part}"] for part in ("low", "high", "scales")))
        return tables
