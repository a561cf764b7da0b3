"""A release: what it is called, and the rows of its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from publish.rows import (
    Claim,
    CountryTechnology,
    Deal,
    DealTechnology,
    Erratum,
    Event,
    Evidence,
    IndexRow,
    Instrument,
    Origin,
    Party,
    Retired,
    Source,
    Total,
    WideDeal,
)

LICENCES = {
    "CC-BY-4.0": ("Creative Commons Attribution 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC-BY-SA-4.0": ("Creative Commons Attribution-ShareAlike 4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    "CC0-1.0": ("Creative Commons Zero 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "ODbL-1.0": ("Open Data Commons Open Database License 1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a release is called, who answers for it, and what went into it."""

    name: str  # slug: lower-case letters, digits and hyphens
    title: str
    version: str
    date: str  # ISO 8601 day
    moment: str  # of the last decision that went in, UTC
    licence: str  # a key of LICENCES
    authors: tuple[str, ...]
    homepage: str  # address, or blank
    base_year: int
    quotes: bool
    raw: bool
    bom: bool
    count_proposed: bool
    count_umbrella: bool
    previous: str = ""  # version of the release that this one follows

    @property
    def citation(self) -> str:
        """How to cite the release, in one line."""
        who = ", ".join(self.authors)
        where = f" {self.homepage}" if self.homepage else ""
        return f"{who} ({self.date[:4]}): {self.title}, version {self.version}.{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All rows of a release, each table in the order of its key."""

    about: About
    deals: Sequence[Deal] = ()
    parties: Sequence[Party] = ()
    technologies: Sequence[DealTechnology] = ()
    instruments: Sequence[Instrument] = ()
    events: Sequence[Event] = ()
    sources: Sequence[Source] = ()
    evidence: Sequence[Evidence] = ()
    claims: Sequence[Claim] = ()
    retired: Sequence[Retired] = ()
    errata: Sequence[Erratum] = ()
    deals_wide: Sequence[WideDeal] = ()
    index_countries: Sequence[IndexRow] = ()
    country_technology: Sequence[CountryTechnology] = ()
    totals: Sequence[Total] = ()
    origins: Sequence[Origin] = ()

    def rows(self, table: str) -> Sequence[Any]:
        """The rows of the table called `table`."""
        rows: Sequence[Any] = getattr(self, table)
        return rows
