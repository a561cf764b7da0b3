"""How finance narratives without a surveillance deal are read: false findings, recipient countries, loan amounts.

python -m bench.narratives NARRATIVES.jsonl [--no-deals]

The file is AidData's project narratives (ODC-By); it stays outside the project. Each record has `recipient` (country name),
`flow_type`, a title that often tells the amount, and the text. Country and amount are read from the **text alone**, by the
place and money grammars; the coded recipient and the title's amount are the check.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from extract.document import Extractor
from extract.lexicon import Hit, Kind, Lexicon
from extract.money import MoneyGrammar, Sum
from extract.text import read_text
from records import Document

HERE = Path(__file__).parent
_IS_LENT = re.compile(
    r"^\W{0,3}(?:\([^)]{0,60}\)\s)?(?:[\w'’/()-]+\s){0,5}?(?:loan|credit|facility|BCL|PBC|GCL|ECL|tranche|grant|financing)",
    re.IGNORECASE,
)
_LENT_BEFORE = re.compile(
    r"(?:loan|credit|facility|agreement|BCL|PBC|GCL|ECL|tranche|grant|financing)\b[^.$]{0,90}"
    r"(?:worth|for|of|valued at|amounting to|totall?ing|in the amount of|to|value|approximately|about|up to|\()\s*$",
    re.IGNORECASE,
)
_NOT_LENT_BEFORE = re.compile(
    r"(?:disburs|repa(?:y|id)|outstanding|\bfees?\b|commercial contract|EPC contract|contract (?:worth|valued|for)|cost|insurance|interest|"
    r"install?ments?|equity|guarantee|collateral|revenue|invest|profit|counterpart)[^.;]{0,70}$",
    re.IGNORECASE,
)
_NOT_LENT_AFTER = re.compile(
    r"^\W{0,3}(?:[\w'’-]+\s){0,3}?(?:commercial|EPC|contract|project|in 20\d\d|repay|equity|was disbursed)",
    re.IGNORECASE,
)
_CHINESE_LENDER = re.compile(
    r"Eximbank|Exim Bank|China Development Bank|CDB|ICBC|Bank of China|BOC|CCB|Construction Bank|Agricultural Bank|CITIC|Sinosure|"
    r"Merchants Bank|MOFCOM|Government of China|Chinese Government",
)


def recipient(hits: list[Hit]) -> str | None:
    """The country that a narrative is about: named most, early names counting more, lender's home left out."""
    votes: Counter[str] = Counter()
    for hit in hits:
        if hit.entry.kind is Kind.COUNTRY and hit.entry.key != "CN" and not hit.entry.weak:
            votes[hit.entry.key] += 2 if hit.start < 400 else 1
        elif hit.entry.kind is Kind.AGENCY and hit.entry.key not in ("CN", ""):
            votes[hit.entry.key] += 1
    return votes.most_common(1)[0][0] if votes else None


_ANOTHER_RECORD = re.compile(r"^[^.$]{0,60}captured (?:via|by|in|through) (?:Project )?ID#?")
_WORD = re.compile(r"[A-Za-z0-9’'-]+")
_COMMON = frozenset(
    "china eximbank provides provide loan for the of project linked to id and in a buyer’s buyer's credit government concessional "
    "preferential usd rmb million billion contributes syndicated bank phase by on its".split()
)


def _told_names(title: str) -> set[str]:
    return {w.lower() for w in _WORD.findall(re.sub(r"\(Linked.*", "", title))} - _COMMON


def main_loan(text: str, sums: list[Sum], title: str = "") -> Sum | None:
    """The sum that is lent: told beside a loan word, early, and near the names of the title (given without its sums).

    Disbursements, repayments, fees and contract prices are left out.
    """
    names = _told_names(title)
    scored: list[tuple[float, int, Sum]] = []
    for found in sums:
        before, after = text[max(0, found.start - 160) : found.start], text[found.end : found.end + 90]
        sentence = before[before.rfind(". ") + 1 :]
        around = {w.lower() for w in _WORD.findall(text[max(0, found.start - 200) : found.end + 220])}
        score = 3.0 * bool(_IS_LENT.match(after)) + 3.0 * bool(_LENT_BEFORE.search(sentence))
        score += 1.0 * bool(_CHINESE_LENDER.search(sentence))
        score += 5.0 * len(names & around) / max(1, len(names))
        score -= 3.0 * bool(_NOT_LENT_BEFORE.search(sentence)) + 2.0 * bool(_NOT_LENT_AFTER.match(after))
        score -= min(2.0, found.start / 1000)
        score -= 4.0 * bool(_ANOTHER_RECORD.search(after))  # AidData's mark for a loan that has a record of its own
        scored.append((score, -found.start, found))
    return max(scored, key=lambda s: s[:2])[2] if scored else None


def _same(a: Sum, b: Sum) -> bool:
    return abs(a.amount - b.amount) <= 0.01 * b.amount and bool(set(a.currencies) & set(b.currencies))


def _read(records: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    extractor = Extractor.load()
    made = []
    for d in records:
        got = extractor.extract(Document(id=d["id"], text=d["text"], title=d["title"], date=d["date"], lang=d["lang"]))
        made.append((d["id"], [f"{f.vendor or f.vendor_country} -> {f.country} {f.confidence:.2f}" for f in got.deals]))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("narratives", type=Path)
    parser.add_argument("--no-deals", action="store_true", help="country and amount only")
    parser.add_argument("--show", action="store_true", help="list what is wrong")
    args = parser.parse_args()
    records = [json.loads(line) for line in args.narratives.read_text(encoding="utf-8").splitlines()]
    lexicon = Lexicon.load()
    grammar = MoneyGrammar(lexicon.currencies)
    by_name = {name.lower(): iso for iso, name in lexicon.country_names.items()}
    result: dict[str, Any] = {"records": len(records)}
    country_right = country_all = amount_right = amount_all = amount_told = 0
    for d in records:
        text = read_text(d["text"]).text
        hits = lexicon.find(text, "en")
        named = [h.entry.key for h in lexicon.find(d["recipient"], "en") if h.entry.kind is Kind.COUNTRY]
        # AidData writes Congo for the Republic and names the Democratic Republic in full.
        wanted = (
            "CG" if d["recipient"] == "Congo" else by_name.get(d["recipient"].lower()) or (named[0] if named else None)
        )
        got = recipient(hits)
        if wanted:
            country_all += 1
            country_right += got == wanted
            if got != wanted and args.show:
                print(f"country {d['id']}: {d['recipient']} read as {got}")
        told = grammar.find(read_text(d["title"]).text, lambda _: ["CN"])
        if told and d["flow_type"] == "Loan":
            near = [got] if got else []
            sums = grammar.find(text, lambda _, near=near: [*near, "CN"])
            title = d["title"]
            for t in reversed(told):
                title = title[: t.start] + title[t.end :]
            best = main_loan(text, sums, title)
            amount_all += 1
            amount_told += any(_same(s, t) for s in sums for t in told)
            right = best is not None and any(_same(best, t) for t in told)
            amount_right += right
            if not right and args.show:
                print(f"amount {d['id']}: {d['title'][:90]} | {best and text[best.start : best.end]}")
    result |= {
        "recipient_right": round(country_right / country_all, 4), "recipients": country_all,
        "loan_amount_right": round(amount_right / amount_all, 4), "loan_amounts": amount_all,
        "title_amount_read_in_text": round(amount_told / amount_all, 4),
    }  # fmt: skip
    if not args.no_deals:
        with ProcessPoolExecutor(2) as pool:
            read = [row for part in pool.map(_read, [records[0::2], records[1::2]]) for row in part]
        with_findings = [(key, found) for key, found in read if found]
        result["documents_with_a_finding"] = len(with_findings)
        for key, found in with_findings:
            print(key, found[:3])
        result["extractor"] = Extractor.load().version
        (HERE / "results" / "narratives.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
