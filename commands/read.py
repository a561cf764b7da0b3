"""Commands over files of documents: extract, score, train."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click

from commands.options import open_input, open_output
from pipeline import EXIT_FAILED
from records import InputError


@click.command()
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
    with open_input(source) as handle, open_output(output) as out:
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


@click.command()
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


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.option("--with-decisions", "db", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="DB")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def train(db: Path | None, arguments: tuple[str, ...]) -> None:
    """Train the extractor again from the corpus (needs the extra [train]).

    `--with-decisions DB` also learns from the articles that were decided completely in the ledger DB, and prints what
    that gives out of fold. `watchledger train --help` lists the other options.
    """
    try:
        from extract.train.run import main as run
    except ModuleNotFoundError as error:
        raise InputError(f"training needs {error.name}, which is not installed; run: make train") from error
    if db is None:
        run(list(arguments))
        return
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "decided.jsonl"
        _write_decided(db, file)
        run([*arguments, "--decided", str(file)])


def _write_decided(db: Path, file: Path) -> None:
    """The decided articles of a ledger as gold documents; complete ones alone can be learnt from."""
    from review.gold import documents
    from store.book import Book

    with Book.open(db) as book:
        made = list(documents(book))
    if not any(document["complete"] for document in made):
        raise InputError(
            f"{db}: none of {len(made)} articles with decisions is complete; decide every deal of an article and say "
            "that it holds nothing more (`.` on the review screen)"
        )
    with open_output(str(file)) as out:
        for document in made:
            out.write(json.dumps(document, ensure_ascii=False) + "\n")
