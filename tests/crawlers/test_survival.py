"""What a kill, a full disk, a second crawler and a wrong clock do to a crawl (ABUSE F17 to F20)."""

from __future__ import annotations

import multiprocessing
import resource
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from crawlers.run import crawl
from records import Link, Outcome, Source, StoreError, StoreLocked
from store.archive import Archive
from tests.crawlers.site import Reply, Site, crawl_once, feed_of, serve, source
from tests.store.factory import NOW, fetch, later
from tests.store.factory import source as other_source

PAGES = 400
HOST = "busy.example"
FULL = 9


def routes() -> dict[str, Reply]:
    told = {
        f"{HOST}/{n}": Reply(f"<html><body><p>Page {n} has words of its own.</p></body></html>".encode())
        for n in range(PAGES)
    }
    return told | {f"{HOST}/feed": feed_of(*(f"http://{HOST}/{n}" for n in range(PAGES)))}


def the_source() -> Source:
    return source(HOST, max_pages=PAGES)


def start(folder: Path, site: Site, most_bytes: int | None = None) -> BaseProcess:
    book = {HOST: ("127.0.0.1", site.port)}
    child = multiprocessing.get_context("spawn").Process(target=_crawl, args=(folder, book, most_bytes))
    child.start()
    return child


def _crawl(folder: Path, book: dict[str, tuple[str, int]], most_bytes: int | None) -> None:
    archive = Archive.open(folder / "archive.db")
    archive.begin_run([the_source()], datetime.now(UTC))
    if most_bytes:  # as a full disk does, the system refuses to make a file longer
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    try:
        crawl([the_source()], archive, contact="tests@example.org", version="0", address_book=book)
    except StoreError as error:
        raise SystemExit(FULL if "free disk space" in str(error) else 1) from None
    archive.close()


def pages_of(folder: Path) -> set[str]:
    archive = Archive.open(folder / "archive.db", write=False)
    assert archive.store.one("PRAGMA integrity_check") == "ok"
    urls = {row["url"] for row in archive.store.rows("SELECT url FROM pages")}
    archive.close()
    return urls


ALL = {f"http://{HOST}/{n}" for n in range(PAGES)}


def test_three_kills_lose_nothing_and_fetch_almost_nothing_twice(tmp_path):
    with serve(routes()) as site:
        for share in (0.2, 0.5, 0.8):
            child = start(tmp_path, site)
            limit = time.monotonic() + 60
            while sum(a != f"{HOST}/robots.txt" for a in site.asked) < share * PAGES and time.monotonic() < limit:
                time.sleep(0.005)
            child.kill()
            child.join()
            assert child.exitcode == -9, "the crawl had ended before it was killed"
        crawl_once(tmp_path, [the_source()], {HOST: ("127.0.0.1", site.port)})
        asked = Counter(a for a in site.asked if a not in (f"{HOST}/robots.txt", f"{HOST}/feed"))
    assert pages_of(tmp_path) == ALL
    twice = sum(times - 1 for times in asked.values())
    assert twice <= PAGES // 100


def test_a_full_disk_ends_the_crawl_with_a_reason_and_the_next_one_goes_on(tmp_path):
    with serve(routes()) as site:
        child = start(tmp_path, site, most_bytes=1_000_000)
        child.join(60)
        assert child.exitcode == FULL
        stored = pages_of(tmp_path)
        assert 0 < len(stored) < PAGES
        crawl_once(tmp_path, [the_source()], {HOST: ("127.0.0.1", site.port)})
    assert pages_of(tmp_path) == ALL


def test_a_fault_of_the_disk_is_one_clear_line(tmp_path):
    archive = Archive.open(tmp_path / "archive.db")
    archive.begin_run([other_source()], NOW)
    target = archive.next_target("daily.example")
    assert target is not None
    archive.store.db.conn.execute("PRAGMA query_only = 1")  # any write fails from here on
    with pytest.raises(StoreError, match=r"cannot write .*archive\.db: .*free disk space"):
        archive.record(fetch(target))
    archive.store.db.conn.execute("PRAGMA query_only = 0")
    archive.record(fetch(target))
    archive.close()


def test_a_second_crawler_is_refused_and_does_no_damage(tmp_path):
    archive = Archive.open(tmp_path / "archive.db")
    with pytest.raises(StoreLocked, match="another run is writing"):
        Archive.open(tmp_path / "archive.db")
    archive.begin_run([other_source()], NOW)
    archive.close()
    Archive.open(tmp_path / "archive.db").close()


def test_a_lock_that_a_killed_run_left_behind_is_no_lock(tmp_path):
    with serve(routes()) as site:
        child = start(tmp_path, site)
        while len(site.asked) < 20:
            time.sleep(0.005)
        child.kill()
        child.join()
    assert (tmp_path / "archive.db.lock").exists()
    Archive.open(tmp_path / "archive.db").close()


# --- clocks


@pytest.fixture
def archive(tmp_path):
    made = Archive.open(tmp_path / "archive.db")
    yield made
    made.close()


def hand_out(archive: Archive):
    target = archive.next_target("daily.example")
    assert target is not None
    return target


def test_a_clock_that_jumps_back_changes_neither_order_nor_what_is_known(archive):
    links = [Link(url=f"http://daily.example/{n}") for n in range(3)]
    archive.begin_run([other_source()], NOW)
    archive.record(fetch(hand_out(archive)), links=links)
    first = hand_out(archive)
    archive.record(fetch(first))
    archive.begin_run([other_source()], later(hours=-1))
    archive.record(fetch(hand_out(archive), fetched_at=later(hours=-1)), links=links)
    assert [hand_out(archive).url] == [links[1].url]
    assert archive.overview()["known"] == 4
    assert archive.due_sources([other_source()], later(hours=-2)) == [other_source()], "asked in the future: ask again"


def test_what_a_wrong_clock_put_off_for_years_is_due_again(archive):
    archive.begin_run([other_source()], NOW)
    archive.record(fetch(hand_out(archive)), links=[Link(url="http://daily.example/a")])
    wrong = NOW + timedelta(days=27_000)
    archive.record(fetch(hand_out(archive), Outcome.RETRY_AFTER, reason="503", retry_after=60.0, fetched_at=wrong))
    archive.begin_run([other_source()], later(hours=1))
    archive.record(fetch(hand_out(archive), fetched_at=later(hours=1)))
    assert hand_out(archive).url == "http://daily.example/a"


def test_an_archive_that_is_damaged_is_named(tmp_path):
    (tmp_path / "archive.db").write_bytes(b"SQLite format 3\x00" + b"\x00" * 4000)
    with pytest.raises((StoreError, sqlite3.DatabaseError)):
        Archive.open(tmp_path / "archive.db")
