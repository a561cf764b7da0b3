"""The sources: what became of them, and drafts of new ones."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from commands.gather import need_contact
from commands.options import db_option, json_option
from pipeline import EXIT_ATTENTION, EXIT_FAILED, read_sources, read_workspace
from records import Page, Source, SourceKind, SourceType

# A drafting crawl asks some ten addresses of one host; more time means that the host does not answer.
PATIENCE = 600


@click.group(invoke_without_command=True)
@db_option
@json_option
@click.pass_context
def sources(context: click.Context, db: Path, as_json: bool) -> None:
    """List the sources with what became of them; exit status 3 when one is down or silent."""
    if context.invoked_subcommand is not None:
        return
    rows = _rows(db)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _print(rows)
    if any(row["needs_attention"] for row in rows):
        raise SystemExit(EXIT_ATTENTION)


def _rows(db: Path) -> list[dict[str, Any]]:
    from store.archive import Archive
    from store.health import Health

    workspace = read_workspace(db)
    all_sources = read_sources(workspace)
    found = [Health(source_id=source.id, state="never_asked") for source in all_sources]
    if workspace.archive.exists():
        archive = Archive.open(workspace.archive, write=False)
        try:
            found = archive.health(all_sources, datetime.now(UTC))
        finally:
            archive.close()
    told = ("id", "publisher", "country", "language", "kind", "source_type", "url")
    return [
        {key: str(getattr(source, key)) for key in told} | asdict(health) | {"needs_attention": health.needs_attention}
        for source, health in zip(all_sources, found, strict=True)
    ]


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        day = {key: (row[key] or "never")[:10] for key in ("last_success", "last_new")}
        usual = f"every {row['usual_hours']:g} h" if row["usual_hours"] else ""
        fault = f"{row['error_class']}: {row['last_outcome']} {row['last_reason']}" if row["error_class"] else ""
        moved = f"moved to {row['moved_to']}" if row["moved_to"] else ""
        click.echo(
            f"{row['state']:11}  {row['country']}  {row['id']:32}  {row['pages']:6} pages  read {day['last_success']:10}"
            f"  new {day['last_new']:10}  {usual:14}  {fault}  {moved}".rstrip()
        )
    odd = [row for row in rows if row["state"] not in ("well", "never_asked")]
    asked = sum(row["state"] != "never_asked" for row in rows)
    click.echo(f"{len(rows)} sources, {asked} asked so far, {len(odd)} of them not well")


@sources.command("new")
@click.argument("url")
@click.option("--private-network", is_flag=True, help="The host may live at a private or loopback address.")
def new(url: str, private_network: bool) -> None:
    """Draft an entry for sources.toml from a page, by finding and reading its feeds and sitemaps."""
    from crawlers.by_hand import read_address
    from crawlers.discover import as_toml, drafts, first_places, named_places

    workspace = read_workspace(Path("output/watchledger.db"))
    need_contact(workspace)
    home = read_address(url)
    source = Source(
        id="draft",
        publisher="",
        country="ZZ",
        language="en",
        kind=SourceKind.LISTING,
        source_type=SourceType.MEDIA,
        url=home,
        private_network=private_network,
    )
    pages = _fetch(source, first_places(home), workspace.contact)
    asked = {page.url for page in pages}
    pages += _fetch(source, [place for place in named_places(pages) if place not in asked], workspace.contact)
    found = drafts(pages, home, private_network=private_network)
    for draft in found:
        click.echo(as_toml(draft))
    if not found:
        click.echo(f"watchledger: no feed or sitemap found from {home}; it may be taken as a listing", err=True)
        raise SystemExit(EXIT_FAILED)


def _fetch(source: Source, urls: list[str], contact: str) -> list[Page]:
    """Ask for addresses under the crawler's own rules, in a process and an archive of their own."""
    from store.archive import Archive

    if not urls:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "archive.db"
        child = multiprocessing.get_context("spawn").Process(target=_crawl, args=(path, source, urls, contact))
        child.start()
        child.join(PATIENCE)
        if child.is_alive():
            child.kill()
            child.join()
        archive = Archive.open(path, write=False)
        try:
            return [archive.page(page_id).page for batch in archive.page_ids() for page_id in batch]
        finally:
            archive.close()


def _crawl(path: Path, source: Source, urls: list[str], contact: str) -> None:
    from crawlers.run import crawl
    from store.archive import Archive

    archive = Archive.open(path)
    try:
        unlisted = replace(source, url="")  # nothing is asked as an index
        archive.add_urls(unlisted, urls, datetime.now(UTC))
        archive.begin_run([unlisted], datetime.now(UTC))
        archive.end_run(datetime.now(UTC), crawl([source], archive, contact=contact, version=version("watchledger")))
    finally:
        archive.close()
