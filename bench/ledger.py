"""How long merging, adding and reading take over a large ledger of generated findings.

    python -m bench.ledger --findings 50000      # writes bench/results/ledger.json

Findings are spread over suppliers and countries as news is: a few pairs have very many (the largest over a thousand),
most have one or two. Exit status 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from records import (
    Act,
    Article,
    Extraction,
    Financing,
    FinancingType,
    Finding,
    Money,
    Outcome,
    PageReading,
    Span,
    Status,
    Technology,
)
from store.desk import Desk
from store.ledger import Ledger
from store.views import QueueFilter
from store.worklist import Order

RESULTS = Path(__file__).parent / "results" / "ledger.json"
BOUNDS = {
    "merge_s": 60.0,
    "peak_mb": 1024.0,
    "add_100_s": 2.0,
    "queue_p95_ms": 20.0,
    "deal_p95_ms": 20.0,
    "decide_p95_ms": 30.0,
}
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
_TECHNOLOGIES = list(Technology)
_COUNTRIES = [a + b for a in "ABCDEFGHIKLM" for b in "ACEGIKMOQSUWYZ"]  # 168 codes; which ones is of no matter
_CUSTOMERS = [
    "National Police",
    "Ministry of the Interior",
    "City Council",
    "Border Guard",
    "Telecom Regulator",
    None,
    None,
]


def readings(count: int, rng: random.Random, prefix: str = "p") -> Iterator[PageReading]:
    """Pages that tell one finding each."""
    for number in range(count):
        vendor, country = f"Vendor {_skewed(rng, 400)}", _COUNTRIES[_skewed(rng, len(_COUNTRIES))]
        project = rng.randrange(1 + 40 // (1 + int(vendor.split()[1])))
        # Most reports of a project come out within a month of its news.
        news = (
            (31 * int(vendor[7:]) + 7 * _COUNTRIES.index(country) + 97 * project) % 5000
            if rng.random() < 0.7
            else rng.randrange(5000)
        )
        published = date(2010, 1, 1) + timedelta(days=news + rng.randrange(30))
        key = f"{prefix}{number:06d}"
        quote = f"{vendor} will supply the {country} {project} project with {100 + 7 * project} cameras."
        told = rng.random()
        found = Finding(
            vendor=vendor,
            vendor_aliases=(vendor,),
            vendor_country=rng.choice(("CN", "US", "IL", "FR")),
            country=country,
            technologies=tuple(sorted({_TECHNOLOGIES[project % 15], _TECHNOLOGIES[(project * 3) % 15]})),
            evidence=(quote,),
            confidence=rng.random(),
            value=Money(amount=1e6 * (1 + project), currency="USD", raw="$") if told < 0.3 else None,
            financing=Financing(type=FinancingType.LOAN, financier="Exim Bank") if told < 0.15 else None,
            customer=rng.choice(_CUSTOMERS),
            year=2008 + project % 14 if told < 0.6 else None,
            place=f"Place {project}" if told > 0.7 else None,
            status=rng.choice(list(Status)),
            spans=(Span(start=0, end=len(vendor), slot="vendor"),),
        )
        article = Article(
            article_id=key,
            url=f"http://news{number % 90}.example/{key}",
            title=quote[:60],
            text=f"{quote}\n\nNumber {key} of a long series of reports, told in words of its own for {key}.",
            language="en",
            published=published.isoformat(),
        )
        extraction = Extraction(id=key, outcome=Outcome.KEPT, extractor_version="bench", deals=(found,))
        yield PageReading(page_id=key, outcome=Outcome.KEPT, article=article, extraction=extraction)


def _skewed(rng: random.Random, size: int) -> int:
    """0 most often: numbers fall off as their logarithm grows."""
    return min(size - 1, int(size ** rng.random()) - 1)


def timed(work: Callable[[], Any]) -> float:
    """Seconds by the clock, the disk's included."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))] * 1000


def run(count: int, folder: Path) -> dict[str, float]:
    """Fill, merge, add, read, decide; seconds, megabytes and milliseconds."""
    rng = random.Random(7)
    told: dict[str, float] = {}
    db = folder / "watchledger.db"
    ledger = Ledger.open(db)
    ledger.begin_run("bench", "bench", NOW)
    told["store_s"] = timed(lambda: ledger.save_many((one, "bench", "bench") for one in readings(count, rng)))
    ledger.index_articles()
    told["merge_s"] = timed(ledger.settle)
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    more = list(readings(100, random.Random(8), "q"))
    ledger.save_many((one, "bench", "bench") for one in more)
    told["add_100_s"] = timed(ledger.settle)
    told["deals"] = ledger.store.one("SELECT COUNT(*) FROM deals")
    told["largest_pair"] = ledger.store.one("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM findings GROUP BY pair)")
    ledger.close()
    told |= _reading(db, rng)
    return told


def _reading(db: Path, rng: random.Random) -> dict[str, float]:
    told: dict[str, float] = {}
    began = time.perf_counter()
    with Desk.open(db) as desk:
        desk.queue()
        told["open_ms"] = (time.perf_counter() - began) * 1000
        queue, deals, decide, candidates = [], [], [], []
        filters = [
            QueueFilter(),
            QueueFilter(countries=(_COUNTRIES[3],)),
            QueueFilter(vendors=("Vendor 1",)),
            QueueFilter(technologies=("spyware",)),
            QueueFilter(words="project Vendor 17"),
        ]
        for number in range(300):
            order = list(Order)[number % 4]
            told_filter = filters[number % 5]
            queue.append(timed(lambda o=order, f=told_filter: desk.queue(o, f, limit=25)))
        ids = [item.deal_id for item in desk.queue(Order.LIKELY, limit=1000).items]
        for number, deal in enumerate(rng.sample(ids, 300)):
            deals.append(timed(lambda d=deal: desk.deal(d)))
            candidates.append(timed(lambda d=deal: desk.candidates(d)))
            act = Act(who="bench", at=NOW, seconds=3.0)
            if number % 5 == 0:
                decide.append(timed(lambda d=deal, a=act: desk.correct(d, {"customer": "Police"}, a)))
            elif number % 5 == 1:
                decide.append(timed(lambda d=deal, a=act: desk.reject(d, a)))
            elif number % 17 == 2:
                decide.append(timed(lambda a=act: desk.undo(a)))
            else:
                decide.append(timed(lambda d=deal, a=act: desk.accept(d, a)))
        told |= {
            "queue_p95_ms": p95(queue),
            "queue_median_ms": median(queue) * 1000,
            "deal_p95_ms": p95(deals),
            "candidates_p95_ms": p95(candidates),
            "decide_p95_ms": p95(decide),
            "facets_ms": timed(desk.facets) * 1000,
            "bulk_1000_s": timed(lambda: desk.bulk("flag", ids, Act(who="b", at=NOW, batch="b"))),  # type: ignore[arg-type]
        }
    return told


def main() -> None:
    """Run, print, write down; exit status 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--findings", type=int, default=50_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = {name: round(value, 3) for name, value in run(wanted.findings, Path(folder)).items()}
    broken = [f"{name}: {told[name]} > {bound}" for name, bound in BOUNDS.items() if told[name] > bound]
    report = {"findings": wanted.findings, **told, "bounds": BOUNDS, "broken": broken}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
