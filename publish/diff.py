"""What became of each deal between two releases, and why; what is new for those who load increments."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from publish.cells import columns_of
from publish.derive import by_deal
from publish.gate import Before
from publish.release import Release
from publish.rows import SCHEMA_VERSION, TABLES, Deal, Erratum, Gone, Kind
from publish.write import write_csv, write_json, write_jsonl
from records import InputError

# What hangs on a deal; a change in one of them is a change of the deal.
HANGING = ("parties", "technologies", "instruments", "events", "evidence")
_COLUMNS = tuple(column.name for column in fields(Deal))
SHOWN = 300  # characters of a value before and after
TABLE = {table.name: table for table in TABLES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """An earlier release as it lies in its folder."""

    version: str
    deals: Mapping[str, Mapping[str, Any]]
    hanging: Mapping[str, Mapping[str, str]]  # table -> deal -> digest of its rows
    told: Mapping[tuple[str, str], str]  # (table, deal) -> its rows in words
    retired: frozenset[str]
    errata: tuple[Erratum, ...]

    @property
    def before(self) -> Before:
        """What the gate must know of it."""
        return Before(deals=frozenset(self.deals), retired=self.retired)


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
        deals = {row["deal_id"]: row for row in _lines(folder, "deals")}
        hanging: dict[str, dict[str, str]] = {}
        told: dict[tuple[str, str], str] = {}
        for table in HANGING:
            grouped: dict[str, list[tuple[Any, ...]]] = {}
            for row in _lines(folder, table):
                grouped.setdefault(row["deal_id"], []).append(tuple(row[name] for name in TABLE[table].names))
            hanging[table] = {deal_id: _digest(rows) for deal_id, rows in grouped.items()}
            told |= {(table, deal_id): _in_words(table, rows) for deal_id, rows in grouped.items()}
        return Former(
            version=package["version"],
            deals=deals,
            hanging=hanging,
            told=told,
            retired=frozenset(row["deal_id"] for row in _lines(folder, "retired")),
            errata=tuple(Erratum(**row) for row in _lines(folder, "errata")),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder} holds no release that can be read: {error}") from error


def _lines(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    with (folder / "jsonl" / f"{table}.jsonl").open(encoding="utf-8") as handle:
        yield from map(json.loads, handle)


def compare(former: Former, release: Release, reasons: Mapping[str, str]) -> Diff:
    """What changed from `former` to `release`; `reasons` has what was said of a deal when it was last decided."""
    version = release.about.version
    hanging = {table: by_deal(release.rows(table)) for table in HANGING}
    changes: list[Erratum] = []
    for deal in release.deals:
        old = former.deals.get(deal.deal_id)
        why = reasons.get(deal.deal_id) or None
        if old is None:
            after = _name(deal.vendor or deal.vendor_country, deal.country)
            changes.append(_row(version, deal.deal_id, "deal", Kind.ADDED, after=after, why=why))
        else:
            changes += [
                _row(version, deal.deal_id, name, Kind.CHANGED, before=before, after=after, why=why)
                for name, before, after in _differences(former, old, deal, hanging)
            ]
    retired = {row.deal_id: row for row in release.retired}
    published = {deal.deal_id for deal in release.deals}
    for deal_id, old in former.deals.items():
        if deal_id not in published and deal_id in retired:
            gone = retired[deal_id]
            before = _name(old["vendor"] or old["vendor_country"], old["country"])
            kind = Kind(str(Gone(gone.state)))
            changes.append(_row(version, deal_id, "deal", kind, before=before, successor=gone.successor, why=gone.why))
    changes.sort(key=lambda row: (row.deal_id, row.field))
    kinds = Counter(change for _, change in {(row.deal_id, Kind(row.change)) for row in changes})
    return Diff(changes=tuple(changes), deals=dict(sorted(kinds.items())))


def _row(version: str, deal_id: str, name: str, kind: Kind, **told: str | None) -> Erratum:
    return Erratum(release=version, deal_id=deal_id, field=name, change=kind, **told)


def _differences(
    former: Former, old: Mapping[str, Any], deal: Deal, hanging: Mapping[str, Mapping[str, list[Any]]]
) -> Iterator[tuple[str, str | None, str | None]]:
    for name in _COLUMNS:
        now = getattr(deal, name)
        if old.get(name) != now:
            yield name, _as_text(old.get(name)), _as_text(now)
    for table in HANGING:
        rows = [_values(table, row) for row in hanging[table].get(deal.deal_id, [])]
        before = former.hanging[table].get(deal.deal_id, "")
        if (before or rows) and before != _digest(rows):
            yield table, former.told.get((table, deal.deal_id)), _in_words(table, rows)


def _values(table: str, row: Any) -> tuple[Any, ...]:
    values: tuple[Any, ...] = attrgetter(*TABLE[table].names)(row)
    return values


def _digest(rows: Iterable[tuple[Any, ...]]) -> str:
    return hashlib.blake2b(json.dumps(sorted(map(list, rows), key=json.dumps)).encode(), digest_size=16).hexdigest()


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
    write_csv(
        TABLE["errata"],
        columns_of(TABLE["errata"], diff.changes),
        made / "changes.csv",
        raw=release.about.raw,
        bom=release.about.bom,
    )
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
        write_jsonl(TABLE[table], columns_of(TABLE[table], rows), made / "increment" / f"{table}.jsonl")


def _increment(release: Release, touched: frozenset[str]) -> dict[str, list[Any]]:
    """All rows of the deals that are new or changed, with the sources that they name."""
    found: dict[str, list[Any]] = {
        table: [row for row in release.rows(table) if row.deal_id in touched] for table in ("deals", *HANGING)
    }
    named = {row.source_id for table in ("events", "evidence") for row in found[table]}
    found["sources"] = [row for row in release.sources if row.source_id in named]
    return found
