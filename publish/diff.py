"""What became of each deal between two releases, and why; what is new for those who load increments."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from publish.cells import columns_of
from publish.gate import Before
from publish.release import Release
from publish.rows import SCHEMA_VERSION, TABLES, Deal, Erratum, Gone, Kind
from publish.write import csv_file, jsonl_file, write_json
from records import InputError

# What hangs on a deal; a change in one of them is a change of the deal.
HANGING = ("parties", "technologies", "instruments", "events", "evidence")
_COLUMNS = tuple(column.name for column in fields(Deal))
SHOWN = 300  # characters of a value before and after
TABLE = {table.name: table for table in TABLES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """An earlier release as it lies in its folder."""

    folder: Path
    version: str
    deals: Mapping[str, tuple[Any, ...]]  # the columns of `deals` in their order
    hanging: Mapping[str, Mapping[str, int]]  # table -> deal -> digest of its rows
    retired: frozenset[str]
    errata: tuple[Erratum, ...]

    @property
    def before(self) -> Before:
        """What the gate must know of it."""
        return Before(deals=frozenset(self.deals), retired=self.retired)

    def told(self, table: str, deals: Container[str]) -> dict[str, str]:
        """The rows that `deals` had in `table`, in words. Reads the file anew: few deals change."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        for row in _lines(self.folder, table):
            if row["deal_id"] in deals:
                found.setdefault(row["deal_id"], []).append(tuple(row[name] for name in TABLE[table].names))
        return {deal_id: _in_words(table, rows) for deal_id, rows in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """All changes from one release to the next, as rows of `errata` (those that are new among them)."""

    changes: tuple[Erratum, ...] = ()
    deals: Mapping[Kind, int] = field(default_factory=dict)

    @property
    def touched(self) -> frozenset[str]:
        """Deals whose rows are new or other than before."""
        return frozenset(row.deal_id for row in self.changes if row.change in (Kind.ADDED, Kind.CHANGED))


def read_former(folder: Path) -> Former:
    """Read the release in `folder`. Raises InputError where there is none, or one of another schema."""
    try:
        package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        if str(package["schemaVersion"]).split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise InputError(
                f"{folder} has schema {package['schemaVersion']} and this is {SCHEMA_VERSION}: "
                "the two cannot be compared; publish without --since"
            )
        return Former(
            folder=folder,
            version=package["version"],
            deals={row["deal_id"]: tuple(row[name] for name in _COLUMNS) for row in _lines(folder, "deals")},
            hanging={table: _digests(table, _lines(folder, table)) for table in HANGING},
            retired=frozenset(row["deal_id"] for row in _lines(folder, "retired")),
            errata=tuple(Erratum(**row) for row in _lines(folder, "errata")),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder} holds no release that can be read: {error}") from error


def _lines(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    with (folder / "jsonl" / f"{table}.jsonl").open(encoding="utf-8") as handle:
        yield from map(json.loads, handle)


def _digests(table: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Deal to a digest of its rows in `table`; a sum, so that their order does not matter."""
    names = TABLE[table].names
    found: dict[str, int] = {}
    for row in rows:
        digest = _digest([row[name] for name in names])
        found[row["deal_id"]] = (found.get(row["deal_id"], 0) + digest) % _MODULUS
    return found


def _digest(values: Iterable[Any]) -> int:
    told = json.dumps(list(values), ensure_ascii=False).encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=16).digest())


_MODULUS = 2**128


def compare(former: Former, release: Release, reasons: Mapping[str, str]) -> Diff:
    """What changed from `former` to `release`; `reasons` has what was said of a deal when it was last decided."""
    version = release.about.version
    changes: list[Erratum] = []
    for deal in release.deals:
        old = former.deals.get(deal.deal_id)
        why = reasons.get(deal.deal_id) or None
        if old is None:
            after = _name(deal.vendor or deal.vendor_country, deal.country)
            changes.append(_row(version, deal.deal_id, "deal", Kind.ADDED, after=after, why=why))
            continue
        for name, before, now in zip(_COLUMNS, old, _read_deal(deal), strict=True):
            if before != now:
                told = {"before": _as_text(before), "after": _as_text(now), "why": why}
                changes.append(_row(version, deal.deal_id, name, Kind.CHANGED, **told))
    changes += _hanging_changes(former, release, reasons)
    changes += _gone(former, release)
    changes.sort(key=lambda row: (row.deal_id, row.field))
    kinds = Counter(change for _, change in {(row.deal_id, Kind(row.change)) for row in changes})
    return Diff(changes=tuple(changes), deals=dict(sorted(kinds.items())))


_read_deal = attrgetter(*_COLUMNS)


def _hanging_changes(former: Former, release: Release, reasons: Mapping[str, str]) -> Iterator[Erratum]:
    """Changes in what hangs on deals that are in both releases."""
    both = former.deals.keys() & {deal.deal_id for deal in release.deals}
    for table in HANGING:
        now: dict[str, int] = {}
        read = attrgetter(*TABLE[table].names)
        for row in release.rows(table):
            now[row.deal_id] = (now.get(row.deal_id, 0) + _digest(read(row))) % _MODULUS
        before = former.hanging[table]
        other = {deal_id for deal_id in both if before.get(deal_id) != now.get(deal_id)}
        if not other:
            continue
        told = former.told(table, other)
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for row in release.rows(table):
            if row.deal_id in other:
                rows.setdefault(row.deal_id, []).append(read(row))
        for deal_id in other:
            after = _in_words(table, rows[deal_id]) if deal_id in rows else None
            words = {"before": told.get(deal_id), "after": after, "why": reasons.get(deal_id) or None}
            yield _row(release.about.version, deal_id, table, Kind.CHANGED, **words)


def _gone(former: Former, release: Release) -> Iterator[Erratum]:
    """Deals that were published and are not any more, with what became of them."""
    retired = {row.deal_id: row for row in release.retired}
    places = {name: place for place, name in enumerate(_COLUMNS)}
    for deal_id in former.deals.keys() & retired.keys():
        gone, old = retired[deal_id], former.deals[deal_id]
        before = _name(old[places["vendor"]] or old[places["vendor_country"]], old[places["country"]])
        kind = Kind(str(Gone(gone.state)))
        told = {"before": before, "successor": gone.successor, "why": gone.why}
        yield _row(release.about.version, deal_id, "deal", kind, **told)


def _row(version: str, deal_id: str, name: str, kind: Kind, **told: str | None) -> Erratum:
    return Erratum(release=version, deal_id=deal_id, field=name, change=kind, **told)


def _in_words(table: str, rows: list[tuple[Any, ...]]) -> str:
    """Short enough for a cell: what a reader tells rows of this table apart by."""
    telling = {
        "parties": ("role", "name"),
        "technologies": ("technology",),
        "instruments": ("type", "financier", "amount", "currency"),
        "events": ("date", "status"),
        "evidence": ("field", "value", "source_id"),
    }[table]
    places = [TABLE[table].names.index(name) for name in telling]
    words = sorted({" ".join(str(row[place]) for place in places if row[place] is not None) for row in rows})
    return "; ".join(words)[:SHOWN] or "none"


def _as_text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)[:SHOWN] or None


def _name(supplier: str | None, country: str) -> str:
    return f"{supplier} in {country}"


def errata(former: Former | None, diff: Diff) -> tuple[Erratum, ...]:
    """The errata of all releases so far: the former's, and what this one corrects."""
    new = [row for row in diff.changes if row.change != Kind.ADDED]
    rows = [*(former.errata if former else ()), *new]
    return tuple(sorted(rows, key=lambda row: (row.release, row.deal_id, row.field)))


def write_changes(release: Release, former: Former, diff: Diff, folder: Path) -> None:
    """changes/ in `folder`: all changes, their counts, and the increment that brings the former release up to this one."""
    made = folder / "changes"
    (made / "increment").mkdir(parents=True)
    with csv_file(TABLE["errata"], made / "changes.csv", raw=release.about.raw, bom=release.about.bom) as write:
        write(columns_of(TABLE["errata"], diff.changes))
    gone = sorted({row.deal_id for row in diff.changes if row.change not in (Kind.ADDED, Kind.CHANGED)})
    summary = {
        "from": former.version,
        "to": release.about.version,
        "deals": {str(kind): diff.deals.get(kind, 0) for kind in Kind},
        "gone": gone,
        "changes": [asdict(row) for row in diff.changes],
    }
    write_json(summary, made / "changes.json")
    for table, rows in _increment(release, diff.touched).items():
        with jsonl_file(TABLE[table], made / "increment" / f"{table}.jsonl") as write:
            write(columns_of(TABLE[table], rows))


def _increment(release: Release, touched: frozenset[str]) -> dict[str, list[Any]]:
    """All rows of the deals that are new or changed, with the sources that they name."""
    found: dict[str, list[Any]] = {
        table: [row for row in release.rows(table) if row.deal_id in touched] for table in ("deals", *HANGING)
    }
    named = {row.source_id for table in ("events", "evidence") for row in found[table]}
    found["sources"] = [row for row in release.sources if row.source_id in named]
    return found
