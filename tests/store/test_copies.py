"""Which articles are copies, why, and who leads; and which paragraphs are a site's furniture."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest

from extract.blocks import BANDS, block_hash, cut_repeated, sketch
from extract.page import PageReader
from store.copies import address_key, title_key
from store.ledger import Ledger
from tests.store.factory import finding, new_ledger, reading, save

WIRE = [
    "The interior ministry bought a thousand cameras from a company abroad, a spokesman said on Monday evening.",
    "The contract is paid for with a loan of a foreign bank, according to documents that a reporter has seen.",
    "Opposition members of parliament asked who will watch the pictures, and got no answer in the session.",
    "The company did not say when the cameras will arrive, and the ministry declined to comment any further.",
]
OTHER = "A text about something else entirely, with words that no other text of this file has, long enough to count."


@pytest.fixture
def ledger(tmp_path):
    made = new_ledger(tmp_path)
    yield made
    made.close()


def groups(ledger: Ledger) -> dict[str, tuple[str, str]]:
    return {r["article_id"]: (r["leader_id"], r["reason"]) for r in ledger.store.rows("SELECT * FROM copy_groups")}


def wire(name: str, text: list[str], **values):
    return reading(name, finding(), text="\n\n".join(text), **{"url": f"http://{name}.example/{name}"} | values)


def with_sketch(item):
    return replace(item, sketch=sketch(item.article.text))


def test_paragraphs_in_common_make_a_group_that_says_so(ledger):
    save(ledger, wire("a", WIRE), wire("b", [*WIRE[:3], OTHER], published="2024-05-02"), wire("c", [OTHER * 2]))
    assert groups(ledger) == dict.fromkeys("ab", ("a", "shared_paragraphs"))


def test_a_text_that_is_edited_in_each_paragraph_is_still_a_copy(ledger):
    edited = [text.replace("ministry", "department").replace(" said", " told us") for text in WIRE]
    save(ledger, with_sketch(wire("a", WIRE * 2)), with_sketch(wire("b", edited * 2)), with_sketch(wire("c", [OTHER])))
    found = groups(ledger)
    assert set(found) == {"a", "b"}
    assert "near_text" in found["a"][1]


def test_a_sketch_is_the_same_on_every_machine_and_in_every_release_of_its_library():
    told = sketch("Deux mille caméras pour la police de Kampala.")
    assert len(told) == BANDS
    # A ledger is full of such numbers: where these change, SKETCH_VERSION must have changed too.
    assert told[:2] == (-4686692025142008404, 8390074685770684209)
    assert sketch("") != sketch("Two words")


# What was stored of WIRE * 2 before sketches came from a library, by a reader that called itself so.
OLD_VERSION = "clean-4+rules"
OLD_SKETCH = (
    *(-6626354661482202632, 8506738379068902509, 4875231620180192999, 1298581799530928859, 6226311835815903160),
    *(-1323587786748231959, -649681095234623625, -1505273884986076561, 6645765690775547646, 5663257806631150768),
    *(828503900092497677, 8072599760600618979, 4232713668963110108, 5287510139919730723, 7176683192258017089),
    8830664348559081009,
)


def test_a_ledger_with_sketches_of_another_kind_is_read_again_and_finds_its_copies(ledger):
    version = PageReader(SimpleNamespace(version="rules")).version
    edited = [text.replace("ministry", "department").replace(" said", " told us") for text in WIRE]
    save(ledger, replace(wire("a", WIRE * 2), sketch=OLD_SKETCH), version=OLD_VERSION)
    save(ledger, with_sketch(wire("b", edited * 2)), version=version)
    assert groups(ledger) == {}
    assert ledger.unread(["a", "b"], version) == ["a"]
    save(ledger, with_sketch(wire("a", WIRE * 2)), version=version)
    assert groups(ledger) == dict.fromkeys("ab", ("a", "near_text"))
    kept = ledger.store.one("SELECT COUNT(*) FROM copy_keys WHERE kind = 'band' AND article_id = 'a'")
    assert kept == BANDS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://www.a.example/news/x?id=7", "http://a.example/news/x/?id=7", True),
        ("https://a.example/news/x", "https://amp.a.example/news/x/amp", True),
        ("https://a.example/news/x", "https://a.example/news/x?print=1", True),
        ("https://a.example/x.html", "https://a.example/x.amp.html", True),
        ("https://a.example/x?id=7", "https://a.example/x?id=8", False),
        ("https://a.example/x", "https://b.example/x", False),
        ("file:report.pdf", "file:other.pdf", False),
    ],
)
def test_forms_of_one_address_have_one_key(one, other, same):
    assert (address_key(one) == address_key(other)) is same


def test_two_forms_of_one_address_are_one_story(ledger):
    save(
        ledger,
        wire("a", [OTHER], url="https://www.d.example/x"),
        wire("b", [WIRE[0]], url="http://d.example/x/?print=1", published="2024-05-02"),
    )
    assert groups(ledger) == dict.fromkeys("ab", ("a", "same_address"))


@pytest.mark.parametrize(
    ("title", "outlet", "key"),
    [
        ("Police buy a thousand cameras | National | Daily", "Daily", "police buy a thousand cameras"),
        ("Daily – Police buy a thousand cameras", "Daily", "police buy a thousand cameras"),
        ("Wire-tapping bill passes in second reading", "Daily", "wire tapping bill passes in second reading"),
        ("Opinion", "Daily", ""),
    ],
)
def test_a_title_counts_without_section_and_outlet(title, outlet, key):
    assert title_key(title, outlet) == key


def test_the_same_title_joins_texts_that_are_much_the_same_and_days_apart(ledger):
    short = [text[: len(text) * 3 // 4] for text in WIRE]
    title = "Ministry buys a thousand cameras on credit"
    save(
        ledger,
        wire("a", WIRE, title=title),
        wire("b", short, title=f"{title} | The Other", outlet="The Other", published="2024-05-03"),
        wire("c", [OTHER], title=title),
    )
    found = groups(ledger)
    assert "c" not in found
    assert found["b"][0] == "a"
    assert "same_title" in found["b"][1]


def test_the_outlet_that_others_name_leads_even_if_it_is_dated_later(ledger):
    save(
        ledger,
        wire("early", ["CAPITAL (Meridian Wire) - Here is the story.", *WIRE], outlet="Daily", published="2024-05-01"),
        wire("later", WIRE, outlet="Meridian Wire", published="2024-05-02"),
        wire(
            "last", [*WIRE, "Source: Meridian Wire, with more by our own staff."], outlet="Post", published="2024-05-03"
        ),
    )
    assert {leader for leader, _ in groups(ledger).values()} == {"later"}


def test_groups_do_not_depend_on_the_order_of_arrival(tmp_path):
    items = [
        with_sketch(wire("a", WIRE)),
        with_sketch(wire("b", [*WIRE[:3], OTHER], published="2024-05-02")),
        with_sketch(wire("c", [WIRE[3], *WIRE[:2]], published="2024-05-03")),
        with_sketch(wire("d", [OTHER, OTHER + " More of it."], published="2024-05-04")),
    ]
    told = []
    for number, order in enumerate(itertools.permutations(items)):
        made = new_ledger(tmp_path / str(number))
        for item in order:
            save(made, item)
        told.append(groups(made))
        made.close()
    assert all(found == told[0] for found in told)


# --- furniture

PLUG = "Our newsletter brings the week's five best stories about surveillance to your inbox."


def plugged(number: int, version: str = "v1"):
    text = f"Story {number} has words of its own that no other story of this site has.\n\n{PLUG}"
    item = reading(f"p{number}", text=text, url=f"http://www.daily.example/{number}")
    return replace(item, blocks=tuple(h for part in text.split("\n\n") if (h := block_hash(part)) is not None))


def test_a_paragraph_on_five_pages_of_a_site_is_furniture_and_those_pages_are_read_again(ledger):
    save(ledger, *(plugged(n) for n in range(4)))
    assert ledger.repeated_blocks("http://daily.example/x") == frozenset()
    save(ledger, plugged(4))
    assert ledger.repeated_blocks("http://daily.example/x") == {block_hash(PLUG)}
    assert ledger.repeated_blocks("http://other.example/x") == frozenset()
    assert ledger.unread([f"p{n}" for n in range(5)], "v1") == [f"p{n}" for n in range(5)]
    save(ledger, *(plugged(n) for n in range(5)))
    assert ledger.unread([f"p{n}" for n in range(5)], "v1") == []


def test_what_repeats_is_cut_and_everything_that_was_there_is_told():
    text = f"{OTHER}\n\n{PLUG}"
    cut, told = cut_repeated(text, frozenset({block_hash(PLUG)}))
    assert cut == OTHER
    assert told == (block_hash(OTHER), block_hash(PLUG))


def test_a_page_that_repeats_as_a_whole_is_a_copy_and_keeps_its_text():
    text = f"{OTHER}\n\n{PLUG}"
    assert cut_repeated(text, frozenset({block_hash(PLUG), block_hash(OTHER)}))[0] == text


def test_short_lines_and_punctuation_do_not_count():
    assert block_hash("By our reporter") is None
    assert block_hash("“Our newsletter brings you the best!”") == block_hash("Our newsletter brings you the best")


def test_a_page_read_again_in_a_run_is_one_item(ledger):
    save(ledger, plugged(1))
    save(ledger, plugged(1))
    assert ledger.run_counts()[0] == 1


def test_a_sentence_that_carries_findings_in_many_documents_is_marked(ledger):
    stock = "Huawei has supplied cameras to more than fifty countries."
    for n in range(5):
        save(ledger, reading(f"s{n}", finding(evidence=(stock,)), text=f"{stock} {'x' * n} {n} {OTHER[: 20 + 9 * n]}"))
    rows = ledger.store.rows("SELECT quote, documents FROM repeated_sentences")
    assert [tuple(row) for row in rows] == [(stock, 5)]
