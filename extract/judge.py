"""Asks the trees every question about a document and gives their answers as log odds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from extract import weigh
from extract.graph import TECHNOLOGIES, Graph
from extract.tensors import Arrays, Floats
from extract.trees import Trees

QUESTIONS = (
    "pair",
    "technology",
    "value",
    "amount",
    "year",
    "customer",
    "financier",
    "financing",
    "status",
    "alleged",
    "claim",
    "claim_technology",
    "claim_supplier",
)


@dataclass(slots=True)
class Judge:
    """The trees' answers on one document; a question is asked only when its answer is wanted."""

    trees: Mapping[str, Trees]
    graph: Graph
    arrays: Arrays
    out: dict[str, Floats]
    asked: dict[tuple[str, int], Floats] = field(default_factory=dict)
    kinds: dict[int, Floats] = field(default_factory=dict)  # one row of a pair answers three questions
    told: dict[int, list[str]] = field(default_factory=dict)

    def _one(self, question: str, p: int, rows: Callable[[], Floats]) -> Floats:
        """Scores of a yes-or-no question, kept: thresholds are tried many times over the same answers."""
        key = (question, p)
        if key not in self.asked:
            self.asked[key] = self.trees[question].score(rows())[:, 0]
        return self.asked[key]

    def _kinds(self, question: str, p: int) -> Floats:
        key = (question, p)
        if key not in self.asked:
            if p not in self.kinds:
                self.kinds[p] = weigh.kind_row(self.graph, self.arrays, self.out, p)[None]
            self.asked[key] = self.trees[question].score(self.kinds[p])[0]
        return self.asked[key]

    def pair(self, network: float = 0.0) -> Floats:
        """(P,) is this pair a deal? `network` is how much the network's own answer counts beside the trees', which know it as a feature."""
        trees = self._one("pair", -1, lambda: weigh.pair_rows(self.graph, self.arrays, self.out))
        return trees + np.float32(network) * self.out["pair"]

    def technology(self, p: int) -> Floats:
        """(15,) is this technology part of the deal?"""
        return self._one("technology", p, lambda: weigh.technology_rows(self.graph, self.arrays, self.out, p))

    def value(self, p: int) -> Floats:
        """(N,) is this sum the deal's value?"""
        return self._one("value", p, lambda: weigh.money_rows(self.graph, self.arrays, self.out, p))

    def amount(self, p: int) -> Floats:
        """(N,) is this sum the size of the financing?"""
        return self._one("amount", p, lambda: weigh.money_rows(self.graph, self.arrays, self.out, p))

    def year(self, p: int) -> Floats:
        """(N + 1,) is this the year? The last asks for the year of publication."""
        return self._one("year", p, lambda: weigh.year_rows(self.graph, self.arrays, self.out, p))

    def customer(self, p: int) -> Floats:
        """(N,) is this body the customer?"""
        return self._one("customer", p, lambda: weigh.customer_rows(self.graph, self.arrays, self.out, p))

    def financier(self, p: int) -> Floats:
        """(N,) does this one finance the deal?"""
        return self._one("financier", p, lambda: weigh.financier_rows(self.graph, self.arrays, self.out, p))

    def financing(self, p: int) -> Floats:
        """(9,) scores of `decode.FINANCING`."""
        return self._kinds("financing", p)

    def status(self, p: int) -> Floats:
        """(6,) scores of `decode.STATUSES`."""
        return self._kinds("status", p)

    def alleged(self, p: int) -> float:
        """Is the deal disputed, denied or unconfirmed?"""
        return float(self._kinds("alleged", p)[0])

    def claims(self) -> Floats:
        """(C,) is this number a coverage claim?"""
        return self._one("claim", -1, lambda: weigh.claim_rows(self.arrays, self.out))

    def claim_technologies(self) -> Floats:
        """(C, 15) is this technology told of the number?"""
        return self._each_count("claim_technology", weigh.claim_technology_rows, len(TECHNOLOGIES))

    def claim_suppliers(self) -> Floats:
        """(C, S + 1) is this supplier the number's? The last stands for "no supplier told"."""
        return self._each_count("claim_supplier", weigh.claim_supplier_rows, len(self.graph.suppliers) + 1)

    def _each_count(
        self, question: str, rows: Callable[[Graph, Arrays, dict[str, Floats], int], Floats], width: int
    ) -> Floats:
        made = [
            self._one(question, c, lambda c=c: rows(self.graph, self.arrays, self.out, c))  # type: ignore[misc]
            for c in range(len(self.arrays.counts))
        ]
        return np.stack(made) if made else np.zeros((0, width), np.float32)

    def pair_reasons(self, p: int, network: float = 0.0, most: int = 5) -> list[str]:
        """What carried a pair, strongest first: what its score loses when a feature has its usual value, and the network's own answer."""
        if p not in self.told:
            row = weigh.pair_rows(self.graph, self.arrays, self.out)[p]
            varied = np.repeat(row[None], len(row) + 1, axis=0)
            index = np.arange(len(row))
            varied[index, index] = self.trees["pair_usual"].base
            scores = self.trees["pair"].score(varied)[:, 0]
            own = float(self.out["pair"][p])
            parts = [
                *zip(weigh.PAIR_COLUMNS, row.tolist(), (scores[-1] - scores[:-1]).tolist(), strict=True),
                ("network_itself", own, network * own),
            ]
            parts.sort(key=lambda part: -abs(part[2]))
            self.told[p] = [
                f"{name}={value:.2g} ({lost:+.2f})" for name, value, lost in parts[:most] if abs(lost) > 0.01
            ]
        return self.told[p]
