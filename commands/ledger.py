"""Commands over the ledger and what people decided: references, counts, the log, withdrawal, backups."""

from __future__ import annotations

import getpass
import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from commands.options import db_option, json_option, open_output
from pipeline import read_workspace
from records import Act, Decision, InputError

reason_option = click.option("--reason", default="", help="Why; kept with the decision.")
undecided_option = click.option("--undecided", is_flag=True, help="Count the deals too that nobody has reviewed.")


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return ""


who_option = click.option("--as", "who", default=_who, help="Who decides (by default the system's user).")


def _act(who: str, reason: str = "") -> Act:
    if not who:
        raise InputError("this account has no name; say who decides with --as NAME")
    return Act(who=who, at=datetime.now(UTC), reason=reason)


@click.command()
@db_option
@json_option
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", help="What the set is called (by default the file's name without its ending).")
def import_reference(db: Path, as_json: bool, file: Path, name: str | None) -> None:
    """Take a hand-made data set in as reference rows, beside the ledger.

    Two shapes are known: a table of countries (iso2, companies, columns of 0 and 1), and one of deals (vendor, iso2, ...).
    A set of the same name is replaced.
    """
    from store import reference
    from store.ledger import Ledger

    ledger = Ledger.open(db)
    try:
        told = reference.import_reference(ledger, file, name)
    finally:
        ledger.close()
    if as_json:
        click.echo(json.dumps(asdict(told)))
    else:
        click.echo(f"{told.name}: {told.rows} {told.shape} taken in. Next: watchledger headline --db {db}")


def _standard_names(db: Path) -> dict[str, str]:
    """The lexicon's names of companies by id, with the workspace's own rows."""
    from extract.lexicon import known_vendors

    return {vendor_id: vendor.name for vendor_id, vendor in known_vendors(read_workspace(db).lexicon).items()}


@click.command()
@db_option
@json_option
@undecided_option
@click.option("--company", "companies", multiple=True, metavar="NAME", help="Only these companies.")
def headline(db: Path, as_json: bool, undecided: bool, companies: tuple[str, ...]) -> None:
    """Print the index's counts, from the references, the ledger, and both together.

    Countries are counted. A deal of the ledger counts once it is accepted, and not while it is only proposed or after it
    was cancelled.
    """
    from store import headline as counts
    from store.book import Book

    with Book.open(db) as book:
        told = counts.headline(book, undecided=undecided, companies=companies, standard=_standard_names(db))
    if as_json:
        click.echo(json.dumps(asdict(told), ensure_ascii=False, indent=1))
        return
    click.echo(f"countries by{'':26}references  ledger  together")
    for line in told.lines:
        label = ("  " if line.label.startswith("of which") else "") + line.label
        click.echo(f"{label:<38}{line.references:>10}{line.ledger:>8}{line.together:>10}")
    click.echo(f"references: {', '.join(told.names) or 'none; take one in with: watchledger import-reference'}")
    for note in told.notes:
        click.echo(f"note: {note}")


@click.command()
@db_option
@json_option
@undecided_option
@click.option("--country", "countries", multiple=True, metavar="ISO2", help="Only these countries.")
@click.option(
    "--only", multiple=True, type=click.Choice(["confirms", "lacks", "contradicts", "beyond"]), help="Only these."
)
def compare(db: Path, as_json: bool, undecided: bool, countries: tuple[str, ...], only: tuple[str, ...]) -> None:
    """Tell what the ledger confirms, lacks and contradicts of the references, and has beyond them."""
    from store.book import Book
    from store.comparing import VERDICTS, compare_references

    with Book.open(db) as book:
        told = [
            one
            for one in compare_references(book, undecided=undecided, standard=_standard_names(db))
            if (not countries or one.country in countries) and (not only or one.verdict in only)
        ]
    counted = Counter((one.verdict, one.kind) for one in told)
    totals = {verdict: {kind: n for (v, kind), n in sorted(counted.items()) if v == verdict} for verdict in VERDICTS}
    if as_json:
        click.echo(json.dumps({"totals": totals, "facts": [asdict(one) for one in told]}, ensure_ascii=False, indent=1))
        return
    for one in told:
        if one.verdict != "lacks" or countries or only:
            deals = f"  {', '.join(one.deals)}" if one.deals else ""
            click.echo(f"{one.verdict:<12}{one.country}  {one.kind.replace('_', ' '):<14}  {one.value}{deals}")
    for verdict, kinds in totals.items():
        parts = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in kinds.items()) or "nothing"
        click.echo(f"{verdict:<12}{sum(kinds.values())}: {parts}")


@click.command()
@db_option
@json_option
@click.option("--deal", metavar="ID", help="Only what touches this deal (or article:ID).")
@click.option("--by", "who", metavar="NAME", help="Only by this person.")
@click.option("--since", type=click.IntRange(min=0), default=0, metavar="N", help="Only after decision number N.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to write; - is standard output.")
def decisions(db: Path, as_json: bool, deal: str | None, who: str | None, since: int, output: str) -> None:
    """List what people decided, or write it out.

    With --json a line each, with the values before and after.
    """
    from store.book import decisions_beside
    from store.decisions import Decisions

    log = Decisions.open(decisions_beside(db), write=False)
    try:
        told = log.history(deal, since=since, who=who)
    finally:
        log.close()
    with open_output(output) as out:
        for one in told:
            out.write((json.dumps(_as_json(one), ensure_ascii=False) if as_json else _in_words(one)) + "\n")


def _as_json(one: Decision) -> dict[str, Any]:
    return asdict(one) | {"undoes": list(one.undoes)}


def _in_words(one: Decision) -> str:
    was, now = one.before.get("decided") or one.before.get("machine") or {}, one.after.get("decided") or {}
    changed = [f"{slot}: {was.get(slot)} -> {value}" for slot, value in now.items() if was.get(slot) != value]
    also = [f"with {one.after['other']}"] if "other" in one.after and isinstance(one.after["other"], str) else []
    notes = [*also, *changed, *filter(None, [one.reason, "undone" if one.undone else ""])]
    told = _one_line("; ".join(notes))
    return f"{one.decision_id:>6}  {one.at[:19]}  {one.who:<12}  {one.action.value:<12}  {one.subject}  {told}".rstrip()


def _one_line(text: str) -> str:
    """Without control characters and at most 500 long, for a terminal."""
    return "".join(c if c.isprintable() else " " for c in text)[:500]


@click.command()
@db_option
@who_option
@click.argument("deal")
@click.argument("text")
def reply(db: Path, who: str, deal: str, text: str) -> None:
    """Note on a deal what a company or body said of it.

    A right of reply is shown with the deal and published with it.
    """
    from store.desk import Desk

    with Desk.open(db) as desk:
        number = desk.reply(deal, text, _act(who))
    click.echo(f"noted on {deal} as decision {number}")


@click.command()
@db_option
@who_option
@reason_option
@click.option("--purge", is_flag=True, help="Delete the raw pages from the archive as well.")
@click.option("--copies", is_flag=True, help="The same story in other outlets too.")
@click.argument("target", metavar="ARTICLE|URL|DEAL")
def withdraw(db: Path, who: str, reason: str, purge: bool, copies: bool, target: str) -> None:
    """Take an article or a deal out, and keep it out.

    An article goes with everything that was read in it; the decision stays as its tombstone, through new crawls, new
    readings and a rebuild. Deals that rest on other articles too stay, and re-open where their values change.
    """
    from store.withdraw import withdraw as take_out

    workspace = read_workspace(db)
    told = take_out(db, workspace.archive, target, _act(who, reason), purge=purge, copies=copies)
    click.echo(f"withdrawn: {len(told.articles)} articles, {len(told.deals)} deals; {told.purged} raw pages deleted")
    if told.waiting:
        click.echo("another run is writing the ledger; it is taken out there when the next run begins")
    for url in told.copies:
        click.echo(f"the same story stays in: {url} (take it too with --copies)")


@click.command()
@db_option
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="The ledger and the archive as well.")
def backup(db: Path, folder: Path | None, everything: bool) -> None:
    """Copy the decisions (with --all everything) into a folder, checked.

    Others may go on working meanwhile. Without FOLDER: backups/TIME beside the ledger.
    """
    from store import backup as copying

    now = datetime.now(UTC)
    folder = folder or db.parent / "backups" / f"{now:%Y%m%dT%H%M%SZ}"
    saved = copying.backup(db, folder, now, everything=everything)
    for one in saved:
        upto = f", up to decision {one.decisions}" if one.decisions else ""
        click.echo(f"{one.name}: {one.size:,} bytes{upto}")
    click.echo(f"saved in {folder}; put back with: watchledger restore {folder} --db {db}")


@click.command()
@db_option
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Also where decisions are set aside that the backup does not have.")
def restore(db: Path, folder: Path, force: bool) -> None:
    """Put a backup in place; what lies there is kept beside.

    Every file is checked before the first is touched.
    """
    from store import backup as copying

    names = copying.restore(db, folder, datetime.now(UTC), force=force)
    click.echo(f"restored {', '.join(names)} beside {db}; what was there is kept as NAME.before-restore-TIME")
