"""`watchledger sources`: what it says of each source, and its exit status."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from crawlers.sources import load_sources
from pipeline import EXIT_ATTENTION, main
from records import Link, Outcome
from store.archive import Archive
from tests.store.factory import fetch

DAY = timedelta(days=1)
# Days ago, how the feed's reading ended, links that it announced, and how many of them were new.
Reading = tuple[float, Outcome, int, int]
ALIVE: list[Reading] = [(60, Outcome.KEPT, 1, 1), (0.1, Outcome.KEPT, 1, 1)]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Makes an archive in which two sources were asked; `daily` is always well."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "watchledger.toml").write_text("contact = 'a@b.example'\nsources = 's.toml'\nshipped_sources = false\n")
    (tmp_path / "s.toml").write_text(
        "".join(
            f"[[source]]\nid = '{name}'\npublisher = 'P'\ncountry = 'KE'\nlanguage = 'en'\nkind = 'feed'\n"
            f"source_type = 'media'\nurl = 'http://{name}.example/feed'\n"
            for name in ("daily", "other")
        )
    )

    def make(readings: list[Reading]) -> None:
        now = datetime.now(UTC)
        archive = Archive.open(tmp_path / "output" / "archive.db")
        for source, told in zip(load_sources(tmp_path / "s.toml"), (ALIVE, readings), strict=True):
            for number, (days, outcome, links, new) in enumerate(told):
                at = now - days * DAY
                archive.begin_run([source], at)
                target = archive.next_target(f"{source.id}.example")
                assert target is not None
                fresh = f"{number}-" if new else "0-"
                announced = [Link(url=f"http://{source.id}.example/{fresh}{n}") for n in range(links)]
                archive.record(fetch(target, outcome, fetched_at=at), links=announced)
        archive.close()

    return make


@pytest.mark.parametrize(
    ("readings", "state", "status"),
    [
        pytest.param(ALIVE, "well", 0, id="well"),
        pytest.param([(60, Outcome.KEPT, 1, 1), (0.1, Outcome.KEPT, 1, 0)], "silent", EXIT_ATTENTION, id="silent"),
        pytest.param([(3, Outcome.KEPT, 1, 1), (2, Outcome.HTTP_ERROR, 0, 0)], "down", EXIT_ATTENTION, id="down"),
        pytest.param([(0.2, Outcome.KEPT, 1, 1), (0.1, Outcome.HTTP_ERROR, 0, 0)], "failing", 0, id="failing"),
        pytest.param([(0.2, Outcome.KEPT, 1, 1), (0.1, Outcome.KEPT, 0, 0)], "no_matches", 0, id="no matches"),
        pytest.param([], "never_asked", 0, id="never asked"),
    ],
)
def test_the_exit_status_is_3_when_a_source_is_silent_or_down(workspace, readings, state, status):
    workspace(readings)
    done = CliRunner().invoke(main, ["sources"])
    assert done.exit_code == status, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("well ")
    assert lines[1].startswith(f"{state} ")
    odd = int(state not in ("well", "never_asked"))
    assert lines[2] == f"2 sources, {1 + bool(readings)} asked so far, {odd} of them not well"
    told = CliRunner().invoke(main, ["sources", "--json"])
    assert told.exit_code == status
    assert [(row["id"], row["state"]) for row in json.loads(told.output)] == [("daily", "well"), ("other", state)]


def test_the_docs_tell_the_exit_status_and_each_state():
    told = (Path(__file__).parents[2] / "docs" / "gathering.md").read_text(encoding="utf-8")
    assert f"The exit status is {EXIT_ATTENTION} when one is `down` or `silent`." in told
    assert [
        state for state in ("well", "no_matches", "failing", "down", "silent") if f"| `{state}` |" not in told
    ] == []
