"""Gold annotations laid over a graph: which candidate pairs are deals, and where their slots stand.

Names are compared as the scorer compares them (`extract.measure.norm`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from extract.decode import FINANCING, STATUSES
from extract.graph import TECHNOLOGIES, Graph
from extract.measure import norm, overlap
from extract.tensors import Arrays, Floats, Ints
from records import Document


@dataclass
class Labels:
    """Targets over one document's arrays; those of slots only for pairs that are deals. Empty = not to be learnt."""

    pair: Floats  # (P,)
    supplier: Floats  # (S,)
    recipient: Floats  # (R,)
    told: Floats = field(
        default_factory=lambda: np.zeros(0, np.float32)
    )  # (T,) in a sentence that is evidence of a deal
    evidence: list[Ints] = field(default_factory=list)  # the tokens of a deal's own evidence
    deal_pairs: list[int] = field(default_factory=list)
    technologies: list[Floats] = field(default_factory=list)
    financing: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    alleged: list[float] = field(default_factory=list)
    value: list[Ints] = field(default_factory=list)  # positions in arguments["money"]
    amount: list[Ints] = field(default_factory=list)
    year: list[Ints] = field(default_factory=list)  # positions; [N] = the document's own year; empty = none
    customer: list[Ints] = field(default_factory=list)
    financier: list[Ints] = field(default_factory=list)
    claim: Floats = field(default_factory=lambda: np.zeros(0, np.float32))  # (C,)
    claim_rows: list[int] = field(default_factory=list)  # candidates that are claims
    claim_supplier: list[Ints] = field(default_factory=list)  # suppliers that match, empty = nobody told
    claim_technologies: list[Floats] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)  # gold deals that no candidate pair can match, with the reason


def supplier_names(graph: Graph) -> list[set[str]]:
    return [
        {norm(n) for n in [*s.company.names, s.company.vendor or ""]} - {""} if s.company else set()
        for s in graph.suppliers
    ]


def lay_over(
    graph: Graph, arrays: Arrays, deals: Iterable[dict[str, Any]], claims: Iterable[dict[str, Any]] | None = ()
) -> Labels:
    """Targets for one document. A deal with a vendor matches every cluster that bears one of its names.

    `claims` is None where nobody looked for coverage claims: then the document teaches nothing of them.
    """
    pairs = list(zip(arrays.pair_supplier.tolist(), arrays.pair_recipient.tolist(), strict=True))
    where = {pair: n for n, pair in enumerate(pairs)}
    labels = Labels(
        np.zeros(len(pairs), np.float32),
        np.zeros(len(graph.suppliers), np.float32),
        np.zeros(len(graph.recipients), np.float32),
    )
    names = supplier_names(graph)
    country = {r.key: i for i, r in enumerate(graph.recipients)}
    text = graph.reading.text
    money = [s for _, s in graph.mentions.money]
    published = (graph.document.date or "")[:4]
    labels.told = np.zeros(len(arrays.sentence), np.float32)
    sentences = [_letters(text[start:end]) for start, end in graph.parsed.sentences]
    for deal in deals:
        tokens = _evidence(arrays, sentences, deal.get("evidence") or ())
        labels.told[tokens] = 1.0
        told = f"{deal['vendor'] or '#' + str(deal['vendor_country'])} -> {deal['country']}"
        if deal["country"] not in country:
            labels.missed.append(f"country {told}")
            continue
        r = country[deal["country"]]
        if deal["vendor"] is None:
            matching = [i for i, s in enumerate(graph.suppliers) if s.is_nation and s.country == deal["vendor_country"]]
        else:
            gold = {norm(n) for n in [deal["vendor"], *deal["vendor_aliases"]]} - {""}
            matching = [i for i, found in enumerate(names) if found & gold]
        matching = [i for i in matching if (i, r) in where]
        if not matching:
            labels.missed.append(f"supplier {told}")
            continue
        labels.recipient[r] = 1.0
        for i in matching:
            labels.supplier[i] = 1.0
            p = where[i, r]
            if labels.pair[p]:
                continue
            labels.pair[p] = 1.0
            labels.deal_pairs.append(p)
            labels.evidence.append(tokens)
            labels.technologies.append(np.array([float(t in deal["technologies"]) for t in TECHNOLOGIES], np.float32))
            financing = deal["financing"] or {}
            labels.financing.append(FINANCING.index(financing.get("type") or "none"))
            labels.status.append(STATUSES.index(deal["status"]))
            labels.alleged.append(float(deal["alleged"]))
            labels.value.append(_amounts(money, deal["value"]))
            labels.amount.append(_amounts(money, financing if financing.get("amount") is not None else None))
            years = [n for n, m in enumerate(graph.mentions.years) if m.key == str(deal["year"])]
            if not years and deal["year"] and str(deal["year"]) == published:
                years = [len(graph.mentions.years)]
            labels.year.append(np.array(years, np.int64))
            for slot, wanted, target in (
                ("customer", deal["customer"], labels.customer),
                ("financier", financing.get("financier"), labels.financier),
            ):
                target.append(_named(text, arrays, slot, wanted))
    if claims is not None:
        _claims(graph, arrays, labels, names, claims)
    return labels


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


def _evidence(arrays: Arrays, sentences: list[str], quotes: Iterable[str]) -> Ints:
    """The tokens of the sentences that stand in a quote or hold one."""
    wanted = [_letters(quote) for quote in quotes]
    told = [n for n, s in enumerate(sentences) if len(s) > 12 and any(s in q or q in s for q in wanted)]
    return np.flatnonzero(np.isin(arrays.sentence, told))


def _claims(
    graph: Graph, arrays: Arrays, labels: Labels, names: list[set[str]], claims: Iterable[dict[str, Any]]
) -> None:
    labels.claim = np.zeros(len(arrays.counts), np.float32)
    for wanted in claims:
        if wanted["vendor"]:
            right = [n for n, found in enumerate(names) if norm(wanted["vendor"]) in found]
        else:
            right = [n for n, s in enumerate(graph.suppliers) if s.is_nation and s.country == wanted["vendor_country"]]
        free = [n for n, c in enumerate(arrays.counts) if c.number == wanted["n_countries"] and not labels.claim[n]]
        told = set(wanted["technologies"])

        def fits(
            n: int, right: list[int] = right, told: set[str] = told, qualifier: str = wanted["qualifier"]
        ) -> float:
            near = max((arrays.count_supplier[n, s, 7] for s in right), default=0.0)
            words = sum(arrays.count_technology[n, i, 1] for i, t in enumerate(TECHNOLOGIES) if t in told)
            return float(near + words + (arrays.counts[n].qualifier.value == qualifier))

        if not free or (wanted["vendor_country"] and not right):
            labels.missed.append(f"claim {wanted['vendor'] or wanted['vendor_country']} {wanted['n_countries']}")
            continue
        best = max(free, key=fits)
        labels.claim[best] = 1.0
        labels.claim_rows.append(best)
        labels.claim_supplier.append(np.array(right, np.int64))
        labels.claim_technologies.append(np.array([float(t in told) for t in TECHNOLOGIES], np.float32))


def _amounts(money: list[Any], wanted: dict[str, Any] | None) -> Ints:
    if not wanted or wanted.get("amount") is None:
        return np.zeros(0, np.int64)
    right = [
        n for n, s in enumerate(money)
        if wanted["currency"] in s.currencies and abs(s.amount - wanted["amount"]) <= 0.01 * abs(wanted["amount"])
    ]  # fmt: skip
    return np.array(right, np.int64)


def _named(text: str, arrays: Arrays, slot: str, wanted: str | None) -> Ints:
    if not wanted:
        return np.zeros(0, np.int64)
    words = [
        (n, text[arrays.mentions[i].start : arrays.mentions[i].end])
        for n, i in enumerate(arrays.arguments[slot].tolist())
    ]
    exact = [n for n, w in words if norm(w) == norm(wanted)]
    return np.array(exact or [n for n, w in words if overlap(w, wanted)], np.int64)


def read_gold(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Gold documents of JSONL files, in order."""
    return [
        json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def as_document(gold: dict[str, Any]) -> Document:
    return Document(
        id=gold["id"], text=gold["text"], title=gold.get("title") or "", date=gold.get("date"), lang=gold.get("lang")
    )
