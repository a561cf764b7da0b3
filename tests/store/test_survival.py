"""Fifty decisions, then other words in the lexicon, then a ledger made anew: nothing lost, only what changed re-opens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from records import Act, DealState, DecisionAction, LinkKind, Technology
from store.book import Book
from store.desk import Desk
from store.ledger import Ledger
from store.views import QueueFilter
from tests.store.factory import NOW, finding, later, reading

COUNTRIES = "KE UG ZM RS BY ZW PK LK BD EC BO PE AR BR MX KZ UZ TJ KG MN TH LA KH MM PH ID MY NG GH CI".split()
COUNTRIES += "SN ML TD CM GA AO MZ MW RW BI ET SD EG DZ MA TN SA AE JO IQ".split()
assert len(COUNTRIES) == 50

FIRST_WORDS = {"Huawei": ("Huawei", None), "Zhongxing": ("Zhongxing", None), "cameras": Technology.VIDEO_SURVEILLANCE}
# The changed lexicon: Huawei gets an id (a new pair, the same values), Zhongxing its usual name (another value),
# and one phrase more is known.
OTHER_WORDS = {
    "Huawei": ("Huawei", "Q160120"),
    "Zhongxing": ("ZTE", "Q198639"),
    "cameras": Technology.VIDEO_SURVEILLANCE,
    "faces": Technology.FACIAL_RECOGNITION,
}

FACES, ZHONGXING, SILENT = range(10, 14), range(20, 23), 30


def text(number: int) -> str:
    vendor = "Zhongxing" if number in ZHONGXING else "Huawei"
    seen = "faces" if number in FACES else "streets"
    return f"In {2000 + number % 20} {vendor} sold cameras that watch {seen}, city {number}, to {COUNTRIES[number]}."


def read(number: int, words: dict, *, part: str = "", silent: bool = False):
    """A small extractor: what it finds depends on the words it knows."""
    told = text(number)
    word = next(word for word in ("Huawei", "Zhongxing") if word in told)
    name, known = words[word]
    technologies = tuple(
        sorted(value for word, value in words.items() if isinstance(value, Technology) and word in told)
    )
    found = finding(
        name,
        re.search(r"to (\w\w)\.", told)[1],
        vendor_id=known,
        vendor_aliases=(word,),
        technologies=technologies,
        year=int(re.search(r"In (\d+)", told)[1]),
        evidence=(told,),
    )
    return reading(f"a{number}{part}", *(() if silent else (found,)), text=told + " " + part * 30)


def fill(ledger: Ledger, words: dict, version: str, order: int = 1) -> None:
    for number in range(50)[::order]:
        silent = number == SILENT and words is OTHER_WORDS
        ledger.save(read(number, words, silent=silent), version, "daily")
    for number in (40, 41):
        # A year later and without a sum in common: another report that a person will have to judge.
        again = read(number, words, part="b")
        ledger.save(again, version, "daily")
    ledger.settle()


@pytest.fixture
def decided(tmp_path: Path):
    """A ledger with fifty-two decisions over it, and what each deal was decided to be."""
    db = tmp_path / "watchledger.db"
    ledger = Ledger.open(db)
    ledger.begin_run("process", "v1", NOW)
    fill(ledger, FIRST_WORDS, "v1")
    act = Act(who="ana", at=NOW)
    with Desk.open(db) as desk:
        of = {item.values["country"]: item.deal_id for item in desk.queue(limit=200).items}
        assert len(of) == 50
        ids = [of[country] for country in COUNTRIES]
        for deal in ids[:26]:
            desk.accept(deal, act)
        for deal in ids[26:32]:
            desk.correct(deal, {"customer": "Police", "year": 1999}, act)
        for deal in ids[32:38]:
            desk.reject(deal, act)
        for deal in ids[38:40]:
            desk.unsure(deal, act)
        split = [
            desk.split(deal, [one.finding_id], act)
            for deal in ids[40:42]
            for one in desk.deal(deal).findings
            if one.article.article_id.endswith("b")
        ]
        # A deal is merged within its country only: the wrong one is corrected first.
        desk.correct(ids[41], {"country": COUNTRIES[40]}, act)
        desk.merge(ids[40], ids[41], act)
        desk.not_same(ids[42], ids[43], act)
        desk.correct(ids[45], {"country": COUNTRIES[44]}, act)
        desk.merge(ids[44], ids[45], act)
        desk.flag(ids[46], act)
        desk.reply(ids[0], "The company denies it.", act)
        desk.link(ids[1], ids[2], LinkKind.PART_OF, act)
        desk.add({"vendor": "NSO Group", "country": "MX", "technologies": ["spyware"]}, [("a14", 0, 20)], act)
        assert len(desk.history()) == 51
        desk.withdraw_deal(ids[47], Act(who="ana", at=NOW, reason="a hoax"))
        assert len(desk.history()) == 52
    return db, ledger, ids, split


def picture(db: Path) -> dict:
    with Book.open(db) as book:
        everything = book.deal_ids(QueueFilter(states=()))
        return {
            "log": book.history(),
            "states": {view.deal_id: view.state for view in book.deals(everything)},
            "decided": {view.deal_id: view.decided for view in book.deals(everything) if view.decided},
            "redirects": book.redirects(),
            "withdrawn": book.withdrawn(),
            "changes": {view.deal_id: view.changes for view in book.deals(everything) if view.changes},
            "findings": {
                view.deal_id: {f.article.article_id for f in view.findings} for view in book.deals(everything)
            },
        }


def test_nothing_reopens_when_the_same_is_read_again(decided):
    db, ledger, _, _ = decided
    before = picture(db)
    assert before["changes"] == {}
    fill(ledger, FIRST_WORDS, "v2", order=-1)
    assert picture(db) == before
    ledger.close()


def test_other_words_and_a_ledger_made_anew_lose_no_decision_and_reopen_what_changed_only(decided):
    db, ledger, ids, _ = decided
    before = picture(db)
    fill(ledger, OTHER_WORDS, "v2")
    after = picture(db)
    ledger.close()

    assert after["log"] == before["log"]
    assert after["decided"] == before["decided"]
    assert after["redirects"] == before["redirects"] == {ids[41]: ids[40], ids[45]: ids[44]}
    assert after["withdrawn"] == before["withdrawn"]
    # The two that nobody has decided on may have another id now; all others have the one they had.
    undecided = {ids[48], ids[49]}
    known = set(before["states"]) - undecided
    assert known <= set(after["states"])
    assert len(after["states"]) == len(before["states"])
    changed = {ids[n] for n in FACES} | {ids[n] for n in ZHONGXING} | {ids[SILENT]}
    assert set(after["changes"]) == changed
    assert {deal for deal, state in after["states"].items() if state is DealState.REOPENED} == changed
    both = ["facial_recognition", "video_surveillance"]
    assert after["changes"][ids[10]] == {"technologies": [["video_surveillance"], both, ["video_surveillance"]]}
    assert after["changes"][ids[20]] == {"vendor": ["Zhongxing", "ZTE", "Zhongxing"]}
    assert after["changes"][ids[SILENT]] == {"findings": ["told", "no longer found", None]}
    unchanged = known - changed
    assert {d: after["states"][d] for d in unchanged} == {d: before["states"][d] for d in unchanged}

    for file in db.parent.glob("watchledger.db*"):
        file.unlink()
    rebuilt = Ledger.open(db)
    rebuilt.begin_run("process", "v2", NOW)
    fill(rebuilt, OTHER_WORDS, "v2", order=-1)
    rebuilt.close()
    assert picture(db) == after


def test_while_the_ledger_is_still_being_rebuilt_nothing_reopens_for_want_of_pages(decided):
    db, ledger, ids, _ = decided
    before = picture(db)
    ledger.close()
    for file in db.parent.glob("watchledger.db*"):
        file.unlink()
    rebuilt = Ledger.open(db)
    rebuilt.begin_run("process", "v1", NOW)
    rebuilt.save(read(0, FIRST_WORDS), "v1", "daily")
    rebuilt.settle()
    rebuilt.close()
    now = picture(db)
    assert now["changes"] == {}
    assert now["decided"] == before["decided"]
    assert now["findings"][ids[0]] == {"a0"}
    assert now["findings"][ids[1]] == set()


def test_a_machine_that_comes_round_to_the_decision_does_not_reopen_it(decided):
    db, ledger, ids, _ = decided
    told = read(26, FIRST_WORDS)
    [found] = told.extraction.deals
    object.__setattr__(found, "year", 1999)
    object.__setattr__(found, "customer", "Police")
    ledger.save(told, "v2", "daily")
    ledger.settle()
    ledger.close()
    with Book.open(db) as book:
        assert book.deal(ids[26]).machine["year"] == 1999
        assert book.deal(ids[26]).state is DealState.ACCEPTED


@pytest.mark.parametrize(
    ("vendor", "vendor_id", "changes"),
    [
        pytest.param("Teledyne FLIR", "flir", {}, id="the same company"),
        pytest.param("FLIR", "other", {}, id="another company of that name"),
        pytest.param("Raytheon", "raytheon", {"vendor": ["FLIR", "Raytheon", "FLIR"]}, id="another company"),
    ],
)
def test_another_name_of_the_same_company_does_not_reopen_a_deal(tmp_path, vendor, vendor_id, changes):
    db = tmp_path / "watchledger.db"
    ledger = Ledger.open(db)
    ledger.begin_run("process", "v1", NOW)
    ledger.save(reading("a0", finding("FLIR", vendor_id="flir")), "v1", "daily")
    ledger.settle()
    with Desk.open(db) as desk:
        [deal] = desk.deal_ids(QueueFilter(states=()))
        desk.accept(deal, Act(who="ana", at=NOW))
    aliases = ("FLIR", "FLIR Raytheon")
    again = finding(vendor, vendor_id=vendor_id, vendor_aliases=aliases)
    ledger.save(reading("a0", again), "v2", "daily")
    ledger.settle()
    ledger.close()
    with Book.open(db) as book:
        view = book.deal(deal)
        assert (view.changes, view.machine["vendor"]) == (changes, vendor)
        assert view.state is (DealState.REOPENED if changes else DealState.ACCEPTED)


def test_reopened_deals_can_be_kept_or_taken_over(decided):
    db, ledger, ids, _ = decided
    fill(ledger, OTHER_WORDS, "v2")
    ledger.close()
    with Desk.open(db) as desk:
        desk.accept(ids[10], Act(who="ben", at=later(days=1)))
        desk.take_changes(ids[11], Act(who="ben", at=later(days=1)))
        kept, taken = desk.deal(ids[10]), desk.deal(ids[11])
        assert (kept.state, kept.changes, kept.shown["technologies"].value) == (
            *(DealState.ACCEPTED, {}),
            ["video_surveillance"],
        )
        assert taken.shown["technologies"].value == ["facial_recognition", "video_surveillance"]
        assert len(desk.deal_ids(QueueFilter(states=(DealState.REOPENED,)))) == 6
        assert [one.action for one in desk.history(ids[11])] == [DecisionAction.ACCEPT, DecisionAction.CORRECT]


def test_the_tables_that_follow_from_the_log_can_be_made_anew(decided):
    db, ledger, _, _ = decided
    ledger.close()
    before = picture(db)
    from store.decisions import Decisions

    made = Decisions.open(db.with_name("decisions.db"))
    told = made.store.rows("SELECT * FROM decided ORDER BY deal_id")
    made.rebuild()
    assert [tuple(row) for row in made.store.rows("SELECT * FROM decided ORDER BY deal_id")] == [tuple(r) for r in told]
    made.close()
    assert picture(db) == before
