"""`watchledger publish` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import pipeline
from store.book import Book
from store.desk import Desk
from tests.publish.ledger import act, deal_of, make_workspace


def run(*words: object, ok: bool = True):
    result = CliRunner().invoke(pipeline.main, ["publish", *map(str, words)])
    assert (result.exit_code == 0) is ok, result.output
    return result


def test_two_releases_with_a_change_between_them(ledger, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    said = run(first, "--db", ledger).output
    assert "4 deals (3 counted) in 3 countries, 4 sources" in said
    package = json.loads((first / "datapackage.json").read_text(encoding="utf-8"))
    assert (package["version"], package["created"]) == ("2024.06.01.4", "2024-06-01T12:30:00Z")

    again = run(tmp_path / "again", "--db", ledger, "--no-check", "--json").output
    assert (tmp_path / "again" / "SHA256SUMS").read_bytes() == (first / "SHA256SUMS").read_bytes()
    assert json.loads(again)["deals"] == 4

    with Desk.open(ledger) as desk:
        desk.correct(
            deal_of(ledger, "KE"), {"customer": "National Police Service"}, act("the contract says so", days=1)
        )
    told = json.loads(run(second, "--db", ledger, "--since", first, "--no-check", "--json").output)
    assert told["diff"] == {"changed": 1}
    changes = json.loads((second / "changes" / "changes.json").read_text(encoding="utf-8"))["changes"]
    assert {row["why"] for row in changes} == {"the contract says so"}
    with Book.open(ledger) as book:
        assert [row["version"] for row in book.releases()] == ["2024.06.01.4", "2024.06.02.5"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "Big Name"], "--name 'Big Name' may have"),
        (["--version", "a/b"], "--version 'a/b' may have"),
        (["--date", "31.1.2026"], "--date '31.1.2026' is no day"),
        (["--homepage", "ftp://x"], "is no web address"),
        (["--dollars-of", "1850"], "no price index for 1850"),
        (["--since", "."], "holds no release that can be read"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_option_is_one_line_and_nothing_is_written(decided, tmp_path, options, said):
    result = run(tmp_path / "out", "--db", decided, *options, ok=False)
    assert said in result.output
    assert result.output.startswith("watchledger: ")
    assert result.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_nobody_decided_on_is_not_published(tmp_path):
    ledger = make_workspace(tmp_path / "w" if (tmp_path / "w").mkdir() is None else tmp_path, accept=False)
    result = run(tmp_path / "out", "--db", ledger, ok=False)
    assert "nobody has decided on a deal" in result.output
    assert not (tmp_path / "out").exists()


def test_no_reviewer_and_no_text_of_an_article_is_in_any_file(ledger, tmp_path):
    run(tmp_path / "out", "--db", ledger, "--no-check", "--no-quotes")
    words = [b"Ana Reviewer", b"Critics object", b"secret", b"1,800 cameras"]
    for path in Path(tmp_path / "out").rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            body = path.read_bytes()
            assert [word for word in words if word in body] == [], path.name


def test_what_the_editor_says_is_in_the_release(ledger, tmp_path):
    run(
        *(tmp_path / "out", "--db", ledger, "--no-check", "--title", "Deals: a “test”", "--name", "deals-test"),
        *(
            "--author",
            "Ana's Institute",
            "--author",
            "Another",
            "--homepage",
            "https://deals.example",
            "--licence",
            "CC0-1.0",
        ),
        *("--version", "1.0", "--date", "2024-07-01", "--dollars-of", "2020"),
    )
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text(encoding="utf-8"))
    assert package["citation"] == "Ana's Institute, Another (2024): Deals: a “test”, version 1.0. https://deals.example"
    assert (package["licenses"][0]["name"], package["constantDollarsOf"], package["name"]) == (
        "CC0-1.0",
        2020,
        "deals-test",
    )
    assert 'title: "Deals: a “test”"' in (tmp_path / "out" / "CITATION.cff").read_text(encoding="utf-8")
    assert "No rights" not in (tmp_path / "out" / "LICENSE.txt").read_text(encoding="utf-8")
