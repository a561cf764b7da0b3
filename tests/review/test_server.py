"""The running server under abuse: rows S2 to S6, E2 and E3 of the abuse matrix, and what a coder may see."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from http.client import HTTPConnection
from urllib.parse import quote, urlencode

import pytest

from records import Act
from store import review as shelf
from store.book import Book
from store.desk import Desk
from store.ledger import Ledger
from tests.review.conftest import ROOT, command, get
from tests.review.ledger import PAYLOADS, _reading, finding, make, readings
from tests.store.factory import NOW, save


def post(base, path, body, **headers):
    """Status and answer of a POST as our own page sends it; headers given override that, None leaves one out."""
    host = base.removeprefix("http://")
    told = {
        "Origin": base,
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = HTTPConnection(host, timeout=90)
    try:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("POST", path, raw, {k: v for k, v in told.items() if v is not None})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    return answer.status, json.loads(text) if text.startswith("{") else text


def first(db):
    """Id and version of the first deal of the queue."""
    with Book.open(db) as book:
        item = book.queue().items[0]
    return item.deal_id, item.version


def log(db):
    with Book.open(db) as book:
        return [str(event.action) for event in book.history()]


def test_only_our_own_pages_decide_and_get_writes_nothing(db, serve):
    """Row S6, against the real server."""
    base = serve(db)
    deal, version = first(db)
    body = {"action": "accept", "deal": deal, "version": version}
    files = [db, db.with_name("decisions.db")]
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": None, "Sec_Fetch_Site": None},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": base.replace("127.0.0.1", "localhost")},
    ):
        assert post(base, "/review/decide", body, **headers)[0] == 403
    assert get(base + "/review", Host="evil.example")[0] == 421
    assert log(db) == []
    # Every address that decides, asked by GET; and all pages, with parameters that would decide.
    before = [path.read_bytes() for path in files]
    for path in ("decide", "undo", "add", "bulk", "reason", "filters", "check"):
        assert get(f"{base}/review/{path}?{urlencode(body)}")[0] == 405
    for path in (
        "",
        "/deal",
        f"/deal/{deal}",
        "/report",
        "/drops",
        f"/print/{deal}",
        f"/fragment/{deal}",
        "/ids",
        "/bulk/preview?act=accept",
    ):
        joined = "&" if "?" in path else "?"
        assert get(f"{base}/review{path}{joined}action=accept")[0] == 200, path
    assert [path.read_bytes() for path in files] == before
    assert log(db) == []
    assert post(base, "/review/decide", body)[0] == 200
    assert log(db) == ["accept"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{", b"null", b"[" * 100_000, b'{"deal": 3}', b'{"action": {}, "deal": "x"}', b"\xff\xfe"),
        *(b'{"action": "accept", "deal": "nobody"}', b'{"action": "drop", "deal": "x"}'),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_wrong_request_is_refused_in_words(db, serve, body):
    base = serve(db)
    status, told = post(base, "/review/decide", body)
    assert status in (413, 422, 503)
    assert told["fault"]
    assert "Traceback" not in str(told)
    assert log(db) == []


def test_a_decision_on_what_has_changed_is_refused_and_shows_what(db, serve):
    """Row S4: the machine reads again while a reviewer edits; the decision of a person is never overwritten."""
    base = serve(db, name="ann")
    deal, version = first(db)
    status, _ = post(
        base, "/review/decide", {"action": "correct", "deal": deal, "version": version, "values": {"year": 2018}}
    )
    assert status == 200
    # Another reviewer with an old screen.
    status, told = post(base, "/review/decide", {"action": "reject", "deal": deal, "version": version})
    assert status == 409
    assert "ann chose correct" in told["fault"]
    assert 'class="tag accepted"' in told["html"]
    # A new reading of the same article, by a running `watchledger run`.
    again = readings()[0]
    changed = finding(
        again.article.text,
        "Huawei",
        "KE",
        {"vendor": "Huawei", "year": "2019"},
        again.extraction.deals[0].evidence[0],
        year=2021,
        customer="Kenya Police",
    )
    ledger = Ledger.open(db)
    ledger.begin_run("process", "v2", NOW)
    save(ledger, _reading("cameras", again.article.text, again.article.title, changed), version="v2")
    with Book.open(db) as book:
        view = book.deal(deal)
    assert view.decided["year"] == 2018
    assert view.state == "reopened"
    _, page, _ = get(f"{base}/review/deal/{deal}")
    assert b"The machine reads otherwise now" in page
    assert b"decided was 2018" in page
    # The writer still holds the ledger: deciding neither waits for it nor is refused.
    began = time.monotonic()
    status, _ = post(base, "/review/decide", {"action": "take", "deal": deal, "version": view.version})
    assert (status, time.monotonic() - began < 25) == (200, True)
    ledger.close()
    with Book.open(db) as book:
        assert book.deal(deal).decided["year"] == 2021


def test_deciding_goes_on_while_a_run_writes(db, serve):
    """Reading and deciding while `watchledger run` writes never blocks and loses nothing."""
    base = serve(db, name="ann")
    stop = threading.Event()
    written = []

    def write() -> None:
        ledger = Ledger.open(db)
        ledger.begin_run("process", "v3", NOW)
        while not stop.is_set():
            n = len(written)
            text = f"Hikvision sold cameras number {n} to Peru, for the police of Lima, it is said."
            ledger.save(_reading(f"r{n}", text, f"R{n}", finding(text, f"Maker {n}", "PE", {}, text)), "v3", "daily")
            ledger.settle()
            written.append(n)
        ledger.close()

    writer = threading.Thread(target=write)
    writer.start()
    slowest, deals = 0.0, []
    try:
        for _ in range(40):
            _, told = post(base, "/review/undo", {}) if len(deals) % 10 == 9 else (0, {})
            began = time.monotonic()
            status, page, _ = get(base + "/review/deal?order=uncertain")
            assert status == 200
            deal = re.search(rb'data-id="([^"]+)" data-version="([^"]+)"', page)
            assert deal is not None
            status, told = post(
                base, "/review/decide", {"action": "unsure", "deal": deal[1].decode(), "version": deal[2].decode()}
            )
            assert status == 200, told
            slowest = max(slowest, time.monotonic() - began)
            deals.append(deal[1])
    finally:
        stop.set()
        writer.join(20)
    assert written
    assert slowest < 28  # SQLite itself would give up after 30
    assert log(db).count("unsure") == 40


def test_a_reader_that_holds_on_for_long_costs_a_warning_and_no_decision(db, serve, monkeypatch):
    """Row S2, with a smaller limit: the log grows behind a held reader; nothing fails, and it is said."""
    monkeypatch.setattr(shelf, "WAL_WARNING", 200_000)
    held = sqlite3.connect(f"file:{db}?mode=ro", uri=True, isolation_level=None)
    held.execute("BEGIN")
    held.execute("SELECT COUNT(*) FROM deals").fetchone()
    ledger = Ledger.open(db)
    ledger.begin_run("process", "v4", NOW)
    for n in range(60):
        text = f"Hikvision sold cameras number {n} to Peru. " * 200
        ledger.save(_reading(f"r{n}", text, f"R{n}", finding(text, f"Maker {n}", "PE", {}, text[:40])), "v4", "daily")
    ledger.settle()
    with Desk.open(db) as desk:
        desk.accept(first(db)[0], Act(who="ann", at=NOW))
        told = shelf.large_wals(desk, db)
        assert len(told) == 1
        assert "watchledger.db-wal has grown" in told[0]
    held.close()
    ledger.store.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with Desk.open(db) as desk:
        assert shelf.large_wals(desk, db) == []
    ledger.close()


def test_a_second_writer_is_waited_for_and_then_told(db, monkeypatch):
    """Row S3: what another program locks is waited for; after that a decision fails whole, with a message."""
    import store.connect

    monkeypatch.setattr(store.connect, "BUSY_SECONDS", 0.3)
    with Desk.open(db) as desk:
        deal = first(db)[0]
        other = sqlite3.connect(db.with_name("decisions.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Exception, match=r"cannot write|another run|locked") as told:
            desk.accept(deal, Act(who="ann", at=NOW))
        assert type(told.value).__name__ in ("StoreError", "StoreLocked")
        other.execute("ROLLBACK")
        other.close()
        desk.accept(deal, Act(who="ann", at=NOW))
    assert log(db) == ["accept"]


def start(db, *options):
    """What `watchledger review` says when it does not start."""
    told = [sys.executable, "-m", "pipeline", "review", "--db", str(db), "--no-browser", "--port", "0", *options]
    done = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr


def test_a_ledger_that_cannot_be_read_is_told_in_one_line(db, tmp_path):
    """Row S3: absent, damaged, newer."""
    (tmp_path / "none").mkdir()
    code, told = start(tmp_path / "none" / "watchledger.db")
    assert (code, told.count("\n")) == (1, 1)
    assert "watchledger run" in told
    raw = db.read_bytes()
    db.write_bytes(raw[: len(raw) // 2])
    code, told = start(db)
    assert (code, told.count("\n")) == (1, 1)
    assert "restore" in told
    db.write_bytes(raw)
    conn = sqlite3.connect(db)
    conn.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('ledger', 'ledger_999', '')")
    conn.commit()
    conn.close()
    code, told = start(db)
    assert (code, told.count("\n")) == (1, 1)
    assert "newer watchledger" in told


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--host", "0.0.0.0"), "--reviewer NAME"),
        (("--as", "a", "--reviewer", "b"), "one person alone"),
        (("--as", "a\nb"), "visible characters"),
        (("--host", "0.0.0.0", "--reviewer", "a"), "--allow-host NAME"),
    ],
)
def test_a_wrong_start_is_told(db, options, fault):
    code, told = start(db, *options)
    assert code == 1
    assert fault in told


SEARCHES = [
    *(
        "'; DROP TABLE deals; --",
        "ATTACH DATABASE 'x' AS y",
        "load_extension('x')",
        '"',
        "*",
        "NEAR(",
        "a AND",
        "^",
        "title:",
        "(" * 200,
    ),
    *(
        "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r) SELECT * FROM r",
        "\x00",
        "😀",
        "a" * 5000,
        "{x}:y",
        "-a",
        "a OR b",
    ),
]


def test_the_search_box_takes_words_only(db, serve):
    """Row S5 without SQL: FTS syntax and SQL are words like others."""
    base = serve(db)
    before = db.read_bytes()
    for words in SEARCHES:
        status, page, _ = get(f"{base}/review?words={quote(words)}")
        assert status in (200, 422), words
        assert b"Traceback" not in page
        assert b"sqlite" not in page.lower()
    assert b"1 deal<" in get(f"{base}/review?words=pegasus")[1]
    assert db.read_bytes() == before
    for query in (
        "state=nothing",
        "order=up",
        "least=x",
        "least=7",
        "queue=x",
        "technology=soup",
        "after=x",
        "after=[1]",
        "x" * 3000,
    ):
        assert get(f"{base}/review?{query}")[0] == 422, query


WRITES = [
    *("DROP TABLE deals", "DELETE FROM deals", "UPDATE deals SET vendor = 'x'", "ATTACH DATABASE '/tmp/x.db' AS x"),
    *("SELECT load_extension('x')", "PRAGMA writable_schema = 1", "VACUUM INTO '/tmp/x.db'", "CREATE TEMP TABLE x(y)"),
    *(
        "SELECT zeroblob(1000000000)",
        "UPDATE sqlite_master SET sql = ''",
        "DETACH DATABASE main",
        "BEGIN",
        "SELECT * FROM pragma_module_list",
    ),
    "WITH x AS (SELECT 1) DELETE FROM deals",
]


def test_sql_is_off_unless_asked_for_and_then_reads_for_a_second(db, serve):
    """Row S5: read-only, bounded, no attaching, no trace."""
    shut = serve(db)
    status, page, _ = get(f"{shut}/ledger?sql={quote('select 1')}")
    assert status == 403
    assert b"<textarea" not in get(f"{shut}/ledger")[1]
    assert get(f"{shut}/ledger/deals?_where=1=1")[0] in (400, 403)
    assert get(f"{shut}/ledger.db")[0] in (403, 404)
    assert get(f"{shut}/_internal")[0] in (403, 404)
    base = serve(db, sql=True)
    files = {path: path.read_bytes() for path in (db, db.with_name("decisions.db"))}
    status, page, _ = get(f"{base}/ledger.json?_shape=array&sql={quote('select count(*) as n from deals')}")
    assert (status, json.loads(page)) == (200, [{"n": 5}])
    for sql in WRITES:
        status, page, _ = get(f"{base}/ledger?sql={quote(sql)}")
        assert status in (400, 403), sql
        assert b"Traceback" not in page
    began = time.monotonic()
    endless = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r) SELECT COUNT(*) FROM r"
    assert get(f"{base}/ledger?sql={quote(endless)}")[0] == 400
    assert time.monotonic() - began < 30
    many = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM r LIMIT 50000) SELECT x FROM r"
    assert len(json.loads(get(f"{base}/ledger.json?_shape=array&sql={quote(many)}")[1])) <= 1000
    assert {path: path.read_bytes() for path in files} == files
    assert get(f"{base}/ledger/deals")[0] == 200


def test_a_blind_coder_is_shut_out_of_everything_that_tells_the_first_ones_decisions(db, serve):
    with Desk.open(db) as desk:
        ids = [item.deal_id for item in desk.queue(limit=3).items]
        desk.correct(ids[0], {"customer": "A secret customer"}, Act(who="ann", at=NOW, reason="secret reason"))
        desk.assign(ids[:2], "ben", Act(who="ann", at=NOW))
    base = serve(db, name="ben", sql=True)
    for path in (
        "/ledger",
        "/ledger/deals",
        "/decisions/decisions",
        "/decisions",
        "/decisions.json?sql=select+1",
        "/-/databases",
        "/-/versions",
    ):
        status, page, _ = get(base + path)
        assert status in (403, 404), path
        assert b"secret" not in page
    for path in (
        "/review/report",
        f"/review/print/{ids[0]}",
        f"/review/deal/{ids[2]}",
        f"/review/fragment/{ids[2]}",
        "/review/drops",
        "/review/article/cameras",
    ):
        status, page, _ = get(base + path)
        assert status == 422, path
    for path in (
        "/review",
        "/review/deal",
        f"/review/deal/{ids[0]}",
        f"/review/fragment/{ids[0]}",
        f"/review/article/cameras?deal={ids[0]}",
        "/review?state=all",
    ):
        status, page, _ = get(base + path)
        assert status == 200, path
        assert b"secret" not in page, path
    for path, body in (
        ("bulk", {"action": "accept"}),
        ("filters", {"name": "x"}),
        ("add", {}),
        ("decide", {"action": "merge", "deal": ids[0], "other": ids[1]}),
    ):
        assert post(base, f"/review/{path}", body)[0] == 422, path
    # An accepted deal is what this coder leaves, over what the machine reads: nothing of the first one's slips in.
    assert post(base, "/review/decide", {"action": "accept", "deal": ids[0], "values": {}})[0] == 200
    with Book.open(db) as book:
        mine = next(told for told in book.verdicts(ids[0]) if told["who"] == "ben")
        assert mine["decided"]["customer"] == "Kenya Police"
        assert book.deal(ids[0]).decided["customer"] == "A secret customer"
    # With the last of them coded, the house is open again.
    assert post(base, "/review/decide", {"action": "reject", "deal": ids[1]})[0] == 200
    assert get(base + "/ledger/deals")[0] == 200


def test_several_reviewers_have_a_token_each(db):
    with command(db, "--reviewer", "ann", "--reviewer", "ben") as process:
        lines = [process.stdout.readline() for _ in range(2)]
        links = {line.split(": ")[0]: line.split(": ")[1].strip() for line in lines}
        base = links["ann"].split("/review/")[0]
        for path in ("/review", "/", "/ledger/deals", "/-/static-plugins/review/review.js"):
            assert get(base + path)[0] == 401
        for name, link in links.items():
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(link, timeout=90) as page:
                assert name in re.search(r'class="who"[^>]*>([^<]+)', page.read().decode())[1]


def test_an_archived_copy_is_plain_text_under_a_name_of_ours(tmp_path, serve):
    """Row E2: whatever the page is called, the file's name is a slug of its id; nothing of it runs."""
    from store.archive import Archive
    from tests.store.factory import page, source

    archive = Archive.open(tmp_path / "archive.db")
    archive.begin_run([source()], NOW)
    hostile = page("http://daily.example/a", b"<script>window.hit=1</script>")
    page_id, _ = archive.add_page(source(), hostile, "../../x\x00CON" + "y" * 300)
    archive.close()
    db = make(tmp_path)
    status, body, headers = get(f"{serve(db)}/review/copy/{page_id}")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r'inline; filename="page-[A-Za-z0-9-]{1,80}\.txt"', headers["content-disposition"])
    assert b"<script>" in body
    assert get(f"{serve(db)}/review/copy/..%2F..%2Fetc%2Fpasswd")[0] == 503


def test_logs_hold_no_text_of_strangers_and_no_token(tmp_path):
    """Row E3: titles with line ends and escapes, long addresses and tokens stay out of the log."""
    text = "Dahua sold cameras to Peru."
    db = make(
        tmp_path,
        _reading(
            "log",
            text,
            "Title\n\x1b[31mFORGED line",
            finding(text, "Dahua", "PE", {}, text),
            url="http://u:pw@x.example/?key=secret",
        ),
    )
    with command(db, "--as", "ann") as process:
        base = "http://" + process.stdout.readline().split("http://")[1].split("/")[0]
        with Book.open(db) as book:
            deal = next(i.deal_id for i in book.queue().items if i.values["vendor"] == "Dahua")
        page = get(f"{base}/review/deal/{deal}")[1]
        assert b"u:pw" not in re.sub(rb'href="[^"]*"', b"", page)
        for path in (
            *(f"/review/deal/{deal}", "/review?words=%0a%1b[31mFORGED", "/x%0aFORGED" + "y" * 4000),
            *("/ledger/deals?_sort=%1b[31m", "/review/login?token=secret-token"),
        ):
            get(base + path)
        get(base + "/review", Host="evil.example")
        process.terminate()
        out, err = process.communicate(timeout=60)
    assert "FORGED" not in out + err
    assert "\x1b" not in out + err
    assert "secret" not in out + err


def test_hostile_values_are_escaped_in_every_page_and_piece(db, serve):
    """Row H12 by bytes, beside the browser's test: no payload of any field comes through unescaped."""
    base = serve(db)
    with Book.open(db) as book:
        deal = next(item.deal_id for item in book.queue(limit=10).items if item.values["country"] == "GH")
    for path in (
        "/review",
        f"/review/deal/{deal}",
        f"/review/article/hostile?deal={deal}",
        f"/review/print/{deal}",
        f"/review/fragment/{deal}",
        "/review/bulk/preview?act=accept",
        "/ledger/articles",
        "/ledger/findings",
    ):
        status, page, headers = get(base + path)
        assert status == 200
        text = json.loads(page).get("html", "") if "json" in headers["content-type"] else page.decode()
        for payload in PAYLOADS.values():
            for tag in re.findall(r"<[a-z]+ ?[^>]*>", payload):
                # Datasette's own pages have scripts and style of their own.
                assert (
                    tag.replace("<script>", "<script>window").replace("<style>", "<style>body{display") not in text
                ), (path, tag)
        assert not re.search(r"href=\"?'?javascript:", text)


def test_it_starts_within_two_seconds_of_work(db, serve):
    """The bound itself is measured by bench/review.py on a quiet machine; here only that nothing heavy crept in."""
    code = (
        "import sys; from commands.review import NOT_NEEDED, left_out\nwith left_out(*NOT_NEEDED): import review.server\n"
        "print([m for m in ('spacy', 'torch', 'onnxruntime', 'scrapy', 'pandas', 'dask', 'scipy', 'trafilatura') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
