"""A BERT encoder in plain torch that takes MiniLM's weights, with room for our mention types.

Only training needs it; at run time the exported ONNX graph is used. What the lexicon knows of a token
(vendor, country, money ...) enters as one of ``n_types`` learnt vectors, added in the middle of the stack.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

TYPES_ENTER = 3
"""The layer before which the types are added. The layers below are frozen: their outputs are worked out once, which more than halves
an epoch, and out of fold nothing was lost by it."""


class Layer(nn.Module):
    """One post-norm transformer block of BERT."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.attended = nn.Linear(width, width)
        self.norm_attended = nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        b, n, w = x.shape

        def split(t: Tensor) -> Tensor:
            return t.view(b, n, self.heads, w // self.heads).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        # Written out: on the CPU the fused kernel's backward pass takes a quarter of the training's time.
        shares = (q @ k.transpose(-1, -2) * (w // self.heads) ** -0.5 + mask.to(q.dtype)).softmax(-1)
        mixed = (shares.to(v.dtype) @ v).transpose(1, 2).reshape(b, n, w)
        x = self.norm_attended(x + self.dropout(self.attended(mixed)))
        return self.norm(x + self.dropout(self.down(F.gelu(self.up(x)))))


class Encoder(nn.Module):
    """Token ids and type ids (batch, n) to token vectors (batch, n, width)."""

    segment: Tensor

    def __init__(
        self,
        n_types: int,
        vocabulary: int = 30522,
        width: int = 384,
        layers: int = 6,
        heads: int = 12,
        inner: int = 1536,
        positions: int = 512,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        self.types = nn.Embedding(n_types, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.register_buffer("segment", torch.zeros(width))
        self.layers = nn.ModuleList(Layer(width, heads, inner) for _ in range(layers))

    def lower(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The layers below the types, which stay as they were pretrained (their outputs can be kept between epochs)."""
        where = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.words(ids) + self.positions(where)[None] + self.segment)
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        for layer in self.layers[:TYPES_ENTER]:
            x = layer(x, bias)
        return x

    def upper(self, x: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """The trained layers, on what `lower` gave and the tokens' types."""
        bias = (1.0 - mask[:, None, None, :].to(x.dtype)) * -1e4
        x = x + self.types(types)
        for layer in self.layers[TYPES_ENTER:]:
            x = layer(x, bias)
        return x

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        return self.upper(self.lower(ids, mask), types, mask)

    @classmethod
    def from_minilm(cls, weights: Path, n_types: int) -> Encoder:
        """Loads all-MiniLM-L6-v2's safetensors; the type table starts at nothing."""
        theirs = {k.removeprefix("bert."): v.float() for k, v in load_file(str(weights)).items()}
        made = cls(n_types)
        renamed = {
            "words.weight": theirs["embeddings.word_embeddings.weight"],
            "positions.weight": theirs["embeddings.position_embeddings.weight"],
            "types.weight": torch.zeros(n_types, theirs["embeddings.word_embeddings.weight"].shape[1]),
            "segment": theirs["embeddings.token_type_embeddings.weight"][0],
            "norm.weight": theirs["embeddings.LayerNorm.weight"],
            "norm.bias": theirs["embeddings.LayerNorm.bias"],
        }
        parts = {
            "query": "attention.self.query",
            "key": "attention.self.key",
            "value": "attention.self.value",
            "attended": "attention.output.dense",
            "norm_attended": "attention.output.LayerNorm",
            "up": "intermediate.dense",
            "down": "output.dense",
            "norm": "output.LayerNorm",
        }
        for n in range(len(made.layers)):
            for ours, name in parts.items():
                for kind in ("weight", "bias"):
                    renamed[f"layers.{n}.{ours}.{kind}"] = theirs[f"encoder.layer.{n}.{name}.{kind}"]
        made.load_state_dict(renamed)
        return made
