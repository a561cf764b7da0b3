"""sources.toml: one entry a source, read strictly, so that a wrong entry ends a run before its first request."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from crawlers.urls import canonical
from records import ConfigError, Source, SourceKind, SourceType

_KEYS = {field.name: field for field in fields(Source)} | {}
_NEEDED = ("id", "publisher", "country", "language", "kind", "source_type", "url")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,60}")
_NUMBERS = {"delay": (0.0, 3600.0), "every_hours": (0.1, 24.0 * 90), "max_pages": (1, 100_000)}


def load_sources(path: Path) -> list[Source]:
    """The entries of a sources.toml. Raises ConfigError with file, entry and remedy."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); check `sources` in watchledger.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    strange = sorted(set(data) - {"source"})
    if strange:
        raise ConfigError(f"{path}: unknown table {strange[0]!r}; every source is a [[source]] table")
    sources: list[Source] = []
    seen: dict[str, int] = {}
    for number, entry in enumerate(data.get("source", []), 1):
        source = _read_entry(path, number, entry)
        for key in (source.id, source.url):
            if key in seen:
                raise ConfigError(f"{path}: sources {seen[key]} and {number} are both {key!r}; remove one")
            seen[key] = number
        sources.append(source)
    return sources


def _read_entry(path: Path, number: int, entry: Any) -> Source:
    name = entry.get("id", f"number {number}") if isinstance(entry, dict) else f"number {number}"

    def wrong(what: str) -> ConfigError:
        return ConfigError(f"{path}: source {name}: {what}")

    if not isinstance(entry, dict):
        raise wrong("is not a table; write it as [[source]]")
    for key in entry:
        if key not in _KEYS:
            raise wrong(f"unknown key {key!r}; known are {', '.join(_KEYS)}")
    for key in _NEEDED:
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise wrong(f"needs {key!r}, a text")
    if not _ID.fullmatch(entry["id"]):
        raise wrong("`id` must be lower-case letters, digits and hyphens")
    if not re.fullmatch("[A-Z]{2}", entry["country"]):
        raise wrong(f"country {entry['country']!r} is no ISO 3166-1 code of two capitals")
    if not re.fullmatch("[a-z]{2}", entry["language"]):
        raise wrong(f"language {entry['language']!r} is no ISO 639-1 code of two letters")
    if not canonical(entry["url"]):
        raise wrong(f"url {entry['url']!r} is no web address; it must begin with http:// or https://")
    for key, (low, high) in _NUMBERS.items():
        value = entry.get(key, low)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise wrong(f"{key} = {value!r} must be a number from {low} to {high}")
    for key in ("verified", "private_network", "bad_certificate"):
        if not isinstance(entry.get(key, False), bool):
            raise wrong(f"{key} must be true or false")
    for key in ("seen_at", "include"):
        if not isinstance(entry.get(key, ""), str):
            raise wrong(f"{key} must be a text")
    _check_include(entry, wrong)
    values = dict(entry)
    values["kind"] = _member(SourceKind, entry["kind"], "kind", wrong)
    values["source_type"] = _member(SourceType, entry["source_type"], "source_type", wrong)
    values["url"] = canonical(entry["url"])
    return Source(**values)


def _check_include(entry: dict[str, Any], wrong: Any) -> None:
    if entry["kind"] == SourceKind.LISTING and not entry.get("include"):
        raise wrong("a listing needs `include`, a regular expression that its documents' addresses match")
    try:
        re.compile(entry.get("include", ""))
    except re.error as error:
        raise wrong(f"include is no regular expression: {error}") from error


def _member(enum: Any, value: str, key: str, wrong: Any) -> Any:
    try:
        return enum(value)
    except ValueError as error:
        raise wrong(f"{key} {value!r} is not one of {', '.join(enum)}") from error
