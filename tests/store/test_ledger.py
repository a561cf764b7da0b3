import itertools
from pathlib import Path

import pytest

from records import Financing, FinancingType, Outcome, Status, Technology
from store.digest import digest
from tests.store.factory import NOW, dollars, finding, new_ledger, reading, save

STORY = (
    "The capital has bought a thousand cameras that read faces and number plates in the old town.\n\n"
    "The ministry did not say what they cost, and the commissioner found that the law was silent.\n\n"
    "Citizens have mapped the poles and ask that the system be switched off until parliament decides."
)


@pytest.fixture
def ledger(tmp_path: Path):
    made = new_ledger(tmp_path)
    yield made
    made.close()


def test_saving_a_page_twice_changes_nothing(ledger):
    item = reading("a", finding())
    save(ledger, item)
    once = digest(ledger.store)
    save(ledger, item)
    assert digest(ledger.store) == once
    assert ledger.overview() == {"articles": 1, "findings": 1, "deals": 1, "claims": 0}


def test_a_new_reading_replaces_the_old_one_whole(ledger):
    save(ledger, reading("a", finding(), finding(country="UG"), text="Old words only."))
    save(ledger, reading("a", finding(country="ZM"), text="New words only."), version="v2")
    assert [row["country"] for row in ledger.deals()] == ["ZM"]
    assert ledger.search("old") == []
    assert [row["article_id"] for row in ledger.search("new")] == ["a"]


def test_the_digest_does_not_depend_on_the_order_of_reading(tmp_path):
    items = [
        reading("a", finding(), text=STORY, published="2024-05-02"),
        reading("b", finding(confidence=0.9), text=STORY + "\n\nA line of their own.", published="2024-05-01"),
        reading("c", finding(country="UG", value=dollars(126e6))),
        reading("d", finding(country="UG", value=dollars(90e6))),
    ]
    told = set()
    for number, order in enumerate(itertools.permutations(items)):
        made = new_ledger(tmp_path / str(number))
        for item in order:
            made.save(item, "v1", "daily")
            if number % 2:
                made.settle()
        made.settle()
        told.add(digest(made.store))
        made.close()
    assert len(told) == 1


def test_the_digest_sees_every_content_column(ledger):
    save(ledger, reading("a", finding()))
    before = digest(ledger.store)
    for table, change in {
        "articles": "title = 'other'",
        "findings": "customer = 'Police'",
        "evidence": "quote = 'other'",
        "spans": "start = 1",
        "deals": "sources = 9",
        "readings": "reason = 'other'",
    }.items():
        conn = ledger.store.db.conn
        conn.execute("BEGIN")
        conn.execute(f"UPDATE {table} SET {change}")
        assert digest(ledger.store) != before, table
        conn.execute("ROLLBACK")
    assert digest(ledger.store) == before


def test_only_pages_that_this_version_has_not_read_are_unread(ledger):
    save(ledger, reading("a"), version="v1")
    assert ledger.unread(["a", "b"], "v1") == ["b"]
    assert ledger.unread(["a", "b"], "v2") == ["a", "b"]


def test_counts_in_are_counts_out(ledger):
    save(
        ledger,
        reading("a", finding()),
        reading("b", outcome=Outcome.NOT_RELEVANT),
        reading("c", outcome=Outcome.TOO_SHORT),
    )
    went_in, ended = ledger.run_counts()
    assert went_in == sum(ended.values()) == 3
    assert ended == {"kept": 1, "not_relevant": 1, "too_short": 1}


def test_a_run_that_was_killed_is_marked_and_the_next_one_counts_anew(ledger):
    save(ledger, reading("a"))
    ledger.begin_run("process", "v1", NOW)
    assert [row["how"] for row in ledger.store.rows("SELECT how FROM runs ORDER BY run_id")] == ["interrupted", None]
    assert ledger.run_counts() == (0, {})


def test_search_finds_words_without_accents_and_takes_them_as_words(ledger):
    save(ledger, reading("a", text="Une caméra à Ouagadougou, installée hier par l'entreprise."))
    assert [row["article_id"] for row in ledger.search("camera ouagadougou")] == ["a"]
    for odd in ('"', "camera AND", "title:camera", "NEAR(", "*", "a' OR 1=1 --", ""):
        assert isinstance(ledger.search(odd), list)


def test_search_is_brought_up_to_date_by_the_next_settling_after_a_kill(tmp_path):
    ledger = new_ledger(tmp_path)
    ledger.save(reading("a", text="Word number one in a text."), "v1", "daily")
    ledger.close()  # as a kill between storing and settling
    ledger = new_ledger(tmp_path)
    assert ledger.search("number") == []
    ledger.settle()
    assert [row["article_id"] for row in ledger.search("number")] == ["a"]
    ledger.close()


def test_a_failing_write_leaves_no_half_article(ledger):
    bad = reading("a", finding(), finding(country="UG", status="no such status that the schema would keep" * 2))
    object.__setattr__(bad.extraction.deals[1], "confidence", None)
    with pytest.raises(TypeError):
        ledger.save(bad, "v1", "daily")
    assert ledger.overview() == {"articles": 0, "findings": 0, "deals": 0, "claims": 0}
    assert ledger.unread(["a"], "v1") == ["a"]


def test_a_wire_story_in_two_outlets_is_one_source_led_by_the_earlier(ledger):
    save(
        ledger,
        reading("late", finding(), text=STORY, published="2024-05-03"),
        reading(
            "early",
            finding(),
            text=STORY + "\n\nThe local paper adds a line that nobody else has printed so far.",
            published="2024-05-01",
        ),
        reading("other", finding()),
    )
    assert ledger.outcomes() == {"copy_of": 1, "kept": 2}
    [row] = ledger.store.rows("SELECT reason FROM page_outcomes WHERE outcome = 'copy_of'")
    assert row["reason"] == "early"
    assert [deal["sources"] for deal in ledger.deals()] == [2]


def test_texts_that_share_one_sentence_are_not_copies(ledger):
    shared = "Sign up for our newsletter and read the news of the coast every morning before breakfast."
    save(ledger, *(reading(name, text=f"{shared}\n\n{STORY if name == 'a' else name * 90}") for name in "abc"))
    assert ledger.outcomes() == {"kept": 3}


@pytest.mark.parametrize(
    ("one", "other", "deals"),
    [
        pytest.param({}, {}, 1, id="the same pair and technology"),
        pytest.param({"year": 2014}, {"year": 2014}, 1, id="the same year"),
        pytest.param({"year": 2014}, {}, 1, id="one tells no year"),
        pytest.param({"year": 2014}, {"year": 2019}, 2, id="another year"),
        pytest.param({"value": dollars(126e6)}, {"value": dollars(120e6)}, 1, id="sums that differ by rounding"),
        pytest.param({"value": dollars(126e6)}, {"value": dollars(60e6)}, 2, id="another sum"),
        pytest.param({}, {"technologies": (Technology.SPYWARE,)}, 2, id="another technology"),
        pytest.param({}, {"country": "UG"}, 2, id="another country"),
        pytest.param({}, {"vendor": "ZTE"}, 2, id="another supplier"),
    ],
)
def test_findings_of_one_deal_are_merged_and_of_two_are_not(ledger, one, other, deals):
    save(ledger, reading("a", finding(**one)), reading("b", finding(**other)))
    assert len(ledger.deals()) == deals


def test_a_deal_shows_what_its_findings_tell_together(ledger):
    loan = Financing(type=FinancingType.LOAN, financier="Exim Bank", money=dollars(100e6))
    save(
        ledger,
        reading("a", finding(status=Status.AGREED, confidence=0.9)),
        reading("b", finding(status=Status.OPERATIONAL, confidence=0.5, financing=loan, customer="Police", year=2016)),
    )
    [deal] = ledger.deals()
    assert (deal["status"], deal["confidence"], deal["sources"]) == ("operational", 0.9, 2)
    assert (deal["financing_type"], deal["financier"], deal["financing_amount"]) == ("loan", "Exim Bank", 100e6)
    assert (deal["customer"], deal["year"], deal["article_id"]) == ("Police", 2016, "a")


def test_retry_lets_quarantined_pages_be_read_again(ledger):
    save(ledger, reading("a"), reading("b", outcome=Outcome.QUARANTINED))
    assert [row["page_id"] for row in ledger.quarantined()] == ["b"]
    assert ledger.retry([Outcome.QUARANTINED]) == 1
    assert ledger.unread(["a", "b"], "v1") == ["b"]
