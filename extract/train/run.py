"""`watchledger train`: cross-validation over the corpus, thresholds from it, the shipped model, and the figures.

The corpus is models/corpus/written/*.jsonl and, where it was rebuilt (see models/corpus/README.md), the real texts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from tokenizers import Tokenizer

from extract.contract import claim_row, deal_row
from extract.decode import DEFAULTS
from extract.graph import GraphBuilder
from extract.judge import Judge
from extract.lexicon import Lexicon
from extract.measure import norm, report, table
from extract.reading import read_scored
from extract.scorer import Scored, sigmoid
from extract.tensors import ArrayMaker
from extract.train.decided import READ, gain, gain_table, is_decided, take_in
from extract.train.export import export, write_settings
from extract.train.fit import EPOCHS, Below, Example, Model, fit, predict, read_below
from extract.train.items import Item
from extract.train.labels import as_document, lay_over, read_gold
from extract.train.mpnet import pretrained
from extract.train.second import out_of_fold
from extract.trees import Trees, save_trees

PROCESSES = min(2, os.cpu_count() or 1)
"""Of training that work side by side."""
FOLDS = 2
TREE_FOLDS = 5
COMMON_VENDOR = 3
"""A vendor in more documents than this does not tie them into one fold (Huawei would tie a quarter of the corpus)."""


TOKENIZER = Path("models/encoder/tokenizer.json")
"""Of BERT's uncased models; the encoder's table of words is put into its order."""


def read_items(documents: Sequence[dict[str, Any]], tokenizer: Path) -> list[Item]:
    """Graphs, arrays and targets of the documents in a language that is read."""
    builder = GraphBuilder(Lexicon.load())
    maker = ArrayMaker(Tokenizer.from_file(str(tokenizer)))
    items = []
    for gold in documents:
        if gold["lang"] not in READ:
            continue
        graph = builder.build(as_document(gold), gold["lang"])
        arrays = maker.make(graph)
        claims = gold["claims"] if gold.get("claims_checked", True) else None
        items.append(Item(gold, graph, Example(gold["id"], arrays, lay_over(graph, arrays, gold["deals"], claims))))
    return items


def fold_of(items: Sequence[Item], k: int) -> list[int]:
    """A fold for each document: documents of one event, or of one vendor that is not a common one, stay together."""
    parent = list(range(len(items)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    groups: dict[str, list[int]] = defaultdict(list)
    for i, item in enumerate(items):
        groups[f"event {item.gold.get('event') or item.gold['id']}"].append(i)
        # What a person rejected in two articles ties them as well.
        for deal in [*item.gold["deals"], *item.gold.get("rejected", ())]:
            if deal["vendor"]:
                groups[f"vendor {norm(deal['vendor'])}"].append(i)
                groups[f"pair {norm(deal['vendor'])} {deal['country']}"].append(i)
    for key, members in groups.items():
        if key.startswith("vendor ") and len(set(members)) > COMMON_VENDOR:
            continue
        for other in members[1:]:
            parent[root(other)] = root(members[0])
    clusters: dict[int, list[int]] = defaultdict(list)
    for i in range(len(items)):
        clusters[root(i)].append(i)
    return _dealt_out(sorted(clusters.values(), key=lambda m: (-len(m), m[0])), k)


def _dealt_out(clusters: Sequence[Sequence[int]], k: int) -> list[int]:
    """A fold for each member of the clusters, which come in order: each goes whole to the fold that holds least."""
    load = [0] * k
    found: dict[int, int] = {}
    for members in clusters:
        best = load.index(min(load))
        load[best] += len(members)
        found.update(dict.fromkeys(members, best))
    return [found[i] for i in range(len(found))]


def tree_fold_of(items: Sequence[Item], k: int) -> list[int]:
    """A fold for each document as the trees are cross-validated: by event alone, as they see no names.

    The network's folds are as unlike as vendors make them (one holds two thirds of the deals); a tree that learnt on sparse documents
    is no measure of how sure one that learnt on all of them will be.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for i, item in enumerate(items):
        members[str(item.gold.get("event") or item.gold["id"])].append(i)
    order = sorted(members, key=lambda e: (-len(members[e]), hashlib.sha256(e.encode()).digest()))
    return _dealt_out([members[event] for event in order], k)


_SHARED: dict[str, Any] = {}


def _job(fold: int, result: Path) -> None:
    """Trains on all folds but one (-1: on everything); writes the left-out documents' outputs, or the weights."""
    torch.set_num_threads(_SHARED["threads"])
    items: list[Item] = _SHARED["items"]
    folds: list[int] = _SHARED["folds"]
    started = time.monotonic()
    model = fit(
        [x.example for x, f in zip(items, folds, strict=True) if f != fold and _SHARED["learn"](x)],
        _SHARED["weights"],
        below=_SHARED["below"],
        epochs=_SHARED["epochs"],
        seed=fold + 1,
        log=False,
    )
    print(f"fold {fold}: {time.monotonic() - started:.0f} s", flush=True)
    if fold == -1:
        np.savez(result, allow_pickle=False, **{k: v.numpy() for k, v in model.state_dict().items()})
        return
    outputs = {
        f"{n} {name}": value
        for n, (x, f) in enumerate(zip(items, folds, strict=True))
        if f == fold and x.example.arrays.chunk_ids and len(x.example.arrays.pair_supplier)
        for name, value in predict(model, x.example.arrays, _SHARED["below"][x.example.id][0]).items()
    }
    np.savez(result, allow_pickle=False, **outputs)


def _read_part(part: int, result: Path) -> None:
    """What the frozen layers make of every second document, from `part` on."""
    torch.set_num_threads(_SHARED["threads"])
    examples = [x.example for x in _SHARED["items"]][part::PROCESSES]
    torch.save(read_below(examples, _SHARED["weights"]), result)


def cross_validate(
    items: list[Item],
    weights: bytes,
    *,
    k: int,
    epochs: int,
    final: bool,
    learn: Callable[[Item], bool] = lambda _: True,
) -> tuple[dict[int, Any], Model | None]:
    """Out-of-fold outputs by document index, and the model trained on everything; `learn` tells what is learnt from."""
    jobs = ([-1] if final else []) + list(range(k))
    _SHARED.update(
        items=items,
        folds=fold_of(items, k),
        weights=weights,
        epochs=epochs,
        learn=learn,
        threads=max(1, (os.cpu_count() or 1) // PROCESSES),
    )
    outputs: dict[int, Any] = {}
    model: Model | None = None
    with tempfile.TemporaryDirectory() as scratch:
        if "below" not in _SHARED:
            # Mapped for as long as the folds run: no result of theirs may be written over it.
            apart = Path(scratch) / "below"
            apart.mkdir()
            _SHARED["below"] = _read_below(apart)
        _run_jobs(_job, jobs, Path(scratch))
        for fold in jobs:
            with np.load(Path(scratch) / f"{fold}.npz", allow_pickle=False) as stored:
                if fold == -1:
                    model = Model(weights)
                    model.load_state_dict({key: torch.from_numpy(stored[key]) for key in stored.files})
                    continue
                for key in stored.files:
                    number, name = key.split(" ")
                    outputs.setdefault(int(number), {})[name] = stored[key]
    return outputs, model


def _read_below(scratch: Path) -> Below:
    """What the frozen layers make of all documents, worked out side by side; it stays on disk and is mapped."""
    started = time.monotonic()
    parts = range(PROCESSES)
    _run_jobs(_read_part, parts, scratch)
    below: Below = {}
    for part in parts:
        below |= torch.load(scratch / f"{part}.npz", mmap=True, weights_only=True)
    print(f"read by the frozen layers: {time.monotonic() - started:.0f} s", flush=True)
    return below


def _run_jobs(job: Callable[[int, Path], None], jobs: Sequence[int], scratch: Path) -> None:
    """A process for each job, so many at a time; this one only waits (a fork beside running threads may hang for ever)."""
    context = multiprocessing.get_context("fork")
    waiting = list(jobs)
    running: dict[int, Any] = {}
    while waiting or running:
        while waiting and len(running) < PROCESSES:
            number = waiting.pop(0)
            running[number] = context.Process(target=job, args=(number, scratch / f"{number}.npz"))
            running[number].start()
        connection.wait([p.sentinel for p in running.values()])
        for number, process in list(running.items()):
            if process.exitcode is not None:
                if process.exitcode:
                    raise SystemExit(f"fold {number} ended with {process.exitcode}; nothing was written")
                del running[number]


Judged = dict[int, tuple[Item, Scored, Judge]]


def judge_all(items: Sequence[Item], outputs: dict[int, Any], trees: Mapping[int, Mapping[str, Trees]]) -> Judged:
    """Each scored document with a judge that never saw it."""
    made: Judged = {}
    for n in sorted(outputs):
        scored = Scored(items[n].example.arrays, outputs[n])
        made[n] = (items[n], scored, Judge(trees[n], items[n].graph, scored.arrays, scored.outputs))
    return made


def findings(items: Sequence[Item], judged: Judged, settings: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Predicted documents by id, claims included."""
    made: dict[str, dict[str, Any]] = {x.gold["id"]: {"deals": [], "claims": []} for x in items}
    for item, scored, judge in judged.values():
        deals, claims = read_scored(item.graph, scored, judge, settings)
        # Where nobody looked for claims, none is right or wrong.
        counted = claims if item.gold.get("claims_checked", True) else []
        made[item.gold["id"]] = {"deals": [deal_row(d) for d in deals], "claims": [claim_row(c) for c in counted]}
    return made


def platt(logits: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of a logistic curve from score to probability (Platt 1999)."""
    fitted = LogisticRegression(C=10.0).fit(logits[:, None], right)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


GRIDS: tuple[tuple[str, tuple[float, ...], str], ...] = (
    ("pair", tuple(np.arange(0.2, 0.62, 0.03)), "pair"),
    ("technology", tuple(np.arange(0.25, 0.7, 0.05)), "triple"),
    ("financing", (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75), "tuple"),
    ("value", tuple(np.arange(0.2, 0.75, 0.05)), "value"),
    ("amount", tuple(np.arange(0.2, 0.75, 0.05)), "financing_amount"),
    ("alleged", tuple(np.arange(0.15, 0.65, 0.05)), "alleged"),
    ("year", tuple(np.arange(0.1, 0.6, 0.05)), "year"),
    ("customer", tuple(np.arange(0.1, 0.6, 0.05)), "customer"),
    ("financier", tuple(np.arange(0.1, 0.6, 0.05)), "financier"),
    ("claim", tuple(np.arange(0.2, 0.7, 0.05)), "claim"),
    ("claim_technology", (0.3, 0.4, 0.5, 0.6), "claim_full"),
)
"""Setting, values tried, and the level or slot whose F1 decides."""


AS_GOOD = 0.006
"""F1 that is no difference: of the thresholds of a pair that are as good, the lowest stands. What is found is ranked by its confidence and
decided by a person, so the doubtful ones cost a look; what is not listed is lost. Average precision is best so, too."""


NETWORKS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""How much the network's own answer may count beside the trees', by the average precision of the pairs."""


def _pairs(judged: Judged, network: float) -> np.ndarray:
    """The scores of all pairs of all documents."""
    return np.concatenate([judge.pair(network) for _, _, judge in judged.values()]).astype(np.float64)


def tune(items: Sequence[Item], judged: Judged) -> dict[str, float]:
    """Calibration and thresholds that are best out of fold, one at a time."""
    settings = dict(DEFAULTS)
    right = np.concatenate([item.example.labels.pair for item, _, _ in judged.values()]).astype(np.float64)
    settings["network"] = max(NETWORKS, key=lambda x: average_precision_score(right, _pairs(judged, x)))
    logits = _pairs(judged, settings["network"])
    settings["slope"], settings["intercept"] = (round(x, 4) for x in platt(logits, right))
    gold = {x.gold["id"]: x.gold for x in items}
    for name, grid, level in GRIDS:

        def f1_of(x: float, name: str = name, level: str = level) -> float:
            told = report(gold, findings(items, judged, {**settings, name: float(x)}), bootstrap=0)
            return float(told[level]["f1"])

        # The lowest threshold asks the trees most; their answers are kept and serve the others.
        f1s = [f1_of(grid[0]), *_side_by_side(f1_of, grid[1:])]
        scored = [(f1, -abs(float(x) - DEFAULTS[name]), float(x)) for f1, x in zip(f1s, grid, strict=True)]
        settings[name] = round(max(scored)[2], 3)
        if name == "pair":
            best = max(f1 for f1, _, _ in scored)
            settings[name] = round(min(x for f1, _, x in scored if f1 >= best - AS_GOOD), 3)
    return settings


def _side_by_side(job: Callable[[float], float], values: Sequence[float]) -> list[float]:
    """The job's answers in the order of the values, worked out by a process for each core."""
    context = multiprocessing.get_context("fork")
    pipes, running = [], []
    for n in range(PROCESSES):
        ours, theirs = context.Pipe(duplex=False)
        running.append(context.Process(target=_answer, args=(theirs, job, values[n::PROCESSES])))
        running[-1].start()
        theirs.close()
        pipes.append(ours)
    answers = [pipe.recv() for pipe in pipes]
    for process in running:
        process.join()
    return [answers[n % PROCESSES][n // PROCESSES] for n in range(len(values))]


def _answer(pipe: connection.Connection, job: Callable[[float], float], values: Sequence[float]) -> None:
    pipe.send([job(x) for x in values])


def reliability(judged: Judged, settings: dict[str, float], bins: int = 10) -> list[dict[str, float]]:
    """Ten bins of equal mass over the out-of-fold candidates that score above 1 %: mean confidence against share right."""
    rows = []
    for item, _, judge in judged.values():
        for logit, right in zip(judge.pair(settings["network"]), item.example.labels.pair, strict=True):
            chance = sigmoid(settings["slope"] * float(logit) + settings["intercept"])
            if chance > 0.01:
                rows.append((chance, float(right)))
    rows.sort()
    made = []
    for part in np.array_split(np.array(rows), bins):
        share, n = float(part[:, 1].mean()), len(part)
        spread = 1.96 * (share * (1 - share) / n) ** 0.5
        made.append(
            {
                "candidates": n,
                "confidence": round(float(part[:, 0].mean()), 3),
                "right": round(share, 3),
                "plus_minus": round(spread, 3),
            }
        )
    return made


WRITTEN = Path("models/corpus/written")
REBUILT = Path("output/corpus_real.jsonl")
MEASURE = Path("bench/gold")
TEXTUAL = ("evidence", "spans", "reasons", "vendor_aliases", "instruments", "field_confidence", "place")
"""Left out of the out-of-fold answers that are kept: they quote texts that are not ours."""


def default_corpus() -> list[Path]:
    """The written documents, and the real ones where they were rebuilt."""
    written = sorted(WRITTEN.glob("*.jsonl"))
    if not written:
        raise SystemExit(f"{WRITTEN} holds no documents; run this from the project's root")
    if not REBUILT.exists():
        print(f"note: {REBUILT} is not there, the real texts are left out; see models/corpus/README.md")
        return written
    return [*written, REBUILT]


def without_text(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "deals": [
            {k: v for k, v in d.items() if k not in TEXTUAL} | {"vendor_aliases": [], "evidence": []}
            for d in row["deals"]
        ],
        "claims": [{k: v for k, v in c.items() if k not in TEXTUAL} for c in row["claims"]],
    }


def figures_of(items: Sequence[Item], found: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Figures over all documents, the real ones, the written ones and each language, and under `registers` over each kind of text."""

    def over(part: list[Item]) -> dict[str, Any]:
        gold = {x.gold["id"]: x.gold for x in part}
        return report(gold, {key: found[key] for key in gold})

    parts = {
        "all": list(items), "real": [x for x in items if "source" in x.gold], "written": [x for x in items if "source" not in x.gold],
        **{f"lang {lang}": [x for x in items if x.gold["lang"] == lang] for lang in ("en", "fr", "es")},
    }  # fmt: skip
    kinds = sorted({x.gold["kind"] for x in items})
    registers = {kind.replace("_", " "): over([x for x in items if x.gold["kind"] == kind]) for kind in kinds}
    return {name: over(part) for name, part in parts.items() if part} | {"registers": registers}


def save_outputs(path: Path, items: Sequence[Item], outputs: Mapping[int, Mapping[str, np.ndarray]]) -> None:
    """Keeps the network's out-of-fold scores by document."""
    flat = {f"{items[n].gold['id']}\t{name}": value for n, made in outputs.items() for name, value in made.items()}
    np.savez_compressed(path, allow_pickle=False, **flat)


def read_outputs(path: Path, items: Sequence[Item]) -> dict[int, Any]:
    """What `save_outputs` kept, by the documents' places in `items`."""
    index = {x.gold["id"]: n for n, x in enumerate(items)}
    made: dict[int, Any] = defaultdict(dict)
    with np.load(path, allow_pickle=False) as stored:
        for key in stored.files:
            document, name = key.split("\t")
            if document in index:
                made[index[document]][name] = stored[key]
    return dict(made)


def from_the_corpus_alone(items: list[Item], weights: bytes, *, k: int, epochs: int) -> dict[str, dict[str, Any]]:
    """What is found in the same documents, in the same folds, by a training that knows no decided article."""

    def learn(item: Item) -> bool:
        return not is_decided(item.gold)

    outputs, _ = cross_validate(items, weights, k=k, epochs=epochs, final=False, learn=learn)
    trees, _ = out_of_fold(items, outputs, tree_fold_of(items, TREE_FOLDS), learn=learn)
    judged = judge_all(items, outputs, trees)
    # Both trainings choose their thresholds on the same documents: neither is favoured by it.
    return findings(items, judged, tune(items, judged))


def main(argv: Sequence[str] | None = None) -> None:
    """Trains, prints the figures out of fold, writes the model and `figures.json` into the folder given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="*", type=Path, help="gold JSON lines to learn from; default: the whole corpus")
    parser.add_argument("--out", type=Path, default=Path("models/encoder"), help="folder for the model")
    parser.add_argument(
        "--results", type=Path, default=Path("bench/results"), help="folder for the out-of-fold answers"
    )
    parser.add_argument(
        "--decided",
        type=Path,
        metavar="FILE",
        help="gold documents made from decisions: learnt from as well, and their gain out of fold is printed; "
        "`watchledger train --with-decisions LEDGER.db` makes them of a ledger",
    )
    parser.add_argument("--cache", type=Path, help="file for the network's out-of-fold scores, to try trees on them")
    parser.add_argument(
        "--trees-only",
        action="store_true",
        help="take the network's scores from --cache, and leave the network in --out as it is: it must be of the same run",
    )
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--version", default=time.strftime("%Y.%m.%d"))
    args = parser.parse_args(argv)
    if args.decided and args.trees_only:
        parser.error("the gain from decisions takes the network's training, too; leave --trees-only out")
    weights = b"" if args.trees_only else pretrained()
    started = time.monotonic()
    documents = read_gold(args.corpus or default_corpus())
    if args.decided:
        more, ends = take_in(read_gold([args.decided]), documents, read_gold(sorted(MEASURE.glob("*.jsonl"))))
        print(f"decided articles: {', '.join(f'{n} {end}' for end, n in sorted(ends.items()))}", flush=True)
        if not more:
            raise SystemExit("no decided article can be learnt from; nothing was trained")
        documents += more
    items = read_items(documents, TOKENIZER)
    print(
        f"{len(items)} documents, {sum(len(x.gold['deals']) for x in items)} deals, read in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if args.trees_only:
        outputs = read_outputs(args.cache, items)
        # Documents that came later have pairs and no scores: they are no part of the figures.
        kept = [n for n, x in enumerate(items) if n in outputs or not len(x.example.arrays.pair_supplier)]
        items = [items[n] for n in kept]
        outputs = {new: outputs[old] for new, old in enumerate(kept) if old in outputs}
    else:
        outputs, model = cross_validate(items, weights, k=args.folds, epochs=args.epochs, final=True)
        if args.cache:
            save_outputs(args.cache, items, outputs)
        if model is not None:
            # At once: what an hour has trained outlives whatever befalls the trees, which `--trees-only` grows again.
            sample = max(items, key=lambda x: min(len(a) for a in x.example.arrays.arguments.values())).example.arrays
            export(model, sample, TOKENIZER, args.out, {"version": args.version, "decode": DEFAULTS})
    trees, all_trees = out_of_fold(items, outputs, tree_fold_of(items, TREE_FOLDS))
    judged = judge_all(items, outputs, trees)
    settings = tune(items, judged)
    found = findings(items, judged, settings)
    figures: dict[str, Any] = {
        "documents": len(items),
        "deals": sum(len(x.gold["deals"]) for x in items),
        "settings": settings,
    }
    figures |= figures_of(items, found)
    for name in ("all", "real", "written"):
        if name in figures:
            print(f"-- out of fold, {name}\n{table(figures[name])}", flush=True)
    if args.decided:
        alone = from_the_corpus_alone(items, weights, k=args.folds, epochs=args.epochs)
        figures["decisions"] = gain([x.gold for x in items], alone, found)
        print(gain_table(figures["decisions"]), flush=True)
    figures["reliability"] = reliability(judged, settings)
    figures["missed_by_candidates"] = dict(Counter(m.split()[0] for x in items for m in x.example.labels.missed))
    figures["minutes"] = round((time.monotonic() - started) / 60, 1)
    corpus = {x.gold["id"] for x in items if not is_decided(x.gold)}
    args.results.mkdir(parents=True, exist_ok=True)
    with (args.results / "out_of_fold.jsonl").open("w", encoding="utf-8") as handle:
        for key, row in found.items():
            if key in corpus:
                handle.write(json.dumps({"id": key, **without_text(row)}, ensure_ascii=False) + "\n")
    write_settings(args.out, {"version": args.version, "decode": settings})
    save_trees(args.out / "trees.npz", all_trees)
    (args.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"written to {args.out} after {figures['minutes']} minutes")


if __name__ == "__main__":
    main()
