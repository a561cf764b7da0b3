"""The heads over the encoder: is this pair a deal, and what fills its slots?

A pair is read from its supplier's mentions, its country's mentions, the two that stand nearest to each other,
what the pair itself looks up in the text (attention), and the readable features. Slots that point at words
(sums, years, customer, financier) score every candidate of the document against the pair.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from extract.claims import CLAIM_FEATURES, CLAIM_SUPPLIER_FEATURES, CLAIM_TECHNOLOGY_FEATURES
from extract.decode import FINANCING, STATUSES
from extract.graph import FEATURES, TECHNOLOGIES
from extract.tensors import ARGUMENT_FEATURES, TECHNOLOGY_FEATURES
from extract.train.mpnet import WIDTH

HALF = 160
PAIR = 224
LOOKS = 4
KIND_LOOKS = 3

HEAD_INPUTS = (
    "tokens", "average", "supplier_mask", "recipient_mask", "pair_supplier", "pair_recipient", "near_supplier", "near_recipient",
    "features", "technology_mask", "technology_features", "money", "money_features", "year", "year_features", "customer",
    "customer_features", "financier", "financier_features", "count", "count_features", "count_supplier", "count_technology",
)  # fmt: skip
HEAD_OUTPUTS = ("pair", "supplier", "recipient", "technologies", "financing", "status", "alleged", "value", "amount", "year_scores",
                "customer_scores", "financier_scores", "claim", "claim_supplier", "claim_technologies", "told")  # fmt: skip


class Pointer(nn.Module):
    """Scores of N candidate mentions for P pairs, and of `extra` candidates that are no words (none, the document's year)."""

    def __init__(self, outputs: int = 1, extra: int = 0) -> None:
        super().__init__()
        self.mention = nn.Linear(WIDTH, HALF)
        self.pair = nn.Linear(PAIR, HALF)
        self.cross = nn.Linear(PAIR, HALF)
        self.facts = nn.Linear(ARGUMENT_FEATURES, HALF)
        self.out = nn.Linear(HALF, outputs)
        self.extra = nn.Linear(PAIR, extra) if extra else None
        self.dropout = nn.Dropout(0.2)

    def forward(self, z: Tensor, mentions: Tensor, facts: Tensor) -> Tensor:
        m = self.mention(mentions)[None]
        hidden = F.relu(m + self.pair(z)[:, None] + self.cross(z)[:, None] * torch.tanh(m) + self.facts(facts))
        return self.out(self.dropout(hidden))  # (P, N, outputs)


class Heads(nn.Module):
    """Everything behind the encoder. Inputs as in `HEAD_INPUTS`, outputs as in `HEAD_OUTPUTS` (logits)."""

    feature_mean: Tensor
    feature_spread: Tensor
    attention: list[Tensor]
    """What the pairs of the last document looked at, (P, T) for each look; kept while training only, for its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.side_supplier = nn.Linear(2 * WIDTH, HALF)
        self.side_recipient = nn.Linear(2 * WIDTH, HALF)
        self.near_supplier = nn.Linear(WIDTH, HALF)
        self.near_recipient = nn.Linear(WIDTH, HALF)
        self.looks = nn.ModuleList(nn.Linear(2 * HALF, WIDTH) for _ in range(LOOKS))
        self.looked = nn.Linear(LOOKS * WIDTH, HALF)
        self.register_buffer("feature_mean", torch.zeros(len(FEATURES)))
        self.register_buffer("feature_spread", torch.ones(len(FEATURES)))
        self.facts = nn.Sequential(nn.Linear(len(FEATURES), 96), nn.ReLU(), nn.Dropout(0.2))
        self.joint = nn.Sequential(nn.Dropout(0.3), nn.Linear(6 * HALF + 96, PAIR), nn.ReLU(), nn.Dropout(0.3))
        self.told = nn.Linear(WIDTH, 1)
        self.pair = nn.Linear(PAIR, 1)
        self.linear = nn.Linear(len(FEATURES), 1)
        self.supplier = nn.Linear(HALF, 1)
        self.recipient = nn.Linear(HALF, 1)
        self.weights = nn.Parameter(torch.tensor([0.5, 0.5]))
        self.technology = nn.Linear(PAIR, len(TECHNOLOGIES))
        self.technology_facts = nn.Linear(TECHNOLOGY_FEATURES, 1)
        self.technology_pair = nn.Linear(PAIR, HALF)
        self.technology_mention = nn.Linear(WIDTH, HALF)
        self.technology_cross = nn.Linear(HALF, 1)
        self.kind_looks = nn.ModuleList(nn.Linear(PAIR, WIDTH) for _ in range(KIND_LOOKS))
        self.kind_looked = nn.Linear(KIND_LOOKS * WIDTH, HALF)
        self.kind_dropout = nn.Dropout(0.2)
        self.financing = nn.Linear(PAIR + HALF, len(FINANCING))
        self.status = nn.Linear(PAIR + HALF, len(STATUSES))
        self.alleged = nn.Linear(PAIR + HALF, 1)
        self.money = Pointer(2)
        self.year = Pointer(1, extra=2)
        self.customer = Pointer(1, extra=1)
        self.financier = Pointer(1, extra=1)
        self.claim_mention = nn.Linear(WIDTH, HALF)
        self.claim_facts = nn.Linear(CLAIM_FEATURES, HALF)
        self.claim = nn.Linear(HALF, 1)
        self.claim_linear = nn.Linear(CLAIM_FEATURES, 1)
        self.claim_supplier = nn.Linear(HALF, HALF)
        self.claim_supplier_facts = nn.Sequential(nn.Linear(CLAIM_SUPPLIER_FEATURES, 32), nn.ReLU(), nn.Linear(32, 1))
        self.claim_nobody = nn.Linear(HALF + CLAIM_FEATURES, 1)
        self.claim_technology = nn.Linear(HALF, len(TECHNOLOGIES))
        self.claim_technology_facts = nn.Sequential(
            nn.Linear(CLAIM_TECHNOLOGY_FEATURES, 24), nn.ReLU(), nn.Linear(24, 1)
        )
        self.claim_dropout = nn.Dropout(0.3)

    def forward(
        self, tokens: Tensor, average: Tensor, supplier_mask: Tensor, recipient_mask: Tensor, pair_supplier: Tensor,
        pair_recipient: Tensor, near_supplier: Tensor, near_recipient: Tensor, features: Tensor, technology_mask: Tensor,
        technology_features: Tensor, money: Tensor, money_features: Tensor, year: Tensor, year_features: Tensor,
        customer: Tensor, customer_features: Tensor, financier: Tensor, financier_features: Tensor,
        count: Tensor, count_features: Tensor, count_supplier: Tensor, count_technology: Tensor, rows: Tensor | None = None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        """Logits. With `rows`, the slots are worked out for those pairs only (training needs them for deals alone)."""
        mentions = average @ tokens  # (M, W)

        def pooled(mask: Tensor) -> Tensor:
            mean = (mask @ mentions) / mask.sum(1, keepdim=True).clamp(min=1.0)
            top = (mentions[None] + (mask[:, :, None] - 1.0) * 1e4).amax(1)
            return torch.cat([mean, top.clamp(min=-50.0)], 1)

        s_side = torch.tanh(self.side_supplier(pooled(supplier_mask)))
        r_side = torch.tanh(self.side_recipient(pooled(recipient_mask)))
        s, r = s_side[pair_supplier], r_side[pair_recipient]
        both = torch.cat([s, r], 1)
        looked = []
        self.attention = []
        for look in self.looks:
            scores = look(both) @ tokens.T / WIDTH**0.5
            looked.append(scores.softmax(-1) @ tokens)
            if self.training:
                self.attention.append(scores)
        context = torch.tanh(self.looked(torch.cat(looked, 1)))
        plain = ((features - self.feature_mean) / self.feature_spread).clamp(-4.0, 4.0)
        z = self.joint(
            torch.cat(
                [s, r, s * r, torch.tanh(self.near_supplier(mentions[near_supplier])),
                 torch.tanh(self.near_recipient(mentions[near_recipient])), context, self.facts(plain)], 1,
            )
        )  # fmt: skip
        s_logit, r_logit = self.supplier(s_side)[:, 0], self.recipient(r_side)[:, 0]
        pair = (
            self.pair(z)[:, 0] + self.linear(plain)[:, 0]
            + self.weights[0] * s_logit[pair_supplier] + self.weights[1] * r_logit[pair_recipient]
        )  # fmt: skip
        if rows is not None:
            z, technology_features = z[rows], technology_features[rows]
            money_features, year_features = money_features[rows], year_features[rows]
            customer_features, financier_features = customer_features[rows], financier_features[rows]
        t_mean = (technology_mask @ mentions) / technology_mask.sum(1, keepdim=True).clamp(min=1.0)
        cross = torch.relu(self.technology_pair(z)[:, None] + self.technology_mention(t_mean)[None])
        technologies = (
            self.technology(z)
            + self.technology_facts(technology_features)[:, :, 0]
            + self.technology_cross(cross)[:, :, 0]
        )

        asked = torch.cat([(look(z) @ tokens.T / WIDTH**0.5).softmax(-1) @ tokens for look in self.kind_looks], 1)
        kind = torch.cat([z, self.kind_dropout(torch.tanh(self.kind_looked(asked)))], 1)

        def point(head: Pointer, index: Tensor, facts: Tensor) -> Tensor:
            scores = head(z, mentions[index], facts)
            return torch.cat([scores[:, :, 0], head.extra(z)], 1) if head.extra is not None else scores  # noqa: S610

        told = self.claim_dropout(torch.relu(self.claim_mention(mentions[count]) + self.claim_facts(count_features)))
        claim = self.claim(told)[:, 0] + self.claim_linear(count_features)[:, 0]
        claim_supplier = (
            self.claim_supplier(told) @ s_side.T / HALF**0.5 + self.claim_supplier_facts(count_supplier)[:, :, 0]
        )
        claim_supplier = torch.cat([claim_supplier, self.claim_nobody(torch.cat([told, count_features], 1))], 1)
        claim_technologies = self.claim_technology(told) + self.claim_technology_facts(count_technology)[:, :, 0]
        sums = point(self.money, money, money_features)
        return (
            pair, s_logit, r_logit, technologies, self.financing(kind), self.status(kind), self.alleged(kind)[:, 0], sums[:, :, 0], sums[:, :, 1],
            point(self.year, year, year_features), point(self.customer, customer, customer_features),
            point(self.financier, financier, financier_features), claim, claim_supplier, claim_technologies,
            self.told(tokens)[:, 0],
        )  # fmt: skip
