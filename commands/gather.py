"""Commands that gather pages and read them into the ledger."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import click

from commands.options import all_option, db_option, json_option, only_option
from pipeline import (
    DEMO_DB,
    WORKSPACE_FILE,
    Workspace,
    counts_in_words,
    gather,
    ledger_report,
    print_deals,
    print_report,
    read_pages,
    read_sources,
    read_workspace,
)
from records import ConfigError, InputError, Outcome

# What `init` puts into a workspace, out of crawlers/templates.
TEMPLATES = (WORKSPACE_FILE, "sources.toml", "lexicon/README.md")
# What `retry` asks for again unless told otherwise: ends that may have been the moment's fault.
RETRIED = (Outcome.QUARANTINED, Outcome.UNREACHABLE, Outcome.RETRY_AFTER, Outcome.HTTP_ERROR)


@click.command()
@click.option("--db", type=click.Path(dir_okay=False, path_type=Path), default=DEMO_DB, show_default=True)
@json_option
def demo(db: Path, as_json: bool) -> None:
    """Crawl a small newsroom on this machine, read it, and show its deals."""
    from newsroom.server import serve

    from crawlers.sources import load_sources

    workspace = Workspace(contact="a demonstration that asks its own machine only", db=db)
    with resources.as_file(resources.files("newsroom") / "sources.toml") as path:
        sources = load_sources(path)
    with serve() as newsroom:
        gather(workspace, lambda _: sources, newsroom.address_book)
    read_pages(workspace)
    report = ledger_report(workspace)
    rows = report.pop("deals")
    if as_json:
        click.echo(json.dumps({"deals": rows, **report}, ensure_ascii=False, indent=1))
        return
    print_deals(rows)
    print_report(report)
    click.echo(
        f"\nThe ledger lies in {db}, the raw pages in {workspace.archive}.\n"
        f"Next:  watchledger status --db {db}   how every address and page ended\n"
        "       watchledger init my-workspace   a workspace of your own; then, in it:\n"
        "       watchledger run   gather from real sources"
    )


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Make a workspace: settings, own sources, own lexicon rows."""
    there = next((name for name in TEMPLATES if (folder / name).exists()), None)
    if there:
        raise InputError(f"{folder / there} is there already; nothing was changed")
    try:
        for name in TEMPLATES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            template = resources.files("crawlers") / "templates" / name
            (folder / name).write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    click.echo(f"Made a workspace in {folder}. Next: set `contact` in {folder / WORKSPACE_FILE}; then: watchledger run")


@click.command()
@db_option
@only_option
@all_option
def run(db: Path, only: tuple[str, ...], everything: bool) -> None:
    """Gather from all due sources, read what is new, and bring the deals up to date."""
    workspace = read_workspace(db)
    _crawl(workspace, only, everything)
    read_pages(workspace)
    if sys.stdout.isatty():
        print_report(ledger_report(workspace))


@click.command()
@db_option
@only_option
@all_option
def crawl(db: Path, only: tuple[str, ...], everything: bool) -> None:
    """Gather from all due sources; read nothing."""
    _crawl(read_workspace(db), only, everything)


def _crawl(workspace: Workspace, only: Sequence[str], everything: bool) -> None:
    sources = read_sources(workspace)
    strange = sorted(set(only) - {source.id for source in sources})
    if strange:
        raise ConfigError(f"no source is called {strange[0]!r}; see: watchledger sources")
    _need_contact(workspace)
    if only:
        gather(workspace, lambda _: [source for source in sources if source.id in only])
    elif everything:
        gather(workspace, lambda _: sources)
    else:
        gather(workspace, lambda archive: archive.due_sources(sources, datetime.now(UTC)))


def _need_contact(workspace: Workspace) -> None:
    if not workspace.contact:
        raise ConfigError(
            f"{WORKSPACE_FILE} here has no `contact`, which is told to every site that is asked; "
            "set it there, or make a workspace with: watchledger init"
        )


@click.command()
@db_option
def process(db: Path) -> None:
    """Read the archived pages that are new to this version."""
    workspace = read_workspace(db)
    read_pages(workspace)
    if sys.stdout.isatty():
        print_report(ledger_report(workspace))


@click.command()
@db_option
@click.argument("items", nargs=-1, required=True, metavar="URL|FILE...")
def add(db: Path, items: tuple[str, ...]) -> None:
    """Take single addresses or files, the same way as everything else."""
    from crawlers.by_hand import BY_HAND, read_address, read_file
    from store.archive import Archive

    workspace = read_workspace(db)
    urls = [read_address(item) for item in items if "://" in item]
    pages = [read_file(Path(item)) for item in items if "://" not in item]
    if urls:
        _need_contact(workspace)
    archive = Archive.open(workspace.archive)
    try:
        new = sum(archive.add_page(BY_HAND, page, Path(page.url).stem)[1] for page in pages)
        new += archive.add_urls(BY_HAND, urls, datetime.now(UTC))
    finally:
        archive.close()
    if urls:
        gather(workspace, lambda _: [BY_HAND])
    read_pages(workspace)
    click.echo(f"{len(items)} given, {new} new; {counts_in_words(ledger_report(workspace)['last_reading']['out'])}")


@click.command()
@db_option
@json_option
def sources(db: Path, as_json: bool) -> None:
    """List the sources with what became of them."""
    from store.archive import Archive

    workspace = read_workspace(db)
    known: dict[str, dict[str, Any]] = {}
    if workspace.archive.exists():
        archive = Archive.open(workspace.archive, write=False)
        try:
            known = archive.sources()
        finally:
            archive.close()
    rows = []
    for source in read_sources(workspace):
        seen = known.get(source.id, {})
        health = {key: seen.get(key) for key in ("last_asked", "last_success", "last_new", "last_outcome", "pages")}
        rows.append({key: str(getattr(source, key)) for key in ("id", "publisher", "country", "kind", "url")} | health)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        state = f"{row['pages']} pages, new {row['last_new'] or 'never'}" if row["last_asked"] else "never asked"
        click.echo(f"{row['country']}  {row['id']:32}  {row['kind']:8}  {state:28}  {row['url']}")


@click.command()
@db_option
@json_option
@click.option("--digest", is_flag=True, help="Add the digest: equal digests mean that nothing changed.")
def status(db: Path, as_json: bool, digest: bool) -> None:
    """Tell how the last crawl and every page ended."""
    report = ledger_report(read_workspace(db), with_digest=digest)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        print_report(report)


@click.command()
@db_option
@click.option(
    "--outcome", "wanted", multiple=True, type=click.Choice([str(o) for o in RETRIED]), help="Only these ends."
)
def retry(db: Path, wanted: tuple[str, ...]) -> None:
    """Let addresses and pages that failed be tried again by the next run."""
    from store.archive import Archive
    from store.ledger import Ledger

    workspace = read_workspace(db)
    outcomes = [Outcome(name) for name in wanted] or list(RETRIED)
    archive = Archive.open(workspace.archive)
    try:
        addresses = archive.retry(outcomes)
    finally:
        archive.close()
    ledger = Ledger.open(workspace.db)
    try:
        pages = ledger.retry(outcomes)
    finally:
        ledger.close()
    click.echo(f"{addresses} addresses and {pages} pages will be tried again by: watchledger run")
