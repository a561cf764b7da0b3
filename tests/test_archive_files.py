"""`archive export` and `archive import`: the whole way out and back, and files that others wrote or damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from store.archive import Archive
from tests.crawlers.warcs import damage, gz, http, page_record, record
from tests.test_gathering import run, status


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A finished demo and its pages as a WARC file."""
    folder = tmp_path_factory.mktemp("demo")
    db, file = folder / "watchledger.db", folder / "out.warc.gz"
    run("demo", "--json", "--db", str(db))
    assert run("archive", "export", str(file), "--db", str(db)).stdout == f"48 pages written to {file}\n"
    return db, file


def test_out_and_back_gives_the_same_ledger(demo, tmp_path):
    db, file = demo
    back = tmp_path / "watchledger.db"
    told = json.loads(run("archive", "import", "--json", str(file), "--db", str(back)).stdout)
    assert told[0]["losses"] == []
    assert told[0]["outcomes"] == {"about_others": 1, "kept": 48}
    run("process", "--db", str(back))
    assert status(back)["digest"] == status(db)["digest"]
    assert json.loads(run("archive", "import", "--json", str(file), "--db", str(back)).stdout)[0]["outcomes"] == {
        "about_others": 1,
        "copy_of": 48,
    }


def test_an_export_is_the_same_every_time_and_leaves_no_scratch_file(demo, tmp_path):
    db, file = demo
    again = tmp_path / "again.warc.gz"
    run("archive", "export", str(again), "--db", str(db))
    assert again.read_bytes() == file.read_bytes()
    assert list(tmp_path.iterdir()) == [again]


def test_other_tools_read_what_we_write(demo):
    db, file = demo
    archive = Archive.open(db.with_name("archive.db"), write=False)
    stored = {archive.page(i).page.final_url: archive.page(i).page.body for ids in archive.page_ids() for i in ids}
    archive.close()
    with file.open("rb") as stream:
        by_fastwarc = {
            item.headers["WARC-Target-URI"]: item.reader.read()
            for item in ArchiveIterator(stream, parse_http=True)
            if item.headers["WARC-Type"] in ("response", "resource")
        }
    with file.open("rb") as stream:
        by_warcio = {
            item.rec_headers.get_header("WARC-Target-URI"): item.content_stream().read()
            for item in WarcioIterator(stream, check_digests="raise")
            if item.rec_type in ("response", "resource")
        }
    assert by_warcio == stored
    assert by_fastwarc == stored


def test_copies_become_revisits_and_come_back(tmp_path):
    same = http(b"<html><p>The same words under two addresses, long enough to be a page.</p></html>")
    source = tmp_path / "in.warc.gz"
    source.write_bytes(gz([record(same, "http://a.example/1"), record(same, "http://b.example/2")])[0])
    db, out = tmp_path / "one" / "watchledger.db", tmp_path / "out.warc.gz"
    run("archive", "import", str(source), "--db", str(db))
    run("archive", "export", str(out), "--db", str(db))
    with out.open("rb") as stream:
        kinds = [item.rec_type for item in WarcioIterator(stream)]
    assert kinds == ["warcinfo", "response", "revisit"]
    back = tmp_path / "two" / "watchledger.db"
    assert "2 kept" in run("archive", "import", str(out), "--db", str(back)).stdout


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # warcio leaves its scratch files open
def test_a_file_of_warcio_is_taken_with_its_revisits_and_nothing_twice(tmp_path):
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
    body = b"<html><p>Words of a page that is long enough to be one.</p></html>"
    first = writer.create_warc_record("http://a.example/1", "response", payload=io.BytesIO(body), http_headers=head)
    writer.write_record(first)
    digest = first.rec_headers.get_header("WARC-Payload-Digest")
    writer.write_record(
        writer.create_revisit_record("http://a.example/2", digest, "http://a.example/1", "2024-05-01T10:00:00Z", head)
    )
    twice = writer.create_warc_record("http://a.example/1", "response", payload=io.BytesIO(body), http_headers=head)
    writer.write_record(twice)
    writer.write_record(
        writer.create_revisit_record("http://a.example/3", "sha1:UNKNOWN", "http://x.example", "2024-05-01T10:00:00Z")
    )
    file = tmp_path / "in.warc.gz"
    file.write_bytes(out.getvalue())
    [told] = json.loads(run("archive", "import", "--json", str(file), "--db", str(tmp_path / "w.db")).stdout)
    assert told["outcomes"]["kept"] == 2
    assert told["outcomes"].get("empty") == 1
    assert told["reasons"]["empty: revisit_of_unknown"] == 1


def test_a_damaged_file_is_taken_as_far_as_it_goes_and_its_losses_are_told(tmp_path):
    file = tmp_path / "bad.warc.gz"
    data, offsets = gz([page_record(n, 600) for n in range(1000)])
    file.write_bytes(damage(data[:-40], 8, seed=3))
    done = run("archive", "import", "--json", str(file), "--db", str(tmp_path / "w.db"), expect=3)
    [told] = json.loads(done.stdout)
    assert told["outcomes"]["kept"] >= 985
    assert told["losses"][-1] == {"offset": offsets[-1], "length": len(data) - 40 - offsets[-1], "reason": "truncated"}
    assert len(done.stderr.splitlines()) == len(told["losses"])
    assert all(": at byte " in line for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("import", "none.warc.gz"), "cannot be read"),
        (("import", "--source", "other", "x"), "no source is called"),
        (("export", "out.warc.gz"), "no database at"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, fault):
    done = run("archive", *arguments, folder=tmp_path, expect=1)
    assert fault in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
