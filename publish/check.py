"""A release in its folder, checked by the libraries that its readers use: frictionless and followthemoney."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

from records import InputError

SHOWN = 5


class Checks:
    """Runs each library in a process of its own, while the rest of the release is still being written."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn"))
        self._running: list[Future[list[str]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, check: Callable[[Path], list[str]], path: Path) -> None:
        """Begin to check a file that is complete."""
        self._running.append(self._pool.submit(check, path))

    def faults(self) -> list[str]:
        """What all checks found, when they have ended; an empty list lets the release pass."""
        return [fault for check in self._running for fault in check.result()]


def check_package(path: Path) -> list[str]:
    """What frictionless finds wrong with a data package and its files."""
    try:
        from frictionless import Package
    except ImportError as error:
        raise InputError("checking a data package needs frictionless; install watchledger[publish]") from error
    report = Package(str(path)).validate(limit_errors=SHOWN)
    if report.valid:
        return []
    told = [f"{path.name}: {error.message}" for error in report.errors]
    for task in report.tasks:
        told += [f"{task.place}: {error.message}" for error in task.errors]
    return told[:SHOWN] or [f"{path.name} is not valid"]


def check_entities(path: Path) -> list[str]:
    """Entities that followthemoney refuses or changes, and references between them that lead nowhere.

    Stricter than its `validate`: every value must come out of the library's cleaning as it went in.
    """
    try:
        from followthemoney import model
        from followthemoney.exc import InvalidData
    except ImportError as error:
        raise InputError("checking entities needs followthemoney; install watchledger[publish]") from error
    wrong: list[str] = []
    there: set[str] = set()
    early: set[str] = set()  # named before they came; most come before they are named
    with path.open(encoding="utf-8") as handle:
        for line in handle:
            entity: dict[str, Any] = json.loads(line)
            told = f"{path.name}: {entity['id']}"
            if entity["id"] in there:
                wrong.append(f"{told} is there twice")
            there.add(entity["id"])
            try:
                read = model.get_proxy(entity, cleaned=False)
            except InvalidData as error:
                wrong.append(f"{told}: {error}")
                continue
            wrong += [f"{told} has no {name}" for name in read.schema.required if not entity["properties"].get(name)]
            for name, values in entity["properties"].items():
                if sorted(read.get(name, quiet=True)) != sorted(values):
                    wrong.append(f"{told}: {name} {values} is read as {read.get(name, quiet=True)}")
                elif _is_reference(read.schema, name):
                    early.update(value for value in values if value not in there)
    wrong += [f"{path.name}: {entity_id} is named and not there" for entity_id in sorted(early - there)]
    return wrong[:SHOWN]


def _is_reference(schema: Any, name: str) -> bool:
    declared = schema.get(name)
    return declared is not None and declared.type.name == "entity"
