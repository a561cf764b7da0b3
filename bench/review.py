"""How fast the review screen is: 50,000 findings, a real browser, 300 scripted decisions; holds the issue's bounds.

    python -m bench.review [--findings 50000] [--decisions 300] [--samples 48]

Measured on this machine, in the system's Chromium, headless: from a key to the next deal painted (two animation frames
after the answer is in the page), the server's share of it (`Server-Timing` of the decision), the same on articles of
100 kB, and from the command's start to its first page. Then as many decisions over what the extractor reads in the demo
and in the sample documents (those of bench/gold). Result in bench/results/review.json; a run with smaller numbers is a
rehearsal: it is printed and not kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from records import (
    Article,
    Document,
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
)  # fmt: skip
from store.ledger import Ledger

RESULT = Path("bench/results/review.json")
CHROMIUM = "/usr/bin/chromium"
FLAGS = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync"
# The bounds of issue 7, in milliseconds.
BOUNDS = {
    "key_to_painted_p95": 100.0,
    "server_p95": 30.0,
    "key_to_painted_p95_100kb": 200.0,
    "start": 2000.0,
    "samples_key_to_painted_p95": 100.0,
    "samples_server_p95": 30.0,
}
FULL = {"findings": 50_000, "decisions": 300, "samples": 48}
"""What the bounds are stated for; only such a run is kept."""
FEWEST_FINDINGS = 400
"""The gold documents take four each; fewer in all would leave no article of 100 kB to decide on."""
GOLD = ("dev_a", "dev_b")

_COUNTRIES = "KE UG ZM ZW NG GH SN CI ET TZ RW EG MA DZ TN PK BD LK NP MM TH VN PH ID MY KZ UZ KG TJ RS BY HU EC BO PE CL CO MX BR AR".split()
_KINDS = list(Technology)
_FILLER = (
    "The council met again on the question, and the opposition asked for the papers that the ministry had promised. "
    "Nobody could say what had become of the first tender, nor who had signed for the second. "
)

# Presses a key and tells when the next deal stands painted: the fragment in the page, then two animation frames.
_MEASURE = """key => new Promise(done => {
  const before = document.querySelector('#deal')?.dataset.id, screen = document.querySelector('#screen');
  const watch = new MutationObserver(() => {
    const now = document.querySelector('#deal')?.dataset.id ?? 'nothing';
    if (now === before) return;
    watch.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const asked = performance.getEntriesByType('resource').filter(one => one.name.includes('/review/decide')).at(-1);
      done({ painted: performance.now() - start, server: asked?.serverTiming?.[0]?.duration ?? null, id: now });
    }));
  });
  watch.observe(screen, { childList: true });
  const start = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: key.key, bubbles: true, cancelable: true }));
})"""


def make(folder: Path, findings: int, seed: int = 7) -> Path:
    """A ledger with `findings` findings: the gold documents' texts and generated ones, one article in fifty of 100 kB."""
    drawn = random.Random(seed)
    path = folder / "watchledger.db"
    ledger = Ledger.open(path)
    ledger.begin_run("process", "bench", datetime.now(UTC))
    made = 0
    for number, text in enumerate(gold["text"] for gold in _samples()):
        made += _save(ledger, drawn, f"g{number}", text, 4)
    number = 0
    while made < findings:
        size = 100_000 if number % 50 == 0 else drawn.randint(1_500, 6_000)
        text = _FILLER * (size // len(_FILLER))
        made += _save(
            ledger, drawn, f"a{number}", text, min(drawn.choice((1, 1, 2, 3, 5)), findings - made), large=size > 50_000
        )
        number += 1
    ledger.settle()
    ledger.end_run(datetime.now(UTC), "finished")
    ledger.close()
    return path


def _samples() -> Iterator[dict[str, Any]]:
    for name in GOLD:
        for line in Path(f"bench/gold/{name}.jsonl").read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def read_samples(folder: Path, count: int) -> Path:
    """The demo's ledger with so many sample documents in it, all as the extractor reads them."""
    path = folder / "watchledger.db"
    subprocess.run([sys.executable, "-m", "pipeline", "demo", "--db", str(path)], check=True, stdout=subprocess.DEVNULL)
    return save_samples(path, count)


def save_samples(path: Path, count: int) -> Path:
    """So many sample documents in the ledger at `path`, as the extractor reads them."""
    from extract.document import Extractor

    extractor, ledger = Extractor.load(), Ledger.open(path)
    ledger.begin_run("process", "bench", datetime.now(UTC))
    for gold in islice(_samples(), count):
        name, title, date = gold["id"], gold.get("title") or "", gold.get("date")
        found = extractor.extract(Document(id=name, text=gold["text"], title=title, date=date, lang=gold["lang"]))
        article = Article(
            article_id=name, url=f"https://daily.example/{name}", title=title, text=gold["text"], language=gold["lang"],
            outlet="Daily", published=date,
        )  # fmt: skip
        reading = PageReading(page_id=name, outcome=found.outcome, article=article, extraction=found)
        ledger.save(reading, "bench", "daily")
    ledger.settle()
    ledger.end_run(datetime.now(UTC), "finished")
    ledger.close()
    return path


def _save(ledger: Ledger, drawn: random.Random, name: str, text: str, count: int, *, large: bool = False) -> int:
    findings = []
    for _ in range(count):
        vendor, country, year = f"Maker {drawn.randint(1, 3000)}", drawn.choice(_COUNTRIES), drawn.randint(2005, 2025)
        sum_ = drawn.randint(1, 900)
        quote = (
            f"In {year} {vendor} sold cameras for ${sum_} million to the police of {country}, with a loan of Exim Bank."
        )
        at = drawn.randrange(0, len(text) + 1)
        at = text.find(". ", at) + 2 if text.find(". ", at) >= 0 else len(text)
        text = f"{text[:at]}{quote} {text[at:]}"
        findings.append((vendor, country, year, sum_, quote))
    told = tuple(_finding(drawn, text, *one, large=large) for one in findings)
    article = Article(
        article_id=name, url=f"https://daily.example/{name}", title=f"Cameras and questions, part {name}", text=text, language="en",
        outlet=f"Daily {drawn.randint(1, 40)}", published=f"{drawn.randint(2015, 2025)}-0{drawn.randint(1, 9)}-1{drawn.randint(0, 9)}",
    )  # fmt: skip
    extraction = Extraction(id=name, outcome=Outcome.KEPT, extractor_version="bench", deals=told)
    ledger.save(
        PageReading(page_id=name, outcome=Outcome.KEPT, article=article, extraction=extraction), "bench", "daily"
    )
    return count


def _finding(
    drawn: random.Random, text: str, vendor: str, country: str, year: int, sum_: int, quote: str, *, large: bool
) -> Finding:
    at = text.index(quote)

    def span(words: str, slot: str) -> Span:
        start = at + quote.index(words)
        return Span(start=start, end=start + len(words), slot=slot)

    return Finding(
        vendor=vendor,
        vendor_aliases=(vendor,),
        vendor_country="CN",
        country=country,
        technologies=(drawn.choice(_KINDS), Technology.VIDEO_SURVEILLANCE),
        evidence=(quote,),
        # Those in large articles come first in their own queue by a certainty of their own.
        confidence=0.999 if large else round(drawn.uniform(0.2, 0.99), 4),
        financing=Financing(type=FinancingType.LOAN, financier="Exim Bank"),
        value=Money(amount=sum_ * 1e6, currency="USD", raw=f"${sum_} million"),
        customer=f"police of {country}",
        year=year,
        status=drawn.choice(list(Status)),
        reasons=("supplier_near=1 (+1.20)", "trigger_between=2 (+0.80)"),
        spans=(
            span(vendor, "vendor"), span("cameras", "technologies"), span(f"${sum_} million", "value"), span(str(year), "year"),
            span(f"police of {country}", "customer"), span("Exim Bank", "financier"), Span(start=at, end=at + len(quote), slot="evidence"),
        ),
        field_confidence=(("pair", 0.9), ("customer", 0.6)),
    )  # fmt: skip


@contextlib.contextmanager
def serving(db: Path, name: str = "bench") -> Iterator[tuple[str, float]]:
    """The command in a process of its own: its address, and the milliseconds from its start to its first whole page."""
    began = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "pipeline",
        "review",
        "--db",
        str(db),
        "--port",
        "0",
        "--no-browser",
        "--as",
        name,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        base = "http://" + process.stdout.readline().split("http://")[1].split("/")[0]
        with urllib.request.urlopen(f"{base}/review", timeout=60) as page:
            page.read()
        yield base, (time.perf_counter() - began) * 1000
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def decide(page: Any, keys: list[str]) -> list[dict[str, float]]:
    """Press the keys one by one, each when the last one's deal is painted."""
    told = []
    for key in keys:
        told.append(page.evaluate(_MEASURE, {"key": key}))
        page.evaluate("() => performance.clearResourceTimings()")
        if told[-1]["id"] == "nothing":
            break
    return told


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    return round(sorted(values)[max(0, math.ceil(len(values) * share) - 1)], 1)


def decide_samples(browser: Any, db: Path, keys: list[str]) -> list[dict[str, float]]:
    """Decide over all deals of a small ledger, round after round, until the keys are used up."""
    told: list[dict[str, float]] = []
    with serving(db) as (base, _):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        while len(told) < len(keys):
            page.goto(f"{base}/review/deal?state=all")
            page.wait_for_selector("body[data-ready]")
            done = decide(page, keys[len(told) :])
            if not done or (told and done[0]["id"] == "nothing"):
                raise SystemExit("the demo and the sample documents give too few deals to decide on")
            told += done
        page.close()
    return told


def run(findings: int, decisions: int, samples: int, folder: Path) -> dict[str, Any]:
    """Generate, start, decide, and compare with the bounds."""
    from playwright.sync_api import sync_playwright

    (folder / "samples").mkdir(exist_ok=True)
    began = time.perf_counter()
    db = make(folder, findings)
    generated = time.perf_counter() - began
    drawn = random.Random(1)
    plain = [drawn.choices("axs ", weights=(65, 25, 5, 5))[0] for _ in range(decisions)]
    large = [drawn.choice("ax") for _ in range(max(10, decisions // 6))]
    starts = []
    for _ in range(3):
        with serving(db) as (_, start):
            starts.append(start)
    with serving(db) as (base, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto(f"{base}/review/deal?most=0.99")
        page.wait_for_selector("body[data-ready]")
        decide(page, ["j", "j"])
        told = decide(page, plain)
        page.goto(f"{base}/review/deal?least=0.995")
        page.wait_for_selector("body[data-ready]")
        decide(page, ["j"])
        told_large = decide(page, large)
        began = time.perf_counter()
        page.goto(f"{base}/review")
        queue_page = (time.perf_counter() - began) * 1000
        page.close()
        told_samples = decide_samples(browser, read_samples(folder / "samples", samples), plain)
        browser.close()
    (painted, server), (painted_samples, server_samples) = _times(told), _times(told_samples)
    figures = {
        "key_to_painted_p50": percentile(painted, 0.5),
        "key_to_painted_p95": percentile(painted, 0.95),
        "key_to_painted_max": round(max(painted), 1),
        "server_p50": percentile(server, 0.5),
        "server_p95": percentile(server, 0.95),
        "key_to_painted_p95_100kb": percentile([one["painted"] for one in told_large], 0.95),
        "start": percentile(starts, 0.5),
        "samples_key_to_painted_p95": percentile(painted_samples, 0.95),
        "samples_server_p95": percentile(server_samples, 0.95),
        "queue_page": round(queue_page, 1),
    }
    return {
        "what": "milliseconds; `start` is the middle one of three, the others are over all keys; samples: demo and gold",
        "findings": findings,
        "decisions": len(told),
        "decisions_100kb": len(told_large),
        "samples": samples,
        "decisions_samples": len(told_samples),
        "generated_seconds": round(generated, 1),
        "figures": figures,
        "bounds": BOUNDS,
        "holds": {name: figures[name] <= bound for name, bound in BOUNDS.items()},
        "machine": {
            "cpus": os.cpu_count(),
            "load_1min": round(os.getloadavg()[0], 1),
            "python": platform.python_version(),
        },
        "at": datetime.now(UTC).date().isoformat(),
    }


def _times(told: list[dict[str, float]]) -> tuple[list[float], list[float]]:
    """Of each key the time to the painted deal, and the server's share."""
    return [one["painted"] for one in told], [one["server"] for one in told if one["server"] is not None]


def main() -> None:
    """Run it, print it, keep it; exit status 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--findings", type=int, default=FULL["findings"])
    parser.add_argument("--decisions", type=int, default=FULL["decisions"])
    parser.add_argument("--samples", type=int, default=FULL["samples"], help="sample documents beside the demo")
    parser.add_argument("--keep", type=Path, help="folder for the generated ledger (a temporary one by default)")
    told = parser.parse_args()
    if told.findings < FEWEST_FINDINGS:
        parser.error(f"--findings must be at least {FEWEST_FINDINGS}")
    if not Path(CHROMIUM).exists():
        raise SystemExit(f"no Chromium at {CHROMIUM}, and the times are those of a browser; apt install chromium")
    with tempfile.TemporaryDirectory() as scratch:
        folder = told.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        made = run(told.findings, told.decisions, told.samples, folder)
    full = all(getattr(told, name) >= number for name, number in FULL.items())
    if full:
        RESULT.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    for name, value in made["figures"].items():
        bound = f"  bound {BOUNDS[name]:.0f}  {'holds' if made['holds'][name] else 'BROKEN'}" if name in BOUNDS else ""
        print(f"{name:26} {value:8.1f} ms{bound}")
    print(
        f"{made['decisions']} decisions over {made['findings']:,} findings, {made['decisions_100kb']} on 100 kB articles,"
    )
    print(
        f"{made['decisions_samples']} over the demo and {made['samples']} sample documents; load {made['machine']['load_1min']}"
    )
    print(f"kept in {RESULT}" if full else "a rehearsal: not kept")
    if not all(made["holds"].values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
