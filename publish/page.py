"""index.html and pictures/ of a release: what is in it, to be looked at offline, printed and linked to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from publish.columns import Table
from publish.pictures.matrix import draw_matrix
from publish.pictures.network import draw_network
from publish.pictures.svg import left_out
from publish.pictures.timeline import draw_timeline
from publish.pictures.world import draw_map
from publish.release import LICENCES, Release
from publish.rows import TABLES

PICTURES = {"map": draw_map, "timeline": draw_timeline, "matrix": draw_matrix, "network": draw_network}
# What a picture is, for those who do not see it; its counts are in the tables.
_SHOWS = {
    "map": "World map of the counted deals by recipient country",
    "timeline": "Counted deals by year",
    "matrix": "Counted deals by supplier and recipient country",
    "network": "Counted deals from the supplier's home over the company to the recipient country",
}
_MARK = '<span role="img" aria-label="yes">●</span>'
# Columns of `index_countries`, and their heads.
_INDEX = {
    "country_name": "country",
    "belt_and_road": "Belt and Road",
    "smart_city": "smart city",
    "facial_recognition": "facial recognition",
    "smart_policing": "smart policing",
    "social_media": "social media",
    "china_tech": "China tech",
    "us_tech": "US tech",
    "japan_tech": "Japan tech",
    "deals": "deals",
    "companies": "companies",
}
_STYLE = """
body { font: 15px/1.5 "Liberation Sans", Arial, Helvetica, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 1060px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 8px; }
.soft { color: #555; } img { max-width: 100%; height: auto; border: 1px solid #ddd; }
table { border-collapse: collapse; font-size: 13px; } th, td { text-align: left; vertical-align: top; padding: 3px 8px;
  border-bottom: 1px solid #ddd; } thead th { position: sticky; top: 0; background: #fff; } td.n { text-align: right; }
th[scope=row] { font-weight: normal; } td.m { text-align: center; } figure { margin: 0 0 24px; } a { color: #08519c; }
@media screen and (max-width: 900px) { .wide { overflow-x: auto; } }
@media print { figure, tr { break-inside: avoid; } }
"""


def write_page(release: Release, folder: Path) -> None:
    """pictures/*.svg and index.html; nothing in them asks the network or runs a script."""
    (folder / "pictures").mkdir()
    for name, draw in PICTURES.items():
        (folder / "pictures" / f"{name}.svg").write_text(draw(release), encoding="utf-8", newline="\n")
    (folder / "index.html").write_text(_page(release), encoding="utf-8", newline="\n")


def _page(release: Release) -> str:
    about = release.about
    licence, licence_at = LICENCES[about.licence]
    total = next(row for row in release.totals if row.scope == "all")
    parts = [
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(about.title)} {escape(about.version)}</title><style>{_STYLE}</style></head><body><main>",
        f"<h1>{escape(about.title)}</h1>",
        f'<p class="soft">Version {escape(about.version)}, {about.date}. {escape(", ".join(about.authors))}. '
        f'<a href="{licence_at}">{escape(licence)}</a>.</p>',
        f"<p>{len(release.deals):,} deals, each accepted by an analyst; {len(release.sources):,} sources. Pictures and the "
        f"table below count {total.deals:,} of the deals in {len(release.index_countries)} countries. {left_out(about)}</p>",
        f"<p>{_money_told(total, about.base_year)}</p>",
        f"<p>Cite as: {escape(about.citation)}</p>",
        *(_figure(name) for name in PICTURES),
        '<h2 id="countries">Countries</h2>',
        "<p>In the layout of the AI Global Surveillance Index. The Belt and Road column is that index's of 2019; it is blank for "
        "countries that it does not list. A mark says that a counted deal tells it.</p>",
        _index_table(release.index_countries),
        '<h2 id="files">Files</h2>',
        _files(since=about.previous),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _money_told(total: Any, base_year: int) -> str:
    if not total.priced:
        return "No counted deal has a price."
    lacking = f"; {total.no_dollars:,} of them have no dollars (no rate or no year)" if total.no_dollars else ""
    return (
        f"{total.priced:,} of the counted deals have a price{lacking}. Together: {total.value_usd:,.0f} US dollars of the deals' "
        f"years, {total.value_usd_constant:,.0f} dollars of {base_year}; a price told for several deals enters once."
    )


def _figure(name: str) -> str:
    picture = f'<img src="pictures/{name}.svg" alt="{_SHOWS[name]}" loading="lazy">'
    return f'<figure><a href="pictures/{name}.svg">{picture}</a></figure>'


def _index_table(rows: Iterable[Any]) -> str:
    """By name, as people look for a country; the table's files are by code."""
    first, *rest = _INDEX
    return _table(
        "countries",
        _INDEX.values(),
        (
            f'<th scope="row">{escape(getattr(row, first))}</th>'
            + "".join(_cell(getattr(row, name), says_no=name == "belt_and_road") for name in rest)
            for row in sorted(rows, key=lambda row: str(getattr(row, first)))
        ),
    )


def _table(heading: str, names: Iterable[str], rows: Iterable[str]) -> str:
    """A table that its heading names, and that a narrow screen can move by itself, also without a mouse."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="group" aria-labelledby="{heading}"><table aria-labelledby="{heading}">'
        f"<thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>"
    )


def _cell(value: Any, *, says_no: bool = False) -> str:
    if isinstance(value, bool) or value is None:
        no = "no" if says_no and value is False else ""
        return f'<td class="m">{_MARK if value else no}</td>'
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"


def _files(*, since: str) -> str:
    links: Sequence[tuple[str, str]] = (
        ("README.md", "what is in the folder, how to cite it"),
        ("data-dictionary.md", "what every column tells"),
        ("datapackage.json", "Frictionless data package"),
        ("csvw.json", "CSV on the Web"),
        ("release.db", "SQLite"),
        ("entities.ftm.json", "FollowTheMoney entities"),
        ("sources.bib", "sources as BibTeX"),
        ("sources.csl.json", "sources as CSL-JSON"),
        ("feed.atom", "Atom feed of the deals accepted last"),
        *((("changes/changes.csv", f"what changed since version {escape(since)}"),) if since else ()),
        ("LICENSE.txt", "licence"),
        ("CITATION.cff", "citation"),
        ("SHA256SUMS", "checksums"),
    )
    listed = "".join(f'<li><a href="{name}">{name}</a>: {told}</li>\n' for name, told in links)
    return f"<ul>\n{listed}</ul>\n" + _table("files", ("table", "formats", "what it holds"), map(_table_row, TABLES))


def _table_row(table: Table) -> str:
    name = table.name
    links = " ".join(
        f'<a href="{end}/{name}.{end}" aria-label="{name} as {end}">{end}</a>' for end in ("csv", "parquet", "jsonl")
    )
    return f'<th scope="row">{name}</th><td>{links}</td><td>{escape(table.told)}</td>'
