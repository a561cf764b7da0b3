"""Who may be a supplier: products are none, and what only a nation's firms are told with is the nation's."""

from __future__ import annotations

import numpy as np
import pytest

from extract.decode import decode
from extract.judge import Judge
from extract.scorer import Scored
from records import Document


@pytest.mark.parametrize(
    ("text", "supplier"),
    [
        ("Police in Ghana bought Pegasus in 2016. Pegasus's price was not told.", None),
        ("Police in Ghana bought NeoFace from Baraka Secure Ltd in 2016.", "Baraka Secure Ltd"),
        ("KeyCrime sold its program KeyCrime to the police of Milan.", "KeyCrime"),
    ],
)
def test_a_product_is_no_supplier(builder, text, supplier):
    graph = builder.build(Document(id="d", text=text), "en")
    assert [s.company.names[0] for s in graph.suppliers if s.company] == ([supplier] if supplier else [])


def findings_of(extractor, text: str, wanted: set[tuple[str | None, str, str]]) -> set[tuple[str | None, str]]:
    """(company, country) of each finding, where the scores take the wanted (company, home, country) alone."""
    graph = extractor.builder.build(Document(id="d", text=text), "en")
    scored = extractor.scorer.score(graph)
    names = [
        (graph.vendor_name(graph.suppliers[s]), graph.suppliers[s].country, graph.recipients[r].key)
        for s, r in graph.pairs()
    ]
    judge = Judge(extractor.scorer.trees, graph, scored.arrays, scored.outputs)
    judge.asked["pair", -1] = np.array([5.0 if name in wanted else -5.0 for name in names], np.float32)
    scored = Scored(scored.arrays, {**scored.outputs, "pair": judge.asked["pair", -1]})
    settings = {**extractor.settings, "network": 0.0, "slope": 1.0, "intercept": 0.0}
    return {(f.vendor, f.country) for f in decode(graph, scored, judge, settings)}


LIST = "Azerbaijan and Uganda have taken delivery of video surveillance systems from Israeli companies."


def test_what_a_nations_firms_supply_is_not_an_examples(extractor):
    text = f"{LIST} Above all BriefCam is seen in the yearly reports of the trade."
    wanted = {("BriefCam", "IL", "AZ"), ("BriefCam", "IL", "UG")}
    assert findings_of(extractor, text, wanted) == {(None, "AZ"), (None, "UG")}


def test_a_company_that_a_sentence_names_with_the_country_keeps_it(extractor):
    text = f"{LIST} BriefCam put its video surveillance into the police rooms of Uganda."
    wanted = {("BriefCam", "IL", "AZ"), ("BriefCam", "IL", "UG")}
    assert findings_of(extractor, text, wanted) == {(None, "AZ"), ("BriefCam", "UG")}


def test_a_company_of_another_home_keeps_it(extractor):
    text = f"{LIST} Above all Huawei is seen in the yearly reports of the trade."
    assert findings_of(extractor, text, {("Huawei", "CN", "AZ")}) == {("Huawei", "AZ")}
