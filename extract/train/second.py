"""Trains the trees on the network's out-of-fold scores, and sets every threshold out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from extract import weigh
from extract.decode import FINANCING, STATUSES
from extract.graph import TECHNOLOGIES
from extract.judge import QUESTIONS
from extract.tensors import Floats
from extract.train.items import Item
from extract.trees import Trees

Outputs = Mapping[int, dict[str, Floats]]
Rows = dict[str, tuple[Floats, np.ndarray]]

SHAPES: dict[str, dict[str, Any]] = {
    "pair": {
        "max_iter": 220,
        "learning_rate": 0.05,
        "max_leaf_nodes": 10,
        "min_samples_leaf": 20,
        "l2_regularization": 8.0,
    },
    "default": {
        "max_iter": 120,
        "learning_rate": 0.06,
        "max_leaf_nodes": 8,
        "min_samples_leaf": 15,
        "l2_regularization": 8.0,
        "max_features": 0.4,
    },
    "kind": {
        "max_iter": 150,
        "learning_rate": 0.06,
        "max_leaf_nodes": 6,
        "min_samples_leaf": 12,
        "l2_regularization": 10.0,
        "max_features": 0.3,
    },
}
"""Small trees, much shrinkage, and but for the pairs a part of the columns at each split: there are some thousand
deals to learn from."""


def rows_of(item: Item, out: dict[str, Floats]) -> dict[str, tuple[Floats, list[Any]]]:
    """Rows and right answers of one document for every question."""
    graph, arrays, labels = item.graph, item.example.arrays, item.example.labels
    made: dict[str, tuple[list[Floats], list[Any]]] = {q: ([], []) for q in QUESTIONS}

    def add(question: str, rows: Floats, right: Sequence[Any]) -> None:
        if len(rows):
            made[question][0].append(rows)
            made[question][1].extend(right)

    def marks(n: int, right: np.ndarray) -> list[float]:
        return [float(i in set(right.tolist())) for i in range(n)]

    add("pair", weigh.pair_rows(graph, arrays, out), labels.pair.tolist())
    if len(labels.claim):
        add("claim", weigh.claim_rows(arrays, out), labels.claim.tolist())
    for n, c in enumerate(labels.claim_rows):
        add(
            "claim_technology",
            weigh.claim_technology_rows(graph, arrays, out, c),
            labels.claim_technologies[n].tolist(),
        )
        suppliers = weigh.claim_supplier_rows(graph, arrays, out, c)
        right = labels.claim_supplier[n]
        add("claim_supplier", suppliers, marks(len(suppliers), right if len(right) else np.array([len(suppliers) - 1])))
    for n, p in enumerate(labels.deal_pairs):
        add("technology", weigh.technology_rows(graph, arrays, out, p), labels.technologies[n].tolist())
        money = weigh.money_rows(graph, arrays, out, p)
        add("value", money, marks(len(money), labels.value[n]))
        add("amount", money, marks(len(money), labels.amount[n]))
        years = weigh.year_rows(graph, arrays, out, p)
        add("year", years, marks(len(years), labels.year[n]))
        for slot, rows, right in (
            ("customer", weigh.customer_rows(graph, arrays, out, p), labels.customer[n]),
            ("financier", weigh.financier_rows(graph, arrays, out, p), labels.financier[n]),
        ):
            add(slot, rows, marks(len(rows), right))
        kind = weigh.kind_row(graph, arrays, out, p)[None]
        add("financing", kind, [labels.financing[n]])
        add("status", kind, [labels.status[n]])
        add("alleged", kind, [labels.alleged[n]])
    return {
        q: (np.concatenate(rows) if rows else np.zeros((0, 0), np.float32), right) for q, (rows, right) in made.items()
    }


def grow(rows: Floats, right: np.ndarray, shape: Mapping[str, Any], classes: int = 1) -> Trees:
    """Fits boosted trees and takes their node tables."""
    right = right.astype(int)
    present = sorted(set(right.tolist()))
    if len(present) < 2:
        base = np.full(classes, -9.0, np.float32)
        if classes > 1:
            base[present[0] if present else 0] = 9.0
        elif present == [1]:
            base[0] = 9.0
        empty = np.zeros(1, np.int32)
        return Trees(empty, np.zeros(1, np.float32), empty, empty, np.zeros(1, np.float32), empty, empty, base, depth=1)
    model = HistGradientBoostingClassifier(random_state=0, **shape).fit(rows, right)
    feature, threshold, left, right_child, value, roots, outputs = [], [], [], [], [], [], []
    deepest, at = 1, 0
    for stage in model._predictors:
        for k, tree in enumerate(stage):
            nodes = tree.nodes
            index = np.arange(len(nodes), dtype=np.int32) + at
            leaf = nodes["is_leaf"].astype(bool)
            feature.append(np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32))
            threshold.append(np.where(leaf, np.inf, nodes["num_threshold"]).astype(np.float64))
            left.append(np.where(leaf, index, nodes["left"].astype(np.int32) + at))
            right_child.append(np.where(leaf, index, nodes["right"].astype(np.int32) + at))
            value.append(nodes["value"].astype(np.float32))
            roots.append(at)
            outputs.append(present[k] if classes > 1 and len(present) > 2 else (0 if classes == 1 else present[1]))
            deepest = max(deepest, int(nodes["depth"].max()))
            at += len(nodes)
    base = np.full(classes, -9.0 if classes > 1 else 0.0, np.float32)
    prediction = np.ravel(model._baseline_prediction)
    if classes == 1:
        base[0] = prediction[0]
    elif len(present) > 2:
        base[present] = prediction
    else:
        base[present[0]], base[present[1]] = 0.0, prediction[0]
    return Trees(
        np.concatenate(feature), np.concatenate(threshold).astype(np.float32), np.concatenate(left).astype(np.int32),
        np.concatenate(right_child).astype(np.int32), np.concatenate(value), np.array(roots, np.int32), np.array(outputs, np.int32), base,
        depth=deepest + 1,
    )  # fmt: skip


def _shape(question: str) -> tuple[Mapping[str, Any], int]:
    if question == "pair":
        return SHAPES["pair"], 1
    if question in ("financing", "status"):
        return SHAPES["kind"], len(FINANCING) if question == "financing" else len(STATUSES)
    return SHAPES["kind" if question == "alleged" or question.startswith("claim") else "default"], 1


def train_trees(parts: Sequence[dict[str, tuple[Floats, list[Any]]]]) -> dict[str, Trees]:
    """One ensemble a question from the rows of many documents; `pair_usual` keeps the usual (median) row of a deal's rivals."""
    made: dict[str, Trees] = {}
    for question in QUESTIONS:
        filled = [part[question] for part in parts if len(part[question][0])]
        if not filled:
            raise ValueError(f"no document teaches {question}")
        rows = np.concatenate([r for r, _ in filled])
        right = np.array([y for _, ys in filled for y in ys])
        shape, classes = _shape(question)
        made[question] = grow(rows, right, shape, classes)
        if question == "pair":
            empty = np.zeros(1, np.int32)
            usual = np.median(rows, axis=0).astype(np.float32)
            made["pair_usual"] = Trees(
                empty, np.zeros(1, np.float32), empty, empty, np.zeros(1, np.float32), empty, empty, usual, depth=1
            )
    return made


def out_of_fold(
    items: Sequence[Item],
    outputs: Outputs,
    folds: Sequence[int],
    log: Callable[[str], None] = print,
    *,
    learn: Callable[[Item], bool] = lambda _: True,
) -> tuple[dict[int, Mapping[str, Trees]], dict[str, Trees]]:
    """For each document the trees of the other folds, and the trees of all documents; of those that `learn` lets in."""
    parts = {n: rows_of(items[n], outputs[n]) for n in outputs if learn(items[n])}
    by_fold: dict[int, dict[str, Trees]] = {}
    for fold in sorted(set(folds)):
        by_fold[fold] = train_trees([part for n, part in parts.items() if folds[n] != fold])
        log(f"trees without fold {fold}")
    return {n: by_fold[folds[n]] for n in outputs}, train_trees(list(parts.values()))


assert len(TECHNOLOGIES) == 15
