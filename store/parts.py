"""Readings as Parquet, for parts of a large run that are loaded into a ledger later, or read by other programs.

Four files a part: `articles` (each page that was cleaned or set aside, with its text where it has one), `findings`,
`claims`, and `sample` (of what the gate dropped: the words, and how many deals a full reading found in them).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from records import (
    Article,
    Claim,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    InputError,
    Money,
    Outcome,
    PageReading,
    Precision,
    Qualifier,
    Role,
    Span,
    Status,
    Technology,
)

_MONEY = pa.struct([("amount", pa.float64()), ("currency", pa.string()), ("raw", pa.string())])
_FINANCING = pa.struct(
    [
        ("type", pa.string()),
        ("financier", pa.string()),
        ("money", _MONEY),
        ("rate", pa.float64()),
        ("maturity_years", pa.float64()),
        ("grace_years", pa.float64()),
    ]
)
_SPAN = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("slot", pa.string()), ("where", pa.string())])
_STRINGS = pa.list_(pa.string())
ARTICLES = pa.schema(
    [
        *((name, pa.string()) for name in ("page_id", "outcome", "reason", "version", "source_id", "url", "title")),
        ("text", pa.string()),
        *((name, pa.string()) for name in ("language", "outlet", "author", "published", "published_precision")),
        ("published_rule", pa.string()),
        ("truncated", pa.bool_()),
        ("pages", pa.list_(pa.int32())),
        ("sketch", pa.list_(pa.int64())),
        ("extraction_outcome", pa.string()),
        ("extractor_version", pa.string()),
        ("notes", _STRINGS),
    ]
)
FINDINGS = pa.schema(
    [
        ("page_id", pa.string()),
        ("vendor", pa.string()),
        ("vendor_aliases", _STRINGS),
        ("vendor_country", pa.string()),
        ("country", pa.string()),
        ("technologies", _STRINGS),
        ("evidence", _STRINGS),
        ("confidence", pa.float64()),
        ("financing", _FINANCING),
        ("instruments", pa.list_(_FINANCING)),
        ("value", _MONEY),
        ("customer", pa.string()),
        ("year", pa.int32()),
        ("status", pa.string()),
        ("alleged", pa.bool_()),
        ("vendor_id", pa.string()),
        ("role", pa.string()),
        ("place", pa.string()),
        ("reasons", _STRINGS),
        ("spans", pa.list_(_SPAN)),
        ("field_confidence", pa.list_(pa.struct([("slot", pa.string()), ("probability", pa.float64())]))),
    ]
)
CLAIMS = pa.schema(
    [
        *((name, pa.string()) for name in ("page_id", "vendor", "vendor_country")),
        ("technologies", _STRINGS),
        ("n_countries", pa.int32()),
        ("qualifier", pa.string()),
        ("evidence", pa.string()),
        ("confidence", pa.float64()),
        ("spans", pa.list_(_SPAN)),
    ]
)
SAMPLE = pa.schema([("url", pa.string()), ("text", pa.string()), ("deals", pa.int32())])
_SCHEMAS = {"articles": ARTICLES, "findings": FINDINGS, "claims": CLAIMS, "sample": SAMPLE}
# Rows gathered before they are compressed; bounds what a part holds in memory.
_GROUP = 500


class PartWriter:
    """Takes readings and gives the part's files. Memory grows with the compressed size only."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _SCHEMAS}
        self._buffers = {kind: io.BytesIO() for kind in _SCHEMAS}
        self._writers = {
            kind: pq.ParquetWriter(self._buffers[kind], schema, compression="zstd") for kind, schema in _SCHEMAS.items()
        }
        self.rows = dict.fromkeys(_SCHEMAS, 0)

    def add(self, reading: PageReading, version: str, source_id: str) -> None:
        """One page's reading, by which version, with its article, findings and claims."""
        self._put("articles", _article_row(reading, version, source_id))
        if reading.extraction is not None:
            for finding in reading.extraction.deals:
                self._put("findings", {"page_id": reading.page_id, **_plain(finding)})
            for claim in reading.extraction.claims:
                self._put("claims", {"page_id": reading.page_id, **_plain(claim)})

    def add_sample(self, url: str, text: str, deals: int) -> None:
        """A page that the gate dropped, and what a reading without the gate found in it."""
        self._put("sample", {"url": url, "text": text, "deals": deals})

    def files(self) -> dict[str, bytes]:
        """The finished files by kind; the writer is used up."""
        for kind in _SCHEMAS:
            self._flush(kind)
            self._writers[kind].close()
        return {kind: buffer.getvalue() for kind, buffer in self._buffers.items()}

    def _put(self, kind: str, row: dict[str, Any]) -> None:
        self._rows[kind].append(row)
        self.rows[kind] += 1
        if len(self._rows[kind]) >= _GROUP:
            self._flush(kind)

    def _flush(self, kind: str) -> None:
        if self._rows[kind]:
            self._writers[kind].write_table(pa.Table.from_pylist(self._rows[kind], schema=_SCHEMAS[kind]))
            self._rows[kind] = []


@dataclass(frozen=True, slots=True)
class PartReading:
    """A reading out of a part, the version that read, and the source that it is filed under."""

    reading: PageReading
    version: str
    source_id: str


def read_part(folder: Path, name: str, batch: int = _GROUP) -> Iterator[list[PartReading]]:
    """The readings of a part in batches, findings and claims with their articles. Raises InputError."""
    try:
        findings = _by_page(folder / f"{name}.findings.parquet", _finding)
        claims = _by_page(folder / f"{name}.claims.parquet", _claim)
        with pq.ParquetFile(folder / f"{name}.articles.parquet") as file:
            for group in file.iter_batches(batch_size=batch):
                yield [
                    PartReading(
                        _reading(row, findings.get(row["page_id"], ()), claims.get(row["page_id"], ())),
                        row["version"],
                        row["source_id"],
                    )
                    for row in group.to_pylist()
                ]
    except (OSError, pa.ArrowException, KeyError, TypeError) as error:
        raise InputError(f"{folder}/{name}: not a part of watchledger bulk: {str(error)[:200]}") from error


def _article_row(reading: PageReading, version: str, source_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "page_id": reading.page_id,
        "outcome": reading.outcome.value,
        "reason": reading.reason,
        "version": version,
        "source_id": source_id,
        "sketch": list(reading.sketch),
    }
    article, extraction = reading.article, reading.extraction
    if article is not None:
        told = _plain(article)
        told.pop("article_id")
        row |= told
    if extraction is not None:
        row |= {
            "extraction_outcome": extraction.outcome.value,
            "extractor_version": extraction.extractor_version,
            "notes": list(extraction.notes),
        }
    return row


def _plain(value: Any) -> Any:
    """A record as lists, dicts and plain values; enums as their words."""
    if hasattr(value, "__dataclass_fields__"):
        made = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if "field_confidence" in made:
            made["field_confidence"] = [{"slot": slot, "probability": p} for slot, p in value.field_confidence]
        return made
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value.value if hasattr(value, "value") else value


def _by_page(path: Path, make: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in pq.read_table(path).to_pylist():
        found.setdefault(row.pop("page_id"), []).append(make(row))
    return found


def _reading(row: dict[str, Any], deals: Sequence[Finding], claims: Sequence[Claim]) -> PageReading:
    article = extraction = None
    if row["text"] is not None:
        precision = row["published_precision"]
        article = Article(
            article_id=row["page_id"],
            **{name: row[name] for name in ("url", "title", "text", "language", "outlet", "author", "published")},
            published_precision=Precision(precision) if precision else None,
            published_rule=row["published_rule"],
            truncated=row["truncated"],
            pages=tuple(row["pages"]),
        )
    if row["extraction_outcome"] is not None:
        extraction = Extraction(
            id=row["page_id"],
            outcome=Outcome(row["extraction_outcome"]),
            extractor_version=row["extractor_version"],
            deals=tuple(deals),
            claims=tuple(claims),
            notes=tuple(row["notes"]),
        )
    return PageReading(
        page_id=row["page_id"],
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        article=article,
        extraction=extraction,
        sketch=tuple(row.get("sketch") or ()),  # parts of before 2026-11-28 have none
    )


def _finding(row: dict[str, Any]) -> Finding:
    return Finding(
        **{
            **row,
            "vendor_aliases": tuple(row["vendor_aliases"]),
            "technologies": tuple(map(Technology, row["technologies"])),
            "evidence": tuple(row["evidence"]),
            "financing": _financing(row["financing"]) if row["financing"] else None,
            "instruments": tuple(_financing(item) for item in row["instruments"]),
            "value": Money(**row["value"]) if row["value"] else None,
            "status": Status(row["status"]),
            "role": Role(row["role"]) if row["role"] else None,
            "reasons": tuple(row["reasons"]),
            "spans": tuple(Span(**span) for span in row["spans"]),
            "field_confidence": tuple((item["slot"], item["probability"]) for item in row["field_confidence"]),
        }
    )


def _financing(row: dict[str, Any]) -> Financing:
    money = Money(**row["money"]) if row["money"] else None
    return Financing(**{**row, "type": FinancingType(row["type"]), "money": money})


def _claim(row: dict[str, Any]) -> Claim:
    return Claim(
        **{
            **row,
            "technologies": tuple(map(Technology, row["technologies"])),
            "qualifier": Qualifier(row["qualifier"]),
            "spans": tuple(Span(**span) for span in row["spans"]),
        }
    )
