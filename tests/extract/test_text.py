"""Normalising for matching keeps a way back to the string as given."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from extract.text import lower, paragraphs, read_text


def test_soft_hyphens_and_decomposed_letters_lead_back():
    raw = "Safe\u00adcity in Bogota\u0301"
    reading = read_text(raw)
    assert reading.text == "Safecity in Bogotá"
    start = reading.text.index("Bogotá")
    assert reading.quote(start, start + 6) == "Bogota\u0301"
    assert reading.quote(0, 8) == "Safe\u00adcity"


def test_a_name_in_look_alike_letters_is_read_and_marked():
    reading = read_text("Hu\u0430wei won")  # the second a is Cyrillic
    assert reading.text == "Huawei won"
    assert reading.disguised


def test_a_cyrillic_word_stays_cyrillic():
    assert read_text("Москва").text == "Москва"


def test_an_endless_token_is_blanked():
    assert read_text("a:" * 32_000 + " Huawei").text.split() == ["Huawei"]


def test_cutting_a_paragraph_keeps_offsets():
    raw = "One.\n\nTwo\u200b two.\n\nThree."
    reading = read_text(raw)
    cut = reading.without([paragraphs(reading.text)[1]])
    assert "Two" not in cut.text
    start = cut.text.index("Three")
    assert cut.raw_span(start, start + 6) == (raw.index("Three"), len(raw))


@given(st.text(max_size=300))
def test_every_character_leads_back_into_the_string(raw):
    reading = read_text(raw)
    assert len(lower(reading.text)) == len(reading.text)
    for position in range(len(reading.text)):
        start, end = reading.raw_span(position, position + 1)
        assert 0 <= start < end <= len(raw)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf")), max_size=200))
def test_a_word_of_plain_letters_is_its_own_quote(raw):
    reading = read_text(unicodedata.normalize("NFD", raw) + " Kenya")
    start = reading.text.rindex("Kenya")
    assert reading.quote(start, start + 5) == "Kenya"
