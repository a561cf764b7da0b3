"""What a deal shows where its findings differ: the best source's value, then the latest; the reason is kept as data.

All values stay with their findings. The order of sources is that of AidData's TUFF method.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from records import SourceType, Status

SOURCE_RANK = {
    SourceType.OFFICIAL: 0,
    SourceType.COMPANY: 1,
    SourceType.ACADEMIC: 2,
    SourceType.NGO: 3,
    SourceType.MEDIA: 4,
    SourceType.SOCIAL: 5,
}
UNKNOWN = "unknown"
_LAST = len(SOURCE_RANK)

# A later phase says more of where a deal stands than an earlier one.
STATUS_RANK = {
    Status.UNKNOWN: 0,
    Status.PROPOSED: 1,
    Status.AGREED: 2,
    Status.IN_PROGRESS: 3,
    Status.OPERATIONAL: 4,
    Status.CANCELLED: 5,
}

# Slots that belong together come from one finding: first the one that decides, then its company.
_TOGETHER = {
    "vendor": ("vendor", "vendor_id"),
    "vendor_country": ("vendor_country",),
    "financing_type": ("financing_type", "financier", "financing_amount", "financing_currency"),
    "value_amount": ("value_amount", "value_currency"),
    "customer": ("customer",),
    "year": ("year",),
    "role": ("role",),
    "place": ("place",),
}
_COMPARED = ("financing_type", "financier", "financing_amount", "value_amount", "customer", "year", "role", "place")

_OFFICIAL_LABELS = {"gov", "gob", "gouv", "govt", "mil", "go", "gc", "admin", "parliament", "europa"}
_ACADEMIC_LABELS = {"edu", "ac"}


def source_type(told: str | None, source_id: str, url: str) -> str:
    """The kind of a source: as its entry says; for what somebody brought by hand, as the address tells.

    A host under gov.xx is official and one under ac.xx academic; everything else by hand is unknown, which ranks last.
    """
    if told and source_id != "by-hand":
        return told
    labels = (urlsplit(url).hostname or "").split(".")[1:]
    if _OFFICIAL_LABELS & set(labels):
        return SourceType.OFFICIAL
    if _ACADEMIC_LABELS & set(labels):
        return SourceType.ACADEMIC
    return UNKNOWN


def rank(kind: str) -> int:
    """Place of a source's kind; the smaller is believed."""
    return _LAST if kind == UNKNOWN else SOURCE_RANK[SourceType(kind)]


def by_trust(group: Iterable[Any]) -> list[Any]:
    """Findings, the most believed first: kind of source, then latest publication, then confidence."""
    return sorted(
        group,
        key=lambda row: (
            rank(row["source_type"]),
            _backwards(row["published"]),
            -row["confidence"],
            row["finding_id"],
        ),
    )


def _backwards(published: str | None) -> tuple[int, ...]:
    # Latest first, and without a date last.
    return tuple(-ord(c) for c in published) if published else (1,)


def choose(group: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The values a group of findings gives together, why each (slot -> {finding, why}), and the slots in conflict.

    Each finding is a mapping with the columns of `findings` and `published`, `source_type`.
    """
    ordered = by_trust(group)
    values: dict[str, Any] = {"country": ordered[0]["country"]}
    chosen: dict[str, Any] = {}
    for lead, slots in _TOGETHER.items():
        tellers = [row for row in ordered if row[lead] is not None]
        for slot in slots:
            values[slot] = tellers[0][slot] if tellers else None
        if tellers:
            chosen[lead] = {"finding": tellers[0]["finding_id"], "why": _why(tellers, lead)}
    union = sorted({technology for row in ordered for technology in json.loads(row["technologies"])})
    values["technologies"] = json.dumps(union)
    chosen["technologies"] = {"finding": ordered[0]["finding_id"], "why": "all that any source tells"}
    furthest = max(ordered, key=lambda row: (STATUS_RANK[Status(row["status"])], -ordered.index(row)))
    values["status"] = furthest["status"]
    chosen["status"] = {"finding": furthest["finding_id"], "why": "the furthest phase that is told"}
    plain = next((row for row in ordered if not row["alleged"]), None)
    values["alleged"] = int(plain is None)
    why = "told as disputed or unconfirmed by all" if plain is None else "told as fact"
    chosen["alleged"] = {"finding": (plain or ordered[0])["finding_id"], "why": why}
    return values, chosen, conflicts(ordered)


def _why(tellers: Sequence[Any], slot: str) -> str:
    first, others = tellers[0], [row for row in tellers[1:] if row[slot] != tellers[0][slot]]
    if len(tellers) == 1:
        return "the only one that tells it"
    if not others:
        return f"all {len(tellers)} that tell it agree"
    rival = others[0]
    if rank(first["source_type"]) < rank(rival["source_type"]):
        return f"{first['source_type']} source ranks before {rival['source_type']}"
    if first["published"] != rival["published"] and first["published"]:
        return f"latest of the {first['source_type']} sources ({first['published']})"
    return "surest reading of equal sources"


def conflicts(group: Sequence[Any]) -> list[str]:
    """Slots on which findings tell different things."""
    told = []
    for slot in _COMPARED:
        seen = {row[slot] for row in group if row[slot] is not None}
        if slot.endswith("amount"):
            currency = slot.replace("amount", "currency")
            seen = {(row[slot], row[currency]) for row in group if row[slot] is not None}
        if len(seen) > 1:
            told.append(slot)
    return told
