"""Training of encoder and heads together, one document a step, on the CPU."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from extract.tensors import ARGUMENT_SLOTS, TYPES, Arrays, hide_names
from extract.train.labels import Labels
from extract.train.mpnet import Encoder
from extract.train.network import HEAD_INPUTS, HEAD_OUTPUTS, Heads

EPOCHS = 4
STEP_DOCUMENTS = 2
HIDDEN = 0.5
"""Share of the readings in which every company's name is hidden behind [MASK]: what is learnt is how a supplier is told, not who
usually supplies whom. On one fold the average precision of the network's pairs went from .37 to .42 by it after two epochs."""
TOLD, EVIDENCE, EVIDENCE_LOOKS = 0.3, 0.15, 2
"""Weights of the losses that point at evidence: is this token in a quoted sentence; does a deal's pair look there, with so many looks."""
KEEP_AVERAGE = 0.996
"""The shipped weights are a running average over the steps with this share of the old; single steps swing by .02."""
ENCODER_RATE = 1.5e-4
HEAD_RATE = 7e-4
PAIR_SCALE = 6.0
"""The pair losses of a document are summed and divided by this: a document with many candidates teaches more than one with few."""


Chunks = list[Tensor]
"""Of a document, (1, n, 768) each."""


@dataclass(slots=True)
class Example:
    """One training document: arrays and targets."""

    id: str
    arrays: Arrays
    labels: Labels


class Model(torch.nn.Module):
    """Encoder and heads."""

    def __init__(self, weights: bytes) -> None:
        super().__init__()
        self.encoder = Encoder.from_pretrained(weights, len(TYPES))
        self.heads = Heads()

    @torch.no_grad()
    def lower(self, arrays: Arrays, *, hidden: bool = False) -> Chunks:
        """What the frozen layers make of each chunk, in half the bytes; with `hidden`, of one without its companies' names."""
        made = []
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for chunk, kind in zip(arrays.chunk_ids, arrays.chunk_types, strict=True):
                ids = torch.from_numpy(hide_names(chunk, kind) if hidden else chunk)[None]
                made.append(self.encoder.lower(ids).to(torch.bfloat16))
        return made

    def tokens(self, arrays: Arrays, below: Chunks | None = None) -> Tensor:
        """Vectors of all tokens of a document (T, 768). The chunks go through one by one: padding them costs a third of the time."""
        below = self.lower(arrays) if below is None else below
        made = []
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for part, kind, (first, stop) in zip(below, arrays.chunk_types, arrays.chunk_keep, strict=True):
                made.append(self.encoder.upper(part.float(), torch.from_numpy(kind)[None])[0, first:stop])
        return torch.cat(made).float()

    def forward(self, arrays: Arrays, below: Chunks | None = None, rows: Tensor | None = None) -> dict[str, Tensor]:
        made = self.heads(*head_inputs(self.tokens(arrays, below), arrays), rows)
        return dict(zip(HEAD_OUTPUTS, made, strict=True))


def head_inputs(tokens: Tensor, arrays: Arrays) -> list[Tensor]:
    """The heads' inputs in the order of `HEAD_INPUTS`."""
    given: dict[str, Tensor] = {"tokens": tokens}
    for name in HEAD_INPUTS[1:11]:
        given[name] = torch.from_numpy(getattr(arrays, name))
    for slot in ARGUMENT_SLOTS:
        given[slot] = torch.from_numpy(arrays.arguments[slot])
        given[f"{slot}_features"] = torch.from_numpy(arrays.argument_features[slot])
    for name in ("count", "count_features", "count_supplier", "count_technology"):
        given[name] = torch.from_numpy(getattr(arrays, name))
    return [given[name] for name in HEAD_INPUTS]


def _choose(scores: Tensor, right: np.ndarray, none: int) -> Tensor:
    """Cross entropy where several candidates may be right; `none` is right where no candidate is."""
    wanted = torch.as_tensor(right if len(right) else np.array([none]))
    return torch.logsumexp(scores, -1) - torch.logsumexp(scores[wanted], -1)


def loss_of(out: dict[str, Tensor], labels: Labels, arrays: Arrays) -> Tensor:
    """All losses of one document: pairs, sides, and the slots of the pairs that are deals."""
    total = F.binary_cross_entropy_with_logits(out["pair"], torch.from_numpy(labels.pair), reduction="sum") / PAIR_SCALE
    total = (
        total
        + 0.3
        * F.binary_cross_entropy_with_logits(out["supplier"], torch.from_numpy(labels.supplier), reduction="sum")
        / PAIR_SCALE
    )
    total = (
        total
        + 0.3
        * F.binary_cross_entropy_with_logits(out["recipient"], torch.from_numpy(labels.recipient), reduction="sum")
        / PAIR_SCALE
    )
    if len(labels.claim):
        total = total + 0.4 * F.binary_cross_entropy_with_logits(
            out["claim"], torch.from_numpy(labels.claim), reduction="sum"
        )
    for n, c in enumerate(labels.claim_rows):
        total = total + 0.4 * _choose(
            out["claim_supplier"][c], labels.claim_supplier[n], out["claim_supplier"].shape[1] - 1
        )
        total = total + 0.15 * F.binary_cross_entropy_with_logits(
            out["claim_technologies"][c], torch.from_numpy(labels.claim_technologies[n]), reduction="sum"
        )
    if len(labels.told):
        total = total + TOLD * F.binary_cross_entropy_with_logits(out["told"], torch.from_numpy(labels.told))
    if not labels.deal_pairs:
        return total
    slots = torch.zeros(())
    years = len(arrays.arguments["year"])
    for n in range(len(labels.deal_pairs)):  # the slots were worked out for the deals alone, in their order
        slots = (
            slots
            + F.binary_cross_entropy_with_logits(
                out["technologies"][n], torch.from_numpy(labels.technologies[n]), reduction="sum"
            )
            / 3.0
        )
        slots = slots + F.cross_entropy(out["financing"][n][None], torch.tensor([labels.financing[n]]))
        slots = slots + F.cross_entropy(out["status"][n][None], torch.tensor([labels.status[n]]))
        slots = slots + F.binary_cross_entropy_with_logits(out["alleged"][n], torch.tensor(labels.alleged[n]))
        for name, right in (("value", labels.value[n]), ("amount", labels.amount[n])):
            if out[name].shape[1]:
                target = torch.zeros(out[name].shape[1])
                target[right] = 1.0
                slots = slots + F.binary_cross_entropy_with_logits(out[name][n], target, reduction="sum") / 2.0
        slots = slots + _choose(out["year_scores"][n], labels.year[n], years + 1)
        slots = slots + _choose(out["customer_scores"][n], labels.customer[n], len(arrays.arguments["customer"]))
        slots = slots + _choose(out["financier_scores"][n], labels.financier[n], len(arrays.arguments["financier"]))
    return total + 0.35 * slots / math.sqrt(len(labels.deal_pairs))


Below = dict[str, tuple[Chunks, Chunks]]


def unseen_evidence(attention: Sequence[Tensor], labels: Labels) -> Tensor:
    """How little the first looks of the deals rest on the sentences that are quoted as their evidence (Ma et al. 2023)."""
    total = torch.zeros(())
    for pair, tokens in zip(labels.deal_pairs, labels.evidence, strict=True):
        if len(tokens):
            for scores in attention[:EVIDENCE_LOOKS]:
                total = total - torch.logsumexp(scores[pair].log_softmax(0)[torch.from_numpy(tokens)], 0)
    return total / math.sqrt(max(1, len(labels.deal_pairs)))


def read_below(examples: Sequence[Example], weights: bytes) -> Below:
    """What the frozen layers make of every document, by id, with its companies' names and without; shared by all folds."""
    model = Model(weights).eval()
    return {e.id: (model.lower(e.arrays), model.lower(e.arrays, hidden=True)) for e in examples if e.arrays.chunk_ids}


def fit(
    examples: Sequence[Example],
    weights: bytes,
    *,
    below: Below | None = None,
    seed: int = 0,
    epochs: int = EPOCHS,
    log: bool = True,
) -> Model:
    """Trains from the pretrained encoder; gives the running average of the weights (Polyak and Juditsky 1992).

    The same examples and seed give the same order of steps.
    """
    below = read_below(examples, weights) if below is None else below
    torch.manual_seed(seed)
    rng = random.Random(seed)  # noqa: S311 - an order of documents, no secret
    model = Model(weights)
    for part in model.encoder.frozen():
        for parameter in part.parameters():
            parameter.requires_grad = False
    usable = [e for e in examples if e.arrays.chunk_ids and len(e.arrays.pair_supplier)]
    features = np.concatenate([e.arrays.features for e in usable])
    model.heads.feature_mean.copy_(torch.from_numpy(features.mean(0)))
    model.heads.feature_spread.copy_(torch.from_numpy(np.maximum(features.std(0), 1e-3)))
    groups = [
        {"params": [p for p in model.encoder.parameters() if p.requires_grad], "lr": ENCODER_RATE},
        {"params": list(model.heads.parameters()), "lr": HEAD_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.02, fused=True)
    steps = epochs * math.ceil(len(usable) / STEP_DOCUMENTS)
    warm = max(1, steps // 12)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min(1.0, (n + 1) / warm) * max(0.02, (steps - n) / steps)
    )
    learnt = torch.nn.ModuleList([*model.encoder.trained(), model.heads])
    average = AveragedModel(learnt, multi_avg_fn=get_ema_multi_avg_fn(KEEP_AVERAGE))
    for epoch in range(epochs):
        model.train()
        order = list(usable)
        rng.shuffle(order)
        started, seen = time.monotonic(), 0.0
        for n, example in enumerate(order, 1):
            reading = below[example.id][rng.random() < HIDDEN]
            out = model(example.arrays, reading, rows=torch.tensor(example.labels.deal_pairs, dtype=torch.long))
            loss = loss_of(out, example.labels, example.arrays)
            loss = (loss + EVIDENCE * unseen_evidence(model.heads.attention, example.labels)) / STEP_DOCUMENTS
            loss.backward()
            seen += float(loss.detach()) * STEP_DOCUMENTS
            if n % STEP_DOCUMENTS == 0 or n == len(order):
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                average.update_parameters(learnt)
        if log:
            print(
                f"  epoch {epoch + 1}/{epochs}: loss {seen / max(1, len(order)):.3f}, {time.monotonic() - started:.0f} s",
                flush=True,
            )
    learnt.load_state_dict(average.module.state_dict())
    return model.eval()


@torch.no_grad()
def predict(model: Model, arrays: Arrays, below: Chunks | None = None) -> dict[str, np.ndarray]:
    """The heads' outputs for one document, as arrays."""
    return {name: value.numpy() for name, value in model(arrays, below).items()}
