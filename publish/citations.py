"""The sources as BibTeX and CSL-JSON, for Zotero, LaTeX and word processors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from publish.rows import Source
from records import SourceType

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "%": r"\%",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
# In an address only what would end or comment out the field.
_LATEX_URL = str.maketrans({"{": "%7B", "}": "%7D", "\\": "%5C", "%": r"\%", "#": r"\#"})
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_CSL_TYPES = {
    SourceType.MEDIA: "article-newspaper",
    SourceType.ACADEMIC: "article",
    SourceType.OFFICIAL: "report",
    SourceType.NGO: "report",
    SourceType.SOCIAL: "post",
}


def write_bibtex(sources: Iterable[Source], path: Path) -> None:
    """One @online entry a source; the key is `wl` and the source's id."""
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        for source in sources:
            handle.write(_bibtex(source) + "\n\n")


def _bibtex(source: Source) -> str:
    year, month, day = _date_parts(source.published)
    fields = {
        "title": f"{{{_latex(source.title or source.url or source.source_id)}}}",
        "author": f"{{{_latex(source.author)}}}" if source.author else None,
        "organization": _latex(source.outlet) if source.outlet else None,
        "year": year,
        "day": str(int(day)) if day else None,
        "url": source.url.translate(_LATEX_URL) if source.url else None,
        "urldate": source.retrieved_at[:10] if source.retrieved_at else None,
        "langid": source.language,
        "note": f"SHA-256 of the page: {source.page_sha256}" if source.page_sha256 else None,
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    if month:
        lines.append(f"  month = {_MONTHS[int(month) - 1]},")
    return "\n".join([f"@online{{wl{source.source_id},", *lines, "}"])


def _latex(text: str) -> str:
    return " ".join(text.split()).translate(_LATEX)


def write_csl(sources: Iterable[Source], path: Path) -> None:
    """One CSL item a source."""
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write("[")
        for number, source in enumerate(sources):
            handle.write(",\n" if number else "\n")
            handle.write(json.dumps(_csl(source), ensure_ascii=False))  # `dump` is the slow encoder
        handle.write("\n]\n")


def _csl(source: Source) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": source.source_id,
        "type": _CSL_TYPES.get(source.source_type, "webpage") if source.source_type else "webpage",
        "title": source.title or source.url or source.source_id,
    }
    told = {
        "author": [{"literal": source.author}] if source.author else None,
        "container-title": source.outlet,
        "issued": _csl_date(source.published),
        "accessed": _csl_date(source.retrieved_at[:10]) if source.retrieved_at else None,
        "URL": source.url,
        "language": source.language,
        "note": f"SHA-256 of the page: {source.page_sha256}" if source.page_sha256 else None,
    }
    return item | {name: value for name, value in told.items() if value}


def _csl_date(date: str | None) -> dict[str, Any] | None:
    parts = [int(part) for part in _date_parts(date) if part]
    return {"date-parts": [parts]} if parts else None


def _date_parts(date: str | None) -> tuple[str | None, str | None, str | None]:
    parts: list[str | None] = [*(date or "").split("-"), None, None][:3]
    return parts[0] or None, parts[1], parts[2]
