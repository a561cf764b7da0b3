"""A document costs at most itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from records import ModelError
from work.pool import Limits, Lost, Pool

LIMITS = Limits(seconds=1.0, memory_bytes=512 << 20)


def behave(task: str) -> str:
    """Do to the worker what the task says."""
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "spin":
        while True:
            pass
    if task == "hang":
        time.sleep(600)
    if task == "eat":
        return str(len(bytearray(3 << 30)))
    if task == "raise":
        raise ValueError("a library's words\nabout the document")
    if task == "recurse":
        return behave(task)
    if task == "unpicklable":
        return lambda: None  # type: ignore[return-value]
    return task.upper()


def make_behave():
    return behave


def make_broken():
    raise ModelError("no model here")


@pytest.fixture(scope="module")
def results():
    bad = ["kill", "segfault", "spin", "hang", "eat", "raise", "recurse", "unpicklable"]
    tasks = [task for pair in zip([f"good {n}" for n in range(len(bad))], bad, strict=True) for task in pair]
    with Pool(make_behave, workers=2, limits=LIMITS) as pool:
        return list(pool.run((task, None) for task in tasks))


def test_every_task_comes_back_in_order(results):
    assert [task for task, _ in results][:4] == ["good 0", "kill", "good 1", "segfault"]
    assert len(results) == 16


def test_the_good_ones_are_all_there(results):
    assert [result for task, result in results if task.startswith("good")] == [f"GOOD {n}" for n in range(8)]


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        ("kill", "crash"),
        ("segfault", "crash"),
        ("hang", "timeout"),
        ("spin", "timeout"),
        ("eat", "memory"),
        ("raise", "error"),
        ("recurse", "error"),
        ("unpicklable", "crash"),
    ],
)
def test_each_bad_one_is_named_by_its_kind(results, task, kind):
    lost = dict(results)[task]
    assert isinstance(lost, Lost)
    assert lost.kind == kind


def test_a_worker_that_cannot_be_made_is_the_run_s_fault_not_the_document_s():
    with pytest.raises(ModelError, match="no model here"), Pool(make_broken, workers=1, limits=LIMITS) as pool:
        list(pool.run([("x", None)]))


def test_tasks_are_taken_only_as_they_are_needed():
    taken = []

    def tasks():
        for n in range(1000):
            taken.append(n)
            yield str(n), None

    with Pool(make_behave, workers=1, limits=LIMITS) as pool:
        for number, _ in enumerate(pool.run(tasks())):
            assert len(taken) <= number + 10
            if number == 20:
                break


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for the workers in /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = (
        "import os, sys, time\n"
        "from tests.work.test_pool import make_behave, LIMITS\n"
        "from work.pool import Pool\n"
        "if __name__ == '__main__':\n"
        "    with Pool(make_behave, workers=2, limits=LIMITS) as pool:\n"
        "        list(pool.run([('ready', None)]))\n"
        "        print('up', flush=True)\n"
        "        time.sleep(600)\n"
    )
    path = tmp_path / "parent.py"
    path.write_text(script)
    with subprocess.Popen(
        [sys.executable, path], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": os.getcwd()}
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        listed = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()
        children = [int(pid) for pid in listed.split()]
        assert children
        parent.kill()
    for _ in range(200):
        if not any(_alive(pid) for pid in children):
            return
        time.sleep(0.1)
    raise AssertionError("workers outlived their parent")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
