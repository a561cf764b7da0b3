"""`make card`: writes the measured figures into README.md and models/README.md, between their marks.

Everything comes from files that other commands wrote: models/encoder/figures.json (training), bench/results/quality.json
(`make bench-quality`) and the last line of bench/results/dev_b.jsonl (`make bench-final`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
LEVELS = ("pair", "triple", "tuple", "claim", "claim_full")
SLOTS = (
    "financing_type", "financier", "financing_amount", "value", "customer", "year", "status", "alleged", "vendor_country",
)  # fmt: skip
AIMS = {
    "pair": 0.85, "triple": 0.78, "tuple": 0.72, "claim": 0.80, "claim_full": 0.65, "financing_type": 0.80,
    "financing_amount": 0.80, "value": 0.80, "year": 0.80, "status": 0.80, "financier": 0.70, "customer": 0.65,
    "alleged": 0.60,
}  # fmt: skip


def between(text: str, name: str, inner: str) -> str:
    """`text` with what stands between the marks `name` replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no marks for {name}")
    return pattern.sub(lambda m: f"{m[1]}{inner.rstrip()}\n{m[2]}", text)


def _cell(figure: dict[str, Any] | None) -> str:
    if not figure:
        return "–"
    if not figure["gold"] and not figure["predicted"]:
        return "none"
    return f"{figure['f1']:.2f}" + (f" ({figure['gold']})" if figure["gold"] < 15 else "")


def figure_table(columns: dict[str, dict[str, Any]], rows: tuple[str, ...]) -> str:
    """F1 by level or slot (rows) and set of documents (columns); few gold values are told in brackets."""
    head = "| F1 | aim | " + " | ".join(columns) + " |\n|---|---|" + "---|" * len(columns)
    lines = [
        f"| {row.replace('_', ' ')} | {AIMS.get(row, '')} | "
        + " | ".join(_cell(made.get(row)) for made in columns.values())
        + " |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def main() -> None:
    trained = json.loads((ROOT / "models" / "encoder" / "figures.json").read_text())
    quality = json.loads((RESULTS / "quality.json").read_text())
    final_path = RESULTS / "dev_b.jsonl"
    final = json.loads(final_path.read_text().splitlines()[-1]) if final_path.is_file() else None
    columns = {
        "all, out of fold": quality["whole corpus"],
        "written": quality["written"],
        "real": quality["real"],
        "unseen": trained["unseen"]["all"],
        "dev_a": quality["dev_a"],
    }
    if final:
        columns["dev_b"] = final["figures"]
    sizes = ", ".join(f"{name}: {made['documents']} documents" for name, made in columns.items())
    pairs = columns["all, out of fold"]["pair"]
    naive = quality["naive baseline on dev_a"]
    short = (
        f"{figure_table(columns, LEVELS)}\n\n"
        f"{sizes}. *Out of fold*: read by a network of half of the corpus and by trees that had not seen the document; *unseen*: read by the "
        f"model that ships, written after it was trained (models/README.md tells what was decided on them). Out of fold: 95 % "
        f"interval of the pair F1 {pairs['f1_95ci'][0]:.2f} to {pairs['f1_95ci'][1]:.2f}, average precision by confidence "
        f"{pairs['average_precision']:.2f}. Stock spaCy NER with co-occurrence in a sentence reaches a pair F1 of "
        f"{naive['pair']['f1']:.2f} on dev_a in the same run. Printed by `make bench-quality`"
        + (f" and `make bench-final` ({final['date'][:10]})." if final else ".")
    )
    readme = ROOT / "README.md"
    readme.write_text(between(readme.read_text(encoding="utf-8"), "figures", short), encoding="utf-8")
    languages = {name: quality[name] for name in ("French", "Spanish") if name in quality}
    reliability = ["| candidates | mean confidence | share right | ± |", "|---|---|---|---|"]
    reliability += [
        f"| {b['candidates']} | {b['confidence']:.3f} | {b['right']:.3f} | {b['plus_minus']:.3f} |"
        for b in trained["unseen"]["reliability"]
    ]
    causes = "\n".join(f"| {cause} | {n} |" for cause, n in sorted(quality["causes"].items(), key=lambda c: -c[1]))
    registers = trained.get("registers", {})
    long = "\n\n".join(
        [
            short,
            "By slot, on matched pairs:",
            figure_table(columns, SLOTS),
            "By language, out of fold:",
            figure_table(languages, LEVELS),
            "By register, out of fold:",
            figure_table(registers, LEVELS) if registers else "(not yet measured)",
            "Reliability of the pair's confidence, ten bins of equal mass over the unseen candidates above 1 %:",
            "\n".join(reliability),
            f"Errors by cause over the {trained['documents']} documents read out of fold with {trained['deals']} deals:",
            f"| cause | pairs |\n|---|---|\n{causes}",
        ]
    )
    card = ROOT / "models" / "README.md"
    card.write_text(between(card.read_text(encoding="utf-8"), "figures", long), encoding="utf-8")


if __name__ == "__main__":
    main()
