"""The commands that gather and read, end to end over the newsroom, with a reader that needs no models."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from newsroom.server import build_site

from bench import soak_demo
from store.archive import Archive
from tests.crawlers.site import Reply, Route, feed_of, serve
from tests.store.factory import new_ledger

HERE = Path(__file__).parent.parent
STUB = (sys.executable, "-m", "tests.stub_demo")
DEMO = (*STUB, "demo", "--json", "--db")
# What lets root write where the owner of a file may not.
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def run(
    *arguments: str, folder: Path | None = None, expect: int = 0, under: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command; the result has no traceback in it, whatever happens."""
    done = subprocess.run(
        [*under, *STUB, *arguments],
        cwd=folder or HERE,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == expect, done.stderr
    return done


def status(db: Path) -> dict:
    return json.loads(run("status", "--json", "--digest", "--db", str(db)).stdout)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A finished demo: its ledger, its report and its digest."""
    db = tmp_path_factory.mktemp("demo") / "watchledger.db"
    report = json.loads(run("demo", "--json", "--db", str(db)).stdout)
    return db, report, status(db)["digest"]


def test_the_newsroom_has_outlets_and_pages_enough():
    pages = [
        key for key, answer in build_site().items() if answer.content_type.startswith(("text/html", "application/pdf"))
    ]
    assert len({host for host, _ in pages}) >= 4
    assert len(pages) >= 40


def test_every_address_and_every_page_ends_in_a_named_outcome(demo):
    _, report, _ = demo
    assert sum(report["last_crawl"].values()) == report["archive"]["known"]
    assert report["last_crawl"] == {"kept": 54, "copy_of": 1, "http_error": 1, "blocked_by_robots": 1}
    assert report["last_reading"]["in"] == sum(report["last_reading"]["out"].values()) == report["archive"]["pages"]
    assert sum(report["pages"].values()) == report["archive"]["pages"]
    assert report["pages"]["copy_of"] == 2
    assert report["quarantined"] == []


def test_deals_come_out_with_their_evidence_and_source(demo):
    _, report, _ = demo
    deals = {(deal["vendor"], deal["country"]): deal for deal in report["deals"]}
    assert {("Huawei", "UG"), ("ZTE", "ZM"), ("Sandvine", "BY"), ("CloudWalk", "ZW")} <= set(deals)
    belarus = deals["Sandvine", "BY"]
    assert belarus["sources"] == 1, "two outlets printed one wire story"
    assert "cancelled its deal" in belarus["evidence"]
    assert belarus["url"].startswith("http://")


def test_a_second_demo_asks_for_indexes_and_robots_only_and_changes_nothing(demo):
    db, _, digest = demo
    report = json.loads(run("demo", "--json", "--db", str(db)).stdout)
    assert report["last_crawl"] == {"kept": 3, "not_modified": 3}  # 2 feeds, 3 sitemaps, 1 listing
    assert report["last_reading"] == {"in": 0, "out": {}}
    assert status(db)["digest"] == digest


def test_the_ledger_is_rebuilt_from_the_archive_to_the_same_digest(demo):
    db, _, digest = demo
    for file in db.parent.glob("watchledger.db*"):
        file.unlink()
    run("process", "--db", str(db))
    assert status(db)["digest"] == digest


def test_kill_9_at_any_moment_then_the_command_again_gives_the_same_digest(demo, monkeypatch):
    _, _, digest = demo
    monkeypatch.chdir(HERE)
    monkeypatch.setattr(soak_demo, "STATUS", (*STUB, "status", "--digest", "--json", "--db"))
    rng = random.Random(20240501)
    # The length of a run on a machine of its own; on a slower one the kills fall into its first part.
    expected = soak_demo.Undisturbed(digest, seconds=8.0)
    for _ in range(2):
        moments = soak_demo.moments_of(rng, expected)
        same, _ = soak_demo.survives(moments, expected, DEMO)
        assert same, f"killed after {moments} seconds"


def test_a_second_run_over_the_same_files_is_refused(demo, tmp_path):
    archive = Archive.open(tmp_path / "archive.db")
    done = run("demo", "--db", str(tmp_path / "watchledger.db"), expect=75)
    archive.close()
    assert "another run is writing" in done.stderr


def test_a_workspace_is_made_once(tmp_path):
    run("init", "ws", folder=tmp_path)
    assert sorted(path.name for path in (tmp_path / "ws").iterdir()) == ["lexicon", "sources.toml", "watchledger.toml"]
    assert "is there already" in run("init", "ws", folder=tmp_path, expect=1).stderr


@pytest.mark.parametrize(
    ("settings", "sources", "fault"),
    [
        pytest.param("", None, "has no `contact`", id="no contact"),
        pytest.param("contact = ''", None, "has no `contact`", id="an empty contact"),
        pytest.param("contact = 7", None, "must be of type str", id="a number for a text"),
        pytest.param("colour = 'blue'", None, "unknown key 'colour'", id="an unknown key"),
        pytest.param("contact = 'a@b.example'\nworkers = 0", None, "from 1 to 256", id="no workers"),
        pytest.param("contact =", None, "watchledger.toml", id="broken"),
        pytest.param(
            "contact = 'a@b.example'\nsources = 'none.toml'", None, "none.toml", id="sources that are not there"
        ),
        pytest.param(
            "contact = 'a@b.example'\nsources = 's.toml'",
            "[[source]]\nid = 'x'\n",
            "source x: needs 'publisher'",
            id="a wrong source",
        ),
    ],
)
def test_a_wrong_setting_ends_the_run_before_the_first_request(tmp_path, settings, sources, fault):
    (tmp_path / "watchledger.toml").write_text(settings)
    if sources:
        (tmp_path / "s.toml").write_text(sources)
    done = run("run", folder=tmp_path, expect=1)
    assert fault in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "output").exists()


def test_a_run_over_an_unreachable_source_counts_it_and_ends_well(tmp_path):
    (tmp_path / "watchledger.toml").write_text("contact = 'a@b.example'\nsources = 's.toml'\nshipped_sources = false\n")
    (tmp_path / "s.toml").write_text(
        "[[source]]\nid = 'gone'\npublisher = 'Gone'\ncountry = 'KE'\nlanguage = 'en'\nkind = 'feed'\n"
        "source_type = 'media'\nurl = 'http://127.0.0.1:9/feed'\nprivate_network = true\n"
    )
    done = run("run", folder=tmp_path)
    assert done.stdout == ""
    told = json.loads(run("status", "--json", folder=tmp_path).stdout)
    assert told["last_crawl"] == {"retry_after": 1}
    assert told["failures"][0]["reason"] == "robots_unreachable"
    assert json.loads(run("sources", "--json", folder=tmp_path).stdout)[0]["last_outcome"] == "retry_after"
    assert "no source is called 'other'" in run("run", "--source", "other", folder=tmp_path, expect=1).stderr


def test_a_source_that_announces_nothing_it_is_asked_for_is_a_warning(tmp_path):
    entry = (
        "[[source]]\nid = '{0}'\npublisher = 'P'\ncountry = 'KE'\nlanguage = 'en'\nkind = 'feed'\n"
        "source_type = 'media'\nurl = 'http://127.0.0.1:{1}/{0}'\nprivate_network = true\ndelay = 0\n"
    )
    (tmp_path / "watchledger.toml").write_text("contact = 'a@b.example'\nsources = 's.toml'\nshipped_sources = false\n")
    routes: dict[str, Route] = {"127.0.0.1/story": Reply()}
    with serve(routes) as site:
        feed = feed_of(f"http://127.0.0.1:{site.port}/story")
        routes |= {f"127.0.0.1/{name}": feed for name in ("daily", "choosy")} | {"127.0.0.1/empty": feed_of()}
        (tmp_path / "s.toml").write_text(
            f"{entry.format('daily', site.port)}{entry.format('choosy', site.port)}include = '/politics/'\n"
            f"{entry.format('empty', site.port)}"
        )
        done = run("crawl", folder=tmp_path)
    nothing = "announces nothing that it is asked for; see: watchledger sources"
    assert done.stderr.splitlines() == [f"watchledger: source {name} {nothing}" for name in ("choosy", "empty")]
    told = json.loads(run("sources", "--json", folder=tmp_path).stdout)
    assert [row["state"] for row in told] == ["well", "no_matches", "no_matches"]


def test_files_are_added_by_hand_once(tmp_path):
    story = tmp_path / "story.html"
    story.write_text(
        "<h1>Cameras</h1><p>Huawei sold a thousand cameras to the police of Uganda, "
        "the ministry told parliament on Monday evening.</p>"
    )
    assert "1 given, 1 new; 1 kept" in run("add", str(story), folder=tmp_path).stdout
    assert "1 given, 0 new; none" in run("add", str(story), folder=tmp_path).stdout
    told = json.loads(run("status", "--json", folder=tmp_path).stdout)
    assert [(deal["vendor"], deal["country"]) for deal in told["deals"]] == [("Huawei", "UG")]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("add", "none.html"), "cannot be read"),
        (("add", "ftp://a.example/x"), "no web address"),
        (("add", "https://a.example/x"), "has no `contact`"),
        (("status",), "no database at"),
        (("process",), "no database at"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, arguments, fault):
    done = run(*arguments, folder=tmp_path, expect=1)
    assert fault in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def readable_only(tmp_path):
    """Makes parts of a workspace with an archive and a ledger readable only, until the test ends."""
    if WITHOUT_RIGHTS and not (
        shutil.which(WITHOUT_RIGHTS[0]) and subprocess.run([*WITHOUT_RIGHTS, "true"], check=False).returncode == 0
    ):
        pytest.skip("root writes anywhere, and its rights cannot be taken away here")
    (tmp_path / "watchledger.toml").write_text("contact = 'a@b.example'\nshipped_sources = false\n")
    (tmp_path / "story.html").write_text("<p>Huawei sold a thousand cameras to Kenya.</p>")
    output = tmp_path / "output"
    output.mkdir()
    Archive.open(output / "archive.db").close()
    new_ledger(output).close()
    changed: list[Path] = []

    def change(name: str, mode: int) -> Path:
        if name == ".":
            shutil.rmtree(output)
        changed.append(tmp_path / name)
        changed[-1].chmod(mode)
        return tmp_path

    yield change
    for path in changed:
        path.chmod(0o700)


@pytest.mark.parametrize(
    ("name", "mode", "arguments", "fault"),
    [
        pytest.param(".", 0o555, ("init", "ws"), "cannot be written: Permission denied", id="a folder to begin in"),
        pytest.param(".", 0o555, ("run",), "may write to", id="a new workspace"),
        pytest.param("output", 0o555, ("run",), "and its folder", id="a workspace"),
        pytest.param("output", 0o555, ("sources",), "and its folder", id="a workspace that is read"),
        pytest.param("output", 0o000, ("status",), "output/archive.db: Permission denied", id="a closed folder"),
        pytest.param(
            "output/archive.db", 0o444, ("add", "story.html"), "cannot write output/archive.db", id="an archive"
        ),
        pytest.param("output/archive.db", 0o000, ("crawl",), "make it and its folder", id="a closed archive"),
        pytest.param("output/watchledger.db", 0o444, ("process",), "cannot write output/watchledger.db", id="a ledger"),
        pytest.param("watchledger.toml", 0o000, ("run",), "watchledger.toml: ", id="closed settings"),
    ],
)
def test_what_may_not_be_written_or_read_is_one_line(readable_only, name, mode, arguments, fault):
    folder = readable_only(name, mode)
    done = run(*arguments, folder=folder, expect=1, under=WITHOUT_RIGHTS)
    assert fault in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_retry_tells_how_much_it_will_try_again(demo):
    db, _, _ = demo
    told = run("retry", "--outcome", "http_error", "--db", str(db)).stdout
    assert told == "1 addresses and 0 pages will be tried again by: watchledger run\n"
