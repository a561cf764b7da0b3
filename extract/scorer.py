"""The trained encoder and heads at run time: two ONNX graphs, their weights packed, and a JSON file of what was calibrated.

Nothing is ever unpickled; a file that is missing or of another version is a `ModelError`.
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import models  # before anything that puts another `models` on the path (onnxruntime.quantization does)
from extract.graph import FEATURES, Graph
from extract.packed import Packed, as_int8, load_packed
from extract.tensors import ARGUMENT_SLOTS, ArrayMaker, Arrays, Floats
from extract.trees import load_trees
from records import ModelError

FORMAT = 4
WEIGHTS = "weights.npz"
HEAD_ARRAYS = (
    "average", "supplier_mask", "recipient_mask", "pair_supplier", "pair_recipient", "near_supplier", "near_recipient",
    "features",
    "technology_mask", "technology_features", "count", "count_features", "count_supplier", "count_technology",
)  # fmt: skip
Outputs = dict[str, Floats]


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, x))))


@dataclass(slots=True)
class Scored:
    """One document's arrays with the heads' logits over them."""

    arrays: Arrays
    outputs: Outputs


def _session(path: Path, tables: Mapping[str, Packed]) -> onnxruntime.InferenceSession:
    """A graph on one thread, with those of the packed matrices that are its own put where it left them out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # An arena grows by doubling and keeps what it once had; without it a worker stays smaller, at the same speed.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    names, values = [], []
    for key, table in tables.items():
        graph, name = key.split("/", 1)
        if graph == path.stem:
            numbers: Any = table.unpack()
            if name.endswith("_quantized"):
                numbers, _ = as_int8(numbers)
            # A graph holds a matrix as it is multiplied, but for those that bear the name of a layer's own.
            turned = numbers if name.endswith(".weight") else numbers.T
            names.append(name)
            values.append(onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(turned)))
    options.add_external_initializers(names, values)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _give_back() -> None:
    """Hands back to the system what loading took and freed; glibc keeps it otherwise for as long as a worker lives."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


class Scorer:
    """Runs the encoder on the chunks of a document and the heads on its pairs, on one thread."""

    def __init__(self, folder: Path) -> None:
        try:
            self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
            if self.settings.get("format") != FORMAT or tuple(self.settings["features"]) != FEATURES:
                raise ModelError(
                    f"{folder}: trained for another version of the features; train again with: watchledger train"
                )
            tables = load_packed(folder / WEIGHTS)
            self._words = tables.pop("words")
            self._encoder, self._heads = (_session(folder / f"{name}.onnx", tables) for name in ("encoder", "heads"))
            self._maker = ArrayMaker(Tokenizer.from_file(str(folder / "tokenizer.json")))
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder}: no usable trained model: {error}") from error
        except Exception as error:
            # onnxruntime and tokenizers raise their own unrelated classes for a damaged file.
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{folder}: the trained model is damaged: {error}") from error
        self.trees = load_trees(folder / "trees.npz")
        _give_back()
        self._takes = {i.name for i in self._heads.get_inputs()}

    @classmethod
    def shipped(cls) -> Scorer:
        """The model that comes with the package."""
        with as_file(files(models) / "encoder") as folder:
            return cls(folder)

    @property
    def version(self) -> str:
        return str(self.settings["version"])

    def score(self, graph: Graph) -> Scored | None:
        """Logits for every pair of the document, or `None` where it has no pair."""
        if not graph.suppliers or not graph.recipients or not graph.pairs():
            return None
        arrays = self._maker.make(graph)
        if not arrays.chunk_ids:
            return None
        given: dict[str, Any] = {name: getattr(arrays, name) for name in HEAD_ARRAYS}
        for slot in ARGUMENT_SLOTS:
            given[slot] = arrays.arguments[slot]
            given[f"{slot}_features"] = arrays.argument_features[slot]
        names = [o.name for o in self._heads.get_outputs()]
        given = {k: v for k, v in given.items() if k in self._takes}
        made = self._heads.run(names, {**given, "tokens": self._tokens(arrays)})
        return Scored(arrays, dict(zip(names, made, strict=True)))

    def _tokens(self, arrays: Arrays) -> Floats:
        parts = []
        for ids, types, (first, stop) in zip(arrays.chunk_ids, arrays.chunk_types, arrays.chunk_keep, strict=True):
            given = {"words": self._words.unpack(ids)[None], "types": types[None]}
            parts.append(self._encoder.run(None, given)[0][0, first:stop])
        return np.concatenate(parts).astype(np.float32)
