"""The command that makes a release out of the accepted deals."""

from __future__ import annotations

import gc
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from commands.options import db_option, json_option
from extract.lexicon import known_vendors
from pipeline import read_workspace
from publish import money
from publish.build import Made, Plan
from publish.build import publish as make_release
from publish.diff import Former, read_former
from publish.read import moment_of, read_release
from publish.release import LICENCES, About
from records import Act, ConfigError, InputError, StoreError
from store.book import Book
from store.desk import Desk
from store.release import Log, read_log

PUBLISHER = "watchledger publish"
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@db_option
@click.option(
    "--since",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The release before this one: tells what changed and why, and writes the increment.",
)
@click.option(
    "--version",
    "version",
    metavar="TEXT",
    help="Version of the release.  [default: day and number of the last decision]",
)
@click.option("--date", "day", metavar="YYYY-MM-DD", help="Date of the release.  [default: day of the last decision]")
@click.option("--title", default="Surveillance deals", show_default=True)
@click.option(
    "--name", default="surveillance-deals", show_default=True, help="Short name: lower-case letters, digits, hyphens."
)
@click.option(
    "--author",
    "authors",
    multiple=True,
    metavar="TEXT",
    help="Who answers for it; may be given several times.  [default: Editors of TITLE]",
)
@click.option("--homepage", default="", metavar="URL", help="Where the data set lives.")
@click.option("--licence", type=click.Choice(list(LICENCES)), default="CC-BY-4.0", show_default=True)
@click.option(
    "--quotes/--no-quotes", default=True, show_default=True, help="Quote the sentences (at most 300 characters each)."
)
@click.option("--raw", is_flag=True, help="CSV cells exactly as they are, even those that a spreadsheet would run.")
@click.option("--bom", is_flag=True, help="CSV with a byte-order mark, for older Excel.")
@click.option("--count-proposed", is_flag=True, help="Count proposed deals in totals and index tables.")
@click.option("--count-umbrella", is_flag=True, help="Count framework agreements beside their parts.")
@click.option(
    "--dollars-of",
    type=int,
    metavar="YEAR",
    help="Base year of constant dollars.  [default: the last that the price index has]",
)
@click.option("--allow-shrink", is_flag=True, help="Let a release pass that lost more than a fifth of the deals.")
@click.option("--replace", is_flag=True, help="Put the release in place of the one that DIR holds.")
@click.option(
    "--check/--no-check", default=True, show_default=True, help="Have frictionless and followthemoney check the files."
)
@json_option
def publish(folder: Path, db: Path, since: Path | None, as_json: bool, **told: Any) -> None:
    """Make a release of the accepted deals in DIR: tables, data package, entities, citations, pictures."""
    former = read_former(since) if since else None
    # Millions of small rows without cycles: looking for cycles among them takes a third of the time and finds none.
    gc.disable()
    try:
        made, noted = _make(folder, db, former, told)
    finally:
        gc.enable()
    if made.checksum != noted:
        _note(db, made, replaces=noted is not None)
    _report(made, folder, as_json=as_json)


def _make(folder: Path, db: Path, former: Former | None, told: dict[str, Any]) -> tuple[Made, str | None]:
    """The release, and the checksum of the one that had its version before."""
    vendors = known_vendors(read_workspace(db).lexicon)
    with Book.open(db) as book, book.moment():
        log = read_log(book)
        if not log.last_at:
            raise StoreError(f"nobody has decided on a deal of {db} yet; accept deals first: watchledger review")
        about = _about(log, former, told)
        noted = {row["version"]: row["digest"] for row in book.releases()}
        release = read_release(
            book, db.with_name("archive.db"), about, log, former.deals if former else (), vendors=vendors
        )
    plan = Plan(
        folder=folder,
        former=former,
        reasons=log.reasons,
        reviewers=sorted(log.reviewers),
        allow_shrink=told["allow_shrink"],
        replace=told["replace"],
        validate=told["check"],
        noted=noted.get(about.version) if not told["replace"] else None,
    )
    return make_release(release, plan), noted.get(about.version)


def _about(log: Log, former: Former | None, told: dict[str, Any]) -> About:
    moment = moment_of(log)
    day = told["day"] or moment[:10]
    version = told["version"] or f"{moment[:10].replace('-', '.')}.{log.last_number}"
    if former and former.version == version:
        raise InputError(f"--since has version {version} too: nothing was decided since, or give another --version")
    if not _VERSION.fullmatch(version):
        raise ConfigError(f"--version {version!r} may have letters, digits, '.', '+' and '-', at most 64")
    if not _SLUG.fullmatch(told["name"]):
        raise ConfigError(f"--name {told['name']!r} may have lower-case letters, digits and single hyphens")
    if told["homepage"] and not re.fullmatch(r"https?://\S+", told["homepage"]):
        raise ConfigError(f"--homepage {told['homepage']!r} is no web address")
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise ConfigError(f"--date {day!r} is no day like 2026-01-31") from error
    return About(
        **{name: told[name] for name in ("name", "title", "licence", "homepage", "quotes", "raw", "bom")},
        **{name: told[name] for name in ("count_proposed", "count_umbrella")},
        version=version,
        date=day,
        moment=moment,
        authors=told["authors"] or (f"Editors of {told['title']}",),
        base_year=money.check_base_year(told["dollars_of"]),
        previous=former.version if former else "",
    )


def _note(db: Path, made: Made, *, replaces: bool) -> None:
    """Write into decisions.db that this release was made."""
    with Desk.open(db) as desk:
        act = Act(who=PUBLISHER, at=datetime.now(UTC))
        about, deals = made.release.about, len(made.release.deals)
        desk.note_release(about.version, deals, made.checksum, act, replaces=replaces)


def _report(made: Made, folder: Path, *, as_json: bool) -> None:
    about, release = made.release.about, made.release
    told = {
        "folder": str(folder),
        "version": about.version,
        "changed": made.changed,
        "deals": len(release.deals),
        "counted": sum(deal.counted for deal in release.deals),
        "sources": len(release.sources),
        "countries": len(release.index_countries),
        "checksum": made.checksum,
        "diff": {str(kind): n for kind, n in made.diff.deals.items()} if made.diff else None,
    }
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    click.echo(
        f"{folder}: {about.title} {about.version}, {told['deals']} deals ({told['counted']} counted) in "
        f"{told['countries']} countries, {told['sources']} sources"
        + ("" if made.changed else "; the very same release was there already")
    )
    if made.diff:
        changes = ", ".join(f"{n} {kind}" for kind, n in made.diff.deals.items()) or "nothing"
        click.echo(f"since {about.previous}: {changes}")
    click.echo(f"checksum {made.checksum}")
