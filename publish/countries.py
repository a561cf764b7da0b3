"""Names of countries and outlines of the world, read from the lexicon and from publish/data."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A country's rings in degrees (longitude, latitude), or one point where it is too small for the map's scale."""

    country: str  # blank where ISO 3166 gives no code
    rings: tuple[Ring, ...] = ()
    point: tuple[float, float] | None = None


@cache
def names() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code to the usual English name, as in models/lexicon/countries.csv."""
    text = (resources.files("models") / "lexicon" / "countries.csv").read_text(encoding="utf-8")
    return {row["iso2"]: row["name"] for row in csv.DictReader(text.splitlines())}


def name_of(code: str) -> str:
    """The country's name, or the code where there is none."""
    return names().get(code, code)


@cache
def outlines() -> tuple[Outline, ...]:
    """All countries of the world map, largest scale 1:110m (Natural Earth, public domain)."""
    text = (resources.files("publish") / "data" / "world.jsonl").read_text(encoding="utf-8")
    return tuple(_outline(json.loads(line)) for line in text.splitlines())


def _outline(row: Any) -> Outline:
    # Tenths of a degree: at the width of a page, less than one point.
    if "point" in row:
        lon, lat = row["point"]
        return Outline(country=row["country"], point=(lon / 10, lat / 10))
    rings = tuple(tuple((flat[i] / 10, flat[i + 1] / 10) for i in range(0, len(flat), 2)) for flat in row["rings"])
    return Outline(country=row["country"], rings=rings)
