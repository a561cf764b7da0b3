"""Where shards are worked on: processes of this machine, or a Dask cluster. The same task runs in both."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from records import ConfigError, WatchledgerError
from work.pool import Limits
from work.sandbox import Told, Walk, Watcher
from work.shards import Part

# Shards handed out beyond those being worked on.
AHEAD = 2
# How often a shard is begun again where the worker that had it is gone.
RETRIES = 3


class Collector(Protocol):
    """Gathers what is told of one shard into its part."""

    def add(self, told: Told) -> None:
        """Take in counts, and a result or a loss."""

    def part(self) -> Part:
        """What became of it all."""


@dataclass(frozen=True)
class ShardTask:
    """Makes a shard's part; picklable, so that it can be sent to where the work is done."""

    make: Callable[[], Walk]
    collect: Callable[[str], Collector]
    limits: Limits

    def __call__(self, shard: str) -> Part:
        """Walk through the shard in a sandbox. Raises WatchledgerError where it cannot be read."""
        collector = self.collect(shard)
        for told in _watcher(self.make, self.limits).walk(shard):
            collector.add(told)
        return collector.part()


class Engine(Protocol):
    """Runs a task over shards."""

    def run(self, task: ShardTask, shards: Sequence[str]) -> Iterator[tuple[str, Part | WatchledgerError]]:
        """Each shard with its part, or with why it gave none, as they end."""


@dataclass(frozen=True, slots=True)
class Processes:
    """So many walkers on this machine, each watched by a thread of this process."""

    workers: int

    def run(self, task: ShardTask, shards: Sequence[str]) -> Iterator[tuple[str, Part | WatchledgerError]]:
        """Each shard with its part or fault, as they end; bounded, so that parts do not pile up."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="shard") as threads:
            waiting: dict[Future[Part], str] = {}
            rest = iter(shards)
            try:
                while True:
                    while len(waiting) < self.workers + AHEAD and (shard := next(rest, None)) is not None:
                        waiting[threads.submit(task, shard)] = shard
                    if not waiting:
                        break
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        yield waiting.pop(future), _outcome(future)
            finally:
                for future in waiting:
                    future.cancel()
                close_watchers()


@dataclass(frozen=True, slots=True)
class Dask:
    """A dask.distributed cluster, by its scheduler's address. One task a shard; Dask starts lost ones again."""

    address: str

    def run(self, task: ShardTask, shards: Sequence[str]) -> Iterator[tuple[str, Part | WatchledgerError]]:
        """Each shard with its part or fault, as they end. Parts travel to the client, which alone writes them."""
        try:
            distributed: Any = import_module("distributed")
        except ModuleNotFoundError as error:
            raise ConfigError(
                "--engine dask needs dask.distributed; install it with: pip install watchledger[cluster]"
            ) from error
        try:
            client = distributed.Client(self.address, timeout="30s")
        except (OSError, ValueError) as error:
            raise ConfigError(f"no Dask scheduler at {self.address}: {error}") from error
        with client:
            rest = iter(shards)
            threads = sum(client.nthreads().values()) or 1
            shard_of: dict[Any, str] = {}

            def submit(shard: str) -> Any:
                future = client.submit(task, shard, retries=RETRIES, pure=False)
                shard_of[future.key] = shard
                return future

            waiting = distributed.as_completed(
                [submit(shard) for _, shard in zip(range(threads + AHEAD), rest, strict=False)]
            )
            for future in waiting:
                yield shard_of.pop(future.key), _outcome(future)
                future.release()
                if (shard := next(rest, None)) is not None:
                    waiting.add(submit(shard))
            client.run(close_watchers)


def _outcome(future: Any) -> Part | WatchledgerError:
    try:
        made: Part = future.result()
    except WatchledgerError as error:
        return error
    except Exception as error:  # a worker that is gone for good, by the engine's own class
        return WatchledgerError(f"{type(error).__name__}: {str(error)[:200]}")
    return made


# --- the watchers of this process: one a thread, kept from shard to shard, so that models are loaded once

_mine = threading.local()
_all: list[Watcher] = []
_lock = threading.Lock()


def _watcher(make: Callable[[], Walk], limits: Limits) -> Watcher:
    wanted = pickle.dumps((make, limits))
    held = getattr(_mine, "held", None)
    if held is not None and held[0] == wanted and held[1] in _all:
        kept: Watcher = held[1]
        return kept
    if held is not None:
        _close(held[1])
    watcher = Watcher(make, limits)
    with _lock:
        _all.append(watcher)
    _mine.held = (wanted, watcher)
    return watcher


def _close(watcher: Watcher) -> None:
    with _lock:
        if watcher not in _all:
            return
        _all.remove(watcher)
    watcher.close()


def close_watchers() -> None:
    """End all walkers of this process; a thread that still waits for one gets a WatchledgerError."""
    for watcher in list(_all):
        _close(watcher)
