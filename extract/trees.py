"""Boosted trees at run time: node tables in one .npz file, walked with numpy.

Trained by scikit-learn's HistGradientBoostingClassifier; its pickles never travel, and the converter to ONNX does not
know its present release, so the node tables are kept as plain arrays and walked here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from records import ModelError

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


PARTS = ("feature", "threshold", "left", "right", "value", "roots", "outputs", "base")
"""The arrays of an ensemble, as they are stored."""


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble with one output per class (one in all for a yes-or-no question).

    Node arrays are concatenated; ``roots`` (trees,) and ``outputs`` (trees,) say where each tree begins and which
    class it speaks for. A leaf's children are itself.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats
    roots: Ints
    outputs: Ints
    base: Floats  # (classes,)
    depth: int

    def score(self, rows: Floats) -> Floats:
        """Raw scores (log odds), shape (rows, classes)."""
        made = np.repeat(self.base[None].astype(np.float32), len(rows), axis=0)
        if not len(rows):
            return made
        at = np.repeat(self.roots[None], len(rows), axis=0)
        which = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            goes_left = rows[which, self.feature[at]] <= self.threshold[at]
            at = np.where(goes_left, self.left[at], self.right[at])
        leaves = self.value[at]
        for output in range(len(self.base)):
            made[:, output] += leaves[:, self.outputs == output].sum(1)
        return made


def save_trees(path: Path, ensembles: dict[str, Trees]) -> None:
    """Writes ensembles by name."""
    arrays = {}
    for name, trees in ensembles.items():
        for part in PARTS:
            arrays[f"{name}.{part}"] = getattr(trees, part)
        arrays[f"{name}.depth"] = np.array(trees.depth)
    np.savez_compressed(path, allow_pickle=False, **arrays)


def load_trees(path: Path) -> dict[str, Trees]:
    """Reads what `save_trees` wrote; anything else is a `ModelError`, and nothing is unpickled."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        names = sorted({key.rsplit(".", 1)[0] for key in arrays})
        return {
            name: Trees(**{part: arrays[f"{name}.{part}"] for part in PARTS}, depth=int(arrays[f"{name}.depth"]))
            for name in names
        }
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ModelError(f"{path}: no usable trees: {error}") from error
