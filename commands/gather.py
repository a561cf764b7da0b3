"""Commands that gather pages and read them into the ledger."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.options import all_option, db_option, json_option, only_option
from pipeline import (
    DEMO_DB,
    EXIT_LOCKED,
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
from records import ConfigError, InputError, Outcome, Source

if TYPE_CHECKING:
    from store.archive import Archive

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
@click.option("--every", metavar="6h", help="Stay, and run again this long after each start (30m, 6h, 1d).")
def run(db: Path, only: tuple[str, ...], everything: bool, every: str | None) -> None:
    """Gather from all due sources, read what is new, and bring the deals up to date."""
    workspace = read_workspace(db)
    if every is not None:
        pause = read_pause(every)
        _known_sources(workspace, only)  # a wrong setting would spoil every run
        run_every(pause, _one_run(db, only, everything))
        return
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


def read_pause(text: str) -> float:
    """Seconds of "30m", "6h" or "1d". Raises ConfigError where it is none, or shorter than a minute."""
    match = re.fullmatch(r"(\d{1,4})([mhd])", text.strip())
    if not match or not int(match.group(1)):
        raise ConfigError(f"--every {text!r} is no pause; write it as 30m, 6h or 1d")
    return int(match.group(1)) * {"m": 60.0, "h": 3600.0, "d": 86400.0}[match.group(2)]


def _one_run(db: Path, only: Sequence[str], everything: bool) -> list[str]:
    """The command of a single run. -P: what lies in the workspace's folder is not code of ours."""
    command = [sys.executable, "-P", "-m", "pipeline", "run", "--db", str(db)]
    return command + [part for name in only for part in ("--source", name)] + ["--all"] * everything


def run_every(pause: float, command: Sequence[str]) -> None:
    """Run a command again and again, so many seconds from start to start, until SIGTERM, SIGINT or SIGHUP.

    Each run is a process of its own, as a crawl can run once a process, and takes the lock for itself. A signal is
    handed on to the run that is at work, which ends well on its own terms; this returns when it has.
    """
    woken, wake = os.pipe()
    at_work: subprocess.Popen[bytes] | None = None
    asked: list[int] = []

    def end(number: int, _frame: object) -> None:
        asked.append(number)
        os.write(wake, b".")
        if at_work is not None:
            at_work.send_signal(number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        while not asked:
            began = time.monotonic()
            # A process group of its own: a terminal's Ctrl-C comes to this process alone, so the run hears it once.
            at_work = subprocess.Popen(command, process_group=0)  # noqa: S603 - our own command
            if asked:  # while it was being started
                at_work.send_signal(asked[-1])
            code = at_work.wait()
            at_work = None
            if asked:
                return
            if code not in (0, EXIT_LOCKED):
                click.echo(
                    f"watchledger: the run ended with exit status {code}; the next one is tried all the same", err=True
                )
            select.select([woken], [], [], max(pause - (time.monotonic() - began), 1.0))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(woken)
        os.close(wake)


def _known_sources(workspace: Workspace, only: Sequence[str]) -> list[Source]:
    """The sources, in a workspace that is fit to ask them. Raises ConfigError where it is not, or lacks one of `only`."""
    sources = read_sources(workspace)
    strange = sorted(set(only) - {source.id for source in sources})
    if strange:
        raise ConfigError(f"no source is called {strange[0]!r}; see: watchledger sources")
    need_contact(workspace)
    return sources


def _crawl(workspace: Workspace, only: Sequence[str], everything: bool) -> None:
    sources = _known_sources(workspace, only)
    chosen: list[Source] = []

    def choose(archive: Archive) -> list[Source]:
        chosen[:] = sources if everything else archive.due_sources(sources, datetime.now(UTC))
        if only:
            chosen[:] = [source for source in sources if source.id in only]
        return chosen

    gather(workspace, choose)
    _warn(workspace, chosen)


def _warn(workspace: Workspace, asked: Sequence[Source]) -> None:
    """Say which of the sources asked announced nothing, or need somebody's attention. Nothing to say: silence."""
    from store.archive import Archive

    archive = Archive.open(workspace.archive, write=False)
    try:
        found = archive.health(asked, datetime.now(UTC))
    finally:
        archive.close()
    for health in found:
        if health.state in {"no_matches", "down", "silent"}:
            told = "announces nothing that it is asked for" if health.state == "no_matches" else f"is {health.state}"
            click.echo(f"watchledger: source {health.source_id} {told}; see: watchledger sources", err=True)


def need_contact(workspace: Workspace) -> None:
    """Raise ConfigError where the workspace tells no contact."""
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
    """Take single addresses or files, the same way as everything else; a folder is taken as the pages in it."""
    from crawlers.by_hand import BY_HAND, expand, read_file
    from store.archive import Archive

    workspace = read_workspace(db)
    urls, files = expand(items)
    if urls:
        need_contact(workspace)
    archive = Archive.open(workspace.archive)
    try:
        new = sum(archive.add_page(BY_HAND, read_file(path), path.stem)[1] for path in files)
        new += archive.add_urls(BY_HAND, urls, datetime.now(UTC))
    finally:
        archive.close()
    if urls:
        gather(workspace, lambda _: [BY_HAND])
    read_pages(workspace)
    click.echo(
        f"{len(urls) + len(files)} given, {new} new; {counts_in_words(ledger_report(workspace)['last_reading']['out'])}"
    )


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
