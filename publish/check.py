"""A release in its folder, checked by the libraries that its readers use: frictionless and followthemoney."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from records import InputError

SHOWN = 5


def check_folder(folder: Path) -> list[str]:
    """What the two libraries find wrong with the release in `folder`; an empty list lets it pass.

    Each runs in a process of its own, on a core of its own where there are two.
    """
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        package = pool.submit(check_package, folder / "datapackage.json")
        entities = pool.submit(check_entities, folder / "entities.ftm.json")
        return package.result() + entities.result()


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
    """Entities that followthemoney refuses or changes, and references between them that lead nowhere."""
    try:
        from followthemoney import model
        from followthemoney.exc import InvalidData
    except ImportError as error:
        raise InputError("checking entities needs followthemoney; install watchledger[publish]") from error
    wrong: list[str] = []
    there: set[str] = set()
    named: set[str] = set()
    with path.open(encoding="utf-8") as handle:
        for line in handle:
            entity: dict[str, Any] = json.loads(line)
            if entity["id"] in there:
                wrong.append(f"{path.name}: {entity['id']} is there twice")
            there.add(entity["id"])
            try:
                read = model.get_proxy(entity, cleaned=False)
                read.schema.validate(entity)
            except InvalidData as error:
                faults = (error.errors or {}).get("properties") or {}
                told = ", ".join(f"{name} {fault}" for name, fault in faults.items())
                wrong.append(f"{path.name}: {entity['id']}: {error} {told}")
                continue
            for name, values in entity["properties"].items():
                if sorted(read.get(name)) != sorted(values):
                    wrong.append(f"{path.name}: {entity['id']}: {name} {values} is read as {read.get(name)}")
                declared = read.schema.get(name)
                if declared is not None and declared.type.name == "entity":
                    named.update(values)
    wrong += [f"{path.name}: {entity_id} is named and not there" for entity_id in sorted(named - there)]
    return wrong[:SHOWN]
