"""What became of each deal between two releases, and why; what is new for those who load increments."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from publish.cells import columns_of
from publish.gate import Before
from publish.release import Release
from publish.rows import SCHEMA_VERSION, TABLES, Erratum, Gone, Kind
from publish.write import csv_file, jsonl_file, write_json
from records import InputError

# What hangs on a deal; a change in one of them is a change of the deal.
HANGING = ("parties", "technologies", "instruments", "events", "evidence")
SHOWN = 300  # characters of a value before and after
TABLE = {table.name: table for table in TABLES}
_KEY = dict.fromkeys(("deals", *HANGING), "deal_id") | {"sources": "source_id"}
_PLACE = {table: TABLE[table].names.index(key) for table, key in _KEY.items()}

Row = tuple[Any, ...]  # values in the order of a table's columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """An earlier release as it lies in its folder."""

    folder: Path
    version: str
    deals: frozenset[str]
    retired: frozenset[str]
    errata: tuple[Erratum, ...]

    @property
    def before(self) -> Before:
        """What the gate must know of it."""
        return Before(deals=self.deals, retired=self.retired)

    def rows(self, table: str) -> Iterator[Row]:
        """The rows of a table, read from its file each time: two releases at once would need twice the memory.

        Raises InputError where the file cannot be read.
        """
        names = TABLE[table].names
        with _as_input(self.folder):
            for row in _lines(self.folder, table):
                yield tuple(row[name] for name in names)

    def rows_of(self, table: str, deals: Container[str]) -> dict[str, list[Row]]:
        """The rows that some deals had in a table; few deals change."""
        return _by_deal(table, (row for row in self.rows(table) if row[_PLACE[table]] in deals))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """All changes from one release to the next, as rows of `errata` (those that are new among them)."""

    changes: tuple[Erratum, ...] = ()
    deals: Mapping[Kind, int] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()  # that are new or told otherwise than before
    sources_gone: frozenset[str] = frozenset()

    @property
    def touched(self) -> frozenset[str]:
        """Deals whose rows are new or other than before."""
        return frozenset(row.deal_id for row in self.changes if row.change in (Kind.ADDED, Kind.CHANGED))


def read_former(folder: Path) -> Former:
    """Read the release in `folder`. Raises InputError where there is none, or one of another schema."""
    with _as_input(folder):
        package = json.loads((folder / "datapackage.json").read_text(encoding="utf-8"))
        if str(package["schemaVersion"]).split(".")[0] != SCHEMA_VERSION.split(".")[0]:
            raise InputError(
                f"{folder} has schema {package['schemaVersion']} and this is {SCHEMA_VERSION}: "
                "the two cannot be compared; publish without --since"
            )
        for table in _KEY:  # before the ledger is read, which may take a minute
            with (folder / "jsonl" / f"{table}.jsonl").open("rb"):
                pass
        return Former(
            folder=folder,
            version=package["version"],
            deals=frozenset(row["deal_id"] for row in _lines(folder, "deals")),
            retired=frozenset(row["deal_id"] for row in _lines(folder, "retired")),
            errata=tuple(Erratum(**row) for row in _lines(folder, "errata")),
        )


@contextmanager
def _as_input(folder: Path) -> Iterator[None]:
    """Whatever is wrong with a release's files is said as an InputError."""
    try:
        yield
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder} holds no release that can be read: {error}") from error


def _lines(folder: Path, table: str) -> Iterator[dict[str, Any]]:
    with (folder / "jsonl" / f"{table}.jsonl").open(encoding="utf-8") as handle:
        yield from map(json.loads, handle)


def compare(former: Former, release: Release, reasons: Mapping[str, str]) -> Diff:
    """What changed from `former` to `release`; `reasons` has what was said of a deal when it was last decided."""
    version = release.about.version
    changes: list[Erratum] = []
    for deal in release.deals:
        if deal.deal_id not in former.deals:
            after = _name(deal.vendor, deal.vendor_country, deal.country)
            why = reasons.get(deal.deal_id) or None
            changes.append(_row(version, deal.deal_id, "deal", Kind.ADDED, after=after, why=why))
    both = former.deals & {deal.deal_id for deal in release.deals}
    for table in ("deals", *HANGING):
        changes += _changes(table, former, release, reasons, both)
    changes += _gone(former, release)
    changes.sort(key=lambda row: (row.deal_id, row.field))
    kinds = Counter(change for _, change in {(row.deal_id, Kind(row.change)) for row in changes})
    sources, there = _differing("sources", former, release), {source.source_id for source in release.sources}
    return Diff(
        changes=tuple(changes),
        deals=dict(sorted(kinds.items())),
        sources=frozenset(sources & there),
        sources_gone=frozenset(sources - there),
    )


def _changes(
    table: str, former: Former, release: Release, reasons: Mapping[str, str], both: Container[str]
) -> Iterator[Erratum]:
    """Changes in one table, of deals that are in both releases: a row a column of `deals`, one a deal of the others."""
    differing = _differing(table, former, release)
    other = {deal_id for deal_id in differing if deal_id in both}
    if not other:
        return
    read = attrgetter(*TABLE[table].names)
    before = former.rows_of(table, other)
    now = _by_deal(table, (read(row) for row in release.rows(table) if row.deal_id in other))
    for deal_id in sorted(other):
        rows = before.get(deal_id, []), now.get(deal_id, [])
        for name, *words in _told(table, *rows):
            told = dict(zip(("before", "after"), words, strict=True)) | {"why": reasons.get(deal_id) or None}
            yield _row(release.about.version, deal_id, name, Kind.CHANGED, **told)


def _differing(table: str, former: Former, release: Release) -> set[str]:
    """Deals (or sources) whose rows are not the same in both; of their rows' digests only the sum is kept."""
    read, place = attrgetter(*TABLE[table].names), _PLACE[table]
    sums: dict[str, int] = {}
    for row in former.rows(table):
        sums[row[place]] = (sums.get(row[place], 0) + _digest(row)) % _MODULUS
    for one in release.rows(table):
        row = read(one)
        sums[row[place]] = (sums.get(row[place], 0) - _digest(row)) % _MODULUS
    return {key for key, rest in sums.items() if rest}


def _digest(values: Row) -> int:
    told = json.dumps(values, ensure_ascii=False).encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=16).digest())


_MODULUS = 2**128


def _told(table: str, before: list[Row], now: list[Row]) -> Iterator[tuple[str, str | None, str | None]]:
    """What changed, and how it read before and reads now."""
    if table != "deals":
        yield table, _in_words(table, before), _in_words(table, now)
        return
    for name, old, new in zip(TABLE[table].names, *before, *now, strict=True):
        if old != new:
            yield name, _as_text(old), _as_text(new)


def _by_deal(table: str, rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[_PLACE[table]], []).append(row)
    return found


def _gone(former: Former, release: Release) -> Iterator[Erratum]:
    """Deals that were published and are not any more, with what became of them."""
    retired = {row.deal_id: row for row in release.retired if row.deal_id in former.deals}
    if not retired:
        return
    for deal_id, rows in former.rows_of("deals", retired).items():
        gone, old = retired[deal_id], dict(zip(TABLE["deals"].names, rows[0], strict=True))
        before = _name(old["vendor"], old["vendor_country"], old["country"])
        kind = Kind(str(Gone(gone.state)))
        told = {"before": before, "successor": gone.successor, "why": gone.why}
        yield _row(release.about.version, deal_id, "deal", kind, **told)


def _row(version: str, deal_id: str, name: str, kind: Kind, **told: str | None) -> Erratum:
    return Erratum(release=version, deal_id=deal_id, field=name, change=kind, **told)


def _in_words(table: str, rows: list[Row]) -> str | None:
    """Short enough for a cell: what a reader tells rows of this table apart by. None where there are no rows."""
    if not rows:
        return None
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


def _name(vendor: str | None, home: str | None, country: str) -> str:
    return f"{vendor or home} in {country}"


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
        "sources_gone": sorted(diff.sources_gone),
        "changes": [asdict(row) for row in diff.changes],
    }
    write_json(summary, made / "changes.json")
    for table, rows in _increment(release, diff).items():
        with jsonl_file(TABLE[table], made / "increment" / f"{table}.jsonl") as write:
            write(columns_of(TABLE[table], rows))


def _increment(release: Release, diff: Diff) -> dict[str, list[Any]]:
    """All rows of the deals that are new or changed, with the sources that they name, and sources told otherwise now."""
    touched = diff.touched
    found: dict[str, list[Any]] = {
        table: [row for row in release.rows(table) if row.deal_id in touched] for table in ("deals", *HANGING)
    }
    named = {row.source_id for table in ("events", "evidence") for row in found[table]} | diff.sources
    found["sources"] = [row for row in release.sources if row.source_id in named]
    return found
