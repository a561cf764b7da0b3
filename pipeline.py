"""Puts the stages in order and is the command line's entry. No text rule, no SQL.

The commands themselves (parse, call, report) are in commands/, by subject, and are loaded when asked for.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module, resources
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from records import (
    ConfigError,
    Fetch,
    ModelError,
    Outcome,
    PageReading,
    Source,
    StoredPage,
    StoreLocked,
    WatchledgerError,
)

if TYPE_CHECKING:
    from store.archive import Archive
    from store.ledger import Ledger

# Given a page, its reading; given None, the version that reads.
Reader = Callable[[StoredPage | None], PageReading | str]

EXIT_FAILED = 1
EXIT_ATTENTION = 3
EXIT_LOCKED = 75

WORKSPACE_FILE = "watchledger.toml"
DEFAULT_DB = Path("output/watchledger.db")
DEMO_DB = Path("output/demo/watchledger.db")
# A PDF of 500 pages takes longer than a web page may (MEASURED-CRAWL, section 8).
PDF_SECONDS = 60.0
# Readings in one transaction of `run` and `process`; a kill costs at most so many, which are then read again.
WRITE_EVERY = 50


# Name -> module in commands/, and the line that `--help` shows (so that help loads nothing; a test compares them).
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("gather", "Crawl a small newsroom on this machine, read it, and show its deals."),
    "init": ("gather", "Make a workspace: settings, own sources, own lexicon rows."),
    "run": ("gather", "Gather from all due sources, read what is new, and bring the deals up to date."),
    "crawl": ("gather", "Gather from all due sources; read nothing."),
    "process": ("gather", "Read the archived pages that are new to this version."),
    "add": ("gather", "Take single addresses or files, the same way as everything else."),
    "archive": ("archive", "Bring pages in from WARC files, or write them out for other tools."),
    "sources": ("sources", "List the sources with what became of them; exit status 3 when one is down or silent."),
    "status": ("gather", "Tell how the last crawl and every page ended."),
    "retry": ("gather", "Let addresses and pages that failed be tried again by the next run."),
    "review": ("review", "Open the review screen over the ledger: evidence beside fields, one key a decision."),
    "queue": (
        "queue",
        "Take the review queue to a file and back, give deals to a second coder, and tell what decisions say.",
    ),
    "publish": (
        "publish",
        "Make a release of the accepted deals in DIR: tables, data package, entities, citations, pictures.",
    ),
    "extract": ("read", "Read the deals out of documents: JSON lines with id and text, or one .txt file."),
    "score": ("read", "Score PREDICTED (or what the extractor reads now) against the gold documents of GOLD."),
    "import-reference": ("ledger", "Take a hand-made data set in as reference rows, beside the ledger."),
    "headline": ("ledger", "Print the index's counts, from the references, the ledger, and both together."),
    "compare": (
        "ledger",
        "Tell what the ledger confirms, lacks and contradicts of the references, and has beyond them.",
    ),
    "decisions": ("ledger", "List what people decided, or write it out."),
    "reply": ("ledger", "Note on a deal what a company or body said of it."),
    "withdraw": ("ledger", "Take an article or a deal out, and keep it out."),
    "backup": ("ledger", "Copy the decisions (with --all everything) into a folder, checked."),
    "restore": ("ledger", "Put a backup in place; what lies there is kept beside."),
    "bulk": (
        "bulk",
        "Read whole WARC files into Parquet parts that `load` takes into the ledger; what is done is not done again.",
    ),
    "load": ("bulk", "Take the parts that `bulk` made into the ledger; loading them again changes nothing."),
    "train": ("read", "Train the extractor again from the corpus (needs the extra [train])."),
}


class Group(click.Group):
    """Loads a command when it is asked for, and turns our errors into one line and exit status 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WatchledgerError as error:
            click.echo(f"watchledger: {error}", err=True)
            ctx.exit(EXIT_LOCKED if isinstance(error, StoreLocked) else EXIT_FAILED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EXIT_FAILED)
        except OSError as error:
            if error.filename is None:  # not about a file, so nothing that somebody can mend by what we say
                raise
            click.echo(f"watchledger: {error.filename}: {error.strerror}; mend its permissions or its disk", err=True)
            ctx.exit(EXIT_FAILED)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="watchledger")
def main() -> None:
    """Reads news and reports and keeps a reviewed ledger of surveillance deals."""


# --- the workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What the owner of a workspace decided: from defaults, then watchledger.toml, then flags."""

    contact: str = ""
    sources: Path | None = None
    shipped_sources: bool = True
    search: bool = False
    lexicon: Path | None = None
    workers: int = 2
    db: Path = DEFAULT_DB

    @property
    def archive(self) -> Path:
        """The archive lies beside the ledger."""
        return self.db.with_name("archive.db")


_WORKSPACE_KEYS: dict[str, type] = {
    "contact": str,
    "sources": str,
    "shipped_sources": bool,
    "search": bool,
    "lexicon": str,
    "workers": int,
}


def read_workspace(db: Path, folder: Path = Path()) -> Workspace:
    """The workspace in `folder`; where it has no watchledger.toml, the defaults hold."""
    path = folder / WORKSPACE_FILE
    if not path.exists():
        return Workspace(db=db)
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for key, value in told.items():
        if key not in _WORKSPACE_KEYS:
            raise ConfigError(f"{path}: unknown key {key!r}; known are {', '.join(_WORKSPACE_KEYS)}")
        if type(value) is not _WORKSPACE_KEYS[key]:
            raise ConfigError(f"{path}: {key} must be of type {_WORKSPACE_KEYS[key].__name__}, not {value!r}")
    if not 1 <= told.get("workers", 1) <= 256:
        raise ConfigError(f"{path}: workers must be from 1 to 256, not {told['workers']}")
    own = {key: folder / told[key] if told.get(key) else None for key in ("sources", "lexicon")}
    return Workspace(**{**told, **own, "db": db})


def read_sources(workspace: Workspace) -> list[Source]:
    """The workspace's own sources, then those that come with watchledger and that it does not name itself."""
    from crawlers.sources import load_sources

    own = load_sources(workspace.sources) if workspace.sources else []
    taken = {source.id for source in own} | {source.url for source in own}
    shipped: list[Source] = []
    if workspace.shipped_sources:
        with resources.as_file(resources.files("crawlers") / "sources.toml") as path:
            shipped = load_sources(path)
    if workspace.search:
        from crawlers.search import load_searches

        with resources.as_file(resources.files("crawlers") / "terms.toml") as path:
            shipped = shipped + load_searches(path)
    return own + [source for source in shipped if source.id not in taken and source.url not in taken]


# --- the stages


def gather(
    workspace: Workspace,
    choose: Callable[[Archive], list[Source]],
    address_book: dict[str, tuple[str, int]] | None = None,
) -> None:
    """Crawl the sources that `choose` picks, given the archive. Raises Stopped where a signal ended the crawl."""
    from store.archive import Archive

    archive = Archive.open(workspace.archive)
    try:
        sources = choose(archive)
        if not sources:
            return
        from crawlers.run import crawl

        archive.begin_run(sources, datetime.now(UTC))
        with _progress("fetching") as tick:
            how = crawl(
                sources,
                archive,
                contact=workspace.contact,
                version=installed_version("watchledger"),
                address_book=address_book,
                watch=tick,
            )
        archive.end_run(datetime.now(UTC), how)
    finally:
        archive.close()
    if how != "finished":
        raise click.ClickException("stopped; the same command goes on where it was")


def read_pages(workspace: Workspace, make: Callable[[], Reader] | None = None) -> None:
    """Read every page that this version has not read, and bring the deals up to date.

    `make` makes the reader in each worker; by default it loads the shipped extractor.
    """
    from store.archive import Archive
    from store.ledger import SETTLE_EVERY, Ledger
    from work.pool import Limits, Pool

    archive, ledger = Archive.open(workspace.archive, write=False), Ledger.open(workspace.db)
    make = make or partial(_load_reader, workspace.lexicon)
    try:
        with Pool(make, workers=workspace.workers, limits=Limits()) as pool, _progress("reading") as tick:
            version = next(result for _, result in pool.run([(None, PDF_SECONDS)]))
            if not isinstance(version, str):
                raise ModelError(f"the extractor does not start: {version}")
            ledger.begin_run("process", version, datetime.now(UTC))
            ledger.know_sources(archive.sources().values())
            # Twice, as what the first time shows to be a site's furniture is cut from the pages that were read before.
            for _ in range(2):
                # Written in batches; what is in hand when a run is killed is read again by the next.
                batch: list[tuple[PageReading, str, str]] = []
                unsettled = 0
                for stored, result in pool.run(_unread(archive, ledger, version)):
                    assert isinstance(stored, StoredPage)
                    batch.append((_reading(stored, result), version, stored.page.source_id))
                    tick(stored)
                    if len(batch) == WRITE_EVERY:
                        ledger.save_many(batch)
                        unsettled, batch = unsettled + len(batch), []
                        if unsettled >= SETTLE_EVERY:
                            ledger.settle()
                            unsettled = 0
                ledger.save_many(batch)
                ledger.settle()
            ledger.end_run(datetime.now(UTC), "finished")
    finally:
        ledger.close()
        archive.close()


def _load_reader(lexicon: Path | None) -> Reader:
    # Imported in the worker only: the models are heavy and the parent has no use for them.
    from extract.page import PageReader

    return PageReader.load(lexicon)


def _unread(archive: Archive, ledger: Ledger, version: str) -> Iterator[tuple[StoredPage, float | None]]:
    for batch in archive.page_ids():
        for page_id in ledger.unread(batch, version):
            stored = archive.page(page_id)
            stored = replace(stored, repeated=ledger.repeated_blocks(stored.page.final_url))
            yield stored, PDF_SECONDS if b"%PDF-" in stored.page.body[:1024] else None


def _reading(stored: StoredPage, result: Any) -> PageReading:
    if isinstance(result, PageReading):
        return result
    if b"%PDF-" in stored.page.body[:1024]:
        return PageReading(page_id=stored.page_id, outcome=Outcome.QUARANTINED, reason=f"pdf_limit: {result.kind}")
    # The kind only (timeout, memory, crash, error): what a library said of a hostile page stays out of the database.
    return PageReading(page_id=stored.page_id, outcome=Outcome.QUARANTINED, reason=result.kind)


@contextmanager
def _progress(word: str) -> Iterator[Callable[[Fetch | StoredPage], None]]:
    """A running count on a terminal; nothing elsewhere."""
    from rich.console import Console

    console, done = Console(stderr=True), Counter[str]()
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status(word) as status:

        def tick(item: Fetch | StoredPage) -> None:
            done[word] += 1
            url = item.target.url if isinstance(item, Fetch) else item.page.final_url
            status.update(f"{word} {done[word]}: {url[:100]}", spinner_style="dim")

        yield tick
    console.print(f"{word}: {done[word]} done", style="dim", highlight=False)


# --- reports


def ledger_report(workspace: Workspace, *, with_digest: bool = False) -> dict[str, Any]:
    """What `status` tells: the last crawl, every page's end, the totals, what is set aside."""
    from store.report import report

    return report(workspace.archive, workspace.db, with_digest=with_digest)


def print_report(report: dict[str, Any]) -> None:
    """The report in words."""
    totals = report["archive"]
    counts = {name: counts_in_words(report[name]) for name in ("last_crawl", "pages", "ledger")}
    size = f"{totals['pages']} pages, {totals['body_bytes']:,} bytes"
    click.echo(f"archive     {size}; {totals['waiting']} addresses wait, {totals['given_up']} given up")
    click.echo(f"last crawl  {sum(report['last_crawl'].values())} asked: {counts['last_crawl']}")
    for row in report["failures"]:
        click.echo(f"            {row['outcome']} ({row['reason']}): {row['url'][:200]}")
    last = report["last_reading"]
    click.echo(f"last run    {last['in']} pages in, {sum(last['out'].values())} out")
    click.echo(f"pages       {sum(report['pages'].values())}: {counts['pages']}")
    click.echo(f"ledger      {counts['ledger']}")
    for row in report["quarantined"]:
        click.echo(f"            set aside ({row['reason']}): page {row['page_id']}")
    if "digest" in report:
        click.echo(f"digest      {report['digest']}")


def counts_in_words(counts: dict[str, int]) -> str:
    """ "3 kept, 1 too_short", most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{n} {name}" for name, n in ordered) or "none"


def print_deals(rows: list[dict[str, Any]]) -> None:
    """The deals as a table, with the sentence and the source that each rests on."""
    from rich.console import Console
    from rich.table import Table

    columns = ("vendor", "country", "technology", "financing", "status", "sure", "evidence", "source")
    made = Table(*columns, show_lines=True)
    for row in rows:
        sources = f" (+{row['sources'] - 1})" if row["sources"] > 1 else ""
        made.add_row(
            row["vendor"] or f"({row['vendor_country']})",
            row["country"],
            ", ".join(row["technologies"]),
            " ".join(filter(None, [row["financing_type"], row["financier"]])),
            row["status"] + (", alleged" if row["alleged"] else ""),
            f"{row['confidence']:.2f}",
            row["evidence"][:240],
            f"{row['outlet'] or ''}{sources}\n{row['url']}",
        )
    Console(width=None if sys.stdout.isatty() else 180).print(made)


if __name__ == "__main__":
    main()
