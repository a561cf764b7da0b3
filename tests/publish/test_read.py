"""A release out of a ledger: what was decided, with the words it rests on, and nobody's name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.generate import about
from publish.proof import ANALYST
from publish.quote import Quote
from publish.read import moment_of, public_address, read_release
from publish.release import Release
from publish.rows import QUOTE_MOST, Basis, Gone
from records import LinkKind, Money
from store.archive import Archive
from store.book import Book
from store.desk import Desk
from store.ledger import Ledger
from store.release import read_log
from tests.publish.ledger import EDITOR, STORIES, act, add_story, deal_of, make_workspace

TEXTS = {story.name: story.text for story in STORIES}


def read(ledger, former=(), vendors=None, **told) -> Release:
    with Book.open(ledger) as book, book.moment():
        log = read_log(book)
        named = about(moment=moment_of(log), date=moment_of(log)[:10], **told)
        return read_release(book, ledger.with_name("archive.db"), named, log, former, vendors)


@pytest.fixture(scope="module")
def release(decided):
    return read(decided)


def of(release, country):
    return next(deal for deal in release.deals if deal.country == country)


def evidence(release, deal, field):
    return [row for row in release.evidence if (row.deal_id, row.field) == (deal.deal_id, field)]


def test_accepted_deals_come_with_their_money_in_three_forms(release):
    kenya = of(release, "KE")
    assert (kenya.vendor, kenya.vendor_country, kenya.customer, kenya.year) == ("Huawei", "CN", "Kenya Police", 2015)
    assert (kenya.value_amount, kenya.value_currency, kenya.value_raw) == (14.9e9, "KES", "KES 14.9 billion")
    assert kenya.value_usd == pytest.approx(14.9e9 / kenya.value_rate, abs=0.01)
    assert kenya.value_usd_constant > kenya.value_usd
    assert (of(release, "ZW").value_note, of(release, "ZW").value_usd) == ("no_rate", None)


def test_every_quote_is_the_text_at_its_offsets_and_holds_the_words(release):
    sources = {source.source_id: source for source in release.sources}
    seen = 0
    for row in release.evidence:
        name = sources[row.source_id].url.rpartition("/")[2]
        assert row.quote == TEXTS[name][row.quote_start : row.quote_end]
        if row.start is not None:
            assert row.quote_start <= row.start < row.end <= row.quote_end
            seen += 1
    assert seen > 15
    words = {evidence(release, of(release, "KE"), slot)[0].quote for slot in ("vendor", "value_amount")}
    assert words == {
        "Huawei will install 1,800 cameras for the Kenya Police in a deal of KES 14.9 billion signed in 2015."
    }
    (loan,) = evidence(release, of(release, "KE"), "financing")
    assert loan.quote == "The Export-Import Bank of China lends the money."


def test_a_source_has_its_page_and_no_password(release):
    for source in release.sources:
        assert source.url.startswith("http://daily.example/")
        assert len(source.page_sha256) == 64
        assert source.retrieved_at == "2024-05-01T12:00:00Z"
        assert (source.outlet, source.published) == ("The Daily", "2020-05")


def test_nothing_undecided_is_published(tmp_path):
    ledger = make_workspace(tmp_path, accept=False)
    with Desk.open(ledger) as desk:
        ids = sorted(item.deal_id for item in desk.queue().items)
        desk.accept(ids[0], act())
        desk.reject(ids[1], act(hours=1))
        desk.unsure(ids[2], act(hours=2))
    release = read(ledger)
    assert [deal.deal_id for deal in release.deals] == ids[:1]
    assert {row.deal_id for row in release.evidence} == set(ids[:1])
    assert len(release.sources) == 1
    assert release.retired == []  # a rejected draft was never public


def test_a_correction_is_published_with_its_basis_and_without_a_name(ledger):
    kenya = deal_of(ledger, "KE")
    with Desk.open(ledger) as desk:
        desk.correct(
            kenya, {"customer": "National Police Service", "year": 2014}, act("Ana Reviewer read the contract", days=1)
        )
    told = read(ledger)
    deal = of(told, "KE")
    assert (deal.customer, deal.year, deal.accepted_how) == ("National Police Service", 2014, "corrected")
    rows = evidence(told, deal, "customer")
    assert [(row.value, row.chosen, row.basis) for row in sorted(rows, key=lambda row: row.chosen)] == [
        ("Kenya Police", False, Basis.QUOTED),
        ("National Police Service", True, Basis.DECIDED),
    ]
    assert {(party.role, party.name) for party in told.parties if party.deal_id == kenya} == {
        ("supplier", "Huawei"), ("customer", "National Police Service"), ("financier", "Export-Import Bank of China"),
    }  # fmt: skip
    assert (
        EDITOR.casefold()
        not in json.dumps([str(row) for name in ("deals", "evidence", "retired") for row in told.rows(name)]).casefold()
    )
    assert next(row.date for row in told.events if row.deal_id == kenya and not row.estimated) == "2014"


def test_merged_and_withdrawn_deals_stay_listed(ledger):
    kenya, serbia, uganda = (deal_of(ledger, country) for country in ("KE", "RS", "UG"))
    with Desk.open(ledger) as desk:
        desk.correct(serbia, {"country": "KE"}, act(days=1))
        desk.merge(kenya, serbia, act("told twice, says Ana Reviewer", days=1))
        desk.withdraw_deal(uganda, act("the source was forged", days=1, hours=1))
    retired = {row.deal_id: row for row in read(ledger).retired}
    assert (retired[serbia].state, retired[serbia].successor) == (Gone.MERGED, kenya)
    assert (retired[uganda].state, retired[uganda].why, retired[uganda].date) == (
        Gone.WITHDRAWN,
        "the source was forged",
        "2024-06-02",
    )
    assert ANALYST in retired[serbia].why
    assert EDITOR not in retired[serbia].why


def test_a_deal_that_re_opened_is_gone_with_a_word(ledger):
    kenya = deal_of(ledger, "KE")
    changed = replace(STORIES[0], value=Money(amount=1e6, currency="KES", raw="KES 14.9 billion"))
    archive = Archive.open(ledger.with_name("archive.db"))
    book = Ledger.open(ledger)
    book.begin_run("process", "v2", act().at)
    archive.store.db.conn.execute("DELETE FROM pages WHERE url LIKE '%kenya'")
    archive.store.db.conn.execute("DELETE FROM bodies WHERE sha256 NOT IN (SELECT sha256 FROM pages)")
    add_story(archive, book, changed)
    book.settle()
    book.close()
    archive.close()
    told = read(ledger, former=[kenya])
    assert kenya not in {deal.deal_id for deal in told.deals}
    assert {row.deal_id: row.state for row in told.retired} == {kenya: Gone.REOPENED}


def test_a_shared_sum_and_a_part_are_told_as_such(ledger):
    kenya, serbia, uganda = (deal_of(ledger, country) for country in ("KE", "RS", "UG"))
    with Desk.open(ledger) as desk:
        desk.link(kenya, serbia, LinkKind.SHARES_SUM, act(days=1))
        desk.link(uganda, serbia, LinkKind.PART_OF, act(days=1, hours=1))
    told = read(ledger)
    assert of(told, "KE").sum_group == of(told, "RS").sum_group is not None
    assert of(told, "UG").parent_id == serbia
    assert of(told, "UG").sum_group is None
    assert (of(told, "RS").umbrella, of(told, "RS").counted, of(told, "RS").not_counted_why) == (
        True,
        False,
        "umbrella",
    )
    assert of(read(ledger, count_umbrella=True), "RS").counted


def test_a_deal_added_by_hand_leads_to_the_marked_sentence(ledger):
    with Desk.open(ledger) as desk:
        article = next(item.article_id for item in desk.queue().items) if desk.queue().items else None
        with Book.open(ledger) as book:
            view = next(iter(book.accepted()))
            article = view.findings[0].article
        text = desk.article(article.article_id).text
        values = {
            "vendor": "Dahua",
            "vendor_country": "CN",
            "country": "UG",
            "technologies": ["drones"],
            "status": "agreed",
            "alleged": False,
        }
        added = desk.add(values, [(article.article_id, 0, 20)], act("seen while reading", days=2))
    told = read(ledger)
    deal = next(deal for deal in told.deals if deal.deal_id == added)
    assert (deal.accepted_how, deal.confidence) == ("by_hand", None)
    (row,) = evidence(told, deal, "vendor")
    assert (row.quote, row.quote_start, row.source_id, row.basis) == (text[:20], 0, article.article_id, Basis.DECIDED)


def test_a_right_of_reply_is_published(ledger):
    with Desk.open(ledger) as desk:
        desk.reply(deal_of(ledger, "KE"), "Huawei says that it keeps the law.", act(days=1))
    assert of(read(ledger), "KE").reply == "Huawei says that it keeps the law."


def test_claims_are_published_of_articles_that_were_read_to_the_end(ledger):
    assert read(ledger).claims == []
    with Book.open(ledger) as book:
        article = next(iter(book.accepted())).findings[0].article.article_id
    with Desk.open(ledger) as desk:
        desk.article_done(article, act(days=1))
    (claim,) = read(ledger).claims
    assert (claim.source_id, claim.n_countries, claim.qualifier) == (article, 50, "at_least")


def test_no_quotes_means_none_and_keeps_the_offsets(decided):
    told = read(decided, quotes=False)
    assert {row.quote for row in told.evidence} == {None}
    assert all(row.quote_start is not None for row in told.evidence)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://ana:secret@news.example/a?b=1", "https://news.example/a?b=1"),
        ("http://news.example:8080/a b", "http://news.example:8080/a%20b"),
        ("file:///home/ana/leak.pdf", None),
        ("javascript:alert(1)", None),
        ("http://", None),
        ("http://[broken/", None),
        ("", None),
    ],
)
def test_only_web_addresses_are_published_and_without_passwords(url, told):
    assert public_address(url) == told


@pytest.mark.parametrize(("start", "end"), [(0, 5), (500, 510), (985, 999)], ids=["front", "middle", "end"])
def test_a_long_sentence_is_cut_around_its_words(start, end):
    text = "".join(chr(97 + i % 26) for i in range(1000))
    cut = Quote(text=text, quote_start=7, quote_end=1007, start=start + 7, end=end + 7, where="text").cut()
    assert len(cut.text) == QUOTE_MOST == cut.quote_end - cut.quote_start
    assert cut.text == text[cut.quote_start - 7 : cut.quote_end - 7]
    assert cut.quote_start <= cut.start < cut.end <= cut.quote_end
