"""Options and files that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, BinaryIO

import click

from pipeline import DEFAULT_DB
from records import InputError

db_option = click.option(
    "--db", type=click.Path(dir_okay=False, path_type=Path), default=DEFAULT_DB, show_default=True, help="The ledger."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
only_option = click.option("--source", "only", multiple=True, metavar="ID", help="Only this source, due or not.")
all_option = click.option("--all", "everything", is_flag=True, help="All sources, due or not.")


@contextmanager
def open_output(path: str) -> Iterator[IO[str]]:
    """Standard output for "-", else a file that is complete or not there: written beside, then renamed."""
    if path == "-":
        yield sys.stdout
        return
    with complete_file(Path(path)) as raw, TextIOWrapper(raw, encoding="utf-8", newline="\n") as handle:
        yield handle


@contextmanager
def complete_file(path: Path) -> Iterator[BinaryIO]:
    """A file that is complete or not there: written beside, then renamed."""
    scratch = path.with_name(f"{path.name}.part")
    try:
        with scratch.open("wb") as handle:
            yield handle
        scratch.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def open_input(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        yield sys.stdin.buffer
        return
    try:
        handle = Path(path).open("rb")  # noqa: SIM115 - closed below, after the yield
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    with handle:
        yield handle
