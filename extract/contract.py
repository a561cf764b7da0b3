"""The lines that go in and out of `watchledger extract`: what programs build on.

Fields may be added, none is renamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from records import Claim, Document, Extraction, Financing, Finding, InputError, Money

LONGEST_LINE = 20_000_000
"""Bytes; a longer line is refused before it is parsed."""
STRINGS = ("title", "date", "lang", "url")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no document: its number and the fault, for stderr."""

    number: int
    fault: str


def read_document(line: bytes, number: int) -> Document | BadLine:
    """One input line as a document, or what is wrong with it."""
    if len(line) > LONGEST_LINE:
        return BadLine(number, f"{len(line):,} bytes in one line; at most {LONGEST_LINE:,} are read")
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        return BadLine(number, f"not UTF-8 at byte {error.start}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return BadLine(number, f"not JSON: {str(error)[:120]}")
    if not isinstance(found, dict):
        return BadLine(number, f"a JSON {type(found).__name__}, not an object with id and text")
    key = found.get("id")
    if not isinstance(key, str | int) or isinstance(key, bool) or key == "":
        return BadLine(number, "no id")
    if not isinstance(found.get("text"), str):
        return BadLine(number, f"document {str(key)[:60]!r} has no text")
    for name in ("text", *STRINGS):
        value = found.get(name)
        if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
            return BadLine(number, f"document {str(key)[:60]!r}: {name} holds half a surrogate pair")
    return Document(id=str(key), text=found["text"], **{n: found[n] for n in STRINGS if isinstance(found.get(n), str)})


def read_documents(path: Path, handle: IO[bytes]) -> Iterator[Document | BadLine]:
    """Documents of a JSON-lines file, or of a `.txt` file (one document, the stem is its id)."""
    if path.suffix == ".txt":
        raw = handle.read(LONGEST_LINE + 1)
        if len(raw) > LONGEST_LINE:
            yield BadLine(1, f"more than {LONGEST_LINE:,} bytes")
            return
        try:
            yield Document(id=path.stem, text=raw.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            yield BadLine(1, f"not UTF-8 at byte {error.start}")
        return
    number = 0
    while True:
        line = handle.readline(LONGEST_LINE + 2)
        if not line:
            return
        number += 1
        if len(line) > LONGEST_LINE + 1:
            size = len(line)
            while not line.endswith(b"\n") and (line := handle.readline(1 << 20)):
                size += len(line)
            yield BadLine(number, f"{size:,} bytes in one line; at most {LONGEST_LINE:,} are read")
            continue
        if line.strip():
            yield read_document(line, number)


def _number(amount: float) -> int | float:
    return int(amount) if amount == int(amount) else amount


def _money(money: Money | None) -> dict[str, Any] | None:
    return {"amount": _number(money.amount), "currency": money.currency} if money else None


def _financing(financing: Financing | None) -> dict[str, Any] | None:
    if financing is None:
        return None
    sum_of = financing.money
    return {
        "type": financing.type.value, "financier": financing.financier,
        "amount": _number(sum_of.amount) if sum_of else None, "currency": sum_of.currency if sum_of else None,
    }  # fmt: skip


def deal_row(finding: Finding) -> dict[str, Any]:
    """A finding with the guidelines' field names and what the contract adds."""
    return {
        "vendor": finding.vendor,
        "vendor_aliases": list(finding.vendor_aliases),
        "vendor_country": finding.vendor_country,
        "country": finding.country,
        "technologies": [t.value for t in finding.technologies],
        "financing": _financing(finding.financing),
        "value": _money(finding.value),
        "customer": finding.customer,
        "year": finding.year,
        "status": finding.status.value,
        "alleged": finding.alleged,
        "evidence": list(finding.evidence),
        "confidence": finding.confidence,
        "vendor_id": finding.vendor_id,
        "place": finding.place,
        "role": finding.role.value if finding.role else None,
        "instruments": [_financing(f) for f in finding.instruments],
        "field_confidence": dict(finding.field_confidence),
        "reasons": list(finding.reasons),
        "spans": [{"slot": s.slot, "start": s.start, "end": s.end, "in": s.where} for s in finding.spans],
    }


def claim_row(claim: Claim) -> dict[str, Any]:
    return {
        "vendor": claim.vendor,
        "vendor_country": claim.vendor_country,
        "technologies": [t.value for t in claim.technologies],
        "n_countries": claim.n_countries,
        "qualifier": claim.qualifier.value,
        "evidence": [claim.evidence] if claim.evidence else [],
        "spans": [{"slot": s.slot, "start": s.start, "end": s.end, "in": s.where} for s in claim.spans],
    }


def extraction_row(extraction: Extraction) -> dict[str, Any]:
    return {
        "id": extraction.id,
        "deals": [deal_row(f) for f in extraction.deals],
        "claims": [claim_row(c) for c in extraction.claims],
        "outcome": extraction.outcome.value,
        "language": extraction.language,
        "extractor_version": extraction.extractor_version,
    }


def to_line(extraction: Extraction) -> str:
    """One output line; same input, same bytes."""
    return json.dumps(extraction_row(extraction), ensure_ascii=False, separators=(", ", ": "), sort_keys=False)


def load_gold(path: Path) -> dict[str, dict[str, Any]]:
    """Documents of a gold or predicted file by id; a fault is an `InputError` with its line."""
    found: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            key = document["id"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}:{number}: not a document with an id: {error}") from error
        if key in found:
            raise InputError(f"{path}:{number}: document {key!r} stands twice")
        found[key] = document
    return found
