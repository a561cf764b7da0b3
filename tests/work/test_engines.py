"""Shards give the same parts by processes and by Dask, also when a worker dies in the middle."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from records import ConfigError, WatchledgerError
from tests.work.walks import Lines, make_line_walk
from work.engines import Dask, Processes, ShardTask
from work.pool import Limits
from work.shards import Manifest, Part, part_name

TASK = ShardTask(make_line_walk, Lines, Limits(seconds=2.0, memory_bytes=1 << 30))
needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="SKIPPED: dask.distributed is not installed (extra [cluster]); CI installs it and runs this",
)


def make_shards(folder: Path, number: int = 6, lines: int = 5) -> list[str]:
    shards = []
    for n in range(number):
        path = folder / f"shard-{n}.txt"
        path.write_text("\n".join(f"line {n} {m}" for m in range(lines)))
        shards.append(str(path))
    return shards


def parts(engine, shards):
    return {Path(shard).name: part for shard, part in engine.run(TASK, shards)}


def test_two_processes_make_the_parts_that_one_makes(tmp_path):
    shards = make_shards(tmp_path)
    one, two = parts(Processes(1), shards), parts(Processes(2), shards)
    assert one == two
    assert one["shard-3.txt"].files["lines"] == b"\n".join(b"LINE 3 %d" % m for m in range(5))


def test_a_shard_that_cannot_be_read_costs_itself(tmp_path):
    shards = make_shards(tmp_path, 3)
    Path(shards[1]).write_text("unreadable")
    made = parts(Processes(2), shards)
    assert isinstance(made["shard-1.txt"], WatchledgerError)
    assert all(isinstance(made[name], Part) for name in ("shard-0.txt", "shard-2.txt"))


def test_without_a_scheduler_dask_says_so():
    pytest.importorskip("distributed", reason="SKIPPED: no dask.distributed")
    with pytest.raises(ConfigError, match="no Dask scheduler at"):
        Dask("not-an-address").run(TASK, ["x"]).__next__()


@needs_dask
def test_dask_with_one_of_two_workers_killed_in_the_middle_gives_the_undisturbed_output(tmp_path):
    from distributed import LocalCluster

    shards = make_shards(tmp_path, 8)
    undisturbed = parts(Processes(2), shards)
    flag = tmp_path / "killed"
    Path(shards[4]).write_text(f"kill-worker-once {flag}\n" + Path(shards[4]).read_text())
    expected_line = f"KILL-WORKER-ONCE {flag}".upper().encode()
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50) as c:
        made = parts(Dask(c.scheduler_address), shards)
    assert flag.exists(), "no worker was killed"
    killed = made.pop("shard-4.txt")
    assert killed.files["lines"] == expected_line + b"\n" + undisturbed.pop("shard-4.txt").files["lines"]
    assert made == undisturbed


# --- the manifest


def test_a_finished_part_is_never_done_twice_and_another_version_is(tmp_path):
    (tmp_path / "in").mkdir()
    shards = make_shards(tmp_path / "in", 2)
    manifest = Manifest(tmp_path / "out", "v1", {"sample": 0.1})
    assert manifest.waiting(shards + shards) == shards
    manifest.finish(shards[0], Part({"lines": b"x"}, {"pages": 1}))
    assert manifest.waiting(shards) == shards[1:]
    assert Manifest(tmp_path / "out", "v2", {"sample": 0.1}).waiting(shards) == shards
    assert Manifest(tmp_path / "out", "v1", {"sample": 0.2}).waiting(shards) == shards
    Path(shards[0]).write_text("somebody put another file there")
    assert manifest.waiting(shards) == shards


def test_a_part_without_its_receipt_or_with_half_of_one_is_not_done(tmp_path):
    manifest = Manifest(tmp_path, "v1", {})
    manifest.finish("a.warc.gz", Part({"lines": b"x"}, {}))
    receipt = tmp_path / f"{part_name('a.warc.gz')}.json"
    whole = receipt.read_text()
    for broken in (whole[: len(whole) // 2], "", "[]", json.dumps({"shard": "another"})):
        receipt.write_text(broken)
        assert manifest.waiting(["a.warc.gz"]) == ["a.warc.gz"]
    receipt.write_text(whole)
    assert manifest.waiting(["a.warc.gz"]) == []
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_part_done_by_two_clients_at_once_is_one_part(tmp_path):
    for content in (b"x", b"x"):
        Manifest(tmp_path, "v1", {}).finish("a.warc.gz", Part({"lines": content}, {"pages": 3}))
    assert [told["pages"] for told in Manifest(tmp_path, "v1", {}).receipts(["a.warc.gz", "a.warc.gz"])] == [3]


def test_shards_of_one_name_in_two_places_have_two_parts():
    assert part_name("2024/01/news.warc.gz") != part_name("2024/02/news.warc.gz")
    assert part_name("../../etc/passwd").startswith("passwd-")
    assert sys.getsizeof(part_name("x" * 5000)) < 200
