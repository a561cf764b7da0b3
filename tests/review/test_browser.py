"""The screen in a real browser: what each key does, how many a decision takes, and that hostile text stays text."""

from __future__ import annotations

import pytest

from records import Act
from store.book import Book
from store.desk import Desk
from tests.review.ledger import CAMERAS
from tests.store.factory import NOW, later


def history(db):
    """(action, who) of the log, oldest first."""
    with Book.open(db) as book:
        return [(str(event.action), event.who) for event in book.history()]


def deal_of(db, vendor):
    """The one deal of a vendor, in whatever state."""
    from store.views import QueueFilter

    with Book.open(db) as book:
        found = [
            item.deal_id
            for item in book.queue(told=QueueFilter(states=()), limit=100).items
            if item.values["vendor"] == vendor
        ]
        return book.deal(found[0])


def test_plain_decisions_take_one_key_each_and_the_next_deal_comes_by_itself(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    seen = []
    for key in ("a", "x", "s", "space"):
        seen.append(at.pair)
        at.press(key.replace("space", " "))
        at.page.wait_for_function("seen => document.querySelector('.state .pair')?.textContent !== seen", arg=seen[-1])
    assert at.keys == 4
    assert seen == ["Huawei → Kenya", "NSO Group → Mexico", "ZTE → Uganda", "ZTE → Zambia"]
    assert history(db) == [("accept", "ann"), ("reject", "ann"), ("unsure", "ann"), ("skip", "ann")]
    with Book.open(db) as book:
        assert all(event.seconds is not None and event.seconds < 60 and event.machine_shown for event in book.history())


def test_one_field_is_corrected_with_four_keys_and_no_mouse(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.press("0", "4", "a")  # status: the fourth is "in progress" or so
    at.wait_pair("NSO Group")
    assert at.keys == 3
    first = deal_of(db, "Huawei")
    assert first.decided["status"] != "agreed"
    at.press("3", "2", "Escape", "a")  # a second technology
    at.wait_pair("Uganda")
    assert at.keys == 3 + 4
    assert len(deal_of(db, "NSO Group").decided["technologies"]) == 2
    assert [action for action, _ in history(db)] == ["correct", "correct"]


def test_typing_is_checked_and_a_bad_value_is_refused_with_the_reason(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.press("7")
    at.page.keyboard.type("lots")
    at.press("Enter")
    at.page.wait_for_function(
        "() => document.querySelector('#picker .fault').textContent.includes('no sum with a currency')"
    )
    at.page.fill("#picker input", "15m eur")
    at.press("Enter")
    at.page.wait_for_selector('.field[data-field="value"].changed')
    assert at.field("value") == "EUR 15,000,000"
    # Keys are off while typing: these letters are a name and reject nothing.
    at.press("8")
    at.page.keyboard.type("xaxu")
    at.press("Escape")
    at.press("a")
    at.wait_pair("NSO Group")
    assert deal_of(db, "Huawei").decided["value_amount"] == 15e6
    assert deal_of(db, "Huawei").decided["customer"] == "Kenya Police"
    assert len(history(db)) == 1


def test_selected_words_fill_the_active_field(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.press("8")
    at.page.evaluate(
        """() => { const walk = document.createTreeWalker(document.querySelector('.passage'), NodeFilter.SHOW_TEXT);
          let node; while ((node = walk.nextNode())) { const at = node.data.indexOf('Café owners');
            if (at >= 0) { const range = document.createRange(); range.setStart(node, at); range.setEnd(node, at + 11);
              getSelection().removeAllRanges(); getSelection().addRange(range); break; } }
          document.dispatchEvent(new MouseEvent('mouseup')); }"""
    )
    at.page.wait_for_selector('.field[data-field="customer"].changed')
    assert at.field("customer") == "Café owners"
    span = at.page.evaluate(
        "() => Object.values(JSON.parse(localStorage.getItem(Object.keys(localStorage)[0])))[0].span"
    )
    assert CAMERAS[span["start"] : span["end"]] == "Café owners"  # code points, though an emoji stands before
    at.page.reload()
    at.page.wait_for_selector('.field[data-field="customer"].changed')  # a draft outlives a reload
    at.press("a")
    at.wait_pair("NSO Group")
    assert deal_of(db, "Huawei").decided["customer"] == "Café owners"


def test_undo_goes_back_across_restarts_as_far_as_the_log_goes(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.press("a")
    at.wait_pair("NSO Group")
    at.press("x")
    at.wait_pair("Uganda")
    at = screen(serve(db, name="ann")).open("/review/deal")  # another server over the same files
    assert at.pair == "ZTE → Uganda"
    at.press("u")
    at.wait_pair("NSO Group")
    at.press("u")
    at.wait_pair("Huawei")
    at.press("u")
    at.wait_notice("nothing left to undo")
    assert [action for action, _ in history(db)] == ["accept", "reject", "undo", "undo"]
    with Book.open(db) as book:
        assert book.count() == 6 - 1  # both findings on Huawei and Kenya are one deal, and all are open again


def test_fast_hands_lose_no_key(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.page.evaluate(
        "() => { for (const key of ['a', 'x', 'a']) document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true})); }"
    )
    at.wait_pair("Zambia")
    assert [action for action, _ in history(db)] == ["accept", "reject", "accept"]


def test_findings_split_and_merge_again(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    assert at.page.locator(".finding").count() == 2
    at.press("]")
    assert at.page.locator(".finding:visible h1").text_content() == "Police buy cameras"
    at.press("D")
    at.wait_notice("Split off")
    assert at.page.locator(".finding").count() == 1
    with Book.open(db) as book:
        assert [event.action for event in book.history()] == ["split"]
        assert book.count() == 6
    # What was split is not asked about again; undone, it is whole.
    at.press("u")
    at.wait_notice("Undone")
    assert at.page.locator(".finding").count() == 2


def test_a_likely_twin_is_merged_or_told_apart_with_one_key(db, serve, screen, tmp_path):
    from tests.review.ledger import _reading, finding, make

    text = "ZTE sold cameras to Uganda in 2021, for the police of Kampala."
    other = "Uganda has cameras of ZTE, the police said without a date."
    (tmp_path / "b").mkdir()
    twins = make(
        tmp_path / "b",
        _reading(
            "t1", text, "One", finding(text, "Dahua", "TZ", {}, text, year=2018, customer="Police", confidence=0.99)
        ),
        _reading(
            "t2", other, "Two", finding(other, "Dahua", "TZ", {}, other, year=2019, customer="Police", confidence=0.98)
        ),
    )
    at = screen(serve(twins, name="ann")).open("/review/deal")
    assert at.pair == "Dahua → Tanzania"
    assert at.page.get_attribute("#deal", "data-twin")
    at.press("n")
    at.wait_notice("not the same")
    assert not at.page.get_attribute("#deal", "data-twin")
    at.press("u")
    at.wait_notice("Undone")
    at.press("m")
    at.wait_notice("Merged")
    assert at.page.locator(".finding").count() == 2
    assert [action for action, _ in history(twins)] == ["not_same", "undo", "merge"]


def test_a_missed_deal_is_added_from_the_words_on_the_screen(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.press("d")
    for name, words in {"vendor": "Dahua", "country": "Nairobi", "technologies": "soup", "value": "5m usd"}.items():
        at.page.fill(f'#add-deal input[name="{name}"]', words)
    at.press("Enter")
    at.page.wait_for_function("() => document.querySelector('#add-deal .fault').textContent.includes('none of')")
    at.page.fill('#add-deal input[name="technologies"]', "facial recognition")
    at.press("Enter")
    at.wait_notice("Added: Dahua → Kenya")
    made = deal_of(db, "Dahua")
    assert made.by_hand
    assert (made.decided["country"], made.decided["value_amount"], made.decided["vendor_country"]) == ("KE", 5e6, "CN")
    assert made.evidence[0]["quote"] in CAMERAS
    assert "Huawei sold 2,000 cameras" in made.evidence[0]["quote"]
    at.open(f"/review/deal/{made.deal_id}")
    assert at.pair == "Dahua → Kenya"


def test_the_other_keys(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review/deal")
    at.press("f")
    at.page.wait_for_selector(".tag.flagged")
    at.press(".")
    at.wait_notice("nothing more")
    at.press("j")
    at.wait_pair("NSO Group")
    at.press("k")
    at.wait_pair("Huawei")
    at.press("?")
    assert at.page.is_visible("#help")
    at.press("Escape")
    assert not at.page.is_visible("#help")
    at.press("x")
    at.wait_pair("NSO Group")
    at.press("r", "1")
    at.wait_notice("Reason noted")
    assert deal_of(db, "Huawei").reason == "not surveillance technology"
    at.press("e")
    at.page.wait_for_selector(".article-page[data-ready] .evidence")
    assert at.page.locator(".article-page mark").count() >= 4
    at.press("g")
    at.page.wait_for_selector(".queue-page[data-ready]")
    at.press("j", "Enter")
    at.page.wait_for_selector("#deal")
    assert at.pair == "ZTE → Uganda"


def test_bulk_shows_what_it_does_does_it_and_is_undone_as_one(db, serve, screen):
    at = screen(serve(db, name="ann")).open("/review?vendor=ZTE")
    at.page.click('[data-bulk="reject"]')
    at.page.wait_for_selector("#bulk[open]")
    assert at.page.text_content("#bulk h2") == "Reject 2 deals?"
    assert at.page.locator("#bulk li").count() == 2
    at.page.fill("#bulk input", "losing bidder")
    at.press("Enter")
    at.wait_notice("2 deals: reject")
    assert deal_of(db, "ZTE").reason == "losing bidder"
    with Book.open(db) as book:
        assert len({event.batch for event in book.history()}) == 1
    at.open("/review")
    with at.page.expect_response(lambda answer: answer.request.method == "POST"):
        at.press("u")
    with Book.open(db) as book:
        assert book.count() == 5


def test_a_second_coder_sees_nothing_of_the_first_and_both_are_compared(db, serve, screen):
    with Desk.open(db) as desk:
        ids = [item.deal_id for item in desk.queue(limit=3).items]
        desk.correct(ids[0], {"status": "operational"}, Act(who="ann", at=NOW))
        desk.accept(ids[1], Act(who="ann", at=later(minutes=1)))
        desk.reject(ids[2], Act(who="ann", at=later(minutes=2), reason="told only as a bid"))
        desk.assign(ids, "ben", Act(who="ann", at=later(minutes=3)))
    base = serve(db, name="ben")
    at = screen(base).open("/review")
    assert "second coder" in at.page.text_content(".who")
    assert at.page.locator(".rows tbody tr").count() == 3
    at.open("/review/deal")
    assert at.field("status") == "agreed"
    for secret in ("ann", "rejected", "corrected", "operational", "told only"):
        assert secret not in at.page.inner_text("#deal"), secret
    at.press("a")
    at.wait_pair("NSO Group")
    at.press("a")
    at.wait_pair("Uganda")
    at.press("a")
    at.page.wait_for_selector("#nothing, #deal")
    at.page.wait_for_function("() => !document.querySelector('#deal')?.dataset.id || true")
    at.open("/review/report")
    words = at.page.inner_text("main")
    assert "verdict" in words
    assert "67 %" in words  # of three deals both accepted two
    assert deal_of(db, "Huawei").decided["status"] == "operational"  # the first coder's word stands
    at.open("/review?queue=disagreements")
    assert at.page.locator(".rows tbody tr").count() == 2


@pytest.mark.parametrize("path", ["/review", "/review/deal", "/review/deal?order=largest", "/review/report"])
def test_a_laptop_shows_all_of_it_without_scrolling(db, serve, screen, path):
    at = screen(serve(db)).open(path)
    size = at.page.evaluate(
        "() => [document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]"
    )
    assert size == [0, 0]
    if "deal" in path:
        for name in (".passage", ".fields", ".legend", ".side"):
            box = at.page.locator(f"{name} >> visible=true").first
            assert box.evaluate("box => box.scrollHeight - box.clientHeight <= 1"), name
            place = box.bounding_box()
            assert place["y"] + place["height"] <= 768


def test_hostile_text_is_text_on_every_page(db, serve, screen):
    """Row H12: no script, style, image or link of an article is ever live."""
    at = screen(serve(db, name="ann"))
    deal = deal_of(db, "<img src=//canary.invalid/v onerror=window.hit=1>").deal_id
    for path in (
        "/review",
        f"/review/deal/{deal}",
        f"/review/article/hostile?deal={deal}",
        f"/review/print/{deal}",
        "/review/report",
        "/review/drops",
    ):
        at.open(path)
        assert at.page.evaluate("() => window.hit") is None
        assert at.page.locator("iframe, svg, main img, main style, main script").count() == 0
        assert at.page.evaluate("() => getComputedStyle(document.body).display") != "none"
        links = at.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
        assert all(link.startswith(("http://", "https://")) for link in links), links
    at.open(f"/review/deal/{deal}")
    assert "{{7*7}}" in at.page.inner_text(".passage")
    assert "49" not in at.page.inner_text(".passage")
    assert "<script>" in at.page.inner_text("h1")
    at.press("8", "1", "a")  # its values can be taken and decided on like any other
    at.page.wait_for_function("id => document.querySelector('#deal')?.dataset.id !== id", arg=deal)
    # Datasette's own page: script in the page is blocked by the policy, which the console says.
    at.page.goto(at.base + "/ledger/articles")
    assert at.page.evaluate("() => window.hit") is None
    assert all("Content Security Policy" in fault for fault in at.faults)
    at.faults.clear()
    assert at.foreign == []


def test_items_without_the_machines_answer_are_coded_from_the_text(db, serve, screen):
    at = screen(serve(db, unaided_share=1.0)).open("/review/deal")
    assert at.page.locator("mark").count() == 0
    assert at.field("vendor") == at.field("country") == ""
    assert "sure" not in at.page.inner_text(".state")
    at.press("a")
    at.wait_notice("cannot be empty")
    assert at.faults == [one for one in at.faults if "422" in one]  # the browser's own note of the refusal
    at.faults.clear()
    for key, words in (("1", "Huawei"), ("2", "Kenya"), ("3", "video surveillance"), ("0", "agreed")):
        at.press(key)
        at.page.fill("#picker input", words)
        at.press("Enter")
        at.page.wait_for_selector(f'.field[data-key="{key}"].changed')
        if key == "3":
            at.press("Escape")
    at.press("a")
    at.page.wait_for_function("() => !document.querySelector('.field.changed')")
    with Book.open(db) as book:
        event = book.history()[-1]
    assert (event.action, event.machine_shown) == ("correct", False)
    assert (event.after["decided"]["vendor"], event.after["decided"]["year"]) == ("Huawei", None)
