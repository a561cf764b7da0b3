"""Puts the stages in order and is the command line: parse, call, report. No text rule, no SQL."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from records import (
    ConfigError,
    Fetch,
    InputError,
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
EXIT_LOCKED = 75

WORKSPACE_FILE = "watchledger.toml"
DEFAULT_DB = Path("output/watchledger.db")
DEMO_DB = Path("output/demo/watchledger.db")
# What `init` puts into a workspace, out of crawlers/templates.
TEMPLATES = (WORKSPACE_FILE, "sources.toml", "lexicon/README.md")
# A PDF of 500 pages takes longer than a web page may (MEASURED-CRAWL, section 8).
PDF_SECONDS = 60.0
# What `retry` asks for again unless told otherwise: ends that may have been the moment's fault.
RETRIED = (Outcome.QUARANTINED, Outcome.UNREACHABLE, Outcome.RETRY_AFTER, Outcome.HTTP_ERROR)


class Group(click.Group):
    """Turns our errors into one line and exit status 1; no traceback reaches a user."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except WatchledgerError as error:
            click.echo(f"watchledger: {error}", err=True)
            ctx.exit(EXIT_LOCKED if isinstance(error, StoreLocked) else EXIT_FAILED)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EXIT_FAILED)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="watchledger")
def main() -> None:
    """Reads news and reports and keeps a reviewed ledger of surveillance deals."""


@contextmanager
def _output(path: str) -> Iterator[IO[str]]:
    """Standard output for "-", else a file that is complete or not there: written beside, then renamed."""
    if path == "-":
        yield sys.stdout
        return
    scratch = Path(f"{path}.part")
    try:
        with scratch.open("w", encoding="utf-8", newline="\n") as handle:
            yield handle
        scratch.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _input(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        handle = Path(path).open("rb")  # noqa: SIM115 - closed below, after the yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    with handle:
        yield handle


# --- the workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """What the owner of a workspace decided: from defaults, then watchledger.toml, then flags."""

    contact: str = ""
    sources: Path | None = None
    shipped_sources: bool = True
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
            for number, (stored, result) in enumerate(pool.run(_unread(archive, ledger, version)), 1):
                assert isinstance(stored, StoredPage)
                ledger.save(_reading(stored, result), version, stored.page.source_id)
                tick(stored)
                if number % SETTLE_EVERY == 0:
                    ledger.settle()
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
            yield stored, PDF_SECONDS if b"%PDF-" in stored.page.body[:1024] else None


def _reading(stored: StoredPage, result: Any) -> PageReading:
    if isinstance(result, PageReading):
        return result
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
    counts = {name: _counts(report[name]) for name in ("last_crawl", "pages", "ledger")}
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


def _counts(counts: dict[str, int]) -> str:
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


# --- commands that gather and read

db_option = click.option(
    "--db", type=click.Path(dir_okay=False, path_type=Path), default=DEFAULT_DB, show_default=True, help="The ledger."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
only_option = click.option("--source", "only", multiple=True, metavar="ID", help="Only this source, due or not.")
all_option = click.option("--all", "everything", is_flag=True, help="All sources, due or not.")


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
@db_option
def process(db: Path) -> None:
    """Read the archived pages that are new to this version."""
    workspace = read_workspace(db)
    read_pages(workspace)
    if sys.stdout.isatty():
        print_report(ledger_report(workspace))


@main.command()
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
    click.echo(f"{len(items)} given, {new} new; {_counts(ledger_report(workspace)['last_reading']['out'])}")


@main.command()
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


@main.command()
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


@main.command()
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


# --- commands over files of documents


@main.command()
@click.argument("source", metavar="IN.jsonl")
@click.option(
    "-o", "--output", default="-", show_default=True, metavar="OUT.jsonl", help="Where to write; - is standard output."
)
@click.option(
    "--lexicon",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of tables laid over the lexicon.",
)
@click.option("--table", is_flag=True, help="Print the deals as a table instead of JSON lines.")
def extract(source: str, output: str, lexicon: Path | None, table: bool) -> None:
    """Read the deals out of documents: JSON lines with id and text, or one .txt file; - is standard input.

    Each document gives one line, in order. A bad line is named on standard error and has no line; the exit status is
    then 1.
    """
    from extract.contract import BadLine, extraction_row, read_documents, to_line
    from extract.document import Extractor

    extractor = Extractor.load(lexicon)
    bad = 0
    rows: list[dict[str, Any]] = []
    outcomes: Counter[str] = Counter()
    with _input(source) as handle, _output(output) as out:
        for document in read_documents(Path(source), handle):
            if isinstance(document, BadLine):
                bad += 1
                click.echo(f"{source}:{document.number}: {document.fault}", err=True)
                continue
            found = extractor.extract(document)
            outcomes[found.outcome.value] += 1
            if table:
                rows.append(extraction_row(found))
            else:
                out.write(to_line(found) + "\n")
    if table:
        _print_deals(rows)
        click.echo(", ".join(f"{n} {name}" for name, n in sorted(outcomes.items())) or "no documents", err=True)
    if bad:
        click.echo(f"{bad} bad line{'s' * (bad > 1)}; the rest went through", err=True)
        raise SystemExit(EXIT_FAILED)


def _print_deals(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    made = Table("vendor", "country", "technology", "financing", "status", "sure", "evidence", box=None, pad_edge=False)
    for row in rows:
        for deal in row["deals"]:
            financing = deal["financing"] or {}
            made.add_row(
                deal["vendor"] or f"({deal['vendor_country']})",
                deal["country"],
                ", ".join(deal["technologies"]),
                " ".join(filter(None, [financing.get("type"), financing.get("financier")])),
                deal["status"] + (" ?" if deal["alleged"] else ""),
                f"{deal['confidence']:.2f}",
                deal["evidence"][0][:160],
            )
    Console(width=None if sys.stdout.isatty() else 160).print(made)


@main.command()
@click.argument("gold", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("predicted", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option(
    "--bootstrap",
    default=1000,
    show_default=True,
    type=click.IntRange(min=0),
    help="Resamplings for the intervals; 0 leaves them out.",
)
def score(gold: Path, predicted: Path | None, as_json: bool, bootstrap: int) -> None:
    """Score PREDICTED (or what the extractor reads now) against the gold documents of GOLD."""
    from extract.contract import extraction_row, load_gold
    from extract.document import Extractor
    from extract.measure import report, table
    from records import Document

    wanted = load_gold(gold)
    if predicted is None:
        extractor = Extractor.load()
        found = {}
        for key, d in wanted.items():
            document = Document(
                id=key, text=d.get("text", ""), title=d.get("title") or "", date=d.get("date"), lang=d.get("lang")
            )
            found[key] = extraction_row(extractor.extract(document))
    else:
        found = load_gold(predicted)
        stray = sorted(set(found) - set(wanted))
        if stray:
            raise InputError(f"{predicted}: {len(stray)} documents not in gold, first {stray[0]!r}")
    made = report(wanted, found, bootstrap=bootstrap)
    click.echo(json.dumps(made, indent=1) if as_json else table(made))


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def train(arguments: tuple[str, ...]) -> None:
    """Train the extractor again from the corpus (needs the extra [train]; `watchledger train --help`)."""
    try:
        from extract.train.run import main as run
    except ModuleNotFoundError as error:
        raise InputError(f"training needs {error.name}, which is not installed; run: make train") from error
    run(list(arguments))


if __name__ == "__main__":
    main()
