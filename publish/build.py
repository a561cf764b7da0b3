"""Makes a release in a folder: the gate, the files, the libraries' checks, one rename. All or nothing."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from publish import citations, package
from publish.check import Checks, check_entities, check_package
from publish.columns import Table
from publish.derive import with_derived
from publish.diff import Diff, Former, compare, errata, write_changes
from publish.entities import write_entities
from publish.feed import write_feed
from publish.gate import check
from publish.page import write_page
from publish.release import Release
from publish.rows import TABLES
from publish.write import slices, write_json, write_tables
from records import InputError, StoreLocked, WatchledgerError
from store.sqlite_copy import CopyColumn, CopyTable, write_copy

CHECKSUMS = "SHA256SUMS"


class ReleaseStoppedError(WatchledgerError):
    """The gate or a library found the release wanting; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a release is made, beside what is in it."""

    folder: Path
    former: Former | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)  # deal -> what was said when it was last decided
    reviewers: Sequence[str] = ()
    allow_shrink: bool = False
    replace: bool = False
    validate: bool = True
    noted: str | None = None  # checksum of the release that had this version before


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of it."""

    release: Release
    diff: Diff | None
    changed: bool  # false where the folder held this very release already
    checksum: str  # SHA-256 of the list of checksums: one number for the whole release


def publish(release: Release, plan: Plan) -> Made:
    """Write `release` into `plan.folder`.

    Raises ReleaseStoppedError where an assertion fails, InputError where the folder holds another release
    (and `replace` is not set) or cannot be written, StoreLocked where another run is writing it.
    """
    diff = compare(plan.former, release, plan.reasons) if plan.former else None
    release = with_derived(replace(release, errata=errata(plan.former, diff or Diff())))
    before = plan.former.before if plan.former else None
    faults = check(release, before=before, reviewers=plan.reviewers, allow_shrink=plan.allow_shrink)
    _stop_for([str(fault) for fault in faults])
    try:
        with _scratch(plan.folder) as scratch:
            with Checks() as checks:
                _write(release, plan.former, diff, scratch, checks.start if plan.validate else _no_check)
                _stop_for(checks.faults())
            _write_checksums(scratch)
            sums = (scratch / CHECKSUMS).read_bytes()
            if plan.noted and plan.noted != hashlib.sha256(sums).hexdigest():
                raise InputError(
                    f"version {release.about.version} was published before with other content (decisions, options or watchledger differ); "
                    "give another --version, or --replace if nobody has it yet"
                )
            changed = _put_in_place(scratch, plan.folder, sums, replace_it=plan.replace)
    except OSError as error:
        raise InputError(
            f"{plan.folder}: the release cannot be written: {error.strerror or error}; nothing was changed"
        ) from error
    return Made(release=release, diff=diff, changed=changed, checksum=hashlib.sha256(sums).hexdigest())


def _stop_for(faults: Sequence[str]) -> None:
    if faults:
        raise ReleaseStoppedError("the release is stopped, nothing was written. " + "; ".join(faults))


Start = Callable[[Callable[[Path], list[str]], Path], None]


def _no_check(check: Callable[[Path], list[str]], path: Path) -> None:
    """For who asked for no checks."""


def _write(release: Release, former: Former | None, diff: Diff | None, folder: Path, start: Start) -> None:
    """All files but the checksums; each library begins as soon as what it checks is there, for it takes longest."""
    write_tables(release, folder)
    sizes = {f"csv/{path.name}": (path.stat().st_size, _sha256(path)) for path in sorted((folder / "csv").iterdir())}
    write_json(package.data_package(release, release.about, sizes), folder / "datapackage.json")
    start(check_package, folder / "datapackage.json")
    write_entities(release, folder / "entities.ftm.json")
    start(check_entities, folder / "entities.ftm.json")
    write_copy(folder / "release.db", [_copy(table, release) for table in TABLES])
    citations.write_bibtex(release.sources, folder / "sources.bib")
    citations.write_csl(release.sources, folder / "sources.csl.json")
    write_feed(release, folder / "feed.atom")
    write_page(release, folder)
    if former and diff:
        write_changes(release, former, diff, folder)
    write_json(package.csvw(release.about), folder / "csvw.json")
    texts = {
        "LICENSE.txt": package.licence_text(release.about),
        "CITATION.cff": package.citation_cff(release.about),
        "data-dictionary.md": package.data_dictionary(),
        "README.md": package.readme(release),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _write_checksums(folder: Path) -> None:
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in files]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="ascii", newline="\n")


def _copy(table: Table, release: Release) -> CopyTable:
    columns = [
        CopyColumn(name=column.name, kind=column.kind, optional=column.optional, refers=column.refers)
        for column in table.columns
    ]
    return CopyTable(
        name=table.name,
        columns=columns,
        key=table.key,
        rows=_tuples(table, release.rows(table.name)),
    )


def _tuples(table: Table, rows: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    for columns in slices(table, rows):
        yield from zip(*columns, strict=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`; it is gone when the block ends, however it ends.

    One that a kill left behind is emptied and taken over: its lock went with the process that held it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.parent / f".{folder.name}.part"
    scratch.mkdir(exist_ok=True)
    handle = os.open(scratch, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreLocked(f"another run is writing {folder}; wait for it to end") from error
        for left in scratch.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    finally:
        os.close(handle)


def _put_in_place(scratch: Path, folder: Path, sums: bytes, *, replace_it: bool) -> bool:
    """Rename `scratch` to `folder`; false where the same release is there already."""
    if not folder.exists():
        scratch.rename(folder)
        return True
    held = folder / CHECKSUMS
    if held.is_file() and held.read_bytes() == sums:
        return False
    if any(folder.iterdir()) and not (replace_it and held.is_file()):
        what = "another release: give a new folder, or --replace" if held.is_file() else "no release: give a new folder"
        raise InputError(f"{folder} is there already and holds {what}. Nothing was changed")
    old = folder.parent / f".{folder.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    folder.rename(old)
    try:
        scratch.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return True
