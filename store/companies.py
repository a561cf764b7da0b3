"""What the ledger's suppliers are called, so that a company under several names is counted once."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Companies:
    """The usual name of each company that has an id, and whose every form of a name is."""

    names: Mapping[str, str]  # vendor_id -> usual name
    forms: Mapping[str, str]  # case-folded form -> usual name; one that several companies go by is left out

    def usual(self, vendor: str, vendor_id: str | None = None) -> str:
        """What to count a supplier under: its id's usual name, else that of the company so called, else its own."""
        return self.names.get(vendor_id or "") or self.forms.get(vendor.casefold(), vendor)


def read_companies(conn: sqlite3.Connection, standard: Mapping[str, str]) -> Companies:
    """The companies of the ledger's findings.

    The usual name of an id is the one that `standard` has, else the one that most findings tell; a supplier without
    an id keeps the name that it has. A form belongs to a company with an id before it belongs to one without.
    """
    told: dict[str, Counter[str]] = {}
    ours: dict[str, set[str]] = {}  # form -> ids
    others: dict[str, set[str]] = {}  # form -> names of suppliers without an id
    for vendor, vendor_id, aliases, number in conn.execute(
        """SELECT vendor, vendor_id, vendor_aliases, COUNT(*) FROM ledger.findings
           WHERE vendor IS NOT NULL GROUP BY 1, 2, 3"""
    ):
        if vendor_id:
            told.setdefault(vendor_id, Counter())[vendor] += number
        owners, owner = (ours, vendor_id) if vendor_id else (others, vendor)
        for name in (vendor, *json.loads(aliases)):
            owners.setdefault(name.casefold(), set()).add(owner)
    names = {
        vendor_id: standard.get(vendor_id) or min(counts, key=lambda name: (-counts[name], name))
        for vendor_id, counts in told.items()
    }
    for vendor_id, name in names.items():
        ours.setdefault(name.casefold(), set()).add(vendor_id)
    forms = {form: names[min(ids)] for form, ids in ours.items() if len(ids) == 1}
    forms |= {form: min(found) for form, found in others.items() if len(found) == 1 and form not in ours}
    return Companies(names, forms)
