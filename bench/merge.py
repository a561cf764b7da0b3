"""How well findings of one deal are brought together, on labelled pairs.

    python -m bench.merge            # the figures, and every pair that went wrong

The pairs are all pairs of tests/fixtures/pairs/findings.csv with the same country and a supplier that can be the same;
`event` says which deal a finding tells of. A pair is *hard* where supplier and country are equal and the deal is another.
Precision is asked of what merges by itself, recall of what merges or is proposed to a person. `deals` measures the same
after grouping, where one finding meets all others.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from records import (
    Article,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    Money,
    Outcome,
    PageReading,
    Status,
    Technology,
)
from store.ledger import Ledger
from store.merge import load
from store.same import Sameness, compare, profile, related

PAIRS = Path(__file__).parent.parent / "tests" / "fixtures" / "pairs" / "findings.csv"
FLOORS = {"precision": 0.98, "recall": 0.95}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A labelled pair and what was made of it."""

    one: str
    other: str
    same: bool
    hard: bool
    found: Sameness
    automatic: bool
    together: bool  # in one deal after grouping


def read_findings(path: Path = PAIRS) -> dict[str, tuple[str, PageReading]]:
    """id -> (event, a page that tells the finding)."""
    with path.open(encoding="utf-8", newline="") as handle:
        return {row["id"]: (row["event"], _reading(row)) for row in csv.DictReader(handle)}


def _reading(row: dict[str, str]) -> PageReading:
    kind, giver, lent = [*row["financing"].split(":"), "", ""][:3]
    financing = None
    if kind:
        financing = Financing(type=FinancingType(kind), financier=giver or None, money=_money(lent))
    found = Finding(
        vendor=row["vendor"] or None,
        vendor_aliases=(row["vendor"],) if row["vendor"] else (),
        vendor_country=row["home"],
        country=row["country"],
        technologies=tuple(Technology(name) for name in row["technologies"].split()),
        year=int(row["year"]) if row["year"] else None,
        value=_money(row["value"]),
        financing=financing,
        customer=row["customer"] or None,
        place=row["place"] or None,
        status=Status(row["status"]),
        evidence=(row["quote"],),
        confidence=0.8,
    )
    article = Article(
        article_id=row["id"],
        url=f"http://{row['id']}.example/",
        title=row["id"],
        text=row["quote"],
        language="en",
        published=row["published"],
    )
    extraction = Extraction(id=row["id"], outcome=Outcome.KEPT, extractor_version="labelled", deals=(found,))
    return PageReading(page_id=row["id"], outcome=Outcome.KEPT, article=article, extraction=extraction)


def _money(told: str) -> Money | None:
    if not told:
        return None
    amount, currency = told.split()
    return Money(amount=float(amount), currency=currency, raw=told)


def judge(folder: Path, path: Path = PAIRS) -> list[Judged]:
    """Every labelled pair with what the store makes of it; `folder` takes the ledger."""
    told = read_findings(path)
    ledger = Ledger.open(folder / "watchledger.db")
    try:
        ledger.begin_run("bench", "labelled", datetime.now(UTC))
        for _, reading in told.values():
            ledger.save(reading, "labelled", "bench")
        ledger.settle()
        rows = {row["article_id"]: row for row in load(ledger.store.db.conn, "", ())}
        deals = {
            row["article_id"]: row["deal_id"]
            for row in ledger.store.rows(
                "SELECT article_id, df.deal_id FROM findings JOIN deal_findings df USING (finding_id)"
            )
        }
    finally:
        ledger.close()
    profiles = {key: profile(row, row["quotes"]) for key, row in rows.items()}
    judged = []
    for one, other in itertools.combinations(told, 2):
        mine, theirs = profiles[one], profiles[other]
        if mine.country != theirs.country or not related(mine, theirs):
            continue
        found = compare(mine, theirs)
        same = told[one][0] == told[other][0]
        equal = mine.pair == theirs.pair
        judged.append(
            Judged(
                one=one,
                other=other,
                same=same,
                hard=equal and not same,
                found=found,
                automatic=equal and found.certain,
                together=deals[one] == deals[other],
            )
        )
    return judged


def figures(judged: list[Judged]) -> dict[str, Any]:
    """Counts, precision of what merges by itself, recall of what merges or is proposed; pair by pair and after grouping."""
    same = [one for one in judged if one.same]
    automatic = [one for one in judged if one.automatic]
    together = [one for one in judged if one.together]
    asked = [one for one in judged if one.automatic or one.found.likely]
    return {
        "pairs": len(judged),
        "same": len(same),
        "hard": sum(one.hard for one in judged),
        "automatic": len(automatic),
        "precision": _share(sum(one.same for one in automatic), len(automatic)),
        "recall": _share(sum(one.same for one in asked), len(same)),
        "automatic_recall": _share(sum(one.same for one in automatic), len(same)),
        "asked_in_vain": sum(not one.same for one in asked),
        "deals": {
            "together": len(together),
            "precision": _share(sum(one.same for one in together), len(together)),
            "recall": _share(sum(one.same for one in together), len(same)),
        },
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def main() -> None:
    """Print the figures and what went wrong; exit status 1 below a floor."""
    with tempfile.TemporaryDirectory() as folder:
        judged = judge(Path(folder))
    told = figures(judged)
    for one in judged:
        wrong = (one.automatic or one.together) and not one.same
        missed = one.same and not one.automatic and not one.found.likely
        if wrong or missed:
            print("merged wrongly" if wrong else "not proposed", one.one, one.other, f"{one.found.points:+.1f}")
            print("   ", "; ".join(one.found.reasons))
    print(json.dumps(told, indent=1))
    if any(told[name] < floor for name, floor in FLOORS.items()):
        sys.exit(1)


if __name__ == "__main__":
    main()
