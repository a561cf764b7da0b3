"""The queue as a file: out to CSV, XLSX or JSON, edited in a spreadsheet, and back with version checks.

A row is a deal. `decision` is blank in a fresh file; whoever edits writes accept, reject, unsure, flag, skip or requeue
into it. Values that were changed in an accepted row become a correction. A row whose deal has changed since the export
is refused, and so is one with a wrong value; the others go through. All of a file is one act, undone as one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from records import Act, InputError, RecordError, StoreError
from review.cells import inert, plain
from review.spec import Spec
from store import review as shelf
from store.book import Book
from store.desk import Desk
from store.values import SLOTS, check
from store.views import QueueFilter, QueueItem

DECISIONS = ("accept", "reject", "unsure", "flag", "skip", "requeue")
BEFORE = ("deal_id", "version", "state", "decision", "reason")
BEHIND = ("confidence", "sources", "title", "outlet", "published", "url", "evidence")
COLUMNS = (*BEFORE, *SLOTS, *BEHIND)
PAGE = 500
# Excel takes 32,767 characters in a cell.
LONGEST_CELL = 2_000
LARGEST_FILE = 200_000_000
# What XML, and so a spreadsheet, cannot hold.
_NOT_IN_XML = {code: "\ufffd" for code in range(32) if code not in (9, 10, 13)} | {0xFFFE: "\ufffd", 0xFFFF: "\ufffd"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One row of a file that decides something."""

    line: int
    deal_id: str
    version: str
    decision: str
    reason: str
    cells: Mapping[str, str]


@dataclass(slots=True)
class Applied:
    """What became of a file's rows: how many were decided on, left alone, and refused with the reason."""

    decided: int = 0
    untouched: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


# --- out


def rows(book: Book, spec: Spec, told: QueueFilter, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """The queue's deals as rows with plain values, in the queue's order."""
    left, after = limit if limit is not None else 1 << 60, None
    while left > 0:
        page = book.queue(spec.order, told, after=after, limit=min(PAGE, left))
        sources = shelf.articles_of(book, [item.article_id for item in page.items])
        for item in page.items:
            yield _row(item, sources.get(item.article_id, {}))
        left -= len(page.items)
        after = page.next
        if after is None:
            return


def _row(item: QueueItem, source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "deal_id": item.deal_id,
        "version": item.version,
        "state": str(item.state),
        "decision": "",
        "reason": "",
        **{slot: item.values.get(slot) for slot in SLOTS},
        "confidence": round(item.confidence, 4),
        "sources": item.sources,
        **{name: source.get(name) or "" for name in ("title", "outlet", "published", "url")},
        "evidence": item.evidence,
    }


def export(path: Path, told: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to a file by the ending of its name: .csv, .xlsx or .json. Returns how many.

    The file is written beside and renamed: it is the old one or the new one, never half of one.
    """
    writers: dict[str, Callable[[IO[bytes], Iterable[Mapping[str, Any]]], int]] = {
        ".csv": _write_csv,
        ".xlsx": _write_xlsx,
        ".json": _write_json,
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise InputError(f"{path}: the name ends in .csv, .xlsx or .json")
    with _whole(path) as handle:
        return write(handle, told)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with scratch.open("wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        scratch.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}; what was there before is still there"
        ) from error
    finally:
        scratch.unlink(missing_ok=True)


def _write_csv(handle: IO[bytes], told: Iterable[Mapping[str, Any]]) -> int:
    # With a byte order mark Excel reads it as UTF-8; with CRLF every spreadsheet splits it alike.
    text = io.TextIOWrapper(handle, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    count = 0
    for count, row in enumerate(told, 1):  # noqa: B007
        writer.writerow([_cell(row[name]) for name in COLUMNS])
    text.flush()
    text.detach()
    return count


def _write_xlsx(handle: IO[bytes], told: Iterable[Mapping[str, Any]]) -> int:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("queue")
    sheet.freeze_panes = "F2"
    for number, name in enumerate(COLUMNS):
        letter = chr(ord("A") + number) if number < 26 else "A" + chr(ord("A") + number - 26)
        sheet.column_dimensions[letter].width = 60 if name == "evidence" else 18
    sheet.append(list(COLUMNS))
    count = 0
    for count, row in enumerate(told, 1):  # noqa: B007
        line: list[Any] = []
        for name in COLUMNS:
            value = row[name]
            if isinstance(value, int | float) and not isinstance(value, bool):
                line.append(value)
                continue
            words = _cell(value)
            cell = WriteOnlyCell(sheet, value=words) if words else None
            if cell is not None:
                cell.data_type = "s"  # text, whatever it begins with
            line.append(cell)
        sheet.append(line)
    book.save(handle)
    return count


def _write_json(handle: IO[bytes], told: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    handle.write(b"[")
    for count, row in enumerate(told, 1):
        handle.write(
            (",\n" if count > 1 else "\n").encode()
            + json.dumps(dict(row), ensure_ascii=False).encode("utf-8", "surrogatepass")
        )
    handle.write(b"\n]\n")
    return count


def _cell(value: Any) -> str:
    """A value as the text of a cell that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value)
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) else repr(value)
    clean = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in str(value).translate(_NOT_IN_XML))
    return inert(clean[:LONGEST_CELL])


# --- back


def read(path: Path) -> Iterator[Edit]:
    """The rows of an edited file that decide something. Raises InputError where it is no such file."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: more than {LARGEST_FILE:,} bytes")
        lines = _read_xlsx(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    header = [cell.strip() for cell in next(lines, [])]
    missing = [name for name in ("deal_id", "version", "decision") if name not in header]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; export the queue and edit that file")
    for number, line in enumerate(lines, 2):
        cells = {name: value for name, value in zip(header, line, strict=False) if name in COLUMNS}
        if cells.get("deal_id", "").strip():
            yield Edit(
                number,
                plain(cells["deal_id"]).strip(),
                plain(cells.get("version", "")).strip(),
                plain(cells.get("decision", "")).strip().lower(),
                plain(cells.get("reason", "")).strip(),
                {slot: cells[slot] for slot in SLOTS if slot in cells},
            )


def _read_csv(path: Path) -> Iterator[list[str]]:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; save it as CSV UTF-8, or as .xlsx") from error
    first = text.partition("\n")[0]
    # Spreadsheets with a decimal comma save with semicolons, some with tabs.
    mark = max(",;\t", key=first.count)
    csv.field_size_limit(1_000_000)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    except csv.Error as error:
        raise InputError(f"{path}: {error}") from error


def _read_xlsx(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > 5 * LARGEST_FILE:
                raise InputError(f"{path}: unpacks to more than {5 * LARGEST_FILE:,} bytes")
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"{path}: is no spreadsheet in the .xlsx format") from error
    try:
        for line in book.worksheets[0].iter_rows(values_only=True):
            yield [
                "" if value is None else _cell(value) if isinstance(value, bool | float) else str(value)
                for value in line
            ]
    finally:
        book.close()


def apply(desk: Desk, edits: Iterable[Edit], *, who: str, at: datetime, dry: bool = False) -> Applied:
    """Decide what a file says, row by row; `dry` only tells what would become of each.

    Raises InputError for somebody who still codes blind: a file shows, and would overwrite, what the first coder decided.
    """
    if left := shelf.open_blind(desk, who):
        raise InputError(
            f"{who} has {left} deals to code without seeing the first coder's; that is done on the screen: "
            f"watchledger review --as {who}"
        )
    made, batch = Applied(), f"file-{secrets.token_hex(8)}"
    for edit in edits:
        try:
            changes = _changes(desk, edit)
            if not edit.decision:
                if changes:
                    raise InputError(
                        f"{', '.join(changes)} changed, but decision is blank; write accept to correct the deal"
                    )
                made.untouched += 1
                continue
            act = Act(who=who, at=at, reason=edit.reason[:300], expected=edit.version, batch=batch)
            _decide(desk, edit, changes, act, dry=dry)
            made.decided += 1
        except (InputError, RecordError, StoreError) as error:
            made.refused.append((edit.line, str(error)))
    return made


def _decide(desk: Desk, edit: Edit, changes: Mapping[str, Any], act: Act, *, dry: bool) -> None:
    if edit.decision not in DECISIONS:
        raise InputError(f"decision {edit.decision[:40]!r} is none of {', '.join(DECISIONS)}")
    if changes and edit.decision != "accept":
        raise InputError(
            f"{', '.join(changes)} changed in a row that says {edit.decision}; only accepted deals are corrected"
        )
    if dry:
        now = desk.deal(edit.deal_id).version
        if now != edit.version:
            raise InputError(f"{edit.deal_id} has changed since the export")
    elif changes:
        desk.correct(edit.deal_id, changes, act)
    else:
        getattr(desk, edit.decision)(edit.deal_id, act)


def _changes(desk: Desk, edit: Edit) -> dict[str, Any]:
    """The slots whose cells no longer say what the export wrote."""
    deal = desk.deal(edit.deal_id)
    changed: dict[str, Any] = {}
    for slot, cell in edit.cells.items():
        standing = deal.decided[slot] if deal.decided else deal.shown[slot].value
        # A spreadsheet may drop blanks at the ends of a cell.
        if cell.strip() == _cell(standing).strip():
            continue
        value = _value(slot, plain(cell).strip())
        if value != standing:
            changed[slot] = value
    return changed


def _value(slot: str, words: str) -> Any:
    if slot == "alleged":
        if words.lower() not in ("yes", "no", "true", "false", ""):
            raise RecordError(f"alleged is yes or no, not {words[:40]!r}")
        return words.lower() in ("yes", "true")
    if slot.endswith("_amount") and words:
        words = words.replace(" ", "").replace("\u00a0", "")
    if slot == "year" and words.endswith(".0"):
        words = words[:-2]
    return check(slot, words)
