from pathlib import Path

import pytest

from records import Link, Outcome, StoreError, StoreLocked, Target
from store.archive import MAX_ATTEMPTS, Archive, page_id
from tests.store.factory import NOW, fetch, later, new_archive, page, source


@pytest.fixture
def archive(tmp_path: Path):
    made = new_archive(tmp_path)
    yield made
    made.close()


def hand_out(archive: Archive, host: str = "daily.example") -> Target:
    target = archive.next_target(host)
    assert target is not None
    return target


def announce(archive: Archive, *links: Link) -> list[str]:
    """Begin a crawl of one source whose feed announces `links`."""
    archive.begin_run([source()], NOW)
    return archive.record(fetch(hand_out(archive)), links=links)


def test_the_index_is_asked_before_the_pages_it_announces(archive):
    announce(archive, Link(url="http://daily.example/a"), Link(url="http://daily.example/b"))
    assert hand_out(archive).url == "http://daily.example/a"
    archive.begin_run([source()], later(hours=1))
    assert hand_out(archive).is_index


def test_what_was_handed_out_and_not_stored_is_handed_out_again(archive, tmp_path):
    announce(archive, Link(url="http://daily.example/a"))
    hand_out(archive)
    archive.close()  # as a kill would: nothing was recorded
    again = new_archive(tmp_path)
    again.begin_run([source()], later(hours=1))
    again.record(fetch(hand_out(again), Outcome.NOT_MODIFIED))
    assert hand_out(again).url == "http://daily.example/a"
    assert [row["how"] for row in again.store.rows("SELECT how FROM crawl_runs ORDER BY run_id")] == [
        "interrupted",
        None,
    ]
    again.close()


def test_a_stored_page_is_never_handed_out_again(archive):
    announce(archive, Link(url="http://daily.example/a"))
    target = hand_out(archive)
    archive.record(fetch(target), page(target.url))
    assert archive.next_target("daily.example") is None
    archive.begin_run([source()], later(hours=1))
    archive.record(fetch(hand_out(archive)), links=[Link(url="http://daily.example/a")])
    assert archive.next_target("daily.example") is None


def test_a_page_comes_back_as_it_was_stored_with_what_its_index_said(archive):
    announce(archive, Link(url="http://daily.example/a", title="A title", published="2024-04-30"))
    target = hand_out(archive)
    body = bytes(range(256)) * 40
    archive.record(fetch(target), page(target.url, body))
    [[stored_id]] = list(archive.page_ids())
    stored = archive.page(stored_id)
    assert stored.page == page(target.url, body)
    assert (stored.hint_title, stored.hint_published, stored.publisher) == ("A title", "2024-04-30", "Daily")


def test_hints_do_not_depend_on_the_order_in_which_indexes_are_read(tmp_path):
    hints = [
        Link(url="http://daily.example/a", published="2024-05-02"),
        Link(url="http://daily.example/a", published="2024-05-01", title="T"),
    ]
    told = []
    for order in (hints, hints[::-1]):
        made = new_archive(tmp_path / str(len(told)))
        announce(made, *order)
        row = made.store.rows("SELECT hint_title, hint_published FROM frontier WHERE is_index = 0")
        told.append(tuple(row[0]))
        made.close()
    assert told == [("T", "2024-05-01")] * 2


def test_two_addresses_that_end_at_the_same_page_are_one_page(archive):
    announce(archive, Link(url="http://daily.example/a"), Link(url="http://daily.example/moved"))
    first = hand_out(archive)
    archive.record(fetch(first), page(first.url))
    second = hand_out(archive)
    archive.record(fetch(second), page(second.url, final_url=first.url))
    assert archive.overview()["pages"] == 1
    assert archive.run_counts() == {"kept": 2, "copy_of": 1}


def test_a_dead_address_is_given_up_until_somebody_asks_for_a_retry(archive):
    announce(archive, Link(url="http://daily.example/gone"))
    archive.record(fetch(hand_out(archive), Outcome.HTTP_ERROR, status=404, reason="404"))
    assert archive.next_target("daily.example") is None
    assert archive.overview()["given_up"] == 1
    assert archive.retry([Outcome.HTTP_ERROR]) == 1
    assert hand_out(archive).url == "http://daily.example/gone"


def test_a_moment_s_failure_waits_and_is_given_up_after_a_few_tries(archive):
    announce(archive, Link(url="http://daily.example/slow"))
    for attempt in range(MAX_ATTEMPTS):
        target = hand_out(archive)
        assert target.attempts == attempt
        down = fetch(target, Outcome.UNREACHABLE, reason="timeout", retry_after=60.0, fetched_at=later(hours=attempt))
        archive.record(down)
        assert archive.next_target("daily.example") is None, "not again in the same run"
        archive.begin_run([source()], later(hours=attempt + 1))
        archive.record(fetch(hand_out(archive), Outcome.NOT_MODIFIED))
    assert archive.next_target("daily.example") is None
    assert archive.overview()["given_up"] == 1


def test_a_source_s_budget_holds_for_one_run(archive):
    links = [Link(url=f"http://daily.example/{n}") for n in range(5)]
    archive.begin_run([source(max_pages=2)], NOW)
    archive.record(fetch(hand_out(archive)), links=links)
    taken = []
    while target := archive.next_target("daily.example"):
        archive.record(fetch(target), page(target.url))
        taken.append(target.url)
    assert len(taken) == 2
    assert archive.overview()["waiting"] == 3


def test_sources_are_due_by_their_cadence_or_when_work_is_left(archive):
    daily, weekly = source(every_hours=24), source("weekly", every_hours=168)
    assert archive.due_sources([daily, weekly], NOW) == [daily, weekly]
    archive.begin_run([daily, weekly], NOW)
    archive.record(fetch(hand_out(archive)))
    archive.record(fetch(hand_out(archive, "weekly.example")))
    assert archive.due_sources([daily, weekly], later(hours=25)) == [daily]
    archive.begin_run([weekly], NOW)
    archive.record(fetch(hand_out(archive, "weekly.example")), links=[Link(url="http://weekly.example/a")])
    assert archive.due_sources([daily, weekly], later(hours=1)) == [weekly]


def test_every_request_ends_in_one_named_outcome(archive):
    announce(archive, *(Link(url=f"http://daily.example/{n}") for n in range(4)))
    ends = [Outcome.KEPT, Outcome.HTTP_ERROR, Outcome.BLOCKED_BY_ROBOTS, Outcome.TOO_BIG]
    for outcome in ends:
        target = hand_out(archive)
        archive.record(fetch(target, outcome), page(target.url) if outcome == Outcome.KEPT else None)
    counts = archive.run_counts()
    assert sum(counts.values()) == archive.overview()["known"] == 5
    assert counts == {"kept": 2, "http_error": 1, "blocked_by_robots": 1, "too_big": 1}


def test_an_index_s_etag_is_sent_back_only_when_it_was_read(archive):
    archive.begin_run([source()], NOW)
    archive.record(fetch(hand_out(archive), etag='"1"', last_modified="then"))
    archive.begin_run([source()], later(hours=1))
    target = hand_out(archive)
    assert (target.etag, target.last_modified) == ('"1"', "then")


def test_the_same_page_by_hand_is_stored_once(archive):
    by_hand = source("by-hand", url="")
    brought = page("file:report.pdf", b"%PDF-1.4", source_id="by-hand", via="file")
    assert archive.add_page(by_hand, brought, "report") == (page_id(brought.final_url, brought.sha256), True)
    assert archive.add_page(by_hand, brought, "report")[1] is False


def test_a_second_writer_is_refused(archive, tmp_path):
    with pytest.raises(StoreLocked, match="another run is writing"):
        new_archive(tmp_path)


def test_a_reader_is_let_in_beside_the_writer(archive, tmp_path):
    announce(archive)
    reader = Archive.open(tmp_path / "archive.db", write=False)
    assert reader.overview()["known"] == 1
    reader.close()


def test_a_database_of_a_newer_version_is_refused(archive, tmp_path):
    archive.store.db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('archive', 'archive_999_future', '')"
    )
    archive.close()
    with pytest.raises(StoreError, match=r"newer watchledger.*archive_999_future.*upgrade"):
        new_archive(tmp_path)


@pytest.mark.parametrize(
    "content", [b"not a database at all, just text" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "archive.db").write_bytes(content)
    with pytest.raises(StoreError, match="move it away"):
        new_archive(tmp_path)


def test_an_absent_database_is_named_with_what_to_do(tmp_path):
    with pytest.raises(StoreError, match="watchledger run"):
        Archive.open(tmp_path / "archive.db", write=False)
