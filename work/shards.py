"""Shards and the parts made of them: what is done stands in a folder on the client's disk, and is never done twice.

A part is a folder's worth of files named after the shard; its receipt (`NAME.json`) is written last, each file beside
its final name and then renamed. So a part is there with its receipt or it is not there, whatever was killed when.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from records import InputError

RECEIPT = ".json"


@dataclass(frozen=True, slots=True)
class Part:
    """What one shard gave: files by kind (`articles`: bytes), and the receipt's counts."""

    files: Mapping[str, bytes]
    told: Mapping[str, Any]


class Manifest:
    """The parts in one output folder. `version` is the reader's: another one's parts are done again."""

    def __init__(self, folder: Path, version: str, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._by = {"version": version, "settings": dict(settings)}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written: {error.strerror}") from error

    def waiting(self, shards: Sequence[str]) -> list[str]:
        """Those of `shards`, each once, that have no finished part, in order."""
        return [shard for shard in dict.fromkeys(shards) if self.receipt(shard) is None]

    def receipt(self, shard: str) -> dict[str, Any] | None:
        """What was told of a finished part, or None."""
        path = self.folder / (part_name(shard) + RECEIPT)
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        same = isinstance(told, dict) and all(told.get(key) == value for key, value in self._by.items())
        return told if same and told.get("shard") == shard and told.get("state") == state_of(shard) else None

    def finish(self, shard: str, part: Part) -> None:
        """Put a part's files in place, then its receipt."""
        name = part_name(shard)
        try:
            (self.folder / (name + RECEIPT)).unlink(missing_ok=True)
            files = {}
            for kind, data in part.files.items():
                file = f"{name}.{kind}.parquet"
                _write(self.folder / file, data)
                files[kind] = {"file": file, "sha256": hashlib.sha256(data).hexdigest()}
            told = {"shard": shard, "state": state_of(shard), **self._by, "files": files, **part.told}
            _write(self.folder / (name + RECEIPT), json.dumps(told, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise InputError(f"{self.folder}: the part of {shard} cannot be written: {error.strerror}") from error

    def receipts(self, shards: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The receipts of those shards that are done, each once."""
        for shard in dict.fromkeys(shards):
            if (told := self.receipt(shard)) is not None:
                yield told


def part_name(shard: str) -> str:
    """A file name for a shard: the end of its own name for people, and a hash that keeps two of one name apart."""
    stem = re.sub(r"[^A-Za-z0-9-]+", "-", re.sub(r"\.w?arc(\.gz)?$", "", shard.rsplit("/", 1)[-1])).strip("-")
    return f"{stem[-60:] or 'shard'}-{hashlib.sha256(shard.encode()).hexdigest()[:8]}"


def state_of(shard: str) -> str:
    """Size and time of a local file, so that a file that was replaced is read again; nothing for an address."""
    try:
        stat = os.stat(shard)
    except (OSError, ValueError):
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _write(path: Path, data: bytes) -> None:
    # The process's number keeps two clients in one folder from writing into each other's file.
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
