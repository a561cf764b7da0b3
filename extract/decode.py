"""From scores to findings: which pairs are deals, and the best-supported value of every slot."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from extract.graph import TECHNOLOGIES, Graph, Supplier
from extract.mentions import Mention, short_name
from extract.scorer import Scored, sigmoid
from records import Financing, FinancingType, Finding, Money, Span, Status, Technology

FINANCING = ("none", *(t.value for t in FinancingType))
STATUSES = tuple(s.value for s in Status)
MOST_EVIDENCE = 3

DEFAULTS: dict[str, float] = {
    "pair": 0.5, "technology": 0.5, "value": 0.5, "amount": 0.5, "alleged": 0.5, "year": 0.0, "customer": 0.0, "financier": 0.0,
    "financing": 0.0, "claim": 0.5, "claim_technology": 0.5, "slope": 1.0, "intercept": 0.0,
}  # fmt: skip
"""Thresholds (probabilities) and offsets (logits added to "nothing told"); training replaces them by what is best out of fold."""


def decode(graph: Graph, scored: Scored, settings: dict[str, float], reasons: Any = None) -> list[Finding]:
    """Findings of one document, most confident first.

    `settings` as `DEFAULTS`; `reasons` turns a row of features into sentences.
    """
    out, arrays = scored.outputs, scored.arrays
    chosen: dict[tuple[str, str], tuple[float, int]] = {}
    probability = [sigmoid(settings["slope"] * float(x) + settings["intercept"]) for x in out["pair"]]
    for p, chance in enumerate(probability):
        if chance < settings["pair"]:
            continue
        supplier = graph.suppliers[int(arrays.pair_supplier[p])]
        key = (supplier_key(supplier), graph.recipients[int(arrays.pair_recipient[p])].key)
        if key not in chosen or chosen[key][0] < chance:
            chosen[key] = (chance, p)
    findings = []
    for chance, p in sorted(chosen.values(), key=lambda item: (-item[0], item[1])):
        finding = _finding(graph, scored, p, chance, settings, reasons)
        if finding:
            findings.append(finding)
    return findings


def supplier_key(supplier: Supplier) -> str:
    """One key for clusters that are the same supplier by name."""
    if not supplier.company:
        return supplier.key
    name = supplier.company.vendor or short_name(supplier.company.names[0])
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _pick(scores: np.ndarray[Any, Any], none_bonus: float) -> tuple[int, float]:
    """Best candidate and its probability; the last score stands for "nothing told"."""
    shifted = scores.astype(np.float64).copy()
    shifted[-1] += none_bonus
    shifted -= shifted.max()
    chances = np.exp(shifted) / np.exp(shifted).sum()
    best = int(chances.argmax())
    return best, float(chances[best])


def _finding(graph: Graph, scored: Scored, p: int, chance: float, settings: dict[str, float], reasons: Any) -> Finding | None:
    out, arrays = scored.outputs, scored.arrays
    supplier = graph.suppliers[int(arrays.pair_supplier[p])]
    recipient = graph.recipients[int(arrays.pair_recipient[p])]
    text = graph.reading.text
    marks: list[tuple[Mention, str]] = [(arrays.mentions[int(arrays.near_supplier[p])], "vendor"), (arrays.mentions[int(arrays.near_recipient[p])], "country")]
    sure: list[tuple[str, float]] = [("pair", round(chance, 4))]
    notes: list[str] = []

    technologies, tech_marks = _technologies(graph, scored, p, settings)
    if not technologies:
        return None
    marks += [(m, "technologies") for m in tech_marks]

    money = graph.mentions.money

    def best_sum(name: str, threshold: float) -> tuple[Money | None, Mention | None]:
        if not money:
            return None, None
        best = int(out[name][p].argmax())
        if sigmoid(float(out[name][p][best])) < threshold:
            return None, None
        mention, found = money[best]
        sure.append((name, round(sigmoid(float(out[name][p][best])), 4)))
        return Money(amount=found.amount, currency=found.currency, raw=graph.reading.quote(found.start, found.end)), mention

    value, value_mark = best_sum("value", settings["value"])
    if value_mark:
        marks.append((value_mark, "value"))

    kinds = out["financing"][p].astype(np.float64).copy()
    kinds[0] += settings["financing"]
    kind = FINANCING[int(kinds.argmax())]
    financing = None
    if kind != "none":
        chances = np.exp(kinds - kinds.max())
        sure.append(("financing_type", round(float(chances.max() / chances.sum()), 4)))
        amount, amount_mark = best_sum("amount", settings["amount"])
        which, chance_financier = _pick(out["financier_scores"][p], settings["financier"])
        financier = None
        if which < len(arrays.arguments["financier"]):
            m = arrays.mentions[int(arrays.arguments["financier"][which])]
            financier = _named(graph, m)
            marks.append((m, "financier"))
            sure.append(("financier", round(chance_financier, 4)))
        if amount_mark:
            marks.append((amount_mark, "financing"))
        financing = Financing(type=FinancingType(kind), financier=financier, money=amount)

    which, chance_customer = _pick(out["customer_scores"][p], settings["customer"])
    customer = None
    if which < len(arrays.arguments["customer"]):
        m = arrays.mentions[int(arrays.arguments["customer"][which])]
        customer = graph.reading.quote(m.start, m.end)
        marks.append((m, "customer"))
        sure.append(("customer", round(chance_customer, 4)))

    which, chance_year = _pick(out["year_scores"][p], settings["year"])
    year = None
    years = graph.mentions.years
    if which < len(years):
        year = int(years[which].key)
        marks.append((years[which], "year"))
    elif which == len(years) and re.match(r"\d{4}", graph.document.date or ""):
        year = int((graph.document.date or "")[:4])
        notes.append("year=published (inferred)")
    if year is not None:
        sure.append(("year", round(chance_year, 4)))

    status = Status(STATUSES[int(out["status"][p].argmax())])
    alleged = sigmoid(float(out["alleged"][p])) >= settings["alleged"]
    evidence, evidence_spans = _evidence(graph, marks)
    if not evidence:
        return None
    spans = {s for m, slot in marks if (s := graph.span(m.start, m.end, slot))} | set(evidence_spans)
    company = supplier.company
    if supplier.references and any(m.kind == "reference" for m, _ in marks):
        notes.append("supplier by reference")
    why = [*(reasons(arrays.features[p]) if reasons else ()), *notes, f"encoder+features={float(out['pair'][p]):+.2f}"]
    return Finding(
        vendor=graph.vendor_name(supplier),
        vendor_aliases=tuple(dict.fromkeys(graph.reading.quote(m.start, m.end) for m in supplier.mentions)) if company else (),
        vendor_country=supplier.country or (recipient.key if company else None),
        country=recipient.key,
        technologies=technologies,
        evidence=tuple(evidence),
        confidence=round(chance, 4),
        financing=financing,
        instruments=(financing,) if financing else (),
        value=value,
        customer=customer,
        year=year,
        status=status,
        alleged=alleged,
        vendor_id=_slug(company.vendor) if company and company.vendor else None,
        place=next((graph.reading.quote(m.start, m.end) for m in recipient.mentions if m.form == "city"), None),
        reasons=tuple(why),
        spans=tuple(sorted(spans)),
        field_confidence=tuple(sure),
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _named(graph: Graph, m: Mention) -> str:
    """The financier as named; a country's adjective becomes its name."""
    if m.kind == "country":
        return graph.country_names.get(m.key, graph.reading.quote(m.start, m.end))
    return graph.reading.quote(m.start, m.end)


def _technologies(graph: Graph, scored: Scored, p: int, settings: dict[str, float]) -> tuple[tuple[Technology, ...], list[Mention]]:
    logits = scored.outputs["technologies"][p]
    told = {m.key for m in graph.mentions.technologies}
    chances = {t: sigmoid(float(logits[i])) * (1.0 if t in told else 0.55) for i, t in enumerate(TECHNOLOGIES)}
    kept = [t for t in TECHNOLOGIES if chances[t] >= settings["technology"]]
    if not kept and told:
        kept = [max(sorted(told), key=lambda t: chances[t])]
    if len(kept) > 1 and Technology.AI_SURVEILLANCE.value in kept:
        kept.remove(Technology.AI_SURVEILLANCE.value)
    near = scored.arrays.mentions[int(scored.arrays.near_supplier[p])].start
    marks = []
    for t in kept:
        mentions = [m for m in graph.mentions.technologies if m.key == t]
        if mentions:
            marks.append(min(mentions, key=lambda m: (m.weak, abs(m.start - near))))
    return tuple(sorted(Technology(t) for t in kept)), marks


def _evidence(graph: Graph, marks: list[tuple[Mention, str]]) -> tuple[list[str], list[Span]]:
    """One to three sentences of the body that together hold most of the slots."""
    weight = {"vendor": 3.0, "country": 2.5, "technologies": 2.0, "value": 1.2, "financing": 1.2, "financier": 1.0, "customer": 1.0, "year": 0.8}
    holds: dict[int, dict[str, float]] = {}
    for m, slot in marks:
        if m.start >= graph.title_end:
            row = holds.setdefault(graph.parsed.sentence_at(m.start), {})
            row[slot] = max(row.get(slot, 0.0), weight[slot])
    chosen: list[int] = []
    covered: set[str] = set()
    while holds and len(chosen) < MOST_EVIDENCE:
        best = max(sorted(holds), key=lambda i: sum(w for slot, w in holds[i].items() if slot not in covered))
        if sum(w for slot, w in holds[best].items() if slot not in covered) < 1.0:
            break
        chosen.append(best)
        covered |= set(holds.pop(best))
    if not chosen:
        chosen = [i for i, (start, _) in enumerate(graph.parsed.sentences) if start >= graph.title_end][:1]
    quotes, spans = [], []
    for i in sorted(chosen):
        start, end = graph.parsed.sentences[i]
        while end > start and graph.reading.text[end - 1].isspace():
            end -= 1
        span = graph.span(start, end, "evidence")
        if span and span.where == "text":
            quotes.append(graph.document.text[span.start : span.end])
            spans.append(span)
    return quotes, spans


