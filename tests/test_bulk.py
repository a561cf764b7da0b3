"""A WARC goes to parts and parts to the ledger: all pages counted, nothing twice, nothing lost but what does harm."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from commands.bulk import BulkSettings, find_shards, load_parts, run_bulk
from records import InputError
from store.digest import digest
from store.ledger import Ledger
from tests.stub_walk import make_stub_walk
from work.engines import Processes
from work.estimate import estimate_recall
from work.pool import Limits

SETTINGS = BulkSettings(sample=0.5, seed=1)
LIMITS = Limits(seconds=2.0, memory_bytes=1 << 30)
DEALS = {
    "ke": "Huawei has supplied facial recognition cameras and a command centre to the police of Kenya under a contract.",
    "ug": "ZTE won the contract to install CCTV cameras for the police of Uganda, paid for by a Chinese loan.",
    "zm": "Zambia's police bought an interception system from Verint, the ministry said, for 20 million dollars.",
}
DULL = "The cup final was drawn after extra time, and both of the teams will play again on Sunday next week."


def page(text: str, number: int = 0) -> bytes:
    body = f"<p>{text}</p>\n<p>{DULL} It was round number {number} of the season, watched by many people.</p>"
    return f"<html><head><title>News</title></head><body><article><h1>News</h1>{body}</article></body></html>".encode()


def write_warc(path: Path, pages: dict[str, bytes]) -> str:
    """A gzip member for each page, as every crawler writes them."""
    with path.open("wb") as file:
        for url, body in pages.items():
            block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
            head = (
                f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-17T10:00:00Z\r\n"
                f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
            )
            file.write(gzip.compress(head.encode() + block + b"\r\n\r\n", mtime=0))
    return str(path)


def dull_pages(name: str, number: int) -> dict[str, bytes]:
    return {f"https://news.example/{name}/{n}": page(DULL, n) for n in range(number)}


def bulk(shards, out, workers=1, settings=SETTINGS):
    return run_bulk(shards, out, Processes(workers), settings, partial(make_stub_walk, settings), LIMITS)


def ledger_digest(out: Path, db: Path) -> str:
    load_parts(out, db)
    ledger = Ledger.open(db, write=False)
    try:
        return digest(ledger.store)
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warcs")
    one = dull_pages("one", 12) | {"https://news.example/ke": page(DEALS["ke"])}
    two = {"https://news.example/ug": page(DEALS["ug"])} | dull_pages("two", 12)
    two |= {"https://news.example/zm": page(DEALS["zm"])}
    return [write_warc(folder / "one.warc.gz", one), write_warc(folder / "two.warc.gz", two)]


@pytest.fixture(scope="module")
def done(shards, tmp_path_factory):
    out = tmp_path_factory.mktemp("parts")
    return out, bulk(shards, out, workers=2)


def test_every_page_has_an_outcome_and_they_add_up(done):
    _, told = done
    assert told["pages"] == sum(told["outcomes"].values()) == 27
    assert told["outcomes"] == {"kept": 3, "not_relevant": 24}
    assert told["rows"]["findings"] == 3
    assert told["failed"] == told["losses"] == {}


def test_the_sample_gives_an_estimate_with_its_interval(done):
    recall = done[1]["recall"]
    assert 0 < recall["sampled"] < 24
    assert recall["missed"] == 0
    assert recall["recall"] == 1.0
    assert 0.0 < recall["low"] < recall["high"] == 1.0


def test_a_second_run_reads_nothing_and_tells_the_same(shards, done, monkeypatch):
    out, first = done
    monkeypatch.setattr("work.sandbox.Watcher._start", lambda _: pytest.fail("a walker was started"))
    began = time.process_time()
    again = bulk(shards, out)
    assert again == first | {"done_now": 0}
    assert time.process_time() - began < 1.0


def test_loading_twice_and_in_another_order_gives_the_same_ledger(shards, done, tmp_path):
    out, _ = done
    first = ledger_digest(out, tmp_path / "a.db")
    assert ledger_digest(out, tmp_path / "a.db") == first
    bulk(shards[::-1], tmp_path / "other")
    assert ledger_digest(tmp_path / "other", tmp_path / "b.db") == first
    told = load_parts(out, tmp_path / "a.db")
    assert told == {"parts": 2, "already there": 3}


def test_what_a_part_loads_is_what_a_run_would_have_stored(done, tmp_path):
    load_parts(done[0], tmp_path / "w.db")
    ledger = Ledger.open(tmp_path / "w.db", write=False)
    try:
        deals = {(d["vendor"], d["country"]) for d in ledger.deals()}
    finally:
        ledger.close()
    assert deals == {("Huawei", "KE"), ("ZTE", "UG"), ("Verint", "ZM")}


COPIED = [
    "Huawei has supplied a thousand facial recognition cameras to the police of Kenya under a contract signed in May.",
    "The contract is paid for with a loan of a foreign bank, according to documents that a reporter of ours has seen.",
    "Opposition members of parliament asked who will watch the pictures of the cameras, and got no answer at all.",
]


@pytest.mark.parametrize(("kept", "reason"), [(True, "near_text"), (False, None)], ids=["now", "a part of before"])
def test_a_copy_edited_in_each_paragraph_is_found_among_loaded_parts(tmp_path, kept, reason):
    told = {"a": COPIED * 2, "b": [text.replace(" of ", " from ", 1) for text in COPIED * 2]}
    pages = {
        f"https://{name}.example/x": f"<h1>News</h1><p>{'</p><p>'.join(texts)}</p>".encode()
        for name, texts in told.items()
    }
    bulk([write_warc(tmp_path / "c.warc.gz", pages)], tmp_path / "out")
    if not kept:
        [path] = (tmp_path / "out").glob("*.articles.parquet")
        pq.write_table(pq.read_table(path).drop_columns(["sketch"]), path)
    load_parts(tmp_path / "out", tmp_path / "w.db")
    ledger = Ledger.open(tmp_path / "w.db", write=False)
    try:
        assert ledger.overview()["articles"] == 2
        assert ledger.store.one("SELECT MAX(reason) FROM copy_groups") == reason
    finally:
        ledger.close()


def test_irrelevant_pages_change_no_deal(shards, done, tmp_path):
    more = write_warc(tmp_path / "more.warc.gz", dull_pages("more", 10))
    before = ledger_digest(done[0], tmp_path / "a.db")
    bulk([*shards, more], tmp_path / "out")
    assert ledger_digest(tmp_path / "out", tmp_path / "b.db") == before


def test_a_page_that_does_harm_costs_itself_and_is_counted(tmp_path):
    kinds = ["segfault", "spin", "eat", "exit", "raise"]
    pages = {}
    for kind in kinds:
        pages[f"https://news.example/{kind}"] = page(f"{DEALS['ke']} POISON:{kind}")
        pages[f"https://news.example/good-{kind}"] = page(f"{DEALS['ug']} Seen at {kind}.")
    told = bulk([write_warc(tmp_path / "p.warc.gz", pages)], tmp_path / "out")
    assert told["outcomes"] == {"kept": 5, "quarantined": 5}
    load_parts(tmp_path / "out", tmp_path / "w.db")
    ledger = Ledger.open(tmp_path / "w.db", write=False)
    try:
        reasons = sorted(row["reason"] for row in ledger.quarantined())
    finally:
        ledger.close()
    assert reasons == ["crash", "crash", "error", "memory", "timeout"]


def test_a_damaged_file_is_read_on_and_its_loss_is_told(tmp_path):
    path = Path(
        write_warc(tmp_path / "d.warc.gz", dull_pages("d", 30) | {"https://news.example/ke": page(DEALS["ke"])})
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    told = bulk([str(path)], tmp_path / "out")
    assert told["losses"] == {"damaged": 1}
    assert told["outcomes"] == {"kept": 1, "not_relevant": 29}


def test_a_run_that_is_stopped_goes_on_where_it_was(shards, done, tmp_path):
    script = (
        "import signal, sys\n"
        "from functools import partial\n"
        "from pathlib import Path\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell ignores it for what runs in the background
        "from commands.bulk import _stopping, run_bulk\n"
        "from tests.stub_walk import make_stub_walk\n"
        "from tests.test_bulk import LIMITS, SETTINGS\n"
        "from work.engines import Processes\n"
        "with _stopping():\n"
        "    print('up', flush=True)\n"
        "    run_bulk(sys.argv[2:], Path(sys.argv[1]), Processes(1), SETTINGS, partial(make_stub_walk, SETTINGS), LIMITS)\n"
    )
    out = tmp_path / "out"
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(out), *shards], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == b"up\n"
            run.send_signal(number)
            began = time.monotonic()
            run.wait(60)
            assert time.monotonic() - began < 10
            assert run.returncode != 0
    told = bulk(shards, out)
    assert told["outcomes"] == done[1]["outcomes"]


@pytest.mark.parametrize("seed", range(3))
def test_order_of_shards_and_split_of_pages_do_not_matter(seed, shards, done, tmp_path):
    pick = random.Random(seed)
    pages = {f"https://news.example/{key}": page(text) for key, text in DEALS.items()} | dull_pages("s", 6)
    order = list(pages)
    pick.shuffle(order)
    cut = pick.randrange(1, len(order))
    made = [
        write_warc(tmp_path / f"{n}.warc.gz", {url: pages[url] for url in part})
        for n, part in enumerate((order[:cut], order[cut:]))
    ]
    pick.shuffle(made)
    told = bulk(made, tmp_path / "out")
    assert told["outcomes"] == {"kept": 3, "not_relevant": 6}
    assert ledger_digest(tmp_path / "out", tmp_path / "a.db") == ledger_digest(done[0], tmp_path / "b.db")


# --- what is given on the command line


def test_files_folders_lists_and_addresses_are_found(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.warc.gz", "a.warc", "notes.md"):
        (tmp_path / "in" / name).touch()
    (tmp_path / "warc.paths").write_text(
        "crawl-data/CC-NEWS/2024/05/x.warc.gz\n# a note\nhttps://else.example/y.warc.gz\n"
    )
    found = find_shards(
        [str(tmp_path / "in"), str(tmp_path / "warc.paths"), "s3://bucket/z.warc.gz"], "https://data.example/"
    )
    assert [name.rsplit("/", 1)[1] for name in found] == ["a.warc", "b.warc.gz", "x.warc.gz", "y.warc.gz", "z.warc.gz"]
    assert found[2] == "https://data.example/crawl-data/CC-NEWS/2024/05/x.warc.gz"


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        pytest.param(lambda p: str(p / "nothing.warc.gz"), "no such file", id="absent"),
        pytest.param(lambda p: str(p), "no WARC file in it", id="empty folder"),
        pytest.param(lambda p: str(p / "absent.txt"), "cannot be read as a list", id="absent list"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, make, fault):
    with pytest.raises(InputError, match=fault):
        find_shards([make(tmp_path)], "https://data.example/")


def test_a_folder_without_parts_is_named(tmp_path):
    with pytest.raises(InputError, match="no finished part"):
        load_parts(tmp_path, tmp_path / "w.db")


def test_a_file_that_is_no_part_is_named(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({}))
    for kind in ("articles", "findings", "claims"):
        (tmp_path / f"x.{kind}.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match="not a part"):
        load_parts(tmp_path, tmp_path / "w.db")


def test_dask_without_an_address_is_a_usage_error(tmp_path):
    from pipeline import main

    result = CliRunner().invoke(main, ["bulk", str(tmp_path), "--engine", "dask"])
    assert result.exit_code == 2
    assert "--address" in result.output


@pytest.mark.parametrize(
    ("kept", "dropped", "sampled", "missed", "expected"),
    [
        # Bounds of the share missed after Clopper and Pearson: 0 of 100 at most 3.62 %; 2 of 100 from 0.24 to 7.04 %.
        pytest.param(100, 1000, 100, 0, (1.0, 100 / 136.2, 1.0), id="none missed"),
        pytest.param(100, 1000, 100, 2, (100 / 120, 100 / 170.4, 100 / 102.4), id="two missed"),
        pytest.param(0, 10, 10, 10, (0.0, 0.0, 0.0), id="all missed"),
    ],
)
def test_the_estimate_of_recall(kept, dropped, sampled, missed, expected):
    made = estimate_recall(kept, dropped, sampled, missed)
    assert made is not None
    assert (made.recall, made.low, made.high) == pytest.approx(expected, rel=2e-3)


def test_without_a_sample_there_is_no_estimate():
    assert estimate_recall(5, 100, 0, 0) is None
