"""A walk over the lines of a file, each of which says what to do to the process that reads it."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from work.shards import Part


class LineWalk:
    """Gives every line that does no harm in capitals; counts them all."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def items(self, shard: str) -> Iterator[str]:
        with open(shard, encoding="utf-8") as file:
            for line in file:
                if line.startswith("unreadable"):
                    raise OSError("the disk is gone")
                yield line.strip()

    def seconds(self, item: str) -> float | None:
        return 0.3 if item == "spin" else None

    def work(self, item: str) -> str | None:
        what, _, where = item.partition(" ")
        if what == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if what == "spin":
            while True:
                pass
        if what == "hang":
            time.sleep(600)
        if what == "eat":
            return str(len(bytearray(3 << 30)))
        if what == "raise":
            raise ValueError("a library's words")
        if what == "exit":
            os._exit(0)
        if what == "slow":
            time.sleep(float(where.split()[0]))
        if what == "kill-worker-once" and not Path(where).exists():
            Path(where).touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(600)
        self._counts["lines"] += 1
        return None if what == "quiet" else item.upper()

    def counts(self) -> dict[Any, int]:
        told, self._counts = dict(self._counts), Counter()
        return told


def make_line_walk() -> LineWalk:
    """What each walker makes."""
    return LineWalk()


def make_broken_walk() -> LineWalk:
    """A walk that cannot be made."""
    raise RuntimeError("no such model")


class Lines:
    """Collects a shard's results into one file."""

    def __init__(self, shard: str) -> None:
        self._told: list[str] = []
        self._lines = 0

    def add(self, told: Any) -> None:
        self._lines += told.counts.get("lines", 0)
        if told.result is not None:
            self._told.append(str(told.result))

    def part(self) -> Part:
        return Part({"lines": "\n".join(self._told).encode()}, {"lines": self._lines})
