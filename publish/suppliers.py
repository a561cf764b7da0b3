"""Which company a deal's supplier is: one for each id of the lexicon, whatever its documents and analysts call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from extract.lexicon import Vendor, known_vendors
from publish.words import clean
from store.views import DealView


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """The supplier of one deal: its name there, and the company that it is."""

    vendor: str | None  # as shown
    vendor_id: str | None  # only of a company that the lexicon has
    standard: str | None
    home: str | None
    aliases: tuple[str, ...] = ()  # what the deal's documents call it beside `standard`
    wikidata: str | None = None

    def is_called(self, name: str | None) -> bool:
        """Is `name` one of this company's names?"""
        told = {known.casefold() for known in (self.vendor, self.standard, *self.aliases) if known}
        return bool(name) and str(name).casefold() in told


class Suppliers:
    """Finds the company of a deal among those of the lexicon; the shipped ones unless others are given."""

    def __init__(self, known: Mapping[str, Vendor] | None = None) -> None:
        self._known = known_vendors() if known is None else known
        self._ids = {vendor.name: vendor_id for vendor_id, vendor in self._known.items()}

    def of(self, view: DealView, values: Mapping[str, Any]) -> Supplier:
        """The supplier of a deal as it is shown."""
        name, home = clean(values["vendor"]), values["vendor_country"]
        vendor_id = self._id(view, values["vendor"])
        if vendor_id is None:
            return Supplier(vendor=name, vendor_id=None, standard=name, home=home, wikidata=self.wikidata(name))
        known = self._known[vendor_id]
        told = [clean(one.values["vendor"]) for one in view.findings if one.vendor_id == vendor_id]
        aliases = sorted({alias for alias in (name, *told) if alias and alias != known.name})
        return Supplier(
            vendor=name,
            vendor_id=vendor_id,
            standard=known.name,
            home=known.country,
            aliases=tuple(aliases),
            wikidata=known.wikidata or None,
        )

    def wikidata(self, name: str | None) -> str | None:
        """The item of a company that bears the lexicon's own name."""
        vendor_id = self._ids.get(name or "")
        return self._known[vendor_id].wikidata or None if vendor_id else None

    def _id(self, view: DealView, name: str | None) -> str | None:
        """As a document that uses this name tells it; of a name that an analyst set, where it is the lexicon's own."""
        if name is None:
            return None
        chosen = view.shown["vendor"].finding_id
        tellers = sorted(
            (one for one in view.findings if one.values["vendor"] == name), key=lambda one: one.finding_id != chosen
        )
        told = next((one.vendor_id for one in tellers if one.vendor_id in self._known), None)
        return told if tellers else self._ids.get(name)
