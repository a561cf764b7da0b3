"""A graph as arrays: what the encoder and the heads read, in training and at run time alike.

Shapes: T tokens of all chunks, M mentions, S suppliers, R recipients, P pairs, F pair features,
K argument features, and N candidates for each slot that points at words of the text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from extract.claims import claim_features
from extract.counts import Count, find_counts
from extract.graph import TECHNOLOGIES, Graph, PairDescriber
from extract.mentions import Mention

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TYPES = (
    "none",
    "vendor",
    "company",
    "country",
    "strong",
    "weak",
    "money",
    "year",
    "agency",
    "lender",
    "organisation",
    "reference",
    "count",
)
_COMPANIES = (TYPES.index("vendor"), TYPES.index("company"))
MASK_ID = 103
"""[MASK] in the vocabulary of BERT's uncased models, in whose order the encoder's words stand."""
CHUNK = 448
"""Word pieces a chunk, without [CLS] and [SEP]; the encoder's positions end at 512, the title is put before later chunks."""
MOST_CHUNKS = 12
"""A document's first chunks go through the encoder; the features alone read what lies behind (over ~4,000 words)."""
ARGUMENT_SLOTS = ("money", "year", "customer", "financier")
ARGUMENT_FEATURES = 12
TECHNOLOGY_FEATURES = 8
MOST_MENTIONS = 24
"""Mentions of one supplier or country that are pooled; the first ones."""


@dataclass(slots=True)
class Arrays:
    """One document for the encoder (chunks) and for the heads (all else)."""

    chunk_ids: list[Ints]
    chunk_types: list[Ints]
    chunk_keep: list[tuple[int, int]]  # the part of each chunk that counts as tokens of the document
    sentence: Ints  # (T,) the sentence that each token stands in
    average: Floats  # (M, T), rows sum to 1 (0 where the mention lies behind the last chunk)
    supplier_mask: Floats  # (S, M)
    recipient_mask: Floats  # (R, M)
    pair_supplier: Ints  # (P,)
    pair_recipient: Ints  # (P,)
    near_supplier: Ints  # (P,) mention index
    near_recipient: Ints  # (P,)
    features: Floats  # (P, F)
    technology_mask: Floats  # (15, M)
    technology_features: Floats  # (P, 15, TECHNOLOGY_FEATURES)
    arguments: dict[str, Ints]  # slot -> (N,) mention indexes
    argument_features: dict[str, Floats]  # slot -> (P, N, ARGUMENT_FEATURES)
    counts: list[Count]
    count: Ints  # (C,) mention indexes
    count_features: Floats  # (C, CLAIM_FEATURES)
    count_supplier: Floats  # (C, S, CLAIM_SUPPLIER_FEATURES)
    count_technology: Floats  # (C, 15, CLAIM_TECHNOLOGY_FEATURES)
    mentions: list[Mention]


class ArrayMaker:
    """Turns graphs into arrays with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.cls = tokenizer.token_to_id("[CLS]")
        self.sep = tokenizer.token_to_id("[SEP]")

    def make(self, graph: Graph) -> Arrays:
        mentions: list[Mention] = []
        index: dict[int, int] = {}

        def add(m: Mention) -> int:
            if id(m) not in index:
                index[id(m)] = len(mentions)
                mentions.append(m)
            return index[id(m)]

        found = graph.mentions
        suppliers = [[add(m) for m in (s.mentions[:MOST_MENTIONS] + s.references[:8])] for s in graph.suppliers]
        recipients = [[add(m) for m in r.mentions[:MOST_MENTIONS]] for r in graph.recipients]
        technologies = [(TECHNOLOGIES.index(m.key), add(m)) for m in found.technologies]
        companies = [m for s in graph.suppliers if s.company for m in s.mentions]
        slots = {
            "money": [m for m, _ in found.money],
            "year": found.years,
            "customer": [*found.agencies, *companies, *found.organisations],
            "financier": [*found.lenders, *found.countries, *found.agencies, *companies, *found.organisations],
        }
        arguments = {slot: np.array([add(m) for m in slots[slot]], dtype=np.int64) for slot in ARGUMENT_SLOTS}
        for m in graph.mentions.references:
            add(m)
        counts = find_counts(graph)
        count = np.array([add(c.mention) for c in counts], dtype=np.int64)
        own, to_supplier, to_technology = claim_features(graph, counts)

        offsets, chunk_ids, chunk_types, keep = self._chunks(graph, mentions)
        starts = np.array([a for a, _ in offsets]) if offsets else np.zeros(0, int)
        ends = np.array([b for _, b in offsets]) if offsets else np.zeros(0, int)
        average = np.zeros((len(mentions), max(1, len(offsets))), dtype=np.float32)
        firsts = np.searchsorted(ends, [m.start for m in mentions], "right").tolist()
        lasts = np.searchsorted(starts, [m.end for m in mentions], "left").tolist()
        for i, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
            if last > first:
                average[i, first:last] = 1.0 / (last - first)

        def mask(rows: list[list[int]]) -> Floats:
            made = np.zeros((len(rows), len(mentions)), dtype=np.float32)
            for i, row in enumerate(rows):
                made[i, row] = 1.0
            return made

        pairs = graph.pairs()
        pair_s, pair_r = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
        places = _Places(graph, mentions)
        near = [_nearest(places.offset, suppliers[s], recipients[r]) for s, r in pairs]
        technology_mask = np.zeros((len(TECHNOLOGIES), len(mentions)), dtype=np.float32)
        for t, i in technologies:
            technology_mask[t, i] = 1.0
        from_s, from_r = places.distances(suppliers), places.distances(recipients)
        own_facts = _facts(graph, mentions)
        features = {}
        for slot, candidates in arguments.items():
            made = np.empty((len(pairs), len(candidates), ARGUMENT_FEATURES), dtype=np.float32)
            made[:, :, 0:3], made[:, :, 3:6] = from_s[:, candidates][pair_s], from_r[:, candidates][pair_r]
            made[:, :, 6:12] = own_facts[candidates]
            features[slot] = made
        return Arrays(
            chunk_ids=chunk_ids,
            chunk_types=chunk_types,
            chunk_keep=keep,
            sentence=_sentences(graph, starts),
            average=average,
            supplier_mask=mask(suppliers),
            recipient_mask=mask(recipients),
            pair_supplier=pair_s,
            pair_recipient=pair_r,
            near_supplier=np.array([s for s, _ in near], dtype=np.int64),
            near_recipient=np.array([r for _, r in near], dtype=np.int64),
            features=PairDescriber(graph).matrix(pairs),
            technology_mask=technology_mask,
            technology_features=_technology_features(
                graph, places, (pair_s, pair_r), (suppliers, recipients), technologies
            ),
            arguments=arguments,
            argument_features=features,
            counts=counts,
            count=count,
            count_features=own,
            count_supplier=to_supplier,
            count_technology=to_technology,
            mentions=mentions,
        )

    def _chunks(
        self, graph: Graph, mentions: list[Mention]
    ) -> tuple[list[tuple[int, int]], list[Ints], list[Ints], list[tuple[int, int]]]:
        encoded = self.tokenizer.encode(graph.reading.text, add_special_tokens=False)
        ids, offsets = encoded.ids, encoded.offsets
        kind = np.zeros(len(graph.reading.text) + 1, dtype=np.int64)
        order = {
            "organisation": 10,
            "agency": 8,
            "lender": 9,
            "country": 3,
            "reference": 11,
            "year": 7,
            "money": 6,
            "technology": 5,
            "company": 2,
            "count": 12,
        }
        for m in sorted(mentions, key=lambda m: list(order).index(m.kind)):
            value = order[m.kind]
            if m.kind == "technology" and not m.weak:
                value = 4
            if m.kind == "company" and m.form:
                value = 1
            kind[m.start : m.end] = value
        types = kind[[a for a, _ in offsets]].tolist()
        title = [n for n, (a, _) in enumerate(offsets) if a < graph.title_end][:48]
        breaks = {a for a, _ in graph.parsed.sentences}
        chunk_ids: list[Ints] = []
        chunk_types: list[Ints] = []
        keep: list[tuple[int, int]] = []
        at = 0
        while at < len(ids) and len(chunk_ids) < MOST_CHUNKS:
            lead = title if at else []
            stop = min(len(ids), at + CHUNK - len(lead))
            if stop < len(ids):
                cut = next((k for k in range(stop, at + CHUNK // 2, -1) if offsets[k][0] in breaks), stop)
                stop = cut
            body = list(range(at, stop))
            chunk_ids.append(
                np.array([self.cls, *(ids[k] for k in lead), *(ids[k] for k in body), self.sep], dtype=np.int64)
            )
            chunk_types.append(np.array([0, *(types[k] for k in lead), *(types[k] for k in body), 0], dtype=np.int64))
            keep.append((1 + len(lead), 1 + len(lead) + len(body)))
            at = stop
        return offsets[:at], chunk_ids, chunk_types, keep


def hide_names(ids: Ints, types: Ints) -> Ints:
    """A chunk's ids with [MASK] for every piece of a company's name."""
    return np.where(np.isin(types, _COMPANIES), MASK_ID, ids).astype(np.int64)


def _sentences(graph: Graph, starts: Ints) -> Ints:
    """Index of the sentence of each offset."""
    firsts = np.array([start for start, _ in graph.parsed.sentences] or [0], dtype=np.int64)
    return np.maximum(0, np.searchsorted(firsts, starts, "right") - 1).astype(np.int64)


class _Places:
    """Sentence, paragraph and offset of every mention of one document."""

    def __init__(self, graph: Graph, mentions: list[Mention]) -> None:
        self.mentions = mentions
        self.sentence = np.array([graph.parsed.sentence_at(m.start) for m in mentions], dtype=np.int64)
        self.paragraph = np.array([graph.parsed.paragraph_at(m.start) for m in mentions], dtype=np.int64)
        self.offset = np.array([m.start for m in mentions], dtype=np.int64)

    def distances(self, groups: list[list[int]]) -> Floats:
        """How far each mention stands from the nearest one of each group, shape (groups, M, 3).

        Logarithms of sentences, paragraphs and lines of 40 characters between the two.
        """
        made = np.empty((len(groups), len(self.mentions), 3), dtype=np.float32)
        for g, group in enumerate(groups):
            for n, (place, unit) in enumerate(((self.sentence, 1.0), (self.paragraph, 1.0), (self.offset, 40.0))):
                made[g, :, n] = np.log1p(np.abs(place[group][:, None] - place[None, :]).min(0) / unit)
        return made


def _nearest(offset: Ints, some: list[int], others: list[int]) -> tuple[int, int]:
    """The two mentions, one of each group, that stand nearest to each other; the first of equals."""
    gap = np.abs(offset[some][:, None] - offset[others][None, :])
    a, b = divmod(int(gap.argmin()), len(others))
    return some[a], others[b]


def _facts(graph: Graph, mentions: list[Mention]) -> Floats:
    """What a mention is by itself, whichever pair asks for it; shape (M, 6)."""
    rows = [
        [
            m.kind == "lender",
            m.kind == "country",
            m.kind == "agency",
            m.kind == "company",
            m.form in ("inferred", "common"),
            m.start < graph.title_end,
        ]
        for m in mentions
    ]
    return np.array(rows, dtype=np.float32).reshape(-1, 6)


def _technology_features(
    graph: Graph,
    places: _Places,
    pairs: tuple[Ints, Ints],
    groups: tuple[list[list[int]], list[list[int]]],
    technologies: list[tuple[int, int]],
) -> Floats:
    """Numbers about each technology for each pair: how often it is told, how near to both sides, is it the vendor's."""
    doc = np.zeros((len(TECHNOLOGIES), 3), dtype=np.float32)
    for t, i in technologies:
        doc[t, int(places.mentions[i].weak)] += 1
        doc[t, 2] = max(doc[t, 2], float(places.mentions[i].start < graph.title_end))
    total = max(1.0, float(doc[:, :2].sum()))

    def told_with(group: list[int], place: Ints) -> Floats:
        row = np.zeros(len(TECHNOLOGIES), dtype=np.float32)
        here = set(place[group].tolist())
        for t, i in technologies:
            if int(place[i]) in here:
                row[t] = max(row[t], 0.4 if places.mentions[i].weak else 1.0)
        return row

    suppliers, recipients = groups
    of_supplier = np.zeros((len(suppliers), len(TECHNOLOGIES), 3), dtype=np.float32)
    for n, (supplier, group) in enumerate(zip(graph.suppliers, suppliers, strict=True)):
        known = graph.vendor_technologies.get((supplier.company and supplier.company.vendor) or "", ())
        of_supplier[n, :, 0] = told_with(group, places.sentence)
        of_supplier[n, :, 1] = told_with(group, places.paragraph)
        of_supplier[n, :, 2] = [t in known for t in TECHNOLOGIES]
    of_recipient = np.array([told_with(group, places.sentence) for group in recipients], dtype=np.float32)
    made = np.zeros((len(pairs[0]), len(TECHNOLOGIES), TECHNOLOGY_FEATURES), dtype=np.float32)
    if len(made):
        made[:, :, 0], made[:, :, 1], made[:, :, 2] = np.log1p(doc[:, 0]), np.log1p(doc[:, 1]), doc[:, 2]
        made[:, :, [3, 5, 6]] = of_supplier[pairs[0]]
        made[:, :, 4] = of_recipient[pairs[1]]
        made[:, :, 7] = doc[:, :2].sum(1) / total
    return made
