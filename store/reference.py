"""Hand-made data sets as reference rows: what others counted, kept beside the ledger and never mixed into it.

Two shapes are known by their columns. *Countries*: `iso2` (or a two-letter `country`), `companies` (comma separated),
and any number of columns of 0 and 1. *Deals*: `vendor` (or `company`), `iso2`, and whatever else it tells. Which
company of a country's row supplied which of its technologies is not told by the first shape, and is not made up here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import InputError
from store.ledger import Ledger

_ISO2 = re.compile(r"[A-Z]{2}")
_NOT_A_COMPANY = {"", "multiple", "various", "unknown", "-"}
"""Said in place of names; kept as a flag `companies_untold` where it says that there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSet:
    """What was imported: the set's name, its shape (countries | deals) and its number of rows."""

    name: str
    shape: str
    rows: int


Row = tuple[int, str, str, str, str]
"""line, country, kind (country | flag | company | deal), value, detail as JSON."""


def import_reference(ledger: Ledger, path: Path, name: str | None = None) -> ReferenceSet:
    """Read a CSV into the ledger under `name` (by default the file's stem), replacing what was there under it.

    Raises InputError with file and line for anything that cannot be taken as it stands; nothing is then changed.
    """
    name = name or path.stem
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}; save it as CSV UTF-8") from error
    shape, rows, count = read_reference(text, str(path))
    with ledger.store.transaction() as conn:
        conn.execute("DELETE FROM reference_sets WHERE name = ?", (name,))
        conn.execute(
            "INSERT INTO reference_sets VALUES (?, ?, ?, ?)", (name, shape, count, hashlib.sha256(raw).hexdigest())
        )
        conn.executemany("INSERT INTO reference_rows VALUES (?, ?, ?, ?, ?, ?)", [(name, *row) for row in rows])
    return ReferenceSet(name=name, shape=shape, rows=count)


def read_reference(text: str, where: str) -> tuple[str, list[Row], int]:
    """Shape, facts and number of rows of a CSV; raises InputError with `where` and the line."""
    reader = csv.DictReader(text.splitlines(), strict=True)
    columns = reader.fieldnames or []
    shape = _shape(columns, where)
    made: list[Row] = []
    seen: dict[str, int] = {}
    count = 0
    try:
        for row in reader:
            line = reader.line_num
            if None in row or None in row.values():
                raise InputError(f"{where}:{line}: has {'more' if None in row else 'fewer'} fields than the header")
            country = _country(row, f"{where}:{line}")
            count += 1
            if shape == "deals":
                made.append((line, country, "deal", _vendor(row, f"{where}:{line}"), _detail(row)))
                continue
            if country in seen:
                raise InputError(f"{where}:{line}: {country} stands in line {seen[country]} already")
            seen[country] = line
            made.extend(_facts(row, line, country, f"{where}:{line}"))
    except csv.Error as error:
        raise InputError(f"{where}:{reader.line_num}: {error}") from error
    if not count:
        raise InputError(f"{where}: has a header and no rows")
    return shape, made, count


def _shape(columns: Sequence[str], where: str) -> str:
    if {"vendor", "company"} & set(columns) and {"iso2", "country"} & set(columns):
        return "deals"
    if {"iso2", "country"} & set(columns) and "companies" in columns:
        return "countries"
    raise InputError(
        f"{where}: no known shape; a table of countries has iso2, companies and columns of 0 and 1, "
        f"one of deals has vendor and iso2; this one has {', '.join(columns) or 'no header'}"
    )


def _country(row: dict[str, str], where: str) -> str:
    code = (row.get("iso2") or row.get("country") or "").strip()
    if not _ISO2.fullmatch(code):
        raise InputError(f"{where}: {code!r} is no ISO 3166-1 code of two capital letters")
    return code


def _vendor(row: dict[str, str], where: str) -> str:
    vendor = (row.get("vendor") or row.get("company") or "").strip()
    if not vendor:
        raise InputError(f"{where}: names no vendor")
    return vendor


def _detail(row: dict[str, str]) -> str:
    return json.dumps({key: value.strip() for key, value in row.items() if value.strip()}, ensure_ascii=False)


def _facts(row: dict[str, str], line: int, country: str, where: str) -> Iterable[Row]:
    yield line, country, "country", (row.get("country") or country).strip(), "{}"
    for column, value in row.items():
        if column in ("country", "iso2", "companies"):
            continue
        if value.strip() not in ("0", "1"):
            raise InputError(f"{where}: column {column} holds {value!r}; 0 or 1 are read")
        if value.strip() == "1":
            yield line, country, "flag", column, "{}"
    names = [name.strip() for name in row["companies"].split(",")]
    for name in dict.fromkeys(names):
        if name.casefold() in _NOT_A_COMPANY:
            if name:
                yield line, country, "flag", "companies_untold", "{}"
        else:
            yield line, country, "company", name, "{}"


# --- reading back


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """All reference sets together, as sets of countries."""

    names: tuple[str, ...]
    countries: frozenset[str]
    flags: dict[str, frozenset[str]]  # column -> countries marked
    companies: dict[str, frozenset[str]]  # name as printed -> countries
    deals: tuple[dict[str, Any], ...]  # of sets of deals: vendor, country, and the row's own columns


def references(rows: Iterable[Any], names: Iterable[str]) -> References:
    """`reference_rows` put together."""
    countries: set[str] = set()
    flags: dict[str, set[str]] = {}
    companies: dict[str, set[str]] = {}
    deals: list[dict[str, Any]] = []
    for row in rows:
        countries.add(row["country"])
        if row["kind"] == "flag":
            flags.setdefault(row["value"], set()).add(row["country"])
        elif row["kind"] in ("company", "deal"):
            companies.setdefault(row["value"], set()).add(row["country"])
        if row["kind"] == "deal":
            deals.append(json.loads(row["detail"]) | {"vendor": row["value"], "country": row["country"]})
    return References(
        names=tuple(sorted(names)),
        countries=frozenset(countries),
        flags={name: frozenset(found) for name, found in flags.items()},
        companies={name: frozenset(found) for name, found in companies.items()},
        deals=tuple(deals),
    )
