"""A process that walks through the items of a shard, and whoever watches it.

The walker says before each item which one it is at. When it dies, hangs or is killed for its memory, that item alone
is lost: the watcher notes it and starts a new walker behind it. Nothing but results travels between the two, so that
the walk costs what one process costs. Started as a program of its own, it also runs where processes may have no
children by Python's own means (a Dask worker).
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

from records import InputError, ModelError, WatchledgerError
from work.pool import WALL_FACTOR, Limits, Lost, address_space, end_with

# A walker whose resident memory passes this gives way to a new one at the next item: libraries leak a little.
TIRED_BYTES = 1100 << 20
# Walkers started in a row that end before they are ready, until that is the run's fault and not somebody's kill -9.
STARTS = 3
# Items between two tellings of counts, and between two looks at the memory.
TELL_EVERY = 256
_HEAD = struct.Struct("<I")
# Item number, and whether it is being worked on (1) or read from the shard (0).
_MARK = struct.Struct("<qq")
_NOWHERE = -1


class Walk(Protocol):
    """What a walker runs; made once in each process, where its models are loaded."""

    def items(self, shard: str) -> Iterable[Any]:
        """The items of a shard, always the same in the same order. May raise OSError or WatchledgerError."""

    def seconds(self, item: Any) -> float | None:
        """Seconds on the processor that an item may take; None for the usual."""

    def work(self, item: Any) -> Any:
        """The result of an item; None where there is no more to tell than `counts` does."""

    def counts(self) -> dict[Any, int]:
        """What was counted since the last call."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a walker tells: the counts up to an item, and that item's result, a `Lost`, or None."""

    number: int
    counts: dict[Any, int]
    result: Any = None


class Watcher:
    """Watches one walker. Not for several threads at once; use as a context manager."""

    def __init__(self, make: Callable[[], Walk], limits: Limits) -> None:
        self._make = make
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = self._walking = False
        self._mark_file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the watcher
        self._mark_file.truncate(_MARK.size)
        self._mark = mmap.mmap(self._mark_file.fileno(), _MARK.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def walk(self, shard: str) -> Iterator[Told]:
        """All that is told of a shard, in order; each item that gave no result with a `Lost`.

        Counts and results up to the last one told are never told again, whatever becomes of the walker. Raises
        WatchledgerError where the walker cannot be made or the shard cannot be read.
        """
        self._walking = True
        try:
            yield from self._walk(shard)
        finally:
            self._walking = False
            if self._closed:
                self._tidy()

    def close(self) -> None:
        """End the walker for good; a walk that is under way, in whatever thread, raises WatchledgerError."""
        self._closed = True
        process = self._process
        if self._walking and process is not None:
            process.kill()  # whoever walks sees it go and tidies up
        else:
            self._tidy()

    def _tidy(self) -> None:
        self.stop()
        self._mark_file.close()

    def _walk(self, shard: str) -> Iterator[Told]:
        start, skipped, stuck_at = 0, frozenset[int](), _NOWHERE
        doubted: set[int] = set()
        unready = 0
        while True:
            self._send((shard, start, skipped))
            try:
                while True:
                    kind, number, counts, value = self._receive()
                    if kind == "fault":
                        raise value
                    if kind == "tired":
                        self.stop()
                        break
                    yield Told(number, counts, value)
                    start = number + 1
                    if kind == "end":
                        return
            except _WalkerGoneError as gone:
                at, working = _MARK.unpack(self._mark[:])
                self.stop()
                if self._closed:
                    raise WatchledgerError(f"{shard}: stopped at record {at}") from None
                if at == _NOWHERE:
                    unready += 1
                    if unready == STARTS:
                        raise ModelError(f"a walker ended before it was ready ({gone.lost.detail})") from None
                    continue
                unready = 0
                if working and at >= start:
                    # A crash may be somebody's kill -9: the item gets one more chance.
                    if gone.lost.kind == "crash" and at not in doubted:
                        doubted.add(at)
                        continue
                    skipped |= {at}
                    yield Told(at, {}, gone.lost)
                elif at == stuck_at:
                    raise InputError(f"{shard}: cannot be read past record {at} ({gone.lost.kind})") from None
                else:
                    stuck_at = at

    def stop(self) -> None:
        """End the walker."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _send(self, job: Any) -> None:
        if self._closed:
            raise WatchledgerError(f"{job[0]}: stopped")
        if self._process is None:
            self._mark[:] = _MARK.pack(_NOWHERE, 0)
            self._process = self._start()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is told by what it does not answer
            _write(self._process.stdin.fileno(), job)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "work.sandbox", str(self._mark_file.fileno()), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            pass_fds=[self._mark_file.fileno()],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            _write(process.stdin.fileno(), (self._make, self._limits))
        return process

    def _receive(self) -> Any:
        process = self._process
        if process is None or process.stdout is None:  # closed by another thread
            raise _WalkerGoneError(Lost("crash", "stopped"))
        pipe = process.stdout.fileno()
        seen, since = self._mark[:], time.monotonic()
        while not select.select([pipe], [], [], 1.0)[0]:
            if self._mark[:] != seen:
                seen, since = self._mark[:], time.monotonic()
            elif _MARK.unpack(seen)[0] != _NOWHERE and time.monotonic() - since > self._patience():
                raise _WalkerGoneError(Lost("timeout"))
        message = _read(pipe)
        if message is None:
            status = process.wait()
            if status == -signal.SIGPROF:
                raise _WalkerGoneError(Lost("timeout"))
            raise _WalkerGoneError(Lost("crash", f"exit status {status}"))
        return message

    def _patience(self) -> float:
        return self._limits.seconds * WALL_FACTOR


class _WalkerGoneError(Exception):
    """The walker is no more."""

    def __init__(self, lost: Lost) -> None:
        super().__init__(lost)
        self.lost = lost


def _write(pipe: int, message: Any) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    rest = memoryview(_HEAD.pack(len(data)) + data)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _read(pipe: int) -> Any:
    head = _take(pipe, _HEAD.size)
    data = _take(pipe, _HEAD.unpack(head)[0]) if head else b""
    # From the program that was started, running our code: no stranger's pickle.
    return pickle.loads(data) if data else None  # noqa: S301


def _take(pipe: int, size: int) -> bytes:
    """Exactly `size` bytes, or none where the pipe ends before."""
    parts, missing = [], size
    while missing:
        part = os.read(pipe, min(missing, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


# --- in the walker


class _Walker:
    def __init__(self, mark: mmap.mmap, out: int, limits: Limits, walk: Walk) -> None:
        self._mark = mark
        self._out = out
        self._limits = limits
        self._walk = walk

    def run(self, shard: str, start: int, skipped: frozenset[int]) -> None:
        number = _NOWHERE
        self._mark[:] = _MARK.pack(start, 0)
        try:
            items = iter(self._walk.items(shard))
            while True:
                number += 1
                if number >= start:
                    self._mark[:] = _MARK.pack(number, 0)
                    if number % TELL_EVERY == 0 and number > start:
                        self._tell("told", number - 1)
                        if resident_bytes() > TIRED_BYTES:
                            self._tell("tired", number - 1)
                            return
                self._allow(self._limits.seconds)
                item = next(items, self)
                if item is self:
                    break
                if number >= start and number not in skipped:
                    self._one(number, item)
        except WatchledgerError as error:
            self._tell("fault", number, error)
            return
        except OSError as error:
            self._tell("fault", number, InputError(f"{shard}: cannot be read: {error}"))
            return
        finally:
            self._allow(0.0)
        self._tell("end", number)

    def _one(self, number: int, item: Any) -> None:
        self._mark[:] = _MARK.pack(number, 1)
        if seconds := self._walk.seconds(item):
            self._allow(seconds)
        try:
            result = self._walk.work(item)
        except WatchledgerError:
            raise
        except MemoryError:
            result = Lost("memory")
        except Exception as error:  # whatever an item made a library raise
            result = Lost("error", f"{type(error).__name__}: {error}"[:200])
        if result is not None:
            self._allow(0.0)
            self._tell("told", number, result)

    def _tell(self, kind: str, number: int, value: Any = None) -> None:
        _write(self._out, (kind, number, self._walk.counts(), value))

    @staticmethod
    def _allow(seconds: float) -> None:
        # The timer's signal ends the process, also in the middle of a library's C code.
        signal.setitimer(signal.ITIMER_PROF, seconds)


def resident_bytes() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0


def main() -> None:
    """Walk as told on standard input until it ends."""
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print goes where errors go
    mark = mmap.mmap(int(sys.argv[1]), _MARK.size)
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the watcher's to handle
    threading.Thread(target=end_with, args=(int(sys.argv[2]),), daemon=True).start()
    given = _read(0)
    if given is None:
        return
    make, limits = given
    try:
        walk = make()
    except WatchledgerError as error:
        _write(out, ("fault", 0, {}, error))
        return
    except Exception as error:
        fault = ModelError(f"a walker does not start: {type(error).__name__}: {str(error)[:300]}")
        _write(out, ("fault", 0, {}, fault))
        return
    # After the models are loaded: the limit is on what items add to them.
    resource.setrlimit(resource.RLIMIT_AS, (address_space() + limits.memory_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    walker = _Walker(mark, out, limits, walk)
    while (job := _read(0)) is not None:
        walker.run(*job)


if __name__ == "__main__":
    # Under its own name, so that what it pickles is known to the watcher.
    from work import sandbox

    sandbox.main()
