"""From code points to marked, escaped HTML (row H12 of the abuse matrix)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from review.marks import LETTERS, SHOWN_POINTS, Mark, around, marked, paragraphs, passage, sentences

TEXT = "In 2019 Huawei sold cameras to Kenya. 🎥 Café Nairobi paid $12m for it."


def span(words: str, slot: str, text: str = TEXT) -> Mark:
    """The mark over `words`."""
    at = text.index(words)
    return Mark(at, at + len(words), slot)


def shown(made: str) -> str:
    """The text of a piece of HTML."""
    return html.fragment_fromstring(f"<div>{made}</div>").text_content()


def test_marks_lie_on_the_words_and_carry_their_letter():
    made = marked(
        TEXT, 0, len(TEXT), [span("Huawei", "vendor"), span("Café Nairobi", "customer"), span("$12m", "value")]
    )
    tree = html.fragment_fromstring(f"<div>{made}</div>")
    found = [(m.text, m.get("data-letter"), m.get("class"), int(m.get("data-at"))) for m in tree.iter("mark")]
    assert found == [
        ("Huawei", "V", "slot-vendor", 8),
        ("Café Nairobi", "B", "slot-customer", TEXT.index("Café")),
        ("$12m", "S", "slot-value", TEXT.index("$12m")),
    ]
    assert tree.text_content() == TEXT


def test_overlapping_marks_are_cut_and_the_letter_is_shown_once():
    made = marked("Kenya Police", 0, 12, [Mark(0, 12, "customer"), Mark(0, 5, "country")])
    assert re.findall(r'class="([^"]+)" data-letter="(\w?)"', made) == [("slot-country", "C"), ("slot-customer", "B")]
    made = marked("abcdef", 0, 6, [Mark(0, 6, "customer"), Mark(2, 3, "country")])
    assert re.findall(r'class="([^"]+)" data-letter="(\w?)"', made) == [
        ("slot-customer", "B"),
        ("slot-country", "C"),
        ("slot-customer", ""),
    ]


PAYLOADS = [
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "</mark></p><svg onload=alert(1)>",
    ),
    *(
        '" onmouseover="alert(1)',
        "{{7*7}}",
        "&lt;script&gt;",
        "<!--",
        "]]>",
        "\x00<b>",
        "<style>*{display:none}</style>",
    ),
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_hostile_text_stays_text(payload):
    text = f"Huawei {payload} Kenya"
    made = paragraphs(
        text, 0, len(text), [Mark(0, 6, "vendor"), Mark(9, 10, "country"), Mark(7, 7 + len(payload), "customer")]
    )
    assert re.sub(r"</?(?:p|span|mark)(?: [a-z-]+=\"[^\"<>]*\")*>", "", made).count("<") == 0
    assert "Kenya" in made


@given(
    st.text(max_size=60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from(list(LETTERS))), max_size=8),
)
def test_the_text_is_whole_whatever_the_marks(text, spans):
    made = marked(text, 0, len(text), [Mark(a, a + n, slot) for a, n, slot in spans])
    pieces = [
        (int(at), re.sub(r"<[^>]*>", "", piece))
        for at, piece in re.findall(r'data-at="(\d+)"[^>]*>((?:(?!</(?:mark|span)>).)*)', made, re.S)
    ]
    import html as library

    assert "".join(library.unescape(piece) for _, piece in pieces) == text
    for at, piece in pieces:
        assert text[at : at + len(library.unescape(piece))] == library.unescape(piece)


def test_the_passage_is_the_paragraph_with_the_sentences_around_it():
    text = "Far away.\nFirst before. Second before.\nHuawei sold cameras to Kenya. It was dear.\nAfter one. After two."
    at = text.index("Huawei")
    start, end = around(text, [(at, at + 29)])
    assert text[start:end] == "Second before.\nHuawei sold cameras to Kenya. It was dear.\nAfter one. "
    made = passage(text, [(at, at + 29)], [Mark(at, at + 6, "vendor")])
    assert made.html.count('class="evidence"') == 1
    assert "Far away" not in made.html


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "word " * 20_000, "A sentence here. " * 6_000, "line\n" * 20_000], ids=len
)
def test_never_more_than_a_screen_of_a_long_text(text):
    at = len(text) // 2
    start, end = around(text, [(at, at + 10)])
    assert start <= at
    assert end - start <= SHOWN_POINTS
    assert end > at


def test_sentences_cover_what_is_not_blank():
    text = "One. Two! 3. «Drei?» Four\n\nFive"
    assert [text[a:b].strip() for a, b in sentences(text)] == ["One.", "Two!", "3.", "«Drei?»", "Four", "Five"]
