"""Copies of the databases that can be trusted, and the way back.

A backup is a folder with the databases as single files and `manifest.json` (size, SHA-256, last decision of each).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database, Migrations

from records import InputError, StoreError
from store.connect import copy_database, refuse_newer, writer_lock
from store.schema import archive as archive_migrations
from store.schema import decisions as decisions_migrations
from store.schema import ledger as ledger_migrations

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """One database of a backup."""

    name: str
    size: int
    sha256: str
    decisions: int  # the last decision's number; 0 for the other databases


def _parts(ledger: Path) -> dict[str, tuple[Path, Migrations]]:
    return {
        "decisions.db": (ledger.with_name("decisions.db"), decisions_migrations),
        "watchledger.db": (ledger, ledger_migrations),
        "archive.db": (ledger.with_name("archive.db"), archive_migrations),
    }


def backup(ledger: Path, folder: Path, now: datetime, *, everything: bool = False) -> list[Saved]:
    """Copy the decisions (with `everything`: the ledger and the archive too) into `folder`, checked and complete.

    Others may go on reading and writing meanwhile. Raises InputError where the folder is there already, and
    StoreError where there is nothing to copy or a copy does not pass its check; no half backup is left.
    """
    if folder.exists():
        raise InputError(f"{folder} is there already; a backup goes into a folder of its own")
    parts = _parts(ledger)
    wanted = [name for name, (path, _) in parts.items() if path.exists() and (everything or name == "decisions.db")]
    if not wanted:
        raise StoreError(f"nothing to back up: {parts['decisions.db'][0]} is not there; nothing has been decided yet")
    scratch = folder.with_name(folder.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(parents=True)
        saved = []
        for name in wanted:
            copy_database(parts[name][0], scratch / name)
            saved.append(_described(scratch / name))
        told = {"made": now.isoformat(timespec="seconds"), "files": {one.name: _as_json(one) for one in saved}}
        (scratch / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        scratch.replace(folder)
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror}; free disk space or mend its permissions") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return saved


def _as_json(one: Saved) -> dict[str, int | str]:
    return {"size": one.size, "sha256": one.sha256, "decisions": one.decisions}


def _described(path: Path) -> Saved:
    return Saved(name=path.name, size=path.stat().st_size, sha256=_digest(path), decisions=_last_decision(path))


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _last_decision(path: Path) -> int:
    if path.name != "decisions.db":
        return 0
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        return int(conn.execute("SELECT COALESCE(MAX(decision_id), 0) FROM decisions").fetchone()[0])


def restore(ledger: Path, folder: Path, now: datetime, *, force: bool = False) -> list[str]:
    """Put the databases of a backup in place; what lies there is kept beside as NAME.before-restore-TIME.

    Raises InputError where the folder is no backup or was changed, StoreError where a file is damaged, newer than
    this watchledger, or in use, and where decisions would be lost that the backup does not have (`force` does it).
    """
    files = _read_manifest(folder)
    parts = _parts(ledger)
    for name, told in files.items():
        source = folder / name
        if not source.exists() or _digest(source) != told["sha256"]:
            raise InputError(f"{source} is not as it was saved; take another backup")
        _check(source, parts[name][1])
    lost = _would_lose(parts["decisions.db"][0], folder / "decisions.db") if "decisions.db" in files else 0
    if lost and not force:
        raise StoreError(
            f"{parts['decisions.db'][0]} has {lost} decisions that {folder} does not have; "
            "restore with --force to set them aside (they are kept in a copy)"
        )
    for name in files:
        _put(folder / name, parts[name][0], now)
    return list(files)


def _read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder} is no backup: it has no {MANIFEST} that can be read") from error
    known = {"decisions.db", "watchledger.db", "archive.db"}
    if not isinstance(told, dict) or not told or not set(told) <= known:
        raise InputError(f"{folder / MANIFEST} names files that are none of ours")
    return told


def _check(path: Path, migrations: Migrations) -> None:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        conn.row_factory = sqlite3.Row
        try:
            said = conn.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path} is damaged: {error}; take another backup") from error
        if said != "ok":
            raise StoreError(f"{path} is damaged: {said}; take another backup")
        refuse_newer(Database(conn, use_counts_table=False), migrations, path)


def _would_lose(present: Path, saved: Path) -> int:
    """How many decisions lie in the present file and not in the saved one."""
    if not present.exists():
        return 0
    with closing(sqlite3.connect(f"{present.absolute().as_uri()}?mode=ro", uri=True)) as conn:
        try:
            conn.execute("ATTACH ? AS saved", (f"{saved.absolute().as_uri()}?mode=ro",))
            columns = "decision_id, at, who, deal_key, action, before, after"
            return int(
                conn.execute(
                    f"""SELECT COUNT(*) FROM (SELECT {columns} FROM main.decisions
                        EXCEPT SELECT {columns} FROM saved.decisions)"""  # noqa: S608
                ).fetchone()[0]
            )
        except sqlite3.DatabaseError:
            # What lies there cannot be read: nothing that could be lost, and reason enough to restore.
            return 0


def _put(source: Path, target: Path, now: datetime) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with writer_lock(target):
        scratch = target.with_name(target.name + ".part")
        try:
            shutil.copyfile(source, scratch)
            if target.exists():
                aside = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%S}")
                try:
                    copy_database(target, aside)
                except StoreError:  # too damaged to be copied as a database: as bytes then
                    shutil.copyfile(target, aside)
            for leftover in (f"{target.name}-wal", f"{target.name}-shm"):
                target.with_name(leftover).unlink(missing_ok=True)
            os.replace(scratch, target)
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror}; free disk space or mend it") from error
        finally:
            scratch.unlink(missing_ok=True)
