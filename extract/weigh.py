"""What the trees are asked: every decision of a document as rows of readable numbers, the network's scores among them.

The network reads the words; the trees weigh its scores against what can be counted (how the candidates of one
document compete, how far a sum stands from the supplier, which words stand beside it). Blended they find far
more than either alone.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from extract.claims import CLAIM_FEATURES
from extract.graph import FEATURES, TECHNOLOGIES, TRIGGER_CLASSES, Graph
from extract.tensors import Arrays, Floats
from records import Status

Outputs = dict[str, Floats]

_MONEY_WORDS = {
    "contract": r"contract|worth|valued|value|cost|price|deal|order|project|for a total|contrat|contrato|montant|por|co[ûu]t|purchase|paid|bought|sold",
    "loan": r"loan|lend|lent|credit|borrow|financ|facility|tranche|prêt|crédit|emprunt|préstamo|crédito|fund",
    "grant": r"grant|donat|gift|aid|don\b|subvention|donaci|donó|free|assist",
    "budget": r"budget|allocat|treasury|taxpayer|appropriat|presupuest|trésor|set aside|ministry of finance",
    "other": r"revenue|profit|fine|shares|sales|turnover|market|salary|valuation|invest|stake|acqui|ingresos|multa|chiffre d'affaires|fined|damages|bribe",
    "rate": r"per |each|a month|a year|annual|apiece|monthly|par an|al año|mensual|unit",
    "paid": r"disburs|repa|interest|instalment|annuit|arrears|outstanding|paid so far|first",
    "total": r"total|altogether|overall|whole|in all|combined|together",
}
_YEAR_WORDS = {
    "agreed": r"sign|contract|agree|award|bought|purchas|order|won|procure|tender|deal|acquir|firm|adjudic|achet|compr|concession|memorandum|loan",
    "delivered": r"deliver|install|launch|since|inaugurat|operat|deploy|commission|livr|instal|use|introduc|went live|switched",
    "other": r"founded|law|act\b|election|born|until|by|end|expire|elect|cup|game|coup|report|study|survey|population|census",
    "in": r"\bin\b|\ben\b|em\b|since|depuis|desde",
}
_CUSTOMER_WORDS = (r"police|polic", r"minist", r"intelligen|security|service", r"author|agency|commission|directorate", r"army|defen|force|guard|navy", r"government|state|city|council|county", r"customs|border|immigration|airport|port")  # fmt: skip
_OWN = re.compile(
    r"own (?:budget|funds|resources|money)|state budget|treasury|taxpayer|city'?s? budget|municipal|fonds propres|presupuesto",
    re.IGNORECASE,
)
_STATUS_LATE = re.compile(
    r"\b(?:cancel|terminat|suspend|scrap|annul|ended|withdr|switched off|résili|cancel)", re.IGNORECASE
)


def _softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(-1, keepdims=True))
    shares: Floats = e / e.sum(-1, keepdims=True)
    return shares


def _sigmoid(x: Floats) -> Floats:
    chances: Floats = np.float32(1.0) / (np.float32(1.0) + np.exp(-x.clip(-30.0, 30.0)))
    return chances


def told_at(arrays: Arrays, out: Outputs) -> Floats:
    """(M,) how much each mention's words belong to a sentence that tells a deal, by the network; -6 behind the last chunk."""
    read = arrays.average.sum(1) > 0
    return np.where(read, arrays.average @ out["told"], np.float32(-6.0)).astype(np.float32)


def _best_of(mask: Floats, told: Floats) -> Floats:
    best: Floats = np.where(mask > 0, told[None], np.float32(-12.0)).max(1)
    return best


def pair_rows(graph: Graph, arrays: Arrays, out: Outputs) -> Floats:
    """Rows (P, len(PAIR_COLUMNS)): the readable features, the network's scores, and how the pair stands among its rivals."""
    pair, s, r = out["pair"], arrays.pair_supplier, arrays.pair_recipient
    n = len(pair)
    if not n:
        return np.zeros((0, len(PAIR_COLUMNS)), np.float32)
    homes = [x.country for x in graph.suppliers]
    nation = np.array([x.is_nation for x in graph.suppliers])
    low = np.float32(-12.0)
    best_s = np.full(len(graph.suppliers), low, np.float32)
    np.maximum.at(best_s, s, pair)
    best_r = np.full(len(graph.recipients), low, np.float32)
    np.maximum.at(best_r, r, pair)
    made = np.zeros((n, len(PAIR_COLUMNS) - len(FEATURES)), np.float32)
    own: dict[tuple[str | None, int], np.float32] = {}
    national: dict[tuple[str | None, int], np.float32] = {}
    for p in range(n):
        key = (homes[s[p]], int(r[p]))
        target = national if nation[s[p]] else own
        target[key] = max(target.get(key, low), pair[p])
    positive = pair > 0
    told = told_at(arrays, out)
    of_s, of_r = _best_of(arrays.supplier_mask, told), _best_of(arrays.recipient_mask, told)
    near_s, near_r = told[arrays.near_supplier], told[arrays.near_recipient]
    most_told = float(out["told"].max(initial=-6.0))
    per_s, per_r = np.bincount(s, positive, len(graph.suppliers)), np.bincount(r, positive, len(graph.recipients))
    for p in range(n):
        i, j = int(s[p]), int(r[p])
        same_s, same_r = pair[s == i], pair[r == j]
        made[p] = [
            pair[p], out["supplier"][i], out["recipient"][j], pair[p] - best_s[i], pair[p] - best_r[j],
            pair[p] - (np.sort(same_s)[-2] if len(same_s) > 1 else low), pair[p] - (np.sort(same_r)[-2] if len(same_r) > 1 else low),
            (same_s > pair[p]).sum(), (same_r > pair[p]).sum(), pair.max(), (pair > pair[p]).sum() / n, per_s[i], per_r[j],
            (own if nation[i] else national).get((homes[i], j), low), out["supplier"].max(), out["recipient"].max(),
            out["recipient"][j] - out["recipient"].max(), out["technologies"][p].max(), -out["financing"][p][0], positive.sum(),
            of_s[i], of_r[j], near_s[p], near_r[p], min(near_s[p], near_r[p]), most_told,
        ]  # fmt: skip
    return np.concatenate([arrays.features, made], axis=1).astype(np.float32)


PAIR_COLUMNS = (
    *FEATURES, "net_pair", "net_supplier", "net_recipient", "net_to_best_of_supplier", "net_to_best_of_country", "net_to_second_of_supplier",
    "net_to_second_of_country", "net_rank_of_supplier", "net_rank_of_country", "net_best_of_document", "net_rank_of_document",
    "net_deals_of_supplier", "net_deals_of_country", "net_nation_against_company", "net_best_supplier", "net_best_country",
    "net_country_to_best", "net_technology", "net_financed", "net_deals", "told_supplier", "told_country", "told_near_supplier",
    "told_near_country", "told_near_both", "told_document",
)  # fmt: skip


def _near(text: str, start: int, end: int, before: int, after: int) -> tuple[str, str]:
    return text[max(0, start - before) : start].lower(), text[end : end + after].lower()


def sum_context(graph: Graph) -> Floats:
    """Of each sum: words beside it, its size among the others, how many there are. Shape (N, 2 * words + 6)."""
    text, rows = graph.reading.text, []
    sums = [s for _, s in graph.mentions.money]
    sizes = np.array([s.amount for s in sums]) if sums else np.zeros(0)
    for s in sums:
        before, after = _near(text, s.start, s.end, 70, 60)
        rows.append(
            [bool(re.search(p, before)) for p in _MONEY_WORDS.values()] + [bool(re.search(p, after)) for p in _MONEY_WORDS.values()]
            + [np.log10(max(1.0, s.amount)) / 10, (sizes > s.amount).sum(), (sizes == s.amount).sum(), len(sums), s.inferred, s.start / max(1, len(text))]
        )  # fmt: skip
    return np.array(rows, np.float32).reshape(len(sums), 2 * len(_MONEY_WORDS) + 6)


def money_rows(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> Floats:
    """Rows (N, ...) for every sum against one pair, for the value and the financing amount alike."""
    facts = arrays.argument_features["money"][p]
    value, amount = out["value"][p], out["amount"][p]
    context = sum_context(graph)
    n = len(facts)
    wide = np.tile(np.array([*_softmax(out["financing"][p][None])[0], out["pair"][p]], np.float32), (n, 1))
    rank = (
        np.stack([(value[:, None] < value[None]).sum(1), (amount[:, None] < amount[None]).sum(1)], 1)
        if n
        else np.zeros((0, 2))
    )
    told = told_at(arrays, out)[arrays.arguments["money"]][:, None]
    return np.concatenate([facts, value[:, None], amount[:, None], rank, context, wide, told], axis=1).astype(
        np.float32
    )


def year_rows(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> Floats:
    """Rows (N + 1, ...) for every year of the text and, last, the year of publication."""
    text, years = graph.reading.text, graph.mentions.years
    scores = out["year_scores"][p]
    chances = _softmax(scores[None])[0]
    told = told_at(arrays, out)[arrays.arguments["year"]]
    published = int((graph.document.date or "0")[:4]) if (graph.document.date or "")[:4].isdigit() else 0
    keys = [int(m.key) for m in years]
    counts = Counter(keys)
    rows = []
    for n, m in enumerate(years):
        before, after = _near(text, m.start, m.end, 80, 50)
        together = sum(chances[k] for k, other in enumerate(keys) if other == keys[n])
        rows.append(
            [*arrays.argument_features["year"][p][n], scores[n], chances[n], together, scores[-1], scores[-2],
             *(bool(re.search(w, before)) for w in _YEAR_WORDS.values()), *(bool(re.search(w, after)) for w in _YEAR_WORDS.values()),
             published - keys[n] if published else -1, counts[keys[n]], min(keys) == keys[n], max(keys) == keys[n], len(counts), told[n], 0.0]
        )  # fmt: skip
    last = np.zeros(12 + 5 + 2 * len(_YEAR_WORDS) + 7, np.float32)
    last[12:17] = [scores[-2], chances[-2], chances[-2], scores[-1], scores[-2]]
    last[-7:] = [0, counts.get(published, 0), 0, 0, len(counts), -6.0, 1.0]
    return np.array([*rows, last], np.float32)


def _name_rows(graph: Graph, arrays: Arrays, out: Outputs, p: int, slot: str) -> Floats:
    text = graph.reading.text
    scores = out[f"{slot}_scores"][p]
    chances = _softmax(scores[None])[0]
    recipient = graph.recipients[int(arrays.pair_recipient[p])].key
    supplier = int(arrays.pair_supplier[p])
    own = {(m.start, m.end) for m in graph.suppliers[supplier].mentions}
    mentions = [arrays.mentions[int(i)] for i in arrays.arguments[slot]]
    words = [text[m.start : m.end].lower() for m in mentions]
    counts = Counter(words)
    home = graph.suppliers[supplier].country
    rows = []
    kinds = _softmax(out["financing"][p][None])[0]
    told = told_at(arrays, out)[arrays.arguments[slot]]
    for n, m in enumerate(mentions):
        before, after = _near(text, m.start, m.end, 40, 40)
        together = sum(chances[k] for k, w in enumerate(words) if w == words[n])
        rows.append(
            [*arrays.argument_features[slot][p][n], scores[n], chances[n], together, scores[-1], (scores[:-1] > scores[n]).sum(), counts[words[n]],
             len(words[n].split()), m.form == "name", m.form == "common", m.kind == "organisation", (m.start, m.end) in own,
             m.kind == "country" and m.key == home, m.kind == "country" and m.key == recipient, m.form == "demonym",
             *(bool(re.search(w, words[n])) for w in _CUSTOMER_WORDS), bool(re.search(r"\b(?:by|from|with|par|por)\s(?:the\s|la\s|el\s)?$", before)),
             bool(re.search(r"\b(?:to|for|of|pour|para|à|au)\s(?:the\s|la\s|el\s)?$", before)), bool(re.search(_MONEY_WORDS["loan"], before + after)),
             bool(re.search(_MONEY_WORDS["grant"], before + after)), bool(_OWN.search(before + words[n] + after)), bool(re.search(r"sign|buy|bought|purchas|order|award|use|tender", before + after)),
             *kinds, told[n]]
        )  # fmt: skip
    return np.array(rows, np.float32).reshape(len(mentions), 12 + 14 + len(_CUSTOMER_WORDS) + 7 + len(kinds))


def customer_rows(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> Floats:
    """Rows for every body that may be the customer of one pair."""
    return _name_rows(graph, arrays, out, p, "customer")


def financier_rows(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> Floats:
    """Rows for everybody who may finance one pair."""
    return _name_rows(graph, arrays, out, p, "financier")


def technology_rows(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> Floats:
    """Rows (15, ...) of each technology for one pair."""
    logits = out["technologies"][p]
    facts = arrays.technology_features[p]
    n = len(TECHNOLOGIES)
    rank = (logits[:, None] < logits[None]).sum(1)
    reach = np.zeros((n, 2), np.float32)
    near = arrays.mentions[int(arrays.near_supplier[p])].start
    gaps = np.full((n, 2), 9.0, np.float32)
    for m in graph.mentions.technologies:
        t = TECHNOLOGIES.index(m.key)
        gaps[t, int(m.weak)] = min(gaps[t, int(m.weak)], np.log1p(abs(m.start - near) / 50))
        reach[t, int(m.weak)] += 1
    others = np.array(_of_others(arrays, out, p, _sigmoid(out["technologies"]))).reshape(2, n + 1)
    beside = np.concatenate([others[:, 1:].T, np.tile(others[:, 0], (n, 1))], axis=1)
    return np.concatenate(
        [facts, beside, logits[:, None], rank[:, None], np.full((n, 1), logits.max()), gaps, reach, np.eye(n), np.full((n, 1), (logits > 0).sum()), _best_of(arrays.technology_mask, told_at(arrays, out))[:, None]], axis=1
    ).astype(np.float32)  # fmt: skip


def _of_others(arrays: Arrays, out: Outputs, p: int, chances: Floats) -> list[float]:
    """What is told of the other pairs of the same country, then of the same supplier: how many deals they make by the network, and the
    mean of `chances` (P, K) over them. A project's partners share its payer; a supplier brings its own ware everywhere."""
    made: list[float] = []
    deal = _sigmoid(out["pair"])
    for side in (arrays.pair_recipient, arrays.pair_supplier):
        weight = np.where(side == side[p], deal, 0.0)
        weight[p] = 0.0
        total = float(weight.sum())
        made += [total, *(weight @ chances / max(total, 1e-3)).tolist()]
    return made


_TRIGGER_COLUMNS = [FEATURES.index(f"{side}_{name}") for side in ("s", "b") for name in TRIGGER_CLASSES]


_PAYING = ("finance", "grant", "own_budget", "vendor_financing", "ppp", "export_credit", "concessional", "loan")
_FAR = 20
"""Sentences between two that have nothing to do with each other."""


def _paying(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> list[float]:
    """Of each kind of words on payment, and of lenders: the best told sentence that holds one, and how far from both sides it is."""
    sentences = len(graph.parsed.sentences)
    count = np.bincount(arrays.sentence, minlength=sentences)
    told = np.where(count > 0, np.bincount(arrays.sentence, out["told"], sentences) / np.maximum(1, count), -6.0)

    def of(mask: Floats) -> np.ndarray:
        return np.array([graph.parsed.sentence_at(arrays.mentions[i].start) for i in np.flatnonzero(mask)] or [-_FAR])

    supplier, recipient = (
        of(arrays.supplier_mask[arrays.pair_supplier[p]]),
        of(arrays.recipient_mask[arrays.pair_recipient[p]]),
    )
    where: dict[str, list[int]] = {name: [] for name in (*_PAYING, "lender")}
    for h in graph.mentions.triggers:
        if h.entry.key in where:
            where[h.entry.key].append(graph.parsed.sentence_at(h.start))
    where["lender"] = [graph.parsed.sentence_at(m.start) for m in graph.mentions.lenders]
    made: list[float] = [len(where["lender"]), len(graph.suppliers), len(graph.recipients), len(graph.mentions.money)]
    for at in where.values():
        made += [
            max((float(told[i]) for i in at), default=-6.0),
            min((float(np.abs(i - supplier).min()) for i in at), default=_FAR),
            min((float(np.abs(i - recipient).min()) for i in at), default=_FAR),
        ]
    return made


def kind_row(graph: Graph, arrays: Arrays, out: Outputs, p: int) -> Floats:
    """One row for the questions about the deal as a whole: financing type, status, alleged."""
    financiers = out["financier_scores"][p]
    best = int(financiers.argmax())
    kind = np.zeros(4, np.float32)
    if best < len(financiers) - 1:
        m = arrays.mentions[int(arrays.arguments["financier"][best])]
        kind[:] = [
            m.kind == "lender",
            m.kind == "country",
            m.kind == "agency",
            m.form in ("policy_bank", "export_credit_agency"),
        ]
    triggers = Counter(h.entry.key for h in graph.mentions.triggers)
    return np.array(
        [*out["financing"][p], *out["status"][p], out["alleged"][p], *arrays.features[p][_TRIGGER_COLUMNS], *kind, financiers[-1] - financiers[:-1].max(initial=-9),
         *(np.log1p(triggers[name]) for name in TRIGGER_CLASSES), float(out["amount"][p].max(initial=-9)), float(out["value"][p].max(initial=-9)),
         out["pair"][p], float(graph.suppliers[int(arrays.pair_supplier[p])].is_nation), *_paying(graph, arrays, out, p),
         *_of_others(arrays, out, p, _softmax(out["financing"])), *_of_others(arrays, out, p, _softmax(out["status"]))],
        np.float32,
    )  # fmt: skip


def claim_rows(arrays: Arrays, out: Outputs) -> Floats:
    """Rows (C, ...) of each number of countries."""
    n = len(arrays.counts)
    if not n:
        return np.zeros((0, CLAIM_FEATURES + 5), np.float32)
    supplier = _softmax(out["claim_supplier"])
    return np.concatenate(
        [arrays.count_features, out["claim"][:, None], supplier[:, -1:], supplier.max(1, keepdims=True), out["claim_technologies"].max(1, keepdims=True),
         np.full((n, 1), n)], axis=1,
    ).astype(np.float32)  # fmt: skip


def claim_technology_rows(graph: Graph, arrays: Arrays, out: Outputs, c: int) -> Floats:
    """Rows (15, ...) of each technology for one number of countries."""
    told = arrays.count_technology[c]
    scores = out["claim_technologies"][c]
    near = told[:, 0] + 0.5 * told[:, 3]
    return np.column_stack(
        [
            told, scores, scores - scores.max(), near - near.max(), near == near.max(), (near > 0) * near.sum(),
            told[:, 4] == told[:, 4].max(), [t == "ai_surveillance" for t in TECHNOLOGIES],
            np.tile(arrays.count_features[c, :6], (len(TECHNOLOGIES), 1)),
        ]
    ).astype(np.float32)  # fmt: skip


def claim_supplier_rows(graph: Graph, arrays: Arrays, out: Outputs, c: int) -> Floats:
    """Rows (S + 1, ...) of each supplier for one number of countries; the last stands for "no supplier told"."""
    told = arrays.count_supplier[c]
    scores = out["claim_supplier"][c]
    facts = np.concatenate([told, np.zeros((1, told.shape[1]), np.float32)])
    nobody = np.zeros(len(scores), np.float32)
    nobody[-1] = 1.0
    any_company = float((told[:, 5] * told[:, 1]).max(initial=0.0))
    return np.column_stack(
        [
            facts, nobody, scores, _softmax(scores[None])[0], scores - scores[-1],
            [(scores > s).sum() for s in scores], facts[:, 7] == facts[:, 7].max(initial=0.0),
            np.full(len(scores), any_company), np.full(len(scores), told[:, 4].max(initial=0.0)),
            np.full(len(scores), told[:, 0].sum()), np.tile(arrays.count_features[c], (len(scores), 1)),
        ]
    ).astype(np.float32)  # fmt: skip


STATUSES = tuple(s.value for s in Status)
