"""terms.toml: the matrix of country, technology and language that is searched for, as sources of kind `search`.

The form of the query follows the public documentation of the GDELT document API (mode artlist, format json); it was
never run against the service itself here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from crawlers.urls import canonical
from records import ConfigError, Source, SourceKind, SourceType

_NEEDED = {
    "service": str,
    "delay": float,
    "every_hours": float,
    "timespan": str,
    "max_records": int,
    "languages": dict,
    "technologies": dict,
    "countries": dict,
}


def load_searches(path: Path) -> list[Source]:
    """A source for each cell of the matrix. Raises ConfigError with file, place and remedy."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    for key in sorted(set(told) ^ set(_NEEDED)):
        raise ConfigError(f"{path}: {'unknown' if key in told else 'no'} key {key!r}; known are {', '.join(_NEEDED)}")
    for key, kind in _NEEDED.items():
        if not isinstance(told[key], kind) or isinstance(told[key], bool):
            raise ConfigError(f"{path}: {key} must be of type {kind.__name__}, not {told[key]!r}")
    if not canonical(told["service"]):
        raise ConfigError(f"{path}: service {told['service']!r} is no web address")
    return [
        _source(told, country, group, language, names[language], phrases[language])
        for country, names in _tables(path, told, "countries")
        for group, phrases in _tables(path, told, "technologies")
        for language in told["languages"]
        if language in names and language in phrases
    ]


def _tables(path: Path, told: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    pattern, wanted = ("[A-Z]{2}", str) if key == "countries" else ("[a-z_]{2,40}", list)
    for name, table in told[key].items():
        if not re.fullmatch(pattern, name) or not isinstance(table, dict):
            raise ConfigError(f"{path}: {key}.{name} is not of the form {pattern} with a table")
        for language, value in table.items():
            if language not in told["languages"]:
                raise ConfigError(f"{path}: {key}.{name}: language {language!r} is not in [languages]")
            if not isinstance(value, wanted) or not value or not all(isinstance(word, str) for word in value):
                raise ConfigError(
                    f"{path}: {key}.{name}.{language} is no {'text' if wanted is str else 'list of texts'}"
                )
    return list(told[key].items())


def _source(told: Mapping[str, Any], country: str, group: str, language: str, name: str, phrases: list[str]) -> Source:
    quoted = " OR ".join(f'"{phrase}"' for phrase in phrases)
    wanted = f"({quoted})" if len(phrases) > 1 else quoted  # the service refuses brackets around one phrase
    place = f'"{name}"' if re.search(r"\W", name) else name
    query = {
        "query": f"{wanted} {place} sourcelang:{told['languages'][language]}",
        "mode": "artlist",
        "format": "json",
        "sort": "datedesc",
        "timespan": told["timespan"],
        "maxrecords": told["max_records"],
    }
    return Source(
        id=f"search-{country.lower()}-{group.replace('_', '-')}-{language}",
        publisher="",  # each page has its own
        country=country,
        language=language,
        kind=SourceKind.SEARCH,
        source_type=SourceType.MEDIA,
        url=canonical(f"{told['service']}?{urlencode(query)}"),
        delay=told["delay"],
        every_hours=told["every_hours"],
        max_pages=told["max_records"],
    )
