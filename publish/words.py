"""Small words that several readers of the ledger need: clean text, moments, short hashes, names to leave out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from publish.cells import tidy_text


def clean(text: str | None) -> str | None:
    """Text as files can carry it; None for a blank."""
    told = tidy_text(text).strip() if text else ""
    return told or None


def moment(at: str) -> str:
    """A moment of the databases (UTC), to the second."""
    return at[:19] + "Z"


def short_hash(*parts: str) -> str:
    """Equal for equal parts; short enough for an id."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:15]


def any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Matches each of `names` as whole words, whatever their case; None where there is none to match."""
    told = sorted((re.escape(name) for name in names if len(name) > 2), key=len, reverse=True)
    return re.compile(rf"(?<!\w)({'|'.join(told)})(?!\w)", re.IGNORECASE) if told else None
