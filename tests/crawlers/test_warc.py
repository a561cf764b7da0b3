"""WARC files as strangers leave them: whole, cut, damaged, lying about their lengths (ABUSE W1 to W4)."""

from __future__ import annotations

import gzip
import io
import re
import tracemalloc

import brotli
import pytest
import zstandard

from crawlers.warc import MAX_BLOCK, Loss, WarcRecord, read_warc
from crawlers.warc_http import MAX_BODY, NoPage, read_reply, refers_to, to_page
from records import Outcome, Page
from tests.crawlers.warcs import damage, deflate, gz, http, page_record, record, words

MANY = 300


def read(data: bytes) -> tuple[list[WarcRecord], list[Loss]]:
    items = list(read_warc(io.BytesIO(data)))
    return [i for i in items if isinstance(i, WarcRecord)], [i for i in items if isinstance(i, Loss)]


@pytest.fixture(scope="module")
def many():
    return [page_record(number) for number in range(MANY)]


@pytest.mark.parametrize("form", ["a member a record", "one member", "plain"])
def test_all_records_are_read_with_their_place(many, form):
    data, offsets = gz(many)
    if form != "a member a record":
        data = b"".join(many) if form == "plain" else gzip.compress(b"".join(many))
        offsets = [0] * MANY if form == "one member" else [sum(map(len, many[:n])) for n in range(MANY)]
    records, losses = read(data)
    assert losses == []
    assert [item.offset for item in records] == offsets
    assert [item.url for item in records] == [f"http://a.example/{n}" for n in range(MANY)]
    assert all(item.block.endswith(b"</p></html>") for item in records)


def test_a_pipe_that_gives_a_few_bytes_at_a_time_is_read_the_same(many):
    class Drip(io.RawIOBase):
        def __init__(self, data):
            self.data, self.at = data, 0

        def read(self, size=-1):
            given = self.data[self.at : self.at + 777]
            self.at += len(given)
            return given

    data, _ = gz(many[:40])
    assert list(read_warc(Drip(data))) == list(read_warc(io.BytesIO(data)))


@pytest.mark.parametrize("share", [0.3, 0.55, 0.999])
@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_is_cut_gives_its_whole_records_and_says_so(many, packed, share):
    data, offsets = gz(many) if packed else (b"".join(many), [sum(map(len, many[:n])) for n in range(MANY)])
    cut = int(len(data) * share)
    records, losses = read(data[:cut])
    whole = sum(1 for start in offsets[1:] if start <= cut)
    assert [item.url for item in records] == [f"http://a.example/{n}" for n in range(whole)]
    assert [(loss.reason, loss.offset, loss.length) for loss in losses] == [
        ("truncated", offsets[whole], cut - offsets[whole])
    ]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("packed", [True, False])
def test_twenty_damaged_spots_cost_their_own_records_only_and_are_all_told(packed, seed):
    whole = [page_record(number, 600) for number in range(2000)]
    data = gz(whole)[0] if packed else b"".join(whole)
    records, losses = read(damage(data, 20, seed))
    assert len(records) >= 0.99 * len(whole)
    assert len(records) + len(losses) >= len(whole) - 20  # two neighbours may be lost in one stretch
    assert losses
    assert all(loss.length > 0 for loss in losses)
    named = [
        item for item in records if re.fullmatch(r"http://a\.example/\d+", item.url)
    ]  # a plain header has no checksum
    good = {int(item.url.rsplit("/", 1)[1]): item.block for item in named}
    spoilt = [n for n, block in good.items() if page_record(n, 600)[-len(block) - 4 : -4] != block]
    assert spoilt == [], "a damaged block was given out as whole"


def test_a_member_that_is_gone_from_the_middle_is_one_loss():
    data, offsets = gz([page_record(n) for n in range(5)])
    bad = data[: offsets[2]] + b"\x00" * (offsets[3] - offsets[2]) + data[offsets[3] :]
    records, losses = read(bad)
    assert [item.url[-1] for item in records] == list("0134")
    assert losses == [Loss(offsets[2], offsets[3] - offsets[2], "damaged")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"Content_Length": str(10**12)}, "too_big", id="a terabyte is promised"),
        pytest.param({"Content_Length": "-5"}, "bad_header", id="less than nothing"),
        pytest.param({"Content_Length": "many"}, "bad_header", id="no number"),
        pytest.param({"Content_Length": ""}, "bad_header", id="no length"),
        pytest.param({"Content_Length": "12"}, "bad_length", id="too short"),
        pytest.param({"X_Long": "a" * 200_000}, "bad_header", id="a header line without end"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_a_record_that_lies_is_passed_over(packed, fields, reason):
    records = [page_record(0), page_record(1, **fields), page_record(2)]
    good, losses = read(gz(records)[0] if packed else b"".join(records))
    assert [item.url[-1] for item in good] == ["0", "2"]
    assert {loss.reason for loss in losses} <= {reason, "bad_header"}
    assert losses[0].reason == reason


def test_a_length_that_swallows_the_next_record_is_found_out():
    records = [page_record(0), page_record(1, Content_Length="6000"), page_record(2), page_record(3)]
    good, losses = read(b"".join(records))
    assert [item.url[-1] for item in good] == ["0", "2", "3"]
    assert [loss.reason for loss in losses] == ["bad_length"]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: record(b"\x00" * (1 << 20), X="a" * (50 << 20)), id="a header line of 50 MB"),
        pytest.param(lambda: record(b"\x00" * (300 << 20), WARC_Block_Digest=""), id="a record of 300 MB"),
        pytest.param(lambda: page_record(1, WARC_Type="\x00" * 100) * 20_000, id="one member with 20,000 records"),
    ],
)
def test_memory_stays_flat(make):
    data = gzip.compress(make() + page_record(9), 1)
    tracemalloc.start()
    last = None
    for item in read_warc(io.BytesIO(data)):
        last = item
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(last, WarcRecord | Loss)
    assert peak < 2.5 * MAX_BLOCK


def test_an_arc_file_is_read_too():
    page = http(b"<p>old</p>")
    head = b"filedesc://x.arc 0.0.0.0 19990101000000 text/plain 9\n1 0 Alex\n\n"
    data = head + b"http://old.example/ 10.0.0.1 19990203040506 text/html %d\n" % len(page) + page + b"\n"
    for file in (data, gzip.compress(data)):
        records, losses = read(file)
        assert losses == []
        assert [(item.kind, item.url) for item in records] == [
            ("arc", "filedesc://x.arc"),
            ("arc", "http://old.example/"),
        ]
        made = to_page(records[1], "s")
        assert isinstance(made, Page)
        assert (made.body, made.fetched_at.year) == (b"<p>old</p>", 1999)


@pytest.mark.parametrize(
    "data", [b"no warc at all", b"\x1f\x8b\x08 broken", bytes(range(256)) * 400, gzip.compress(b"x")]
)
def test_what_is_no_archive_is_one_loss(data):
    records, losses = read(data)
    assert records == []
    assert len(losses) == 1


def test_an_empty_file_has_nothing_to_lose():
    assert read(b"") == ([], [])


BODY = b"<html><p>" + words(7) + b"</p></html>"
CHUNKED = b"%x\r\n%s\r\n%x;ext=1\r\n%s\r\n0\r\n\r\n" % (100, BODY[:100], len(BODY) - 100, BODY[100:])


@pytest.mark.parametrize(
    ("headers", "payload", "partial"),
    [
        pytest.param([], BODY, False, id="as it is"),
        pytest.param(["Transfer-Encoding: chunked"], CHUNKED, False, id="chunked"),
        pytest.param(["Transfer-Encoding: chunked"], BODY, False, id="chunks taken away, header left"),
        pytest.param(["Transfer-Encoding: chunked"], CHUNKED[:-7], True, id="chunked, without its end"),
        pytest.param(["Content-Encoding: gzip"], gzip.compress(BODY), False, id="gzip"),
        pytest.param(["Content-Encoding: gzip"], BODY, False, id="gzip taken off, header left"),
        pytest.param(["Content-Encoding: deflate"], deflate(BODY), False, id="deflate"),
        pytest.param(["Content-Encoding: deflate"], deflate(BODY, raw=True), False, id="raw deflate"),
        pytest.param(["Content-Encoding: br"], brotli.compress(BODY), False, id="brotli"),
        pytest.param(["Content-Encoding: zstd"], zstandard.compress(BODY), False, id="zstd"),
        pytest.param(["Content-Encoding: gzip, br"], brotli.compress(gzip.compress(BODY)), False, id="gzip in brotli"),
    ],
)
def test_a_page_has_its_body_whatever_it_was_wrapped_in(headers, payload, partial):
    [item], _ = read(record(http(payload, *headers)))
    made = to_page(item, "s")
    assert isinstance(made, Page)
    assert (made.body, made.partial, made.status, made.url) == (BODY, partial, 200, "http://a.example/1")
    assert made.fetched_at.isoformat() == "2024-05-01T10:00:00+00:00"


BOMB = b" " * (MAX_BODY + 10_000_000)


@pytest.mark.parametrize(
    ("block", "fields", "end"),
    [
        pytest.param(
            http(gzip.compress(BOMB), "Content-Encoding: gzip"), {}, (Outcome.TOO_BIG, "decompressed"), id="gzip bomb"
        ),
        pytest.param(
            http(brotli.compress(BOMB, quality=5), "Content-Encoding: br"),
            {},
            (Outcome.TOO_BIG, "decompressed"),
            id="brotli bomb",
        ),
        pytest.param(
            http(zstandard.compress(BOMB), "Content-Encoding: zstd"),
            {},
            (Outcome.TOO_BIG, "decompressed"),
            id="zstd bomb",
        ),
        pytest.param(
            http(b"x", "Content-Encoding: rot13"), {}, (Outcome.QUARANTINED, "coding_rot13"), id="unknown coding"
        ),
        pytest.param(
            http(b"\x00x", "Content-Encoding: gzip"), {}, (Outcome.QUARANTINED, "broken_gzip"), id="broken gzip"
        ),
        pytest.param(
            http(b"x", "Content-Encoding: gzip,gzip,gzip,gzip"),
            {},
            (Outcome.QUARANTINED, "too_many_codings"),
            id="onion",
        ),
        pytest.param(http(BODY, status="404 Not Found"), {}, (Outcome.HTTP_ERROR, "404"), id="404"),
        pytest.param(http(b" "), {}, (Outcome.EMPTY, ""), id="empty"),
        pytest.param(b"garbage", {}, (Outcome.QUARANTINED, "no_status_line"), id="no reply"),
        pytest.param(http(BODY), {"WARC_Type": "request"}, (Outcome.NOT_HTML, "record_request"), id="a request"),
        pytest.param(http(BODY), {"WARC_Target_URI": "dns:a.example"}, (Outcome.NOT_HTML, "no_web_address"), id="dns"),
    ],
)
def test_a_record_without_a_page_says_why(block, fields, end):
    [item], _ = read(record(block, **fields))
    made = to_page(item, "s")
    assert isinstance(made, NoPage)
    assert (made.outcome, made.reason) == end


def test_a_page_that_its_archive_cut_is_partial():
    [item], _ = read(record(http(BODY), WARC_Truncated="length"))
    made = to_page(item, "s")
    assert isinstance(made, Page)
    assert made.partial


def test_a_resource_is_a_page_without_a_reply():
    [item], _ = read(record(BODY, kind="resource", Content_Type="text/html"))
    made = to_page(item, "s")
    assert isinstance(made, Page)
    assert (made.body, made.content_type) == (BODY, "text/html")


def test_a_revisit_names_the_body_that_it_had_before():
    [item], _ = read(record(http(b""), kind="revisit", WARC_Payload_Digest="sha1:ABC"))
    assert refers_to(item) == "sha1:abc"
    assert isinstance(to_page(item, "s"), NoPage)


def test_a_date_that_is_none_is_never_today():
    [item], _ = read(record(http(BODY), WARC_Date="yesterday"))
    made = to_page(item, "s")
    assert isinstance(made, Page)
    assert made.fetched_at.year == 1970
    assert not isinstance(read_reply(item), NoPage)
