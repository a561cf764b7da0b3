"""A shard is walked through to its end, whatever single items do to the walker."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from records import InputError, ModelError, WatchledgerError
from tests.work.walks import make_broken_walk, make_line_walk
from work.pool import Limits, Lost
from work.sandbox import _MARK, Watcher

LIMITS = Limits(seconds=0.5, memory_bytes=512 << 20)


def walk(path: Path, lines, limits=LIMITS):
    path.write_text("\n".join(lines))
    with Watcher(make_line_walk, limits) as watcher:
        return list(watcher.walk(str(path)))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    bad = ["segfault", "spin", "hang", "eat", "raise", "exit"]
    lines = [line for pair in zip([f"good {n}" for n in range(len(bad))], bad, strict=True) for line in pair]
    return lines, walk(tmp_path_factory.mktemp("walk") / "shard", [*lines, "quiet", "last"])


def test_each_bad_item_is_lost_by_its_kind_and_nothing_else_is(told):
    lines, results = told
    by_number = {t.number: t.result for t in results if t.result is not None}
    kinds = {lines[n]: r.kind for n, r in by_number.items() if isinstance(r, Lost)}
    assert kinds == {
        "segfault": "crash",
        "spin": "timeout",
        "hang": "timeout",
        "eat": "memory",
        "raise": "error",
        "exit": "crash",
    }
    good = [r for r in by_number.values() if not isinstance(r, Lost)]
    assert good == [*(f"GOOD {n}" for n in range(6)), "LAST"]


def test_counts_are_told_once_also_after_a_walker_was_lost(told):
    _, results = told
    assert sum(t.counts.get("lines", 0) for t in results) == 8


def test_a_shard_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match="the disk is gone"):
        walk(tmp_path / "shard", ["one", "unreadable"])
    with pytest.raises(InputError, match="No such file"), Watcher(make_line_walk, LIMITS) as watcher:
        list(watcher.walk(str(tmp_path / "nowhere")))


def test_a_walker_that_cannot_be_made_is_the_run_s_fault():
    with pytest.raises(ModelError, match="no such model"), Watcher(make_broken_walk, LIMITS) as watcher:
        list(watcher.walk("x"))


def test_one_walker_serves_one_shard_after_the_other(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    with Watcher(make_line_walk, LIMITS) as watcher:
        first = list(watcher.walk(str(tmp_path / "a")))
        process = watcher._process
        assert [t.result for t in watcher.walk(str(tmp_path / "b")) if t.result] == ["B"]
        assert watcher._process is process
    assert [t.result for t in first if t.result] == ["A"]


@pytest.mark.parametrize("seed", [1, 2])
def test_walkers_killed_at_random_change_nothing(tmp_path, seed):
    lines = [f"slow 0.1 {n}" if n % 5 == 0 else f"line {n}" for n in range(150)]
    path = tmp_path / "shard"
    path.write_text("\n".join(lines))
    pick, killed = random.Random(seed), []
    with Watcher(make_line_walk, Limits(seconds=5.0)) as watcher:
        stop = threading.Event()

        def kill() -> None:
            # At most once at each item: one that takes its walker with it twice is given up as harmful.
            while not stop.wait(pick.uniform(0.05, 0.2)) and len(killed) < 3:
                process, (at, _) = watcher._process, _MARK.unpack(watcher._mark[:])
                if process is not None and at >= 0 and at not in killed:
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(at)

        killer = threading.Thread(target=kill)
        killer.start()
        results = [t.result for t in watcher.walk(str(path)) if t.result is not None]
        stop.set()
        killer.join()
    assert killed
    assert results == [line.upper() for line in lines]


def test_closing_ends_a_walk_that_is_under_way(tmp_path):
    (tmp_path / "shard").write_text("one\nslow 60\n")
    watcher = Watcher(make_line_walk, Limits(seconds=60.0))
    ended: list[str] = []

    def run() -> None:
        try:
            list(watcher.walk(str(tmp_path / "shard")))
        except WatchledgerError as error:
            ended.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    while watcher._process is None:
        time.sleep(0.05)
    time.sleep(0.5)
    watcher.close()
    thread.join(10)
    assert not thread.is_alive()
    assert "stopped" in ended[0]
