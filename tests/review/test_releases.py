"""The newest release on the screen: linked where it is known, shown as published, and nothing beside it."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

import pipeline
from records import Act, DealState
from review.releases import PICTURES, newest
from store.book import Book
from store.desk import Desk
from store.views import QueueFilter
from tests.publish.ledger import make_workspace
from tests.review.conftest import get

PAGE = "/review/release/index.html"
ACCEPTED = QueueFilter(states=(DealState.ACCEPTED,))


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A workspace with one release, which no test may change."""
    ledger = make_workspace(tmp_path_factory.mktemp("workspace"))
    publish(ledger, "one")
    return ledger


@pytest.fixture
def ledger(published, tmp_path):
    """The same in a copy that a test may change."""
    shutil.copytree(published.parent, tmp_path / "workspace")
    return tmp_path / "workspace" / "watchledger.db"


def publish(ledger, name, *options):
    folder = ledger.parent / "releases" / name
    told = CliRunner().invoke(
        pipeline.main, ["publish", str(folder), "--db", str(ledger), "--no-check", "--version", name, *options]
    )
    assert told.exit_code == 0, told.output
    return folder


def test_queue_and_report_link_the_release_which_is_shown_as_it_was_published(ledger, serve):
    base, folder = serve(ledger), ledger.parent / "releases" / "one"
    queue, report = get(base + "/review")[1].decode(), get(base + "/review/report")[1].decode()
    assert f'href="{PAGE}"' in queue
    assert "Version one, made on " in report
    assert get(base + "/review/release")[1] == (folder / "index.html").read_bytes()
    for name in ("index.html", *(f"pictures/{one}.svg" for one in PICTURES), "csv/deals.csv"):
        status, body, headers = get(f"{base}/review/release/{name}")
        assert (status, body) == (200, (folder / name).read_bytes()), name
        assert "script-src" not in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert (headers["content-disposition"] is None) == (not name.endswith(".csv")), name
    assert all(f"/review/release/pictures/{name}.svg" in report for name in PICTURES)


@pytest.mark.parametrize(
    "name",
    [
        *("../../watchledger.db", "..%2f..%2fwatchledger.db", "%2e%2e/%2e%2e/watchledger.db"),
        *("pictures/../../../watchledger.db", "pictures/..%2findex.html", "/etc/passwd", "%2fetc%2fpasswd"),
        *("..%5c..%5cwatchledger.db", "index.html%00", "SHA256SUMS", ".", "pictures", "notes.txt"),
    ],
)
def test_what_is_no_file_of_the_release_is_not_shown(ledger, serve, name):
    (ledger.parent / "releases" / "one" / "notes.txt").write_text("private")
    assert get(f"{serve(ledger)}/review/release/{name}")[0] == 404


def test_a_file_that_was_changed_or_leads_elsewhere_is_not_shown(ledger):
    folder = ledger.parent / "releases" / "one"
    (folder / "index.html").write_text("<script>alert(1)</script>")
    (ledger.parent / "copy.csv").write_bytes((folder / "csv" / "deals.csv").read_bytes())
    (folder / "csv" / "deals.csv").unlink()
    (folder / "csv" / "deals.csv").symlink_to(ledger.parent / "copy.csv")
    with Book.open(ledger) as book:
        release = newest(book, ledger.parent / "releases")
    assert release is not None
    assert release.read("pictures/map.svg") == (folder / "pictures" / "map.svg").read_bytes()
    assert release.read("index.html") is None
    assert release.read("csv/deals.csv") is None


def test_a_folder_that_publishing_did_not_note_is_no_release(ledger, serve):
    folder = ledger.parent / "releases" / "one"
    page = b"<h1>Not ours</h1>"
    (folder / "index.html").write_bytes(page)
    (folder / "SHA256SUMS").write_text(f"{hashlib.sha256(page).hexdigest()}  index.html\n")
    base = serve(ledger)
    assert b"/review/release" not in get(base + "/review")[1]
    assert b"none of their folders is where this screen looks" in get(base + "/review/report")[1]
    assert get(base + PAGE)[0] == 404


def test_a_ledger_without_a_release_has_no_link(db, serve):
    base = serve(db)
    assert b"elease" not in get(base + "/review")[1] + get(base + "/review/report")[1]
    assert get(base + PAGE)[0] == 404


def test_the_one_made_last_is_the_newest_also_where_it_took_anothers_place(ledger):
    with Desk.open(ledger) as desk:
        deal = desk.deal_ids(ACCEPTED)[0]
        for name, customer in (("two", "The police"), ("one", "The army")):
            act = Act(who="editor", at=datetime.now(UTC), reason="a letter")
            desk.correct(deal, {"customer": customer}, act)
            publish(ledger, name, *(["--replace"] if name == "one" else []))
            told = newest(desk, ledger.parent / "releases")
            assert told is not None
            assert (told.version, told.folder.name) == (name, name)


def test_releases_may_lie_elsewhere(ledger, serve, tmp_path):
    (ledger.parent / "releases").rename(tmp_path / "elsewhere")
    assert get(serve(ledger) + PAGE)[0] == 404
    assert get(serve(ledger, releases=tmp_path / "elsewhere") + PAGE)[0] == 200


def test_a_blind_coder_sees_no_release(ledger, serve):
    with Desk.open(ledger) as desk:
        assert desk.assign(desk.deal_ids(ACCEPTED)[:1], "ben", Act(who="ann", at=datetime.now(UTC)))
    base = serve(ledger, name="ben")
    assert b"/review/release" not in get(base + "/review")[1]
    assert get(base + PAGE)[0] == 422


def test_a_browser_shows_the_page_with_its_style_and_all_pictures(ledger, serve, screen):
    shown = screen(serve(ledger))
    shown.page.goto(shown.base + "/review")
    shown.page.click(f'a[href="{PAGE}"]')
    shown.page.wait_for_url(shown.base + PAGE)
    widths = shown.page.eval_on_selector_all(
        "img",
        """async images => { for (const image of images) { image.loading = "eager"; await image.decode(); }
           return images.map(image => image.naturalWidth); }""",
    )
    assert len(widths) == len(PICTURES)
    assert all(width > 100 for width in widths)
    assert shown.page.evaluate("getComputedStyle(document.querySelector('th')).position") == "sticky"
