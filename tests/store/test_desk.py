"""Deciding: every act, its undoing, who may not overtake whom, the queue and its facets."""

from __future__ import annotations

import pytest

from records import Act, DealState, DecisionAction, DecisionConflict, InputError, LinkKind, RecordError, StoreError
from store.book import Book
from store.desk import Desk
from store.views import QueueFilter
from store.worklist import Order
from tests.store.factory import NOW, dollars, finding, new_ledger, reading

ANA, BEN = Act(who="ana", at=NOW), Act(who="ben", at=NOW)
ALL = QueueFilter(states=())


@pytest.fixture
def db(tmp_path):
    """Six deals: a0..a4 of Huawei in five countries, a5 of ZTE in Kenya; a0 has two findings."""
    ledger = new_ledger(tmp_path)
    for number, country in enumerate(("KE", "UG", "ZM", "RS", "BY")):
        told = finding("Huawei", country, confidence=0.9 - number / 10, value=dollars(1e6 * 3**number), year=2014)
        ledger.save(reading(f"a{number}", told, published=f"2015-0{number + 1}-01"), "v1", "daily")
    ledger.save(
        reading("a0b", finding(value=dollars(1e6), year=2014, customer="Police"), published="2015-01-02"), "v1", "x"
    )
    ledger.save(reading("a5", finding("ZTE", "KE", confidence=0.2), published="2020-01-01"), "v1", "daily")
    ledger.settle()
    ledger.close()
    return tmp_path / "watchledger.db"


@pytest.fixture
def desk(db):
    with Desk.open(db) as made:
        yield made


@pytest.fixture
def ids(desk):
    return {name: desk.deals_of_article(name)[0] for name in ("a0", "a1", "a2", "a3", "a4", "a5")}


def states(desk) -> dict[str, DealState]:
    return {item.deal_id: item.state for item in desk.items(ALL)}


def test_each_verdict_leads_to_its_state_and_undo_leads_all_the_way_back(desk, ids, db):
    before = states(desk)
    desk.accept(ids["a0"], ANA)
    desk.correct(ids["a1"], {"year": 2016, "customer": "Army"}, ANA)
    desk.reject(ids["a2"], Act(who="ana", at=NOW, reason="an office was opened, nothing was sold", seconds=4.5))
    desk.unsure(ids["a3"], ANA)
    desk.skip(ids["a4"], ANA)
    assert [states(desk)[ids[name]] for name in ("a0", "a1", "a2", "a3", "a4", "a5")] == [
        *(DealState.ACCEPTED, DealState.ACCEPTED, DealState.REJECTED, DealState.UNSURE),
        *(DealState.PENDING, DealState.PENDING),
    ]
    view = desk.deal(ids["a1"])
    assert (view.machine["year"], view.decided["year"], view.shown["year"].value) == (2014, 2016, 2016)
    assert view.shown["year"].why == "decided by ana on 2024-05-01"
    assert view.shown["vendor"].why == "confirmed by ana on 2024-05-01"
    assert {one.deal_id for one in desk.accepted()} == {ids["a0"], ids["a1"]}
    rejected = desk.history(ids["a2"])[0]
    assert (rejected.reason, rejected.seconds) == ("an office was opened, nothing was sold", 4.5)
    desk.close()
    with Desk.open(db) as again:
        assert [len(again.undo(ANA)) for _ in range(6)] == [1, 1, 1, 1, 1, 0]
        assert states(again) == before
        assert len(again.history()) == 10


def test_an_undo_can_be_undone_by_its_number(desk, ids):
    number = desk.accept(ids["a0"], ANA)
    desk.undo(ANA)
    undo = desk.history()[-1].decision_id
    assert desk.undo(ANA, undo) == [undo]
    assert states(desk)[ids["a0"]] is DealState.ACCEPTED
    with pytest.raises(DecisionConflict, match="undone before"):
        desk.undo(ANA, undo)
    assert [one.decision_id for one in desk.history() if one.undone] == [undo]
    assert number not in [one.decision_id for one in desk.history() if one.undone]


def test_undo_takes_back_ones_own_and_not_what_others_built_upon(desk, ids):
    desk.accept(ids["a0"], ANA)
    desk.accept(ids["a1"], BEN)
    desk.correct(ids["a0"], {"year": 2020}, BEN)
    with pytest.raises(DecisionConflict, match=f"ben chose correct on {ids['a0']} since"):
        desk.undo(ANA)
    desk.undo(BEN)
    desk.undo(ANA)
    assert states(desk)[ids["a0"]] is DealState.PENDING
    assert states(desk)[ids["a1"]] is DealState.ACCEPTED


def test_a_decision_on_what_has_changed_since_is_refused(desk, ids, db):
    shown = desk.deal(ids["a0"]).version
    with Desk.open(db) as other:
        other.reject(ids["a0"], BEN)
    with pytest.raises(DecisionConflict, match="ben chose reject"):
        desk.accept(ids["a0"], Act(who="ana", at=NOW, expected=shown))
    desk.accept(ids["a0"], Act(who="ana", at=NOW, expected=desk.deal(ids["a0"]).version))
    shown = desk.deal(ids["a1"]).version
    from store.ledger import Ledger

    ledger = Ledger.open(db)
    ledger.begin_run("process", "v2", NOW)
    ledger.save(reading("a1", finding("Huawei", "UG", year=2019), published="2015-02-01"), "v2", "daily")
    ledger.settle()
    ledger.close()
    with pytest.raises(DecisionConflict, match="the machine reads other values now"):
        desk.accept(ids["a1"], Act(who="ana", at=NOW, expected=shown))


def test_deciding_does_not_wait_for_who_writes_the_ledger(desk, ids, db):
    from store.ledger import Ledger

    ledger = Ledger.open(db)
    with ledger.store.transaction() as conn:
        conn.execute("UPDATE articles SET title = 'half written'")
        desk.accept(ids["a0"], ANA)
        assert desk.deal(ids["a0"]).findings[0].article.title != "half written"
    ledger.close()
    assert desk.deal(ids["a0"]).findings[0].article.title == "half written"


def test_a_wrong_correction_leaves_no_trace(desk, ids):
    with pytest.raises(RecordError, match="year is from"):
        desk.correct(ids["a0"], {"year": 3000}, ANA)
    assert desk.history() == []
    assert states(desk)[ids["a0"]] is DealState.PENDING


def test_a_merge_redirects_and_a_split_of_it_parts_again(desk, ids):
    desk.accept(ids["a0"], ANA)
    desk.merge(ids["a0"], ids["a5"], ANA)
    view = desk.deal(ids["a5"])
    assert (view.deal_id, view.state, len(view.findings)) == (ids["a0"], DealState.ACCEPTED, 3)
    assert desk.redirects() == {ids["a5"]: ids["a0"]}
    assert ids["a5"] not in states(desk)
    zte = next(one.finding_id for one in view.findings if one.values["vendor"] == "ZTE")
    new = desk.split(ids["a0"], [zte], ANA)
    assert [one.finding_id for one in desk.deal(new).findings] == [zte]
    assert len(desk.deal(ids["a0"]).findings) == 2
    with pytest.raises(DecisionConflict, match="judged not the same"):
        desk.merge(ids["a0"], new, ANA)
    desk.undo(ANA)
    desk.undo(ANA)
    assert desk.redirects() == {}
    assert len(states(desk)) == 6
    with pytest.raises(InputError, match="name some of them, and not all"):
        desk.split(ids["a1"], [desk.deal(ids["a1"]).findings[0].finding_id], ANA)


def move(desk, country: str, *deals: str) -> None:
    """Correct the country of deals, so that they can be merged."""
    for deal in deals:
        desk.correct(deal, {"country": country}, ANA)


def test_deals_of_different_countries_are_not_merged_until_one_is_corrected(desk, ids):
    with pytest.raises(DecisionConflict, match=f"{ids['a1']} is of UG and {ids['a2']} of ZM.*correct the wrong one"):
        desk.merge(ids["a1"], ids["a2"], ANA)
    assert (desk.history(), desk.redirects()) == ([], {})
    move(desk, "UG", ids["a2"])
    desk.merge(ids["a1"], ids["a2"], ANA)
    assert desk.redirects() == {ids["a2"]: ids["a1"]}


def test_merges_are_transitive_and_heed_what_was_judged_not_the_same(desk, ids):
    move(desk, "RS", ids["a1"], ids["a2"], ids["a4"])
    desk.merge(ids["a1"], ids["a2"], ANA)
    desk.merge(ids["a3"], ids["a1"], ANA)
    assert desk.redirects() == {ids["a1"]: ids["a3"], ids["a2"]: ids["a3"]}
    assert {one.article.article_id for one in desk.deal(ids["a2"]).findings} == {"a1", "a2", "a3"}
    desk.not_same(ids["a3"], ids["a4"], ANA)
    with pytest.raises(DecisionConflict, match="judged not the same"):
        desk.merge(ids["a4"], ids["a2"], BEN)


def test_not_the_same_is_not_asked_again(desk, db):
    from store.ledger import Ledger

    ledger = Ledger.open(db)
    ledger.begin_run("process", "v1", NOW)
    ledger.save(reading("a0c", finding(value=dollars(1e6)), published="2019-01-02"), "v1", "daily")
    ledger.save(reading("a0d", finding(value=dollars(9e6), year=2019), published="2021-01-02"), "v1", "daily")
    ledger.settle()
    ledger.close()
    [here] = desk.deals_of_article("a0d")
    others = [one.deal_id for one in desk.candidates(here)] or desk.deals_of_article("a0")
    desk.not_same(here, others[0], ANA)
    assert others[0] not in [one.deal_id for one in desk.candidates(here)]
    assert here not in [one.deal_id for one in desk.candidates(others[0])]


def test_a_deal_by_hand_has_its_place_in_the_text_and_can_be_merged(desk, ids):
    text = desk.article("a5").text
    made = desk.add(
        {"vendor": "NSO Group", "country": "KE", "technologies": "spyware", "status": "agreed"},
        [("a5", 2, 20)],
        ANA,
    )
    view = desk.deal(made)
    assert (view.by_hand, view.state, view.machine, view.evidence[0]["quote"]) == (
        *(True, DealState.ACCEPTED, None),
        text[2:20],
    )
    assert made in desk.deals_of_article("a5")
    assert made in {one.deal_id for one in desk.accepted()}
    desk.merge(ids["a5"], made, ANA)
    assert desk.deal(made).deal_id == ids["a5"]
    desk.undo(ANA)
    desk.undo(ANA)
    with pytest.raises(StoreError, match="no deal is called"):
        desk.deal(made)
    with pytest.raises(InputError, match="is no passage"):
        desk.add({"vendor": "X", "country": "KE", "technologies": "spyware"}, [("a5", 0, 10**6)], ANA)
    with pytest.raises(RecordError, match="country cannot be empty"):
        desk.add({"vendor": "X", "technologies": "spyware"}, [("a5", 0, 5)], ANA)


def test_a_bulk_act_is_all_or_nothing_and_undone_as_one(desk, ids):
    batch = Act(who="ana", at=NOW, batch="b1")
    assert desk.bulk_filter(DecisionAction.REJECT, QueueFilter(vendors=("Huawei",)), batch) == 5
    assert desk.count() == 1
    assert len(desk.undo(ANA)) == 5
    assert desk.count() == 6
    with pytest.raises(StoreError, match="no deal is called"):
        desk.bulk(DecisionAction.ACCEPT, [ids["a0"], "D00000000000"], Act(who="ana", at=NOW, batch="b2"))
    assert desk.count() == 6
    with pytest.raises(InputError, match="needs a batch"):
        desk.bulk(DecisionAction.ACCEPT, [ids["a0"]], ANA)
    with pytest.raises(InputError, match="is not for many at once"):
        desk.bulk(DecisionAction.MERGE, [ids["a0"]], batch)


def test_a_second_verdict_is_kept_beside_and_changes_nothing(desk, ids):
    desk.accept(ids["a0"], ANA)
    desk.reject(ids["a0"], Act(who="ben", at=NOW, second=True))
    assert states(desk)[ids["a0"]] is DealState.ACCEPTED
    assert [(one["who"], one["action"]) for one in desk.verdicts(ids["a0"])] == [("ana", "accept"), ("ben", "reject")]


def test_a_second_coder_starts_from_what_the_machine_reads_and_not_from_the_first(desk, ids):
    desk.correct(ids["a0"], {"year": 1999, "customer": "Army"}, ANA)
    desk.accept(ids["a0"], Act(who="ben", at=NOW, second=True))
    desk.correct(ids["a0"], {"customer": "Navy"}, Act(who="cem", at=NOW, second=True))
    told = {one["who"]: (one["decided"]["year"], one["decided"]["customer"]) for one in desk.verdicts(ids["a0"])}
    assert told == {"ana": (1999, "Army"), "ben": (2014, "Police"), "cem": (2014, "Navy")}
    # Of a deal by hand the machine reads nothing: its own values are all there is.
    made = desk.add({"vendor": "X", "country": "KE", "technologies": "spyware"}, [("a5", 0, 5)], ANA)
    desk.accept(made, Act(who="ben", at=NOW, second=True))
    assert [one["decided"]["vendor"] for one in desk.verdicts(made)][-1] == "X"


def test_marks_links_replies_and_articles_done(desk, ids):
    desk.flag(ids["a0"], ANA)
    desk.reply(ids["a0"], "Huawei says that it sold nothing.", ANA)
    desk.link(ids["a1"], ids["a0"], LinkKind.SHARES_SUM, ANA)
    desk.article_done("a0", ANA)
    view = desk.deal(ids["a0"])
    assert (view.flagged, view.state) == (True, DealState.PENDING)
    assert [one.after["text"] for one in view.replies] == ["Huawei says that it sold nothing."]
    assert [(one.from_id, one.kind) for one in view.links] == [(ids["a1"], LinkKind.SHARES_SUM)]
    assert desk.deal(ids["a1"]).sum_reason == f"the sum is shared with {ids['a0']} and counted there"
    assert desk.articles_done() == {"a0"}
    desk.unlink(ids["a1"], ids["a0"], LinkKind.SHARES_SUM, ANA)
    desk.unflag(ids["a0"], ANA)
    assert desk.deal(ids["a1"]).sum_safe
    assert not desk.deal(ids["a0"]).flagged


def test_releases_are_remembered_with_the_last_decision(desk, ids):
    number = desk.accept(ids["a0"], ANA)
    desk.note_release("2024.1", 1, "abc", ANA)
    later = desk.reject(ids["a1"], ANA)
    assert desk.releases()[0]["last_decision"] == number
    assert [one.decision_id for one in desk.history(since=number)] == [later]
    with pytest.raises(InputError, match="was made before"):
        desk.note_release("2024.1", 1, "abc", ANA)
    desk.note_release("2024.1", 2, "def", ANA, replaces=True)
    assert [(one["digest"], one["last_decision"]) for one in desk.releases()] == [("def", later)]


def test_who_decides_must_be_named(desk, ids):
    with pytest.raises(InputError, match="needs the name"):
        desk.accept(ids["a0"], Act(who=" ", at=NOW))


# --- the queue


@pytest.mark.parametrize("order", Order)
def test_pages_of_the_queue_are_the_whole_queue_whatever_is_overlaid(desk, ids, order):
    move(desk, "UG", ids["a2"])
    desk.merge(ids["a1"], ids["a2"], ANA)
    desk.split(ids["a0"], [desk.deal(ids["a0"]).findings[0].finding_id], ANA)
    desk.accept(ids["a3"], ANA)
    whole = [item.deal_id for item in desk.queue(order, ALL, limit=50).items]
    assert len(whole) == len(set(whole)) == 6
    paged, after = [], None
    while True:
        page = desk.queue(order, ALL, after=after, limit=1)
        paged += [item.deal_id for item in page.items]
        after = page.next
        if after is None:
            break
    assert paged == whole


@pytest.mark.parametrize(
    ("told", "articles"),
    [
        pytest.param({}, {"a0", "a1", "a2", "a4", "a5"}, id="what waits"),
        pytest.param({"states": (DealState.ACCEPTED,)}, {"a3"}, id="accepted"),
        pytest.param({"states": ()}, {"a0", "a1", "a2", "a3", "a4", "a5"}, id="all"),
        pytest.param({"countries": ("KE",)}, {"a0", "a5"}, id="a country"),
        pytest.param({"vendors": ("ZTE",)}, {"a5"}, id="a vendor"),
        pytest.param({"technologies": ("spyware",)}, set(), id="a technology"),
        pytest.param({"words": "only a2"}, {"a2"}, id="words of an article"),
        pytest.param({"words": '"; DROP TABLE deals --'}, set(), id="words that are no words"),
        pytest.param({"with_sum": False}, {"a5"}, id="no sum"),
        pytest.param({"min_confidence": 0.75}, {"a0", "a1"}, id="sure ones"),
        pytest.param({"max_confidence": 0.3}, {"a5"}, id="unsure ones"),
        pytest.param({"published_from": "2016"}, {"a5"}, id="new ones"),
        pytest.param({"sources": ("x",)}, {"a0"}, id="a source"),
        pytest.param({"flagged": True}, {"a4"}, id="flagged"),
        pytest.param({"not_decided_by": "ana"}, {"a0", "a2", "a4", "a5"}, id="not skipped"),
    ],
)
def test_filters_narrow_the_queue_and_count_agrees(desk, ids, told, articles):
    desk.accept(ids["a3"], ANA)
    desk.skip(ids["a1"], ANA)
    desk.flag(ids["a4"], BEN)
    narrowed = QueueFilter(**told)
    names = {deal: name for name, deal in ids.items()}
    assert {names[item.deal_id] for item in desk.queue(Order.LIKELY, narrowed).items} == articles
    assert desk.count(narrowed) == len(articles) == len(desk.deal_ids(narrowed))
    assert sum(desk.facets(narrowed)["state"].values()) == len(articles)


def test_the_quick_facets_are_the_slow_ones(desk, ids):
    from store import worklist

    move(desk, "UG", ids["a2"])
    desk.merge(ids["a1"], ids["a2"], ANA)
    desk.accept(ids["a3"], ANA)
    desk.reject(ids["a4"], ANA)
    for wanted in ((), (DealState.PENDING,), (DealState.ACCEPTED, DealState.REJECTED)):
        quick = desk.facets(QueueFilter(states=wanted))
        with desk.moment() as conn:
            assert quick == worklist.facets(conn, QueueFilter(states=wanted), worklist.kinds(conn))


@pytest.fixture
def renamed(tmp_path):
    """Deals of one company under two names, of which one is told under both, and one of a company that has no id."""
    ledger = new_ledger(tmp_path)
    told = [
        ("FLIR", "flir", "KE"),
        ("Teledyne FLIR", "flir", "KE"),
        ("Teledyne FLIR", "flir", "RS"),
        ("FLIR", "flir", "UG"),
    ]
    for number, (vendor, vendor_id, country) in enumerate([*told, ("Acme", None, "UG")]):
        found = finding(
            vendor, country, vendor_id=vendor_id, value=dollars(1e6 * 7 ** "KE RS UG".split().index(country))
        )
        ledger.save(reading(f"a{number}", found, published=f"2015-01-0{number + 1}"), "v1", "daily")
    ledger.settle()
    ledger.close()
    with Desk.open(tmp_path / "watchledger.db") as made:
        yield made


def test_a_company_that_texts_name_differently_is_one_in_facets_and_filters(renamed):
    assert len(renamed.deal_ids(ALL)) == 4
    assert renamed.facets()["vendor"] == {"Teledyne FLIR": 3, "Acme": 1}
    for name in ("FLIR", "Teledyne FLIR"):
        narrowed = QueueFilter(vendors=(name,))
        assert {item.values["country"] for item in renamed.queue(told=narrowed).items} == {"KE", "RS", "UG"}
        assert renamed.facets(narrowed)["vendor"] == {name: 3} == {name: renamed.count(narrowed)}


def test_a_company_that_texts_name_differently_is_one_party_of_a_deal(renamed):
    deal = next(view for view in renamed.deals(renamed.deal_ids(ALL)) if len(view.findings) == 2)
    (supplier,) = [one for one in deal.parties if one["role"] == "supplier"]
    assert (supplier["name"], supplier["aliases"], len(supplier["findings"])) == ("Teledyne FLIR", ["FLIR"], 2)


def test_a_wrong_place_in_the_queue_is_refused(desk):
    for wrong in ("x", "[1]", '{"a": 1}', "[null, 3]"):
        with pytest.raises(InputError, match="no place in the queue"):
            desk.queue(after=wrong)


def test_without_decisions_a_book_reads_the_ledger_alone(db):
    with Book.open(db) as book:
        assert book.count() == 6
        assert book.last_decision() is None
    assert not db.with_name("decisions.db").exists()
