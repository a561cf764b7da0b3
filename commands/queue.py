"""Commands over the review queue: to a file and back, to a second coder, what decisions say, gold documents."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from commands.options import db_option, json_option, open_output
from pipeline import EXIT_FAILED
from records import InputError


def _filter_option(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--saved", metavar="NAME", help="A filter that was saved on the screen.")(command)
    return click.option(
        "--filter",
        "query",
        default="",
        metavar="QUERY",
        help="The queue as its address has it: country=KE&order=newest",
    )(command)


def _who(name: str | None) -> str:
    from review.people import alone

    return alone(name).names[0]


as_option = click.option("--as", "name", metavar="NAME", help="Who decides.  [default: the system's user]")


@click.group()
def queue() -> None:
    """Take the review queue to a file and back, give deals to a second coder, and tell what decisions say."""


@queue.command()
@db_option
@_filter_option
@click.option("--limit", type=click.IntRange(min=1), help="At most so many deals.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export(db: Path, query: str, saved: str | None, limit: int | None, file: Path) -> None:
    """Write the queue to FILE (.csv, .xlsx or .json): fill in `decision`, correct values, and import it again."""
    from review.files import export as write
    from review.files import rows
    from store.book import Book

    with Book.open(db) as book:
        spec, told = _narrowed(book, query, saved)
        count = write(file, rows(book, spec, told, limit))
    click.echo(f"{count:,} deals in {file}", err=True)


@queue.command(name="import")
@db_option
@as_option
@click.option("--dry-run", is_flag=True, help="Tell what would become of each row; decide nothing.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(db: Path, name: str | None, dry_run: bool, file: Path) -> None:
    """Decide what an edited FILE says; rows whose deals have changed since the export are refused.

    All of a file is one act: one undo on the screen takes it back. Refused rows are named; the exit status is then 1.
    """
    from review.files import apply, read
    from store.desk import Desk

    with Desk.open(db) as desk:
        made = apply(desk, read(file), who=_who(name), at=datetime.now(UTC), dry=dry_run)
    for line, fault in made.refused:
        click.echo(f"{file}:{line}: {fault}"[:500], err=True)
    would = "would be " if dry_run else ""
    click.echo(f"{made.decided} {would}decided, {made.untouched} left alone, {len(made.refused)} refused")
    if made.refused:
        raise SystemExit(EXIT_FAILED)


@queue.command()
@db_option
@as_option
@_filter_option
@click.option("--share", default=10.0, show_default=True, type=click.FloatRange(0, 100), help="Percent of the deals.")
@click.option("--seed", default=0, show_default=True, help="Draws the same deals again.")
@click.option("--open", "sighted", is_flag=True, help="Let them see what others decided.")
@click.argument("coder")
def assign(
    db: Path, name: str | None, query: str, saved: str | None, share: float, seed: int, sighted: bool, coder: str
) -> None:
    """Give a drawn share of a queue to CODER, who codes blind: nothing of what others decided is shown meanwhile.

    Without a filter it is drawn from what has been accepted or rejected, so that there is something to agree with.
    """
    from records import Act
    from review.people import checked_name
    from store.desk import Desk

    with Desk.open(db) as desk:
        _, told = _narrowed(desk, query or ("" if saved else "state=accepted&state=rejected"), saved)
        ids = desk.deal_ids(told)
        drawn = random.Random(seed).sample(ids, round(len(ids) * share / 100))  # noqa: S311 - a sample, no secret
        new = desk.assign(
            sorted(drawn), checked_name(coder), Act(who=_who(name), at=datetime.now(UTC)), blind=not sighted
        )
    click.echo(f"{new} of {len(ids)} deals given to {coder}; they start with: watchledger review --as {coder}")


@queue.command()
@db_option
@json_option
def report(db: Path, as_json: bool) -> None:
    """Tell precision by rule and source, agreement of coders, seconds a decision, and automation bias."""
    from review.report import read
    from store.book import Book

    with Book.open(db) as book:
        told = read(book)
    if as_json:
        click.echo(json.dumps(asdict(told), ensure_ascii=False, indent=1))
        return
    click.echo(f"{told.decided:,} deals decided, {told.open:,} open; coders differ on {told.disagreements}")
    for title, rows in (
        ("reviewers", told.people),
        ("agreement", told.agreement),
        ("the machine's answer was", told.bias),
        *((f"precision by {table['name']}", table["rows"]) for table in told.precision),
    ):
        _print_table(title, rows)


def _print_table(title: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    click.echo(f"\n{title}")
    for line in cells:
        first, *others = (
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        click.echo("  ".join([f"  {first}", *others]))


@queue.command(name="export-gold")
@db_option
@click.option("--complete", is_flag=True, help="Only articles of which all is decided and that hold nothing more.")
@click.option("-o", "--output", default="-", show_default=True, metavar="OUT.jsonl")
def export_gold(db: Path, complete: bool, output: str) -> None:
    """Write decisions as gold documents: each article with its accepted, corrected, added and rejected deals."""
    from review.gold import documents
    from store.book import Book

    count = 0
    with Book.open(db) as book, open_output(output) as out:
        for document in documents(book, complete_only=complete):
            out.write(json.dumps(document, ensure_ascii=False) + "\n")
            count += 1
    click.echo(f"{count} documents", err=True)


def _narrowed(book: Any, query: str, saved: str | None) -> tuple[Any, Any]:
    """The queue of a query or of a saved filter."""
    from review.spec import read_spec
    from store import review as shelf

    if saved is not None:
        kept = shelf.saved_filters(book)
        if saved not in kept:
            raise InputError(f"no filter is saved as {saved!r}; there are: {', '.join(kept) or 'none'}")
        query = kept[saved]
    spec = read_spec(query)
    ids = (shelf.disagreements(book) or ["-"]) if spec.queue == "disagreements" else None
    return spec, spec.filter(who="", deal_ids=ids)
