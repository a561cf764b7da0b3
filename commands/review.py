"""Commands for analysts: the review screen, its queue as a file, and what decisions say."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from commands.options import db_option
from pipeline import read_workspace
from records import ConfigError, InputError

# Datasette's unit library loads dask (and with it scipy), and sqlite-utils loads pandas, wherever they are installed. The
# screen uses none of them; left out, they save two thirds of the start where everything is installed (-X importtime).
NOT_NEEDED = ("dask", "pandas", "xarray", "uncertainties")


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Let optional imports of these fail while the block runs, as on a machine without them."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@click.command()
@db_option
@click.option("--as", "name", metavar="NAME", help="Who decides.  [default: the system's user]")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--browser/--no-browser", default=True, help="Open the browser.")
@click.option("--keys", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file that remaps keys.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; others need --reviewer.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A name by which this machine is asked.")
@click.option("--reviewer", "reviewers", multiple=True, metavar="NAME", help="Serve this person; each gets an address.")
@click.option("--sql", is_flag=True, help="Let the browser run SQL that reads, for a second at most.")
@click.option(
    "--releases",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where releases lie; the newest is linked.  [default: releases, beside the ledger]",
)
@click.option(
    "--unaided",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Share of items shown without the machine's answer.",
)
@click.option(
    "--seed", default=0, show_default=True, help="Draws the unaided items and the sample of dropped articles."
)
def review(
    db: Path,
    name: str | None,
    port: int,
    browser: bool,
    keys: Path | None,
    host: str,
    hosts: tuple[str, ...],
    reviewers: tuple[str, ...],
    sql: bool,
    releases: Path | None,
    unaided: float,
    seed: int,
) -> None:
    """Open the review screen over the ledger: evidence beside fields, one key a decision."""
    with left_out(*NOT_NEEDED):
        try:
            from review.server import Server, Settings, listen, serve
        except ModuleNotFoundError as error:
            if error.name and error.name.split(".")[0] in ("review", "store", "extract"):
                raise
            raise InputError(f"the review screen needs {error.name}; install watchledger[review]") from error
    from review.keys import load_keys
    from review.people import alone, together

    served = host not in ("127.0.0.1", "localhost", "::1")
    if served and not reviewers:
        raise ConfigError(f"--host {host} serves others: name each with --reviewer NAME, so that everybody has a token")
    if host in ("0.0.0.0", "::") and not hosts:  # noqa: S104 - compared only
        raise ConfigError(f"--host {host} listens everywhere: say with --allow-host NAME by which name others ask")
    if name is not None and reviewers:
        raise ConfigError("--as is for one person alone; with --reviewer each one's address says who it is")
    db.parent.mkdir(parents=True, exist_ok=True)
    people = together(reviewers, db.parent) if reviewers else alone(name)
    settings = Settings(
        db=db,
        people=people,
        hosts=[*hosts, *([host] if served and host not in ("0.0.0.0", "::") else [])],  # noqa: S104 - compared only
        sql=sql,
        releases=releases,
        keys=load_keys(keys),
        lexicon=read_workspace(db).lexicon,
        unaided_share=unaided / 100,
        seed=seed,
    )
    bound = listen(host, port)
    server = Server(settings)
    try:
        shown = next(iter(hosts), host)
        base = f"http://{f'[{shown}]' if ':' in shown else shown}:{bound.getsockname()[1]}"
        for token, person in people.tokens:
            click.echo(f"{person}: {base}/review/login?token={token}")
        if not people.shared:
            click.echo(f"{base}/review   (decisions of {people.names[0]}; stop with Ctrl-C)")
            if browser:
                webbrowser.open(f"{base}/review")
        serve(server.app, bound)
    finally:
        server.close()
        bound.close()
