"""Which decided articles are learnt from, and what two trainings' answers say of the gain; nothing here needs torch."""

from __future__ import annotations

from typing import Any

import pytest

from extract.train.decided import gain, gain_table, take_in

STORY = "On Monday the council of Nairobi heard that Huawei had delivered two thousand cameras to the police there."
OTHER = "In Kampala nobody would say who had paid for the towers that now stand on every second hill of the town."


def decided(text: str = STORY, **told: Any) -> dict[str, Any]:
    return {
        "id": "a1",
        "kind": "decided",
        "lang": "en",
        "text": text,
        "deals": [],
        "claims": [],
        "complete": True,
    } | told


@pytest.mark.parametrize(
    ("gold", "end"),
    [
        pytest.param(decided(), "taken", id="complete"),
        pytest.param(decided(complete=False), "not_complete", id="a deal is open or more may stand in it"),
        pytest.param(decided(lang="de"), "language_not_read", id="in a language that is not read"),
        pytest.param(decided(f"By our reporter. {OTHER}"), "in_the_corpus", id="a copy of a corpus text"),
        pytest.param(decided(f"{STORY} {STORY.upper()} Ends."), "taken", id="the same words in an order of its own"),
    ],
)
def test_a_decided_article_is_taken_or_left_out_under_a_reason(gold, end):
    taken, ends = take_in([gold], corpus=[{"text": OTHER}], measure=[])
    assert (ends, [document["id"] for document in taken]) == ({end: 1}, ["a1"] if end == "taken" else [])


def test_a_text_of_the_measure_is_never_learnt_from():
    _, ends = take_in([decided(f"{STORY} More.")], corpus=[{"text": STORY}], measure=[{"text": STORY}])
    assert ends == {"in_the_measure": 1}


def deal(country: str) -> dict[str, Any]:
    return {"vendor": "Huawei", "vendor_country": "CN", "country": country, "technologies": ["cameras"]}


def test_the_gain_is_told_for_the_corpus_and_for_the_decided_articles_apart():
    documents = [decided(id="a1", deals=[deal("KE")])]
    documents += [decided(id=f"w{n}", kind="news", deals=[deal("UG")]) for n in range(4)]
    nothing, right = {"deals": [], "claims": []}, {"deals": [deal("UG")], "claims": []}
    without = {"a1": nothing, "w0": right, "w1": right, "w2": nothing, "w3": nothing}
    with_them = {"a1": {"deals": [deal("KE")], "claims": []}, "w0": right, "w1": right, "w2": right, "w3": nothing}
    made = gain(documents, without, with_them)
    pair = made["corpus"]["pair"]
    assert (made["corpus"]["documents"], made["corpus"]["deals"]) == (4, 4)
    # Recall 2/4, then 3/4, all of it right: F1 2/3, then 6/7.
    assert (pair["without"], pair["with"], pair["gain"]) == (0.667, 0.857, 0.19)
    assert pair["gain_95ci"][0] == 0 < pair["gain_95ci"][1]
    assert made["decided articles"]["pair"]["gain"] == 1
    assert "on the corpus: 4 documents" in gain_table(made)
    row = next(line for line in gain_table(made).splitlines() if line.startswith("pair "))
    assert row.split()[:4] == ["pair", "0.667", "0.857", "+0.190"]


def test_claims_that_nobody_decided_are_in_no_gain():
    made = gain([decided(deals=[deal("KE")])], {"a1": {"deals": []}}, {"a1": {"deals": [], "claims": [{}]}})
    assert not [level for level in made["decided articles"] if "claim" in level]
    assert "corpus" not in made
