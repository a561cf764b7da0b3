"""Coverage claims: what a text says in so many words is taken at its word, whatever the scores prefer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from extract.claims import claim_features, decode_claims
from extract.counts import find_counts
from extract.decode import DEFAULTS
from extract.graph import TECHNOLOGIES, GraphBuilder, Supplier
from records import Claim, Document


def read(builder: GraphBuilder, text: str, preferred: Callable[[Supplier], bool]) -> list[Claim]:
    """The claims, where the scores take every number and prefer the first such supplier for all."""
    graph = builder.build(Document(id="d", text=text), "en")
    counts = find_counts(graph)
    _, to_supplier, _ = claim_features(graph, counts)
    supplier = np.zeros((len(counts), len(graph.suppliers) + 1), np.float32)
    supplier[:, [preferred(s) for s in graph.suppliers].index(True)] = 5.0
    technology = np.zeros((len(counts), len(TECHNOLOGIES)), np.float32)
    accept = np.full(len(counts), 5.0, np.float32)
    return decode_claims(graph, counts, to_supplier, accept, supplier, technology, dict(DEFAULTS))


def claims_of(builder: GraphBuilder, text: str, preferred: str) -> list[tuple[int, str | None]]:
    """Number and home of each claim, where the scores prefer one home."""
    found = read(builder, text, lambda s: s.country == preferred)
    return [(claim.n_countries, claim.vendor_country) for claim in found]


def test_each_number_goes_to_its_own_of_the_list(builder):
    text = "Leaving Russia out, vendors in Israel and Germany have spyware customers in 29 states and 17 states, respectively."
    assert claims_of(builder, text, "RU") == [(29, "IL"), (17, "DE")]


def test_without_the_word_the_scores_decide(builder):
    text = "Leaving Russia out, vendors in Israel and Germany have spyware customers in 29 states and 17 states."
    assert claims_of(builder, text, "RU") == [(29, "RU"), (17, "RU")]


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("Police drones fly over 41 of 190 states, the survey says, Turkish models over 22.", None),
        ("Turkish firms, the survey says, have police drones over 41 of 190 states.", "TR"),
        ("Police drones fly over 41 states out of 190, the survey says, Turkish models over 22.", None),
        ("Police drones fly over 41 states, the survey says, Turkish models over 22.", "TR"),
    ],
)
def test_a_share_of_the_world_is_nobodys_whom_the_sentence_has_not_named(builder, text, home):
    assert (41, home) in claims_of(builder, text, "TR")


@pytest.mark.parametrize(
    "text",
    [
        "Turkish firms sell most police drones. Night flights are what ministries like best (41 countries).",
        "Police drones fly over 41 states. Turkish firms sell most of them.",
    ],
)
def test_a_number_out_of_a_suppliers_reach_is_nobodys(builder, text):
    assert (41, None) in claims_of(builder, text, "TR")


@pytest.mark.parametrize(
    ("text", "vendor"),
    [
        ("Israeli vendors, NSO Group and Cellebrite before all, run spyware in 33 countries.", None),
        ("Israeli vendors, NSO Group before all, run spyware in 33 countries.", "NSO Group"),
    ],
)
def test_a_nations_firms_by_name_leave_the_number_to_the_nation(builder, text, vendor):
    assert [claim.vendor for claim in read(builder, text, lambda s: s.company is not None)] == [vendor]
