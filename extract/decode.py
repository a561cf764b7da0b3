"""From scores to findings: which pairs are deals, and the best-supported value of every slot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np

from extract.graph import FEATURES, TECHNOLOGIES, Graph, Recipient, Supplier
from extract.judge import Judge
from extract.mentions import Mention, short_name
from extract.scorer import Scored, sigmoid
from extract.tensors import Arrays, Floats
from records import Financing, FinancingType, Finding, Money, Span, Status, Technology

FINANCING = ("none", *(t.value for t in FinancingType))
STATUSES = tuple(s.value for s in Status)
MOST_EVIDENCE = 3

DEFAULTS: dict[str, float] = {
    "pair": 0.5, "technology": 0.5, "value": 0.5, "amount": 0.5, "alleged": 0.5, "year": 0.4, "customer": 0.4,
    "financier": 0.4, "financing": 0.0, "claim": 0.5, "claim_technology": 0.5, "slope": 1.0, "intercept": 0.0, "network": 0.0,
}  # fmt: skip
"""Thresholds as probabilities; "financing" is added to the score of "nothing told"; slope and intercept calibrate.

Training replaces them by what is best out of fold.
"""


def decode(graph: Graph, scored: Scored, judge: Judge, settings: dict[str, float]) -> list[Finding]:
    """Findings of one document, most confident first. `settings` as `DEFAULTS`."""
    arrays = scored.arrays
    chosen: dict[tuple[str, str], tuple[float, int]] = {}
    for p, score in enumerate(judge.pair(settings["network"])):
        chance = sigmoid(settings["slope"] * float(score) + settings["intercept"])
        if chance < settings["pair"]:
            continue
        supplier = graph.suppliers[int(arrays.pair_supplier[p])]
        key = (supplier_key(supplier), graph.recipients[int(arrays.pair_recipient[p])].key)
        if key not in chosen or chosen[key][0] < chance:
            chosen[key] = (chance, p)
    findings = []
    for chance, p in sorted(_told_apart(graph, arrays, chosen.values()), key=lambda item: (-item[0], item[1])):
        finding = _finding(graph, scored, judge, p, chance, settings)
        if finding:
            findings.append(finding)
    return findings


_FIRMS = re.compile(
    r"[\s-]+(?:[\w-]+\s){0,2}(?:firms|companies|suppliers|vendors|makers|manufacturers|providers|contractors|exporters|groups|"
    r"entreprises|empresas|sociétés|fabricants|proveedores|fournisseurs)\b"
)
"""What follows a nation's adjective where its firms are meant, more than one."""
_SAME_SENTENCE = FEATURES.index("same_sentence")


def _told_apart(graph: Graph, arrays: Arrays, pairs: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """A nation and a company at home there do not both supply a country: "Chinese firms" or Huawei, whichever is told.

    The company stands where a sentence names it with the country, else the nation where a sentence names that, else the surer one.
    Where a sentence tells what the nation's firms supply, and none names the company with the country, the pair is the nation's
    even if that did not reach the threshold: the company is an example ("above all Huawei") from another sentence.
    """
    kept = _handed_over(graph, arrays, list(pairs))
    sides = {p: (graph.suppliers[int(arrays.pair_supplier[p])], int(arrays.pair_recipient[p])) for _, p in kept}
    for chance, p in list(kept):
        nation, recipient = sides[p]
        if not nation.is_nation:
            continue
        rivals = [
            (c, q)
            for c, q in kept
            if not sides[q][0].is_nation and sides[q][0].country == nation.country and sides[q][1] == recipient
        ]
        if not rivals:
            continue
        company_told = any(arrays.features[q][_SAME_SENTENCE] > 0 for _, q in rivals)
        nation_told = arrays.features[p][_SAME_SENTENCE] > 0
        surer = max(c for c, _ in rivals) >= chance
        gone = {p} if company_told or (surer and not nation_told) else {q for _, q in rivals}
        kept = [(c, q) for c, q in kept if q not in gone]
    return kept


def _handed_over(graph: Graph, arrays: Arrays, pairs: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """The pairs, those of companies that only their nation's firms are told with given to the nation."""
    made: dict[int, float] = {}
    for chance, p in pairs:
        heir = _heir(graph, arrays, p)
        made[heir] = max(chance, made.get(heir, 0.0))
    return [(chance, p) for p, chance in made.items()]


def _heir(graph: Graph, arrays: Arrays, p: int) -> int:
    """The pair of the company's nation with the same country where a sentence names its firms with it and none the company; else the pair."""
    supplier, recipient = graph.suppliers[int(arrays.pair_supplier[p])], int(arrays.pair_recipient[p])
    if supplier.is_nation or arrays.features[p][_SAME_SENTENCE] > 0:
        return p
    for q in np.flatnonzero(arrays.pair_recipient == recipient).tolist():
        nation = graph.suppliers[int(arrays.pair_supplier[q])]
        if (
            nation.is_nation
            and nation.country == supplier.country
            and _firms_with(graph, nation, graph.recipients[recipient])
        ):
            return int(q)
    return p


def _firms_with(graph: Graph, nation: Supplier, recipient: Recipient) -> bool:
    """Does one sentence name the nation's firms and the country?"""
    here = {graph.parsed.sentence_at(m.start) for m in recipient.mentions}
    return any(
        _FIRMS.match(graph.reading.text, m.end) and graph.parsed.sentence_at(m.start) in here for m in nation.mentions
    )


def supplier_key(supplier: Supplier) -> str:
    """One key for clusters that are the same supplier by name."""
    if not supplier.company:
        return supplier.key
    name = supplier.company.vendor or short_name(supplier.company.names[0])
    return re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()


def _best(scores: Floats, threshold: float) -> tuple[int, float] | None:
    """The best candidate and its probability, if it reaches the threshold."""
    if not len(scores):
        return None
    best = int(scores.argmax())
    chance = sigmoid(float(scores[best]))
    return (best, chance) if chance >= threshold else None


def _finding(
    graph: Graph, scored: Scored, judge: Judge, p: int, chance: float, settings: dict[str, float]
) -> Finding | None:
    arrays = scored.arrays
    supplier = graph.suppliers[int(arrays.pair_supplier[p])]
    recipient = graph.recipients[int(arrays.pair_recipient[p])]
    marks: list[tuple[Mention, str]] = [
        (arrays.mentions[int(arrays.near_supplier[p])], "vendor"),
        (arrays.mentions[int(arrays.near_recipient[p])], "country"),
    ]
    sure: list[tuple[str, float]] = [("pair", round(chance, 4))]
    notes: list[str] = []

    def note(slot: str, value: float) -> None:
        sure.append((slot, round(value, 4)))

    technologies, tech_marks, tech_chance = _technologies(graph, arrays, judge.technology(p), p, settings)
    if not technologies:
        return None
    note("technologies", tech_chance)
    marks += [(m, "technologies") for m in tech_marks]

    value = _sum(graph, _best(judge.value(p), settings["value"]), "value", marks, note)
    financing = _financing(graph, arrays, judge, p, settings, marks, note)

    customer = None
    picked = _best(judge.customer(p), settings["customer"])
    if picked:
        m = arrays.mentions[int(arrays.arguments["customer"][picked[0]])]
        customer = graph.reading.quote(m.start, m.end)
        marks.append((m, "customer"))
        note("customer", picked[1])

    year = None
    picked = _best(judge.year(p), settings["year"])
    if picked:
        years = graph.mentions.years
        if picked[0] < len(years):
            year = int(years[picked[0]].key)
            marks.append((years[picked[0]], "year"))
        elif re.match(r"\d{4}", graph.document.date or ""):
            year = int((graph.document.date or "")[:4])
            notes.append("year=published (inferred)")
        note("year", picked[1])

    status_scores = judge.status(p)
    status = Status(STATUSES[int(status_scores.argmax())])
    note("status", _share(status_scores))
    alleged_chance = sigmoid(judge.alleged(p))
    alleged = alleged_chance >= settings["alleged"]
    note("alleged", alleged_chance if alleged else 1 - alleged_chance)
    evidence, evidence_spans = _evidence(graph, marks)
    if not evidence:
        return None
    spans = {s for m, slot in marks if (s := graph.span(m.start, m.end, slot))} | set(evidence_spans)
    company = supplier.company
    if any(m.kind == "reference" for m, _ in marks):
        notes.append("supplier by reference")
    aliases = tuple(dict.fromkeys(graph.reading.quote(m.start, m.end) for m in supplier.mentions)) if company else ()
    return Finding(
        vendor=graph.vendor_name(supplier),
        vendor_aliases=aliases,
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
        reasons=(*judge.pair_reasons(p, settings["network"]), *notes),
        spans=tuple(sorted(spans)),
        field_confidence=tuple(sure),
    )


def _share(scores: Floats) -> float:
    """Probability of the best of several classes."""
    chances = np.exp(scores - scores.max())
    return float(chances.max() / chances.sum())


def _sum(
    graph: Graph,
    picked: tuple[int, float] | None,
    slot: str,
    marks: list[tuple[Mention, str]],
    note: Callable[[str, float], None],
) -> Money | None:
    if picked is None:
        return None
    mention, found = graph.mentions.money[picked[0]]
    marks.append((mention, slot))
    note(slot, picked[1])
    return Money(amount=found.amount, currency=found.currency, raw=graph.reading.quote(found.start, found.end))


def _financing(
    graph: Graph, arrays: Arrays, judge: Judge, p: int, settings: dict[str, float],
    marks: list[tuple[Mention, str]], note: Callable[[str, float], None],
) -> Financing | None:  # fmt: skip
    kinds = judge.financing(p).astype(np.float64)
    kinds[0] += settings["financing"]
    kind = FINANCING[int(kinds.argmax())]
    note("financing_type", _share(kinds.astype(np.float32)))
    if kind == "none":
        return None
    financier = None
    picked = _best(judge.financier(p), settings["financier"])
    if picked:
        m = arrays.mentions[int(arrays.arguments["financier"][picked[0]])]
        financier = _named(graph, m)
        marks.append((m, "financier"))
        note("financier", picked[1])
    amount = _sum(graph, _best(judge.amount(p), settings["amount"]), "financing", marks, note)
    return Financing(type=FinancingType(kind), financier=financier, money=amount)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _named(graph: Graph, m: Mention) -> str:
    """The financier as named; a country's adjective becomes its name."""
    if m.kind == "country":
        return graph.country_names.get(m.key, graph.reading.quote(m.start, m.end))
    return graph.reading.quote(m.start, m.end)


def _technologies(
    graph: Graph, arrays: Arrays, scores: Floats, p: int, settings: dict[str, float]
) -> tuple[tuple[Technology, ...], list[Mention], float]:
    """The technologies of a pair, a mention for each, and the probability of the least sure one.

    One that no phrase of the text stands for must be all but certain; where none reaches the threshold, the best
    one that is told stands.
    """
    told = {m.key for m in graph.mentions.technologies}
    chances = {t: sigmoid(float(scores[i])) * (1.0 if t in told else 0.6) for i, t in enumerate(TECHNOLOGIES)}
    kept = [t for t in TECHNOLOGIES if chances[t] >= settings["technology"]]
    if not kept and told:
        kept = [max(sorted(told), key=lambda t: chances[t])]
    if len(kept) > 1 and Technology.AI_SURVEILLANCE.value in kept:
        kept.remove(Technology.AI_SURVEILLANCE.value)
    near = arrays.mentions[int(arrays.near_supplier[p])].start
    marks = []
    for t in kept:
        mentions = [m for m in graph.mentions.technologies if m.key == t]
        if mentions:
            marks.append(min(mentions, key=lambda m: (m.weak, abs(m.start - near))))
    return tuple(sorted(Technology(t) for t in kept)), marks, min((chances[t] for t in kept), default=0.0)


def _evidence(graph: Graph, marks: list[tuple[Mention, str]]) -> tuple[list[str], list[Span]]:
    """One to three sentences of the body that together hold most of the slots."""
    weight = {
        "vendor": 3.0,
        "country": 2.5,
        "technologies": 2.0,
        "value": 1.2,
        "financing": 1.2,
        "financier": 1.0,
        "customer": 1.0,
        "year": 0.8,
    }
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
