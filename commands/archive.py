"""Commands that bring pages in and out as WARC files."""

from __future__ import annotations

import json
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import click

from commands.options import complete_file, db_option, json_option, open_input
from pipeline import EXIT_ATTENTION, counts_in_words, read_workspace
from records import InputError, Source, SourceKind, SourceType

BATCH = 200

WARC_FILES = Source(
    id="warc-files",
    publisher="",
    country="ZZ",
    language="en",
    kind=SourceKind.URLS,
    source_type=SourceType.MEDIA,
    url="",
)


@click.group()
def archive() -> None:
    """Bring pages in from WARC files, or write them out for other tools."""


@archive.command("export")
@db_option
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path), metavar="OUT.warc.gz")
@click.option("--source", "only", multiple=True, metavar="ID", help="Only pages of this source.")
@click.option("--since", default="", metavar="DATE", help="Only pages fetched on this day or later.")
def export(db: Path, output: Path, only: tuple[str, ...], since: str) -> None:
    """Write the archived pages as a WARC file: a response each, a revisit where another has the same body."""
    from crawlers.warc_write import WarcWriter
    from store.archive import Archive

    store, count = Archive.open(read_workspace(db).archive, write=False), 0
    try:
        with complete_file(output) as stream:
            writer = WarcWriter(stream, f"watchledger/{version('watchledger')}")
            for page, own in store.export_pages(only, since):
                writer.add(page, own)
                count += 1
    finally:
        store.close()
    click.echo(f"{count} pages written to {output}")


@archive.command("import")
@db_option
@json_option
@click.argument("files", nargs=-1, required=True, metavar="FILE.warc.gz...")
@click.option("--source", "source_id", metavar="ID", help="The source that pages belong to that do not say it.")
def import_(db: Path, files: tuple[str, ...], source_id: str | None, as_json: bool) -> None:
    """Take the pages of WARC or ARC files (- is standard input), also of damaged ones.

    What a damaged file lost is told by place and reason, and the exit status is then 3. Read the pages with:
    watchledger process
    """
    from store.archive import Archive

    workspace = read_workspace(db)
    source = _source(workspace, source_id)
    store = Archive.open(workspace.archive)
    told = []
    try:
        for name in files:
            with open_input(name) as stream:
                told.append({"file": name, **_import(store, stream, source)})
    finally:
        store.close()
    if as_json:
        click.echo(json.dumps(told, indent=1))
    for entry in told:
        if not as_json:
            click.echo(f"{entry['file']}: {entry['records']} records: {counts_in_words(entry['outcomes'])}")
        for loss in entry["losses"]:
            place = f"{entry['file']}: at byte {loss['offset']}"
            click.echo(f"{place}: {loss['reason']}, {loss['length'] or 'some'} bytes lost", err=True)
    if any(entry["losses"] for entry in told):
        raise SystemExit(EXIT_ATTENTION)


def _import(store: Any, stream: IO[bytes], source: Source) -> dict[str, Any]:
    from crawlers.warc import Loss
    from crawlers.warc_read import Found, pages_of

    outcomes: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    losses: list[dict[str, Any]] = []
    batch: list[tuple[Source, Any, str, str, str]] = []

    def save() -> None:
        for is_new in store.import_pages(batch) if batch else ():
            outcomes["kept" if is_new else "copy_of"] += 1
        batch.clear()

    def body_of(digest: str) -> bytes | None:
        save()  # a revisit may speak of what is not stored yet
        found: bytes | None = store.body_by_digest(digest)
        return found

    for item in pages_of(stream, source, body_of):
        if isinstance(item, Loss):
            losses.append({"offset": item.offset, "length": item.length, "reason": item.reason})
        elif isinstance(item, Found):
            batch.append((item.source, item.page, item.title, item.published, item.digest))
            if len(batch) >= BATCH:
                save()
        else:
            outcomes[item.outcome] += 1
            reasons[f"{item.outcome}: {item.reason}"] += 1
    save()
    return {
        "records": sum(outcomes.values()),
        "outcomes": dict(outcomes),
        "reasons": dict(reasons),
        "losses": losses,
    }


def _source(workspace: Any, source_id: str | None) -> Source:
    from pipeline import read_sources

    if source_id is None:
        return WARC_FILES
    for source in read_sources(workspace):
        if source.id == source_id:
            return source
    raise InputError(f"no source is called {source_id!r}; see: watchledger sources")
