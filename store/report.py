"""What a workspace's databases hold, in one object: for `status`, for the demo, for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from store.archive import Archive
from store.digest import digest
from store.ledger import Ledger


def report(archive_path: Path, ledger_path: Path, *, with_digest: bool = False) -> dict[str, Any]:
    """The last crawl, every page's end, the totals, what is set aside, and the deals."""
    archive = Archive.open(archive_path, write=False)
    try:
        told: dict[str, Any] = {
            "archive": archive.overview(),
            "last_crawl": archive.run_counts(),
            "failures": [dict(row) for row in archive.failures()],
        }
    finally:
        archive.close()
    ledger = Ledger.open(ledger_path, write=False)
    try:
        went_in, ended = ledger.run_counts()
        told |= {
            "last_reading": {"in": went_in, "out": ended},
            "pages": ledger.outcomes(),
            "ledger": ledger.overview(),
            "quarantined": [dict(row) for row in ledger.quarantined()],
            "deals": [dict(row) | {"technologies": json.loads(row["technologies"])} for row in ledger.deals()],
        }
        if with_digest:
            told["digest"] = digest(ledger.store)
    finally:
        ledger.close()
    return told
