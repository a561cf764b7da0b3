"""What people decided: a log that is only added to, in a file of its own that no run can lose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from store.connect import Store, open_database
from store.schema import decisions as migrations


class Decisions:
    """Reads and writes one decisions.db."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, path: Path, *, write: bool = True) -> Decisions:
        """Open the log; a decision is on disk before the screen says so (`synchronous=FULL`)."""
        return cls(open_database(path, migrations, write=write, synchronous="FULL"))

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    def add(
        self,
        *,
        deal_key: str,
        who: str,
        action: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        reason: str = "",
        at: datetime,
    ) -> int:
        """Write one decision down and return its number."""
        with self.store.transaction() as conn:
            row = conn.execute(
                """INSERT INTO decisions (at, who, deal_key, action, before, after, reason)
                   VALUES (?, ?, ?, ?, ?, ?, ?)""",
                (
                    *(at.astimezone(UTC).isoformat(timespec="seconds"), who, deal_key, action),
                    *(json.dumps(dict(before), sort_keys=True), json.dumps(dict(after), sort_keys=True), reason),
                ),
            )
        return int(row.lastrowid or 0)

    def history(self, deal_key: str) -> list[dict[str, Any]]:
        """All decisions on a deal, oldest first."""
        rows = self.store.rows("SELECT * FROM decisions WHERE deal_key = ? ORDER BY decision_id", (deal_key,))
        return [dict(row) | {"before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows]
