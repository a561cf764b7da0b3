"""The descriptions that travel with a release: Frictionless data package, CSVW, data dictionary, citation, licence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from publish.cells import PREFIX
from publish.columns import Column, Table
from publish.release import LICENCES, About, Release
from publish.rows import SCHEMA_VERSION, TABLES

_FRICTIONLESS = {"string": "string", "integer": "integer", "number": "number", "boolean": "boolean"}
_CSVW = {"string": "string", "integer": "integer", "number": "decimal", "boolean": "boolean"}
PREFIX_RULE = (
    f"A text cell that a spreadsheet could take for a formula, or that begins with an apostrophe, has one "
    f"apostrophe ({PREFIX}) in front. To have the text exactly, drop one leading apostrophe wherever there is one."
)
RAW_RULE = "Text cells are written exactly. A spreadsheet may run a cell that begins like a formula: open with care."


def text_rule(about: About) -> str:
    """What was done to text cells of the CSV files."""
    return RAW_RULE if about.raw else PREFIX_RULE


# --- Frictionless


def data_package(release: Release, about: About, sizes: dict[str, tuple[int, str]]) -> dict[str, Any]:
    """datapackage.json; `sizes` has the bytes and SHA-256 of each CSV file by its path in the release."""
    licence_title, licence_path = LICENCES[about.licence]
    package: dict[str, Any] = {
        "profile": "tabular-data-package",
        "name": about.name,
        "title": about.title,
        "description": (
            "Reviewed deals in surveillance technology: who supplies which technology to which country, and who "
            "finances it, each value with the outlet, date and sentence that it rests on."
        ),
        "version": about.version,
        "created": about.moment,
        "licenses": [{"name": about.licence, "title": licence_title, "path": licence_path}],
        "contributors": [{"title": author, "role": "author"} for author in about.authors],
        "keywords": ["surveillance", "technology", "procurement", "development finance", "export"],
        "sources": [
            {"title": f"{origin.publisher}: {origin.title}", "path": origin.address} for origin in release.origins
        ],
        "schemaVersion": SCHEMA_VERSION,
        "citation": about.citation,
        "constantDollarsOf": about.base_year,
        "textCells": {"prefix": "" if about.raw else PREFIX, "rule": text_rule(about)},
        "resources": [_resource(table, release, sizes) for table in TABLES],
    }
    if about.homepage:
        package["homepage"] = about.homepage
    return package


def _resource(table: Table, release: Release, sizes: dict[str, tuple[int, str]]) -> dict[str, Any]:
    path = f"csv/{table.name}.csv"
    size, digest = sizes[path]
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "title": table.name.replace("_", " "),
        "description": table.told,
        "path": path,
        "type": "table",
        "scheme": "file",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8-sig" if release.about.bom else "utf-8",
        "dialect": {"csv": {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True}},
        "bytes": size,
        "hash": f"sha256:{digest}",
        "schema": _schema(table),
    }


def _schema(table: Table) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "fields": [_field(column) for column in table.columns],
        "missingValues": [""],
        "primaryKey": list(table.key),
    }
    foreign = [
        {
            "fields": [column.name],
            "reference": {
                "resource": "" if column.refers[0] == table.name else column.refers[0],
                "fields": [column.refers[1]],
            },
        }
        for column in table.columns
        if column.refers
    ]
    return schema | ({"foreignKeys": foreign} if foreign else {})


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"name": column.name, "type": _FRICTIONLESS[column.kind], "description": column.told}
    if column.kind == "boolean":
        field |= {"trueValues": ["true"], "falseValues": ["false"]}
    constraints = dict(_constraints(column))
    return field | ({"constraints": constraints} if constraints else {})


def _constraints(column: Column) -> Iterator[tuple[str, Any]]:
    if not column.optional:
        yield "required", True
    if column.choices:
        yield "enum", list(column.choices)
    if column.pattern:
        yield "pattern", column.pattern
    if column.least is not None:
        yield "minimum", column.least
    if column.most is not None:
        yield "maximum", column.most


# --- CSV on the Web


def csvw(about: About) -> dict[str, Any]:
    """csvw.json: a table group after the W3C's metadata vocabulary for tabular data."""
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": about.title,
        "dc:license": {"@id": LICENCES[about.licence][1]},
        "dc:creator": list(about.authors),
        "dc:issued": about.date,
        "dc:bibliographicCitation": about.citation,
        "schema:version": about.version,
        "rdfs:comment": text_rule(about),
        "dialect": {"encoding": "utf-8", "header": True, "lineTerminators": ["\r\n", "\n"]},
        "tables": [_csvw_table(table) for table in TABLES],
    }


def _csvw_table(table: Table) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "columns": [
            {
                "name": column.name,
                "titles": column.name,
                "dc:description": column.told,
                "datatype": _csvw_type(column),
                "required": not column.optional,
                "null": "",
            }
            for column in table.columns
        ],
        "primaryKey": list(table.key),
    }
    foreign = [
        {
            "columnReference": column.name,
            "reference": {"resource": f"csv/{column.refers[0]}.csv", "columnReference": column.refers[1]},
        }
        for column in table.columns
        if column.refers
    ]
    return {
        "url": f"csv/{table.name}.csv",
        "dc:description": table.told,
        "tableSchema": schema | ({"foreignKeys": foreign} if foreign else {}),
    }


def _csvw_type(column: Column) -> Any:
    if column.kind == "string" and (column.choices or column.pattern):
        return {"base": "string", "format": column.pattern or "|".join(column.choices)}
    if column.least is None and column.most is None:
        return _CSVW[column.kind]
    ends = {"minimum": column.least, "maximum": column.most}
    return {"base": _CSVW[column.kind]} | {name: end for name, end in ends.items() if end is not None}


# --- for people


def data_dictionary() -> str:
    """Every table and column in Markdown; docs/data-dictionary.md is this text, and a test holds it to it."""
    parts = [
        "# Data dictionary",
        "",
        f"Written from `publish/rows.py`; schema version {SCHEMA_VERSION}. A blank means that no document says. "
        "Countries are ISO 3166-1 alpha-2 codes (`XK` for Kosovo), currencies ISO 4217, dates ISO 8601 as precise as "
        "known, amounts plain numbers in units of the currency, offsets code points of the cleaned text.",
        "",
    ]
    for table in TABLES:
        parts += [f"## {table.name}", "", table.told, "", "| column | type | what it tells |", "| --- | --- | --- |"]
        parts += [f"| `{column.name}` | {_type_in_words(column)} | {_told(column)} |" for column in table.columns]
        parts.append("")
    return "\n".join(parts)


def _type_in_words(column: Column) -> str:
    marks = [column.kind, *(["key"] if column.key else []), *([] if column.optional else ["required"])]
    return ", ".join(marks)


def _told(column: Column) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in column.choices)}." if column.choices else ""
    refers = f" Row of `{column.refers[0]}`." if column.refers else ""
    return (column.told + choices + refers).replace("|", "\\|")


def citation_cff(about: About) -> str:
    """CITATION.cff of the data set."""
    lines = [
        "cff-version: 1.2.0",
        "type: dataset",
        "message: If you use this data set, please cite it as below.",
        f"title: {_yaml(about.title)}",
        f"version: {_yaml(about.version)}",
        f"date-released: {about.date}",
        f"license: {about.licence}",
        "authors:",
        *(f"  - name: {_yaml(author)}" for author in about.authors),
    ]
    if about.homepage:
        lines.append(f"url: {_yaml(about.homepage)}")
    return "\n".join(lines) + "\n"


def _yaml(text: str) -> str:
    # A double-quoted YAML scalar is a JSON string.
    return json.dumps(text, ensure_ascii=False)


def licence_text(about: About) -> str:
    """LICENSE.txt of the data set."""
    title, path = LICENCES[about.licence]
    quotes = (
        "Sentences in the columns `quote` are quoted from the sources named beside them, at most 300 characters each, "
        "as evidence; they remain their publishers'.\n\n"
        if about.quotes
        else ""
    )
    return (
        f"{about.title}, version {about.version}\n\n"
        f"Published by {', '.join(about.authors)} under {title} ({about.licence}): {path}\n"
        f"Cite as: {about.citation}\n\n{quotes}"
        "Exchange rates, the price index, the Belt and Road column and the outlines of the map are from the sources in "
        "csv/origins.csv, under the licences named there.\n"
    )


def readme(release: Release) -> str:
    """README.md of the release: what is in it, how to cite it, where to look."""
    about = release.about
    counted = sum(deal.counted for deal in release.deals)
    asked = [
        word for word, there in (("proposed", about.count_proposed), ("umbrella", about.count_umbrella)) if not there
    ]
    left_out = ", ".join([*asked, "cancelled"])
    files = (
        ("index.html", "pictures and counts; opens offline"),
        ("csv/, parquet/, jsonl/", "every table; CSV has safe text cells (see below), the other two exact texts"),
        ("release.db", "the same tables in SQLite, for Datasette"),
        ("datapackage.json, csvw.json", "types, keys, licence: Frictionless data package and CSV on the Web"),
        ("data-dictionary.md", "what every column tells"),
        ("entities.ftm.json", "FollowTheMoney entities, for Aleph"),
        ("sources.bib, sources.csl.json", "the sources for Zotero, LaTeX and word processors"),
        ("feed.atom", "the deals accepted last"),
        ("pictures/", "map, timeline, matrix and network as SVG"),
        *((("changes/", f"what changed since version {about.previous}, and the increment"),) if about.previous else ()),
        ("SHA256SUMS", "check with: sha256sum -c SHA256SUMS"),
    )
    lines = [
        f"# {about.title}, version {about.version}",
        "",
        f"{about.date}. {len(release.deals):,} deals, of which totals and index tables count {counted:,} "
        f"(left out: {left_out}); {len(release.sources):,} sources. Every deal was accepted by an analyst.",
        "",
        f"Cite as: {about.citation}",
        "",
        f"Licence: {LICENCES[about.licence][0]} ({about.licence}), see LICENSE.txt.",
        "",
        "| file | what it is |",
        "| --- | --- |",
        *(f"| {name} | {told} |" for name, told in files),
        "",
        "Every published value leads by `evidence` and `sources` to outlet, date, quoted sentence, offsets and the hash of "
        "the page. A blank means that no document says; it never means none.",
        "",
        f"Text cells of the CSV files: {text_rule(about)}",
        "",
        f"Dollars are of the deal's year at the mean rate of that year, and of {about.base_year} by consumer prices; "
        "`origins` names the sources of the rates. Where there is no rate there are no dollars.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":  # `make docs`
    from pathlib import Path

    (Path(__file__).parents[1] / "docs" / "data-dictionary.md").write_text(data_dictionary(), encoding="utf-8")
