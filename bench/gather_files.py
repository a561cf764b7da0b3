"""Robots files, feeds and WARC files of other projects' tests through our readers: each ends as a counted outcome."""

from __future__ import annotations

import io
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

from crawlers.readers import IndexReadError, read_index
from crawlers.robots import read_rules
from crawlers.warc import Loss, WarcRecord, read_warc
from records import Source, SourceKind, SourceType

AGENT = "watchledger"
ROBOTS = 4231
LEAST_READ = 0.99


def robots(data: Path, _with_peers: bool) -> dict[str, Any]:
    """All robots files of protego's tests: rules are read, asked and timed; nothing raises."""
    files = sorted((data / "protego" / "tests" / "test_data").iterdir())
    outcomes: Counter[str] = Counter()
    began = time.process_time()
    for path in files:
        rules = read_rules(200, path.read_bytes())
        asked = [rules.allows(f"http://a.example{place}", AGENT) for place in ("/", "/private/x?y=1", "/%C3%A9")]
        outcomes["allows all asked" if all(asked) else "disallows some" if any(asked) else "disallows all"] += 1
        outcomes["asks for a delay"] += rules.delay(AGENT) > 0
    seconds = time.process_time() - began
    read = sum(count for name, count in outcomes.items() if name != "asks for a delay")
    told = {"files": len(files), "outcomes": dict(outcomes), "ms_a_file": round(seconds / len(files) * 1000, 2)}
    return told | {"holds": read == len(files) == ROBOTS}


def feeds(data: Path, _with_peers: bool) -> dict[str, Any]:
    """feedparser's well-formed feeds: read, or refused with a reason; of those that expect a link, how many give it."""
    source = Source(
        id="bench",
        publisher="",
        country="ZZ",
        language="en",
        kind=SourceKind.FEED,
        source_type=SourceType.MEDIA,
        url="http://a.example/",
    )
    outcomes: Counter[str] = Counter()
    expected = given = 0
    missed = []
    files = sorted((data / "feedparser" / "tests" / "wellformed").rglob("*.xml"))
    for path in files:
        body = path.read_bytes()
        try:
            links = [link.url for link in read_index(source, source.url, body).links]
            outcomes["read" if links else "read, without links"] += 1
        except IndexReadError as error:
            links = []
            outcomes[f"refused: {str(error)[:40]}"] += 1
        except Exception as error:  # what this measures: none may come
            links = []
            outcomes[f"RAISED {type(error).__name__}"] += 1
        wanted = re.search(rb"entries\[0\]\['link'\] == u?'(https?://[^']+)'", body[:2000])
        if wanted:
            expected += 1
            given += bool(links)
            missed += [] if links else [path.name]
    told = {"files": len(files), "outcomes": dict(outcomes), "expect_a_link": expected, "give_one": given}
    return told | {"without": missed[:20], "holds": not any(name.startswith("RAISED") for name in outcomes)}


def warcs(data: Path, _with_peers: bool) -> dict[str, Any]:
    """The WARC and ARC files of warcio's and resiliparse's tests, broken ones among them."""
    folders = [data / "warcio" / "test" / "data", data / "chatnoir-resiliparse" / "tests" / "data"]
    told: dict[str, Any] = {}
    raised = 0
    for path in sorted(p for folder in folders if folder.is_dir() for p in folder.iterdir()):
        if not re.search(r"\.(?:w?arc)(?:\.|$)", path.name):
            continue
        try:
            items = list(read_warc(io.BytesIO(path.read_bytes())))
            losses = Counter(item.reason for item in items if isinstance(item, Loss))
            told[path.name] = {"records": sum(isinstance(i, WarcRecord) for i in items), "losses": dict(losses)}
        except Exception as error:  # what this measures: none may come
            told[path.name] = {"RAISED": type(error).__name__}
            raised += 1
    return {"files": told, "holds": bool(told) and not raised}


def damaged(_data: Path, _with_peers: bool) -> dict[str, Any]:
    """4,000 records with 20 damaged spots, by three readers."""
    from fastwarc.warc import ArchiveIterator
    from warcio.archiveiterator import ArchiveIterator as WarcioIterator

    from tests.crawlers.warcs import damage, gz, page_record

    records = [page_record(number, 3000 + random.Random(number).randrange(4000)) for number in range(4000)]
    good, _ = gz(records)
    bad = damage(good, 20, seed=7)
    rows: dict[str, Any] = {}
    began = time.process_time()
    items = list(read_warc(io.BytesIO(bad)))
    losses = [item for item in items if isinstance(item, Loss)]
    rows["ours"] = {
        "records": len(items) - len(losses),
        "losses_told": len(losses),
        "seconds": round(time.process_time() - began, 2),
    }
    readers = {
        "fastwarc": lambda stream: (item.reader.read() for item in ArchiveIterator(stream)),
        "warcio": lambda stream: (item.content_stream().read() for item in WarcioIterator(stream)),
    }
    for name, read in readers.items():
        began, count, ended = time.process_time(), 0, "normally"
        try:
            for _ in read(io.BytesIO(bad)):
                count += 1
        except Exception as error:
            ended = type(error).__name__
        rows[name] = {"records": count, "ended": ended, "seconds": round(time.process_time() - began, 2)}
    whole = {}
    for name, read_all in {"ours": lambda stream: read_warc(stream), **readers}.items():
        began = time.process_time()
        count = sum(1 for _ in read_all(io.BytesIO(good)))
        whole[name] = {"records": count, "seconds": round(time.process_time() - began, 2)}
    holds = rows["ours"]["records"] >= LEAST_READ * len(records)
    return {"written": len(records), "spots": 20, "damaged": rows, "undamaged": whole, "holds": holds}
