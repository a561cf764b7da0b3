"""When a source is well, failing, down or silent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from records import Link, Outcome
from store.archive import Archive
from tests.store.factory import NOW, fetch, later, source

DAY = 24


@pytest.fixture
def archive(tmp_path):
    made = Archive.open(tmp_path / "archive.db")
    yield made
    made.close()


def ask(archive: Archive, hours: float, outcome: Outcome = Outcome.KEPT, new: int = 0, matches: int = 1, **values):
    """The source's feed is asked so many hours after NOW, with so many links that are new."""
    archive.begin_run([source(every_hours=6)], later(hours=hours))
    target = archive.next_target("daily.example")
    assert target is not None
    links = [Link(url=f"http://daily.example/{hours}-{n}") for n in range(new)]
    links += [Link(url="http://daily.example/old")] * (matches if not new else 0)
    archive.record(fetch(target, outcome, fetched_at=later(hours=hours), **values), links=links)


def state(archive: Archive, hours: float):
    [health] = archive.health([source(every_hours=6)], later(hours=hours))
    return health


def test_a_source_that_was_never_asked_says_so(archive):
    assert state(archive, 0).state == "never_asked"


def test_a_source_with_news_is_well_and_its_rhythm_is_learnt(archive):
    for day in range(6):
        ask(archive, day * DAY, new=2)
    health = state(archive, 6 * DAY)
    assert (health.state, health.usual_hours, health.error_class, health.needs_attention) == ("well", 24.0, "", False)


def test_a_source_that_brings_nothing_new_for_many_of_its_pauses_is_silent(archive):
    ask(archive, -DAY)  # the address that is repeated below is known from here on
    for day in range(6):
        ask(archive, day * DAY, new=2)
    for day in range(6, 12):
        ask(archive, day * DAY)
    assert state(archive, 9 * DAY).state == "well"
    assert state(archive, 11 * DAY).state == "silent"
    assert state(archive, 11 * DAY).needs_attention


def test_a_source_that_publishes_once_a_month_is_not_silent_after_two_weeks(archive):
    for month in range(5):
        ask(archive, month * 30 * DAY, new=1)
    ask(archive, (4 * 30 + 14) * DAY)
    assert state(archive, (4 * 30 + 14) * DAY).state == "well"


def test_a_source_that_cannot_be_read_is_failing_then_down_with_its_class_of_error(archive):
    ask(archive, 0, new=1)
    ask(archive, 6, Outcome.UNREACHABLE, reason="timeout", retry_after=60.0)
    failing = state(archive, 7)
    assert (failing.state, failing.error_class, failing.failures) == ("failing", "temporary", 1)
    assert state(archive, 2 * DAY).state == "down"


@pytest.mark.parametrize(
    ("outcome", "reason", "error_class"),
    [
        (Outcome.HTTP_ERROR, "404", "hard"),
        (Outcome.HTTP_ERROR, "403", "refused"),
        (Outcome.BLOCKED_BY_ROBOTS, "disallowed", "refused"),
        (Outcome.RETRY_AFTER, "robots_unreachable", "temporary"),
        (Outcome.QUARANTINED, "not XML", "hard"),
    ],
)
def test_errors_have_classes(archive, outcome, reason, error_class):
    ask(archive, 0, outcome, reason=reason)
    assert state(archive, 1).error_class == error_class


def test_an_index_that_announces_nothing_is_a_warning(archive):
    ask(archive, 0, matches=0, reason="no_links")
    assert state(archive, 1).state == "no_matches"


def test_a_move_is_told(archive):
    ask(archive, 0, new=1, final_url="http://new.example/feed")
    assert state(archive, 1).moved_to == "http://new.example/feed"


# --- hosts


def announce(archive: Archive, count: int = 6) -> None:
    archive.begin_run([source()], NOW)
    target = archive.next_target("daily.example")
    assert target is not None
    archive.record(fetch(target), links=[Link(url=f"http://daily.example/{n}") for n in range(count)])


def fail(archive: Archive, reason: str, outcome: Outcome = Outcome.UNREACHABLE, wait: float = 900.0) -> None:
    target = archive.next_target("daily.example")
    assert target is not None
    archive.record(fetch(target, outcome, reason=reason, retry_after=wait))


def test_a_host_is_closed_after_three_failures_and_its_pages_keep_their_tries(archive):
    announce(archive)
    for _ in range(3):
        fail(archive, "timeout")
    assert archive.next_target("daily.example") is None
    rows = archive.store.rows("SELECT attempts, reason FROM frontier WHERE NOT is_index ORDER BY seq")
    assert [tuple(row) for row in rows] == [(1, "timeout")] * 3 + [(0, "host_closed")] * 3
    archive.begin_run([source()], NOW + timedelta(minutes=5))
    assert archive.next_target("daily.example") is None
    archive.begin_run([source()], NOW + timedelta(minutes=20))
    assert archive.next_target("daily.example") is not None


def test_a_host_that_asks_for_time_gets_it_at_once(archive):
    announce(archive)
    fail(archive, "429", Outcome.RETRY_AFTER, 7200.0)
    assert archive.next_target("daily.example") is None
    archive.begin_run([source()], NOW + timedelta(hours=1))
    assert archive.next_target("daily.example") is None
    archive.begin_run([source()], NOW + timedelta(hours=3))
    assert archive.next_target("daily.example") is not None


def test_an_answer_opens_the_account_anew(archive):
    announce(archive)
    fail(archive, "timeout")
    fail(archive, "timeout")
    target = archive.next_target("daily.example")
    assert target is not None
    archive.record(fetch(target, Outcome.HTTP_ERROR, reason="404"))
    fail(archive, "timeout")
    assert archive.next_target("daily.example") is not None


def test_what_stays_over_at_a_run_s_end_has_a_name(archive):
    archive.begin_run([source(max_pages=1)], NOW)
    target = archive.next_target("daily.example")
    assert target is not None
    archive.record(fetch(target), links=[Link(url=f"http://daily.example/{n}") for n in range(3)])
    archive.end_run(NOW, "finished")
    rows = archive.store.rows("SELECT outcome, reason FROM frontier WHERE NOT is_index")
    assert [tuple(row) for row in rows] == [("retry_after", "budget")] * 3
