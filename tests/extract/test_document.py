"""What holds for every document, whatever it says."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extract.contract import extraction_row, to_line
from records import Document, Outcome

VENDORS = [
    "Huawei",
    "Hikvision",
    "NSO Group",
    "Cellebrite",
    "ZTE",
    "Thales",
    "Dahua",
    "NEC",
    "Palantir",
    "Korkem Telecom",
]
COUNTRIES = ["Kenya", "Serbia", "Peru", "Uzbekistan", "Thailand", "Morocco", "Mexico", "Ghana"]
THINGS = [
    "a safe city platform",
    "facial recognition cameras",
    "spyware",
    "a lawful interception centre",
    "number plate readers",
    "drones",
]
SHAPES = [
    "{country}'s interior ministry signed a contract with {vendor} for {thing} worth $12 million.",
    "{vendor} has delivered {thing} to the police of {country}.",
    "A loan from the Export-Import Bank of China pays for {thing}, which {vendor} is installing across {country}.",
    "{country} cancelled its purchase of {thing} from {vendor} in 2021.",
]
IDLE = [
    "It rained on most days, and the harvest was late.",
    "Nobody in the market could remember a colder spring than this one.",
    "The choir sang twice, once before the meal and once after it.",
    "Bread was dearer than before; salt was not.",
]

sentences = st.builds(
    lambda shape, vendor, country, thing: shape.format(vendor=vendor, country=country, thing=thing),
    st.sampled_from(SHAPES), st.sampled_from(VENDORS), st.sampled_from(COUNTRIES), st.sampled_from(THINGS),
)  # fmt: skip
texts = st.lists(st.lists(sentences, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=4)
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def without_spans(row):
    return [{k: v for k, v in deal.items() if k not in ("spans", "reasons")} for deal in row["deals"]]


@slow
@given(texts)
def test_every_span_is_its_quote(extractor, paragraphs):
    document = Document(id="x", text="\n\n".join(paragraphs), title="Police buy cameras", lang="en")
    for finding in extractor.extract(document).deals:
        assert all(quote in document.text for quote in finding.evidence)
        told = [s for s in finding.spans if s.slot == "evidence"]
        assert {document.text[s.start : s.end] for s in told} == set(finding.evidence)
        for span in finding.spans:
            words = (document.text if span.where == "text" else document.title)[span.start : span.end]
            assert words
            assert words == words.strip()
            if span.slot == "customer":
                assert words == finding.customer
            if span.slot == "value":
                assert finding.value
                assert words == finding.value.raw


@slow
@given(texts, st.lists(st.sampled_from(IDLE), min_size=1, max_size=5), st.data())
def test_irrelevant_paragraphs_change_no_deal(extractor, paragraphs, idle, data):
    padded = list(paragraphs)
    for text in idle:
        padded.insert(data.draw(st.integers(0, len(padded))), text)
    plain = extraction_row(extractor.extract(Document(id="x", text="\n\n".join(paragraphs), lang="en")))
    longer = extraction_row(extractor.extract(Document(id="x", text="\n\n".join(padded), lang="en")))
    assert without_spans(plain) == without_spans(longer)
    assert plain["outcome"] == longer["outcome"]


@slow
@given(texts)
def test_running_twice_gives_the_same_bytes(extractor, paragraphs):
    document = Document(id="x", text="\n\n".join(paragraphs), lang="en")
    assert to_line(extractor.extract(document)) == to_line(extractor.extract(document))


@pytest.mark.parametrize(
    ("text", "lang", "outcome"),
    [
        pytest.param("", None, Outcome.EMPTY, id="nothing"),
        pytest.param(" \n\t ", None, Outcome.EMPTY, id="white space"),
        pytest.param("Huawei sold cameras.", "en", Outcome.TOO_SHORT, id="a scrap"),
        pytest.param("The cup final was drawn after extra time, and both teams will play again next week.", "en", Outcome.NOT_RELEVANT, id="sport"),
        pytest.param(
            "Huawei hat der Polizei in Kenia ein System für Videoüberwachung geliefert: facial recognition cameras, a contract of $12 million with the police, hiess es.", "de",
            Outcome.LANGUAGE_NOT_SUPPORTED, id="German that the gate lets pass",
        ),
    ],
)  # fmt: skip
def test_documents_without_deals_say_why(extractor, text, lang, outcome):
    found = extractor.extract(Document(id="x", text=text, lang=lang))
    assert found.outcome is outcome
    assert not found.deals
    assert not found.claims


def test_a_teaser_makes_no_deal(extractor):
    body = "Parliament in Lilongwe debated the price of maize on Monday. The finance minister asked for patience until the harvest."
    teaser = "Read also: Hikvision sells facial recognition cameras to Peru's police for $9 million"
    found = extractor.extract(Document(id="x", text=f"{body}\n\n{teaser}", lang="en"))
    assert not found.deals


def test_the_line_is_json(extractor):
    row = json.loads(
        to_line(
            extractor.extract(
                Document(id="x", text="Huawei sold CCTV cameras to Kenya's police in 2019, officials said.", lang="en")
            )
        )
    )
    assert row["id"] == "x"
