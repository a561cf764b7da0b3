"""A graph as arrays: what the encoder and the heads read, in training and at run time alike.

Shapes: T tokens of all chunks, M mentions, S suppliers, R recipients, P pairs, F pair features,
K argument features, and N candidates for each slot that points at words of the text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from extract.claims import Count, claim_features, find_counts
from extract.graph import TECHNOLOGIES, Graph, PairDescriber
from extract.mentions import Mention

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

TYPES = ("none", "vendor", "company", "country", "strong", "weak", "money", "year", "agency", "lender", "organisation", "reference", "count")
CHUNK = 448
"""Word pieces a chunk, without [CLS] and [SEP]; MiniLM's positions end at 512, the title is put before later chunks."""
MOST_CHUNKS = 12
"""A document's first chunks go through the encoder; what lies behind (over ~4,000 words) is read by the features only."""
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
        for i, m in enumerate(mentions):
            first, last = int(np.searchsorted(ends, m.start, "right")), int(np.searchsorted(starts, m.end, "left"))
            if last > first:
                average[i, first:last] = 1.0 / (last - first)

        def mask(rows: list[list[int]]) -> Floats:
            made = np.zeros((len(rows), len(mentions)), dtype=np.float32)
            for i, row in enumerate(rows):
                made[i, row] = 1.0
            return made

        describer = PairDescriber(graph)
        pairs = graph.pairs()
        sentence = np.array([graph.parsed.sentence_at(m.start) for m in mentions], dtype=np.int64)
        paragraph = np.array([graph.parsed.paragraph_at(m.start) for m in mentions], dtype=np.int64)
        where = np.array([m.start for m in mentions], dtype=np.int64)
        near_s, near_r = [], []
        for s, r in pairs:
            gap = np.abs(where[suppliers[s]][:, None] - where[recipients[r]][None, :])
            a, b = np.unravel_index(int(gap.argmin()), gap.shape)
            near_s.append(suppliers[s][int(a)])
            near_r.append(recipients[r][int(b)])
        technology_mask = np.zeros((len(TECHNOLOGIES), len(mentions)), dtype=np.float32)
        for t, i in technologies:
            technology_mask[t, i] = 1.0
        return Arrays(
            chunk_ids, chunk_types, keep, average, mask(suppliers), mask(recipients),
            np.array([s for s, _ in pairs], dtype=np.int64), np.array([r for _, r in pairs], dtype=np.int64),
            np.array(near_s, dtype=np.int64), np.array(near_r, dtype=np.int64), describer.matrix(pairs), technology_mask,
            self._technology_features(graph, pairs, suppliers, recipients, technologies, mentions, sentence, paragraph),
            arguments,
            {slot: self._argument_features(graph, pairs, suppliers, recipients, arguments[slot], mentions, sentence, paragraph, where)
             for slot in ARGUMENT_SLOTS},
            counts, count, own, to_supplier, to_technology, mentions,
        )  # fmt: skip

    def _chunks(self, graph: Graph, mentions: list[Mention]) -> tuple[list[tuple[int, int]], list[Ints], list[Ints], list[tuple[int, int]]]:
        encoded = self.tokenizer.encode(graph.reading.text, add_special_tokens=False)
        ids, offsets = encoded.ids, encoded.offsets
        kind = np.zeros(len(graph.reading.text) + 1, dtype=np.int64)
        order = {"organisation": 10, "agency": 8, "lender": 9, "country": 3, "reference": 11, "year": 7, "money": 6, "technology": 5, "company": 2, "count": 12}
        for m in sorted(mentions, key=lambda m: list(order).index(m.kind)):
            value = order[m.kind]
            if m.kind == "technology" and not m.weak:
                value = 4
            if m.kind == "company" and m.form:
                value = 1
            kind[m.start : m.end] = value
        types = [int(kind[a]) for a, _ in offsets]
        title = [n for n, (a, _) in enumerate(offsets) if a < graph.title_end][:48]
        breaks = {a for a, _ in graph.parsed.sentences}
        chunk_ids, chunk_types, keep = [], [], []
        at = 0
        while at < len(ids) and len(chunk_ids) < MOST_CHUNKS:
            lead = title if at else []
            stop = min(len(ids), at + CHUNK - len(lead))
            if stop < len(ids):
                cut = next((k for k in range(stop, at + CHUNK // 2, -1) if offsets[k][0] in breaks), stop)
                stop = cut
            body = list(range(at, stop))
            chunk_ids.append(np.array([self.cls, *(ids[k] for k in lead), *(ids[k] for k in body), self.sep], dtype=np.int64))
            chunk_types.append(np.array([0, *(types[k] for k in lead), *(types[k] for k in body), 0], dtype=np.int64))
            keep.append((1 + len(lead), 1 + len(lead) + len(body)))
            at = stop
        return offsets[:at], chunk_ids, chunk_types, keep

    @staticmethod
    def _technology_features(
        graph: Graph, pairs: list[tuple[int, int]], suppliers: list[list[int]], recipients: list[list[int]],
        technologies: list[tuple[int, int]], mentions: list[Mention], sentence: Ints, paragraph: Ints,
    ) -> Floats:  # fmt: skip
        made = np.zeros((len(pairs), len(TECHNOLOGIES), TECHNOLOGY_FEATURES), dtype=np.float32)
        doc = np.zeros((len(TECHNOLOGIES), 3), dtype=np.float32)
        for t, i in technologies:
            doc[t, int(mentions[i].weak)] += 1
            doc[t, 2] = max(doc[t, 2], float(mentions[i].start < graph.title_end))
        total = max(1.0, float(doc[:, :2].sum()))
        for p, (s, r) in enumerate(pairs):
            s_sent, r_sent = set(sentence[suppliers[s]]), set(sentence[recipients[r]])
            s_para, r_para = set(paragraph[suppliers[s]]), set(paragraph[recipients[r]])
            row = made[p]
            company = graph.suppliers[s].company
            vendor = company.vendor if company else None
            row[:, 0], row[:, 1], row[:, 2] = np.log1p(doc[:, 0]), np.log1p(doc[:, 1]), doc[:, 2]
            row[:, 7] = doc[:, :2].sum(1) / total
            for t, i in technologies:
                weight = 0.4 if mentions[i].weak else 1.0
                row[t, 3] = max(row[t, 3], weight * (sentence[i] in s_sent))
                row[t, 4] = max(row[t, 4], weight * (sentence[i] in r_sent))
                row[t, 5] = max(row[t, 5], weight * (paragraph[i] in s_para))
            if vendor:
                row[:, 6] = [float(t in graph.vendor_technologies.get(vendor, ())) for t in TECHNOLOGIES]
            del r_para
        return made

    @staticmethod
    def _argument_features(
        graph: Graph, pairs: list[tuple[int, int]], suppliers: list[list[int]], recipients: list[list[int]], candidates: Ints,
        mentions: list[Mention], sentence: Ints, paragraph: Ints, where: Ints,
    ) -> Floats:  # fmt: skip
        made = np.zeros((len(pairs), len(candidates), ARGUMENT_FEATURES), dtype=np.float32)
        if not len(candidates):
            return made
        c_sent, c_para, c_at = sentence[candidates], paragraph[candidates], where[candidates]
        own = np.array([[m.kind == "lender", m.kind == "country", m.kind == "agency", m.kind == "company", m.form == "inferred" or m.form == "common",
                         m.start < graph.title_end] for m in (mentions[i] for i in candidates)], dtype=np.float32)  # fmt: skip
        made[:, :, 6:12] = own
        for p, (s, r) in enumerate(pairs):
            for column, group in ((0, suppliers[s]), (3, recipients[r])):
                made[p, :, column] = np.log1p(np.abs(c_sent[:, None] - sentence[group][None, :]).min(1))
                made[p, :, column + 1] = np.log1p(np.abs(c_para[:, None] - paragraph[group][None, :]).min(1))
                made[p, :, column + 2] = np.log1p(np.abs(c_at[:, None] - where[group][None, :]).min(1) / 40.0)
        return made
