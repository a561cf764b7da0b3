"""Coverage claims: what a text says in so many words is taken at its word, whatever the scores prefer."""

from __future__ import annotations

import numpy as np
import pytest

from extract.claims import claim_features, decode_claims
from extract.counts import find_counts
from extract.decode import DEFAULTS
from extract.graph import TECHNOLOGIES, GraphBuilder
from extract.lexicon import Lexicon
from records import Document


@pytest.fixture(scope="module")
def builder() -> GraphBuilder:
    return GraphBuilder(Lexicon.load())


def claims_of(builder: GraphBuilder, text: str, preferred: str) -> list[tuple[int, str | None]]:
    """Number and home of each claim, where the scores take every number and prefer one supplier for all."""
    graph = builder.build(Document(id="d", text=text), "en")
    counts = find_counts(graph)
    _, to_supplier, _ = claim_features(graph, counts)
    supplier = np.zeros((len(counts), len(graph.suppliers) + 1), np.float32)
    supplier[:, [s.country == preferred for s in graph.suppliers].index(True)] = 5.0
    technology = np.zeros((len(counts), len(TECHNOLOGIES)), np.float32)
    accept = np.full(len(counts), 5.0, np.float32)
    found = decode_claims(graph, counts, to_supplier, accept, supplier, technology, dict(DEFAULTS))
    return [(claim.n_countries, claim.vendor_country) for claim in found]


def test_each_number_goes_to_its_own_of_the_list(builder):
    text = "Besides China, Japan and the US supply AI surveillance technology to 14 countries and 11 countries, respectively."
    assert claims_of(builder, text, "CN") == [(14, "JP"), (11, "US")]


def test_without_the_word_the_scores_decide(builder):
    text = "Besides China, Japan and the US supply AI surveillance technology to 14 countries and 11 countries."
    assert claims_of(builder, text, "CN") == [(14, "CN"), (11, "CN")]


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("The index found AI surveillance in 75 of 176 countries, and Chinese technology in 63 of them.", None),
        ("Chinese firms, the index found, sell AI surveillance in 75 of 176 countries, and Japan in 14 of them.", "CN"),
        ("The index found AI surveillance in 75 countries out of 176, and Chinese technology in 63.", None),
        ("The index found AI surveillance in 75 countries, and Chinese technology in 63 of them.", "CN"),
    ],
)
def test_a_share_of_the_world_is_nobodys_whom_the_sentence_has_not_named(builder, text, home):
    assert (75, home) in claims_of(builder, text, "CN")
