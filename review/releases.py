"""The newest release of this ledger, to be looked at beside the queue: its page, its pictures, its small files.

A folder is taken for a release only where its list of checksums has the digest that publishing wrote down in
decisions.db, and a file of it is shown only where its bytes have the checksum of that list. So nothing else that
lies in the folder, leads out of it or was changed since is ever shown.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from store.book import Book

CHECKSUMS = "SHA256SUMS"
PAGE = "index.html"
PICTURES = ("map", "timeline", "matrix", "network")
# Shown in the browser; every other file is handed out for saving.
_SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".md": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
# A file is read whole, for its checksum; whoever wants the tables of a large release takes them from its folder.
LARGEST_FILE = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release that was noted when it was made, and whose folder still holds it."""

    version: str
    made: str  # day
    deals: int
    folder: Path

    def read(self, name: str) -> bytes | None:
        """A file of the release as it was published; None where it is not one, is too large or was changed."""
        digest = _checksums(self.folder).get(name)
        path = self.folder / name
        if digest is None or not path.resolve().is_relative_to(self.folder.resolve()):
            return None
        try:
            if path.stat().st_size > LARGEST_FILE:
                return None
            body = path.read_bytes()
        except OSError:
            return None
        return body if hashlib.sha256(body).hexdigest() == digest else None


def kind_of(name: str) -> str | None:
    """The content type of a file that a browser shows; None for one to be saved."""
    return _SHOWN.get(Path(name).suffix)


def newest(book: Book, folder: Path) -> Release | None:
    """The release made last of those whose folder lies in `folder`; None where there is none."""
    noted = book.releases()
    if not noted:
        return None
    there = _folders(folder)
    for row in reversed(noted):
        if row["digest"] in there:
            return Release(version=row["version"], made=row["at"][:10], deals=row["deals"], folder=there[row["digest"]])
    return None


def _folders(folder: Path) -> dict[str, Path]:
    """Digest of the list of checksums -> the folder that has it; folders that cannot be read are none."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"[!.]*/{CHECKSUMS}")):
        with suppress(OSError):
            found[hashlib.sha256(path.read_bytes()).hexdigest()] = path.parent
    return found


def _checksums(folder: Path) -> dict[str, str]:
    """File of a release -> its SHA-256, as the list tells."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
