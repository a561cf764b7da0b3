"""A trained model as the files that ship: encoder and heads as ONNX graphs, their weights packed, tokenizer, settings."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from extract.graph import FEATURES
from extract.packed import Packed, as_int8, pack, save_packed
from extract.scorer import FORMAT, WEIGHTS
from extract.tensors import ARGUMENT_SLOTS, Arrays, Floats
from extract.train.fit import Model, head_inputs
from extract.train.mpnet import FROZEN_BITS, TRAINED_BITS, TYPES_ENTER, WORD_BITS
from extract.train.network import HEAD_INPUTS, HEAD_OUTPUTS

FROZEN_LAYER = re.compile(rf"layers\.({'|'.join(map(str, range(TYPES_ENTER)))})[./]")
"""In the name of a weight ("layers.0.up.weight") or of a node of the exported graph ("/layers.0/up/MatMul")."""
_LARGE = 30_000
"""Numbers; a smaller table stays in its graph as it is."""
HEAD_BITS = 6
_AXES: dict[str, dict[int, str]] = {
    "tokens": {0: "T"}, "average": {0: "M", 1: "T"}, "supplier_mask": {0: "S", 1: "M"}, "recipient_mask": {0: "R", 1: "M"},
    "features": {0: "P"}, "technology_mask": {1: "M"}, "technology_features": {0: "P"},
    **{name: {0: "P"} for name in ("pair_supplier", "pair_recipient", "near_supplier", "near_recipient")},
    "count": {0: "C"}, "count_features": {0: "C"}, "count_supplier": {0: "C", 1: "S"}, "count_technology": {0: "C"},
    **{slot: {0: f"N_{slot}"} for slot in ARGUMENT_SLOTS},
    **{f"{slot}_features": {0: "P", 1: f"N_{slot}"} for slot in ARGUMENT_SLOTS},
}  # fmt: skip


def export(model: Model, sample: Arrays, tokenizer: Path, folder: Path, settings: dict[str, Any]) -> None:
    """Writes the model into `folder`; `sample` is any document that has pairs, sums, years, customers and financiers."""
    folder.mkdir(parents=True, exist_ok=True)
    model = model.float().eval()
    tables = {"words": pack(model.encoder.words.weight.detach().numpy(), WORD_BITS)}
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw, whole = Path(scratch) / "raw.onnx", Path(scratch) / "whole.onnx"
        ids = torch.from_numpy(sample.chunk_ids[0])[None]
        torch.onnx.export(
            model.encoder, (model.encoder.words(ids), torch.zeros_like(ids)), str(raw), dynamo=False, opset_version=17,
            input_names=["words", "types"], output_names=["tokens"],
            dynamic_axes={name: {0: "B", 1: "T"} for name in ("words", "types", "tokens")},
        )  # fmt: skip
        graph = onnx.load(str(raw))
        quantize_dynamic(
            str(raw),
            str(whole),
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=[node.name for node in graph.graph.node if not FROZEN_LAYER.search(node.name)],
        )
        tables |= take_out(folder / "encoder.onnx", graph.graph, onnx.load(str(whole)), model.encoder)
        torch.onnx.export(
            model.heads, tuple(head_inputs(model.tokens(sample), sample)), str(raw), dynamo=False, opset_version=17,
            input_names=list(HEAD_INPUTS), output_names=list(HEAD_OUTPUTS), dynamic_axes=_AXES,
        )  # fmt: skip
        exported = onnx.load(str(raw))
        tables |= take_out(folder / "heads.onnx", exported.graph, exported, model.heads)
    save_packed(folder / WEIGHTS, tables)
    if tokenizer.resolve() != (folder / "tokenizer.json").resolve():
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
    write_settings(folder, settings)


def take_out(path: Path, graph: onnx.GraphProto, whole: onnx.ModelProto, module: torch.nn.Module) -> dict[str, Packed]:
    """Writes a model without its large matrices, and gives these, packed, by the names that the scorer asks for.

    `graph` is the model as it was exported, before anything of it was put into int8: there the matrices are told by their numbers,
    as they stand or, under a name of the exporter's, as they are multiplied (in, out).
    """
    known: dict[bytes, tuple[str, Floats]] = {}
    for key, weight in module.state_dict().items():
        if weight.ndim == 2 and weight.numel() >= _LARGE:
            for turned in (weight.numpy(), weight.numpy().T):
                known[_digest(turned)] = (key, weight.numpy())
    held = {table.name: table for table in whole.graph.initializer}
    tables: dict[str, Packed] = {}
    for table in graph.initializer:
        if math.prod(table.dims) < _LARGE:
            continue
        found = known.get(_digest(numpy_helper.to_array(table)))
        if found is None:
            continue
        key, weight = found
        bits = HEAD_BITS if path.stem == "heads" else FROZEN_BITS if FROZEN_LAYER.search(key) else TRAINED_BITS
        packed = pack(weight, bits)
        name = table.name
        if f"{name}_quantized" in held:
            _, scales = as_int8(packed.unpack())
            held[f"{name}_scale"].CopyFrom(numpy_helper.from_array(scales, f"{name}_scale"))
            name = f"{name}_quantized"
        tables[f"{path.stem}/{name}"] = packed
        stub = onnx.TensorProto(name=name, dims=held[name].dims, data_type=held[name].data_type)
        stub.data_location = onnx.TensorProto.EXTERNAL
        stub.external_data.add(key="location", value=WEIGHTS)
        held[name].CopyFrom(stub)
    path.write_bytes(whole.SerializeToString())
    return tables


def _digest(numbers: np.ndarray) -> bytes:
    return hashlib.sha256(numbers.tobytes()).digest()


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Writes thresholds and version beside the network, with the names of the features that it expects."""
    made = {"format": FORMAT, "features": list(FEATURES), **settings}
    (folder / "settings.json").write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
