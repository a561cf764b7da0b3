"""A pool of worker processes in which a document costs at most itself.

One that crashes its process, hangs, or asks for too much memory gives a `Lost` with the
reason; all others give their results (MEASURED-CRAWL, section 6: the standard library's
pools lose the rest or wait for ever).
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from records import ModelError, WatchledgerError

Task = TypeVar("Task")
Result = TypeVar("Result")

# Seconds that a document may take are counted on the processor, so that a busy machine changes no result;
# one that waits instead of computing is ended by the wall clock after so many times as long.
WALL_FACTOR = 12
# A worker is replaced after so many documents, so that what libraries leak stays small.
TASKS_A_WORKER = 1000
# Tasks handed out ahead of the one that is waited for; more would only hold memory.
AHEAD = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may cost: seconds on the processor, and memory beyond what the worker itself needs."""

    seconds: float = 10.0
    memory_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Lost:
    """A document that gave no result: `timeout`, `memory`, `crash` or `error`, with a short detail."""

    kind: str
    detail: str = ""


class Pool(Generic[Task, Result]):
    """Runs the callable that `make()` returns, once made in each worker, over tasks.

    `make`, tasks and results travel between processes, so they must be picklable.
    """

    def __init__(self, make: Callable[[], Callable[[Task], Result]], *, workers: int, limits: Limits) -> None:
        self._limits = limits
        self._workers = workers
        # Spawned, not forked: the crawl's threads and open databases must not travel along.
        self._pool = ProcessPool(
            max_workers=workers,
            max_tasks=TASKS_A_WORKER,
            initializer=_start,
            initargs=(make, limits.memory_bytes, os.getpid()),
            context=multiprocessing.get_context("spawn"),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._pool.close()  # type: ignore[no-untyped-call]
        else:
            self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def run(self, tasks: Iterable[tuple[Task, float | None]]) -> Iterator[tuple[Task, Result | Lost]]:
        """Each task with its result, in the order given; tasks are taken as they are needed.

        A task comes with the seconds that it may take, None for the pool's limit.
        """
        waiting: deque[tuple[Task, Any]] = deque()
        for task, seconds in tasks:
            allowed = seconds or self._limits.seconds
            future = self._pool.schedule(_call, args=(task, allowed), timeout=allowed * WALL_FACTOR)
            waiting.append((task, future))
            if len(waiting) > self._workers * AHEAD:
                done, future = waiting.popleft()
                yield done, _result(future)
        while waiting:
            done, future = waiting.popleft()
            yield done, _result(future)


def _result(future: Any) -> Any:
    try:
        return future.result()
    except FutureTimeoutError:
        return Lost("timeout")
    except ProcessExpired as error:
        if error.exitcode == -signal.SIGPROF:
            return Lost("timeout")
        return Lost("crash", f"exit status {error.exitcode}")
    except MemoryError:
        return Lost("memory")
    except WatchledgerError:  # not the document's fault: the worker could not be made ready
        raise
    except Exception as error:  # whatever a document made a library raise
        return Lost("error", f"{type(error).__name__}: {error}"[:200])


# --- in the worker

_work: Callable[[Any], Any] | None = None
_fault: WatchledgerError | None = None


def _start(make: Callable[[], Callable[[Any], Any]], memory_bytes: int, parent: int) -> None:
    global _work, _fault
    logging.disable(logging.CRITICAL)  # what libraries say of a page is no news to whoever runs this
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    try:
        _work = make()
    except WatchledgerError as error:  # told with the first task, as the pool would only say "broken"
        _fault = error
    except Exception as error:
        _fault = ModelError(f"a worker does not start: {type(error).__name__}: {str(error)[:300]}")
    # After the models are loaded: the limit is on what documents add to them.
    used = address_space()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _call(task: Any, seconds: float) -> Any:
    if _fault is not None:
        raise _fault
    assert _work is not None
    # The timer's signal ends the process, also in the middle of a library's C code.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return _work(task)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def end_with(parent: int) -> None:
    """End the worker when its parent is gone, also when the parent was killed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def address_space() -> int:
    """Bytes of address space in use; where the system does not tell, those of a worker with its models."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 4 << 30
