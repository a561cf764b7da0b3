"""Main text, dropped furniture and dates on the sets of others."""

from __future__ import annotations

import gzip
import importlib.util
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from htmldate import find_date
from trafilatura import bare_extraction, load_html

from bench.peers import run_peer
from extract.clean import clean, detect_language
from extract.metadata import read_facts
from records import Page, StoredPage

NOW = datetime(2026, 11, 1, tzinfo=UTC)
PEERS = ("newspaper4k", "newsplease", "readability", "goose3")
# Targets of issue 6.
LEAST_F1, MOST_TIME, MOST_BEHIND = 0.960, 0.6, 0.010


def main_text(data: Path, with_peers: bool) -> dict[str, Any]:
    """scrapinghub/article-extraction-benchmark, 181 pages: F1 of the body, with title, date and author read."""
    folder = data / "article-extraction-benchmark"
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    pages = {key: gzip.decompress((folder / "html" / f"{key}.html.gz").read_bytes()) for key in truth}
    judge = _module(folder / "evaluate.py")
    runners = {"ours": _ours, "trafilatura default + metadata": _trafilatura(fast=False), "resiliparse": _resiliparse}
    rows, texts = _run(pages, {key: truth[key].get("url", "") for key in truth}, runners)
    for name in PEERS if with_peers else ():
        found = run_peer(name, list(pages.values()))
        if found is None:
            rows[name] = {"absent": True}
            continue
        if not any(found["texts"]):
            rows[name] = {"failed": True, "errors": found["errors"]}
            continue
        texts[name] = dict(zip(pages, found["texts"], strict=True))
        rows[name] = {"ms_a_page": round(found["seconds"] / len(pages) * 1000, 2), "errors": found["errors"]}
    for name, told in texts.items():
        scores = judge.evaluate(truth, {key: {"articleBody": told[key]} for key in truth}, 1)
        rows[name] |= {key: round(scores[key], 3) for key in ("f1", "precision", "recall")}
    ratio = rows["ours"]["ms_a_page"] / rows["trafilatura default + metadata"]["ms_a_page"]
    holds = rows["ours"]["f1"] >= LEAST_F1 and ratio <= MOST_TIME
    return {"pages": len(pages), "extractors": rows, "time_ratio": round(ratio, 3), "holds": holds}


def segments(data: Path, with_peers: bool) -> dict[str, Any]:
    """trafilatura's own 990 pages: segments that must be kept and dropped; the title counts as kept by both."""
    tests = data / "trafilatura" / "tests"
    truth = json.loads((tests / "evaldata.json").read_text(encoding="utf-8"))
    pages = {}
    for url, item in truth.items():
        path = next((p for p in (tests / "cache" / item["file"], tests / "eval" / item["file"]) if p.exists()), None)
        if path is not None:
            pages[url] = path.read_bytes()
    runners = {"ours": _ours_with_title, "trafilatura standard": _trafilatura(fast=False, metadata=False)}
    rows, texts = _run(pages, dict(zip(pages, pages, strict=True)), runners)
    for name, told in texts.items():
        rows[name] |= _segment_scores(told, truth)
    behind = rows["trafilatura standard"]["f1"] - rows["ours"]["f1"]
    return {"pages": len(pages), "extractors": rows, "behind": round(behind, 4), "holds": behind <= MOST_BEHIND}


def dates(data: Path, with_peers: bool) -> dict[str, Any]:
    """htmldate's two sets: the exact day of publication, from the page alone (no address, no feed)."""
    tests = data / "htmldate" / "tests"
    truth: dict[str, Any] = {}
    for name in ("eval_mediacloud_2020.json", "eval_default.json"):
        truth.update(json.loads((tests / name).read_text(encoding="utf-8")))
    pages = {}
    for url, item in truth.items():
        found = [p for d in ("test_set", "cache", "eval") if (p := tests / d / item["file"]).exists()]
        if found:
            pages[url] = found[0].read_bytes()
    rows: dict[str, Any] = {}
    for name, read in (
        ("ours", _our_date),
        ("htmldate fast", _htmldate(False)),
        ("htmldate extensive", _htmldate(True)),
    ):
        began = time.process_time()
        told = {url: read(body) for url, body in pages.items()}
        seconds = time.process_time() - began
        right = sum(told[url] == truth[url]["date"] for url in pages)
        wrong = sum(bool(told[url]) and told[url] != truth[url]["date"] for url in pages)
        rows[name] = {
            "accuracy": round(right / len(pages), 4),
            "right": right,
            "wrong": wrong,
            "none": len(pages) - right - wrong,
            "ms_a_page": round(seconds / len(pages) * 1000, 2),
        }
    best = max(rows["htmldate fast"]["right"], rows["htmldate extensive"]["right"])
    return {"pages": len(pages), "readers": rows, "holds": rows["ours"]["right"] >= best}


def _run(
    pages: dict[str, bytes], urls: dict[str, str], runners: dict[str, Callable[[bytes, str], str]]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Every page by every extractor in turn, so that what else the machine does falls on all of them alike."""
    detect_language("A first text, so that no page pays for loading the model.")
    first = next(iter(pages))
    for run in runners.values():
        run(pages[first], urls[first])
    seconds = {name: [0.0] * len(pages) for name in runners}
    texts: dict[str, dict[str, str]] = {name: {} for name in runners}
    for number, (key, body) in enumerate(pages.items()):
        for name, run in runners.items():
            began = time.process_time()
            texts[name][key] = run(body, urls[key])
            seconds[name][number] = time.process_time() - began
    rows = {
        name: {
            "ms_a_page": round(sum(spent) / len(pages) * 1000, 2),
            "p99_ms": round(sorted(spent)[int(len(spent) * 0.99)] * 1000, 1),
            "empty": sum(not text for text in texts[name].values()),
        }
        for name, spent in seconds.items()
    }
    return rows, texts


def stored(body: bytes, url: str) -> StoredPage:
    """A page as the archive would give it."""
    url = url or "http://example.org/"
    page = Page(
        url=url,
        final_url=url,
        status=200,
        fetched_at=NOW,
        content_type="text/html",
        sha256="",
        body=body,
        source_id="bench",
    )
    return StoredPage(page_id="p", page=page)


def _ours(body: bytes, url: str) -> str:
    article = clean(stored(body, url)).article
    return article.text if article else ""


def _ours_with_title(body: bytes, url: str) -> str:
    article = clean(stored(body, url)).article
    return f"{article.title}\n{article.text}" if article else ""


def _trafilatura(*, fast: bool, metadata: bool = True) -> Callable[[bytes, str], str]:
    def run(body: bytes, url: str) -> str:
        made = bare_extraction(body, fast=fast, with_metadata=metadata, include_comments=False, include_tables=True)
        return (getattr(made, "text", None) or "") if made is not None else ""

    return run


def _resiliparse(body: bytes, _url: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return str(extract_plain_text(body.decode("utf-8", "replace"), main_content=True))


def _our_date(body: bytes) -> str | None:
    tree = load_html(body)
    return None if tree is None else read_facts(tree, "", NOW).published


def _htmldate(extensive: bool) -> Callable[[bytes], str | None]:
    def run(body: bytes) -> str | None:
        made: str | None = find_date(body, original_date=True, extensive_search=extensive)
        return made

    return run


def _segment_scores(told: dict[str, str], truth: dict[str, Any]) -> dict[str, float]:
    hit = wrong = missed = 0
    for url, text in told.items():
        flat = " ".join(text.split())
        for part in truth[url]["with"]:
            hit, missed = (hit + 1, missed) if " ".join(part.split()) in flat else (hit, missed + 1)
        wrong += sum(" ".join(part.split()) in flat for part in truth[url]["without"])
    precision, recall = hit / (hit + wrong), hit / (hit + missed)
    f1 = 2 * precision * recall / (precision + recall)
    return {"f1": round(f1, 4), "precision": round(precision, 4), "recall": round(recall, 4)}


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
