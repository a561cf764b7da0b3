"""What changed between two releases, why, and what is new for those who load increments."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace

import pytest

from publish.build import Plan, publish
from publish.diff import compare, read_former
from publish.rows import Gone, Retired
from records import InputError, Technology
from tests.publish.test_gate import change


@pytest.fixture(scope="module")
def former(folder):
    return read_former(folder)


def following(release, version="2.0.0"):
    return replace(release, about=replace(release.about, version=version, previous="1.0.0"))


def after(release, former, tmp_path, **told):
    return publish(following(release), Plan(folder=tmp_path / "next", former=former, validate=False, **told))


def test_nothing_changed(generated, former, tmp_path):
    made = after(generated, former, tmp_path)
    assert made.diff is not None
    assert made.diff.changes == ()
    assert made.release.errata == ()


def test_one_changed_value_is_a_diff_of_one_with_its_reason(generated, former, tmp_path):
    deal = generated.deals[7]
    made = after(
        change(generated, "deals", 7, reply="It denies it."),
        former,
        tmp_path,
        reasons={deal.deal_id: "letter of the ministry"},
    )
    assert made.diff is not None
    assert made.diff.deals == {"changed": 1}
    (row,) = made.diff.changes
    assert (row.deal_id, row.field, row.before, row.after, row.why) == (
        deal.deal_id, "reply", None, "It denies it.", "letter of the ministry",
    )  # fmt: skip
    assert made.release.errata == (row,)


def test_a_change_in_what_hangs_on_a_deal_is_a_change_of_the_deal(generated, former, tmp_path):
    rows = list(generated.technologies)
    other = Technology.DRONES if rows[0].technology != Technology.DRONES else Technology.SPYWARE
    rows[0] = replace(rows[0], technology=other, aigs_class=None)
    rows.sort(key=lambda row: (row.deal_id, row.technology))
    made = after(replace(generated, technologies=rows), former, tmp_path)
    assert made.diff is not None
    assert made.diff.deals == {"changed": 1}
    assert [row.field for row in made.diff.changes] == ["technologies"]
    assert str(other) in str(made.diff.changes[0].after)


def gone(release, deal_id, state, **told):
    tables = {
        name: [row for row in release.rows(name) if row.deal_id != deal_id]
        for name in ("deals", "parties", "technologies", "instruments", "events", "evidence")
    }
    row = Retired(**{"deal_id": deal_id, "state": state, "date": "2026-01-15", "why": "a mix-up"} | told)
    retired = sorted([*release.retired, row], key=lambda row: row.deal_id)
    return replace(release, **tables, retired=retired)


@pytest.mark.parametrize(
    ("state", "told"),
    [(Gone.WITHDRAWN, {}), (Gone.MERGED, {"successor": "D000001"}), (Gone.REOPENED, {})],
    ids=["withdrawn", "merged", "reopened"],
)
def test_a_deal_that_is_gone_says_why_and_where_to(generated, former, tmp_path, state, told):
    made = after(gone(generated, "D000009", state, **told), former, tmp_path)
    assert made.diff is not None
    assert made.diff.deals == {str(state): 1}
    (row,) = made.diff.changes
    assert (row.deal_id, row.why, row.successor) == ("D000009", "a mix-up", told.get("successor"))


def test_errata_grow_from_release_to_release(generated, former, tmp_path):
    after(change(generated, "deals", 7, reply="It denies it."), former, tmp_path)
    second = read_former(tmp_path / "next")
    third = change(change(generated, "deals", 7, reply="It denies it."), "deals", 8, reply="It too.")
    made = publish(following(third, "3.0.0"), Plan(folder=tmp_path / "third", former=second, validate=False))
    assert {row.release for row in made.release.errata} == {"2.0.0", "3.0.0"}
    assert {row.deal_id for row in made.release.errata} == {generated.deals[7].deal_id, generated.deals[8].deal_id}


def test_the_increment_brings_the_former_release_up_to_this_one(generated, former, folder, tmp_path):
    newer = gone(change(generated, "deals", 7, reply="It denies it."), "D000009", Gone.WITHDRAWN)
    newer = change(newer, "sources", 3, outlet="The Daily, renamed")  # of a deal that is as it was
    lost = {row.source_id for row in newer.sources} - {row.source_id for row in newer.evidence}
    newer = replace(newer, sources=[row for row in newer.sources if row.source_id not in lost])
    assert lost
    after(newer, former, tmp_path)
    told = json.loads((tmp_path / "next" / "changes" / "changes.json").read_text(encoding="utf-8"))
    assert (told["from"], told["to"], told["gone"]) == ("1.0.0", "2.0.0", ["D000009"])
    assert told["sources_gone"] == sorted(lost)
    made = {}
    for table in ("deals", "technologies", "evidence", "sources"):
        lines = (
            (tmp_path / "next" / "changes" / "increment" / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
        )
        made[table] = [json.loads(line) for line in lines]
    touched = {row["deal_id"] for row in made["deals"]} | set(told["gone"])
    assert {row["outlet"] for row in made["sources"]} >= {"The Daily, renamed"}
    touched_sources = {row["source_id"] for row in made["sources"]} | lost
    for table, rows in made.items():
        key, renewed = ("source_id", touched_sources) if table == "sources" else ("deal_id", touched)
        old = [
            json.loads(line) for line in (folder / "jsonl" / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        now = [
            json.loads(line)
            for line in (tmp_path / "next" / "jsonl" / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        brought_up = [row for row in old if row[key] not in renewed] + rows
        assert sorted(map(json.dumps, brought_up)) == sorted(map(json.dumps, now))


def test_of_the_release_before_little_more_than_the_ids_is_ever_in_memory(generated, folder):
    compare(read_former(folder), generated, {})  # what is loaded once is loaded now
    tracemalloc.start()
    try:
        former = read_former(folder)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        compare(former, generated, {})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = {name: (folder / "jsonl" / f"{name}.jsonl").stat().st_size for name in ("deals", "evidence")}
    assert held < size["deals"] / 2
    assert most < size["evidence"] / 2


def test_a_folder_without_a_release_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no release that can be read"):
        read_former(tmp_path)


def test_a_release_of_another_schema_is_refused(folder, tmp_path):
    package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
    package["schemaVersion"] = "9.0.0"
    (tmp_path / "datapackage.json").write_text(json.dumps(package))
    with pytest.raises(InputError, match=r"has schema 9\.0\.0 .* cannot be compared"):
        read_former(tmp_path)
