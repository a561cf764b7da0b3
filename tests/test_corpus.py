"""The training corpus: valid annotations, texts of our own, nothing of the measure in it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from extract.contract import load_gold
from records import FinancingType, Qualifier, Status, Technology

ROOT = Path(__file__).parent.parent
WRITTEN = sorted((ROOT / "models" / "corpus" / "written").glob("*.jsonl"))
REAL = sorted((ROOT / "models" / "corpus" / "real").glob("*.jsonl"))
MEASURE = sorted((ROOT / "bench" / "gold").glob("*.jsonl"))


def documents(paths: list[Path]) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for path in paths:
        found.update(load_gold(path))
    return found


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.stem)
def test_written_annotations_are_valid(path):
    for key, d in load_gold(path).items():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", d["date"]), key
        assert len({(x["vendor"] or x["vendor_country"], x["country"]) for x in d["deals"]}) == len(d["deals"]), key
        for deal in d["deals"]:
            assert deal["evidence"], key
            assert all(quote in d["text"] for quote in deal["evidence"]), key
            assert deal["technologies"] == sorted({Technology(t).value for t in deal["technologies"]}), key
            Status(deal["status"])
            if deal["financing"]:
                FinancingType(deal["financing"]["type"])
        for claim in d["claims"]:
            Qualifier(claim["qualifier"])


@pytest.mark.parametrize("path", REAL, ids=lambda p: p.stem)
def test_real_texts_are_not_in_the_project(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        assert "text" not in record
        assert set(record["source"]) == {"repo", "commit", "path", "start", "end", "sha256"}
        assert all(set(deal) & {"evidence"} == set() for deal in record["deals"])


def test_no_eight_words_in_a_row_stand_in_documents_of_two_events():
    seen: dict[tuple[str, ...], tuple[str, str]] = {}
    shared = []
    for key, d in documents(WRITTEN).items():
        event = d.get("event") or key
        for run in runs(d["text"], 8):
            other = seen.setdefault(run, (event, key))
            if other[0] != event:
                shared.append((other[1], key, " ".join(run)))
    assert not shared[:5]


def test_nothing_of_the_measure_is_in_the_corpus():
    if not MEASURE:
        pytest.skip("no gold documents in bench/gold")
    held: dict[tuple[str, ...], str] = {}
    for key, d in documents(MEASURE).items():
        for run in runs(d["text"], 10):
            held[run] = key
    taken = defaultdict(list)
    for key, d in documents(WRITTEN).items():
        for run in runs(d["text"], 10):
            if run in held:
                taken[key, held[run]].append(" ".join(run))
    assert not taken


def test_every_kind_of_value_is_in_the_corpus_ten_times():
    corpus = documents([*WRITTEN, *REAL])
    deals = [deal for d in corpus.values() for deal in d["deals"]]
    count: dict[str, int] = defaultdict(int)
    for deal in deals:
        for t in deal["technologies"]:
            count[t] += 1
        count[deal["status"]] += 1
        if deal["financing"]:
            count[deal["financing"]["type"]] += 1
    wanted = [*Technology, *Status, *FinancingType]
    assert not [name for name in wanted if count[name] < 10]
    written = documents(WRITTEN)
    assert len(written) >= 300
    assert len(documents(REAL)) >= 150
