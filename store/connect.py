"""Open a database: pragmas, migrations, one writer, and plain words when something is wrong."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from records import StoreError, StoreLocked

# A reader (the review screen) may hold the file for a moment; longer means that something is stuck.
BUSY_SECONDS = 30.0
# The write-ahead log needs memory that all programs share, so all of them must be on one machine: SQLite does not support
# it on these file systems (sqlite.org/wal.html).
NETWORKED = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs")
)
MOUNTS = Path("/proc/self/mounts")
# What SQLite says where the file or its folder may not be written or read.
NOT_ALLOWED = frozenset((sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM))


@dataclass
class Store:
    """A database with the transaction that all its writers use."""

    db: Database
    path: Path
    _lock: int | None = None
    _lock_each: bool = False  # takes the writer's lock for each transaction, and waits for it

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable against a crash of the program when the block ends."""
        conn = self.db.conn
        lock = _wait_for_lock(self.path) if self._lock_each else None
        try:
            conn.execute("BEGIN IMMEDIATE")
            yield conn
            conn.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._rollback()
            raise StoreError(f"cannot write {self.path}: {error}; free disk space or mend its permissions") from error
        except BaseException:
            self._rollback()
            raise
        finally:
            _release(lock)

    def _rollback(self) -> None:
        if self.db.conn.in_transaction:
            self.db.conn.execute("ROLLBACK")

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.db.conn.execute(sql, params).fetchall()

    def one(self, sql: str, params: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        row = self.db.conn.execute(sql, params).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the file and give its lock back."""
        self.db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def open_database(
    path: Path,
    migrations: Migrations,
    *,
    write: bool = True,
    create: bool = True,
    synchronous: str = "NORMAL",
    hold: bool = True,
) -> Store:
    """Open and, for writing, lock and migrate the database at `path`.

    With `hold=False` the lock is held for each transaction only, so that several programs write in turn.
    Raises StoreLocked where another run writes it, and StoreError where it is absent
    (`create=False` or `write=False`), damaged, on a network file system, or made by a newer watchledger.
    """
    refuse_networked(path)
    if not path.exists() and not (write and create):
        raise StoreError(f"no database at {path}; make one with: watchledger run (or try: watchledger demo)")
    lock = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if write:
            lock = _lock(path) if hold else _wait_for_lock(path)
        conn = _connect(path, write=write, synchronous=synchronous)
        db = Database(conn, use_counts_table=False)
        refuse_newer(db, migrations, path)
        if write:
            _migrate(db, migrations, path)
        elif migrations.pending(db):
            raise StoreError(f"{path} was made by an older watchledger; bring it up to date with: watchledger process")
    except (OSError, sqlite3.DatabaseError) as error:
        _release(lock)
        raise StoreError(f"cannot open {path}: {what_to_do(error)}") from error
    except StoreError:
        _release(lock)
        raise
    if write and not hold:
        _release(lock)
        return Store(db, path, None, _lock_each=True)
    return Store(db, path, lock)


def what_to_do(error: OSError | sqlite3.DatabaseError) -> str:
    """What was wrong and the next step, for the end of a line that says which database cannot be opened."""
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}; make it a place that you may write to, or use another"
    # The low byte is the kind of error, the rest its variety.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in NOT_ALLOWED:
        return f"{error}; make it and its folder (SQLite writes there to read, too) writable, or copy it elsewhere"
    return f"{error}; move it away, or restore a copy"


def refuse_networked(path: Path) -> None:
    """Raise StoreError where `path` lies on a network file system; where mounts cannot be read, nothing is refused."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # not Linux
    whole = path.absolute().parent.resolve()
    kinds: dict[Path, str] = {}
    for line in mounts:
        place, kind = line.split(" ")[1:3]
        # A blank in a mount's path is written in octal.
        kinds[Path(place.replace("\\040", " "))] = kind
    kind = next((kinds[place] for place in (whole, *whole.parents) if place in kinds), "")
    if kind in NETWORKED:
        raise StoreError(
            f"{path} lies on a network file system ({kind}), where a database does not stay whole; "
            "keep it on a local disk"
        )


def _connect(path: Path, *, write: bool, synchronous: str) -> sqlite3.Connection:
    target = f"{path.absolute().as_uri()}?mode={'rwc' if write else 'ro'}"
    # A Store is used by one thread at a time, but not always by the same: the review screen hands it round.
    # isolation_level None: transactions begin and end only where the code says so.
    conn = sqlite3.connect(target, timeout=BUSY_SECONDS, isolation_level=None, uri=True, check_same_thread=False)
    conn.row_factory = sqlite3.Row
    if write:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute(f"PRAGMA synchronous={synchronous}")
    conn.execute("PRAGMA foreign_keys=ON")
    conn.execute("PRAGMA trusted_schema=OFF")
    return conn


def _migrate(db: Database, migrations: Migrations, path: Path) -> None:
    """Apply what is pending; a database that has something in it is copied first."""
    waiting = migrations.pending(db)
    if not waiting:
        return
    if migrations.applied(db):
        kept = path.with_name(f"{path.stem}.before-{waiting[0].name}{path.suffix}")
        free = shutil.disk_usage(path.parent).free
        if free < 2 * path.stat().st_size:
            raise StoreError(
                f"{path} has to be brought up to date, and a copy kept; "
                f"free {2 * path.stat().st_size - free:,} bytes on its disk first"
            )
        copy_database(path, kept)
    migrations.apply(db)


def copy_database(source: Path, target: Path) -> None:
    """A consistent copy as one file, checked; others may write the source meanwhile. Raises StoreError."""
    scratch = target.with_name(target.name + ".part")
    scratch.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as old,
            closing(sqlite3.connect(scratch)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
            said = new.execute("PRAGMA quick_check").fetchone()[0]
        if said != "ok":
            raise StoreError(f"{source} is damaged: {said}; restore a backup with: watchledger restore")
        os.replace(scratch, target)
    except (OSError, sqlite3.DatabaseError) as error:
        raise StoreError(f"cannot copy {source} to {target}: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold a database's writer lock without opening it. Raises StoreLocked."""
    lock = _lock(path)
    try:
        yield
    finally:
        _release(lock)


def refuse_newer(db: Database, migrations: Migrations, path: Path) -> None:
    """Raise StoreError, with what to do, where a newer watchledger has changed the tables."""
    applied = [migration.name for migration in migrations.applied(db)]
    ours = {migration.name for migration in migrations._migrations}
    strange = [name for name in applied if name not in ours]
    if strange:
        raise StoreError(f"{path} was made by a newer watchledger (it has {strange[0]}); upgrade watchledger")


def _lock(path: Path) -> int:
    """Hold the file's writer lock; the system gives it back when the process ends, however it ends."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StoreLocked(f"another run is writing {path}; wait for it to end") from error
    return handle


def _wait_for_lock(path: Path) -> int:
    """The writer lock, waiting for whoever holds it as long as SQLite itself would wait."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return _lock(path)
        except StoreLocked:
            if time.monotonic() >= until:
                raise
            time.sleep(0.01)


def _release(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
