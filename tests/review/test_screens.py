"""What a deal's screen says of each value: the words it was read from, who says otherwise, and nothing to the blind."""

from __future__ import annotations

import pytest

from records import Act, Financing, FinancingType, Money
from review.screens import deal_screen
from store.desk import Desk
from store.views import QueueFilter
from tests.review.ledger import _reading, finding, make
from tests.store.factory import NOW

OURS = (
    "In 2018 CITCC won the safe city of the Philippines. The price is P20 billion. "
    "The bank was asked for US$337.3 million."
)
THEIRS = "CITCC of China will build the safe city of the Philippines in 2018, a deal of US$400 million with the state."
PHILIPPINES = QueueFilter(countries=("PH",))
ACT = Act(who="ann", at=NOW)
LOAN = Financing(type=FinancingType.EXPORT_CREDIT, money=Money(amount=337.3e6, currency="USD", raw="US$337.3 million"))


@pytest.fixture
def desk(tmp_path):
    """One deal of two documents: the surer one tells a loan and no price, the later one a price."""
    first = finding(
        OURS, "CITCC", "PH", {"vendor": "CITCC", "financing": "US$337.3 million"}, OURS[:51],
        year=2018, customer="Interior", financing=LOAN, instruments=(LOAN,), confidence=0.9,
    )  # fmt: skip
    second = finding(
        THEIRS, "CITCC", "PH", {"vendor": "CITCC", "value": "US$400 million"}, THEIRS, year=2018, customer="Interior",
        value=Money(amount=400e6, currency="USD", raw="US$400 million"), confidence=0.5,
    )  # fmt: skip
    db = make(
        tmp_path,
        _reading("a", OURS, "One", first, published="2019-01-01"),
        _reading("b", THEIRS, "Two", second, published="2019-01-02"),
    )
    with Desk.open(db) as made:
        ids = made.deal_ids(PHILIPPINES)
        for other in ids[1:]:
            made.merge(ids[0], other, ACT)
        yield made


@pytest.fixture
def vocabulary(lexicon):
    return lexicon.get()


def fields(desk, vocabulary, **how):
    (deal,) = desk.deals(desk.deal_ids(PHILIPPINES))
    return {row.name: row for row in deal_screen(deal, vocabulary, **how).fields}


def decide(desk, **changes):
    (deal_id,) = desk.deal_ids(PHILIPPINES)
    desk.correct(deal_id, changes, ACT)
    return deal_id


def test_a_value_stands_beside_the_words_of_the_finding_that_tells_it(desk, vocabulary):
    told = fields(desk, vocabulary)
    assert (told["value"].shown, told["value"].raw) == ("USD 400,000,000", "“US$400 million”")
    assert (told["financing_amount"].shown, told["financing_amount"].raw) == ("USD 337,300,000", "“US$337.3 million”")


def test_a_sum_that_a_person_set_stands_beside_nobodys_words(desk, vocabulary):
    deal = decide(desk, value_amount=20e9, value_currency="PHP")
    row = {one.name: one for one in deal_screen(desk.deal(deal), vocabulary).fields}["value"]
    assert (row.shown, row.raw, row.sure) == ("PHP 20,000,000,000", "others tell 400,000,000", None)


def test_a_blind_coder_sees_neither_that_somebody_decided_nor_what(desk, vocabulary):
    before = fields(desk, vocabulary, blind=True)
    deal = decide(desk, status="operational", customer="Police")
    after = {one.name: one for one in deal_screen(desk.deal(deal), vocabulary, blind=True).fields}
    assert after == before
    assert not any("ann" in row.raw_title for row in after.values())
