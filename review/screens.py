"""From the store's records to what a template shows: every text stays text, links are http and https only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from review import missing
from review.candidates import offers
from review.fields import FIELDS, Field, country_shown, shown, spoken
from review.marks import LETTERS, SHOWN_POINTS, Mark, marked, passage, slot_of
from review.vocabulary import Names, Vocabulary
from store.views import Candidate, DealView, FindingView

# Findings of one deal that the screen turns through; the print page has all.
TURNED = 12
# Direction marks and invisible letters: a name may not be what it looks like (row H8 of the abuse matrix).
_HIDDEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_STATE_WORDS = {"merged": "merged into another", "reopened": "reopened"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One row of the fields: what it is, the value as shown and the words it was read from."""

    key: str
    name: str
    label: str
    slot: str
    letter: str
    several: bool
    shown: str
    raw: str
    raw_title: str
    sure: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingScreen:
    """One finding with the passage that shows its evidence."""

    finding_id: str
    article_id: str
    title: str
    title_html: Markup
    outlet: str
    published: str
    language: str
    flags: tuple[str, ...]
    link: str
    link_shown: str
    copy_link: str
    article_link: str
    passage: Markup
    start: int
    cut_before: bool
    cut_after: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Another deal that may be the same."""

    id: str
    label: str
    score: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealScreen:
    """All that one screen of a deal shows."""

    id: str
    version: str
    state: str
    state_shown: str
    flagged: bool
    label: str
    confidence: float
    sources: int
    unaided: bool
    fields: list[FieldRow]
    findings: list[FindingScreen]
    finding_count: int
    twin: Twin | None
    diffs: list[str]
    reasons: str
    scores: Mapping[str, int] | None
    missing: Sequence[missing.Missing]
    history: list[str] = field(default_factory=list)
    values_json: str = "{}"
    candidates_json: str = "{}"


def deal_screen(
    deal: DealView,
    vocabulary: Vocabulary,
    *,
    others: Sequence[Mapping[str, Any]] = (),
    twins: Sequence[Candidate] = (),
    history: Sequence[str] = (),
    unaided: bool = False,
    blind: bool = False,
    queue_query: str = "",
) -> DealScreen:
    """What is shown of a deal.

    `others` are the slots of the other findings of its first article. Where `unaided`, nothing of the machine's answer
    is shown; where `blind`, nothing of what other people decided.
    """
    values = machine_values(deal) if blind else {slot: told.value for slot, told in deal.shown.items()}
    findings = sorted(deal.findings, key=lambda found: -found.confidence)
    screens = [
        finding_screen(found, unaided=unaided, queue_query=queue_query, deal_id=deal.deal_id)
        for found in findings[:TURNED]
    ]
    if not screens and deal.evidence:
        screens = hand_screens(deal)
    best = findings[0] if findings else None
    offered = _offers(best, screens[0] if screens else None, findings, others, vocabulary, unaided=unaided)
    kept = {} if unaided else values
    state = "pending" if blind else str(deal.state)
    return DealScreen(
        id=deal.deal_id,
        version=deal.version,
        state=state,
        state_shown=_STATE_WORDS.get(state, state),
        flagged=deal.flagged and not blind,
        label="code this one yourself" if unaided else label(values, vocabulary),
        confidence=deal.confidence,
        sources=deal.sources,
        unaided=unaided,
        fields=[_row(item, kept, findings if not unaided else [], deal, vocabulary, blind=blind) for item in FIELDS],
        findings=screens,
        finding_count=min(len(findings), TURNED) or len(screens),
        twin=_twin(twins, vocabulary) if not (unaided or blind) else None,
        diffs=[] if blind or unaided else diffs(deal, vocabulary),
        reasons=", ".join(best.reasons) if best and not unaided else "",
        scores=None
        if unaided or blind
        else {"quality": deal.scores.source_quality, "completeness": deal.scores.completeness},
        missing=missing.pieces(deal, vocabulary) if not blind and state == "accepted" else (),
        history=[] if blind else list(history),
        values_json=dumps(kept),
        candidates_json=dumps(offered),
    )


def machine_values(deal: DealView) -> dict[str, Any]:
    """What the machine reads, whatever people decided; of a deal added by hand, what was added."""
    return dict(deal.machine or {slot: told.value for slot, told in deal.shown.items()})


def label(values: Mapping[str, Any], vocabulary: Names) -> str:
    """ "Huawei → Kenya": what a deal is called in a line."""
    home = values.get("vendor_country")
    supplier = values.get("vendor") or (f"a supplier of {vocabulary.country_name(home) or home}" if home else "?")
    country = values.get("country")
    return f"{supplier} → {vocabulary.country_name(str(country)) or country or '?'}"


def finding_screen(found: FindingView, *, unaided: bool, queue_query: str, deal_id: str) -> FindingScreen:
    """A finding with its passage; `unaided` leaves the marks out and keeps the place."""
    article = found.article
    points = evidence_points(found)
    marks = (
        [] if unaided else [Mark(s["start"], s["end"], slot_of(s["slot"])) for s in found.spans if s["in"] == "text"]
    )
    in_title = (
        [] if unaided else [Mark(s["start"], s["end"], slot_of(s["slot"])) for s in found.spans if s["in"] == "title"]
    )
    part = passage(article.text, points, marks)
    back = f"?deal={quote(deal_id, safe='')}&finding={quote(found.finding_id, safe='')}" + (
        f"&{queue_query}" if queue_query else ""
    )
    return FindingScreen(
        finding_id=found.finding_id,
        article_id=article.article_id,
        title=article.title,
        title_html=marked(article.title, 0, len(article.title), in_title),
        outlet=article.outlet or "",
        published=article.published or "",
        language=article.language,
        flags=flags(article.text[part.start : part.end] + article.title, truncated=article.truncated),
        link=safe_link(article.url),
        link_shown=short_link(article.url),
        copy_link=f"/review/copy/{quote(article.article_id, safe='')}",
        article_link=f"/review/article/{quote(article.article_id, safe='')}{back}",
        passage=part.html,
        start=part.start,
        cut_before=bool(article.text[: part.start].strip()),
        cut_after=bool(article.text[part.end :].strip()),
    )


def flags(shown_text: str, *, truncated: bool) -> tuple[str, ...]:
    """What a reviewer must know of a text before believing it."""
    told = ["cut off or behind a paywall"] if truncated else []
    if _HIDDEN.search(shown_text):
        told.append("holds characters that cannot be seen")
    return tuple(told)


def hand_screens(deal: DealView) -> list[FindingScreen]:
    """What a deal that a person added rests on: its quotes, without an article's text around them."""
    made = []
    for piece in deal.evidence:
        article = str(piece["article_id"])
        quoted = Markup('<p class="evidence"><span data-at="{}">{}</span></p>').format(
            piece.get("start") or 0, piece["quote"]
        )
        made.append(
            FindingScreen(
                finding_id="",
                article_id=article,
                title="added by hand",
                title_html=Markup("added by hand"),
                outlet="",
                published="",
                language="",
                flags=(),
                link="",
                link_shown="",
                copy_link=f"/review/copy/{quote(article, safe='')}",
                article_link=f"/review/article/{quote(article, safe='')}?deal={quote(deal.deal_id, safe='')}",
                passage=quoted,
                start=int(piece.get("start") or 0),
                cut_before=True,
                cut_after=True,
            )
        )
    return made


def evidence_points(found: FindingView) -> list[tuple[int, int]]:
    """Where a finding's evidence stands in the text: its evidence spans, else its quotes, else any span."""
    points = [(s["start"], s["end"]) for s in found.spans if s["in"] == "text" and s["slot"] == "evidence"]
    if not points:
        places = [(found.article.text.find(words), len(words)) for words in found.evidence if words]
        points = [(at, at + size) for at, size in places if at >= 0]
    return points or [(s["start"], s["end"]) for s in found.spans if s["in"] == "text"][:1]


def diffs(deal: DealView, vocabulary: Vocabulary) -> list[str]:
    """A reopened deal's changes in words."""
    told = []
    for slot, (was, now, decided) in deal.changes.items():
        parts = [_value_shown(slot, value, vocabulary) for value in (was, now, decided)]
        told.append(f"{spoken(slot)}: machine read {parts[0]}, now reads {parts[1]}; decided was {parts[2]}")
    return told


def _value_shown(slot: str, value: Any, vocabulary: Vocabulary) -> str:
    if value in (None, "", []):
        return "blank"
    if slot.endswith("country"):
        return country_shown(str(value), vocabulary)
    if isinstance(value, list):
        return ", ".join(spoken(str(item)) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}"
    return spoken(str(value)) if slot in ("status", "financing_type") else str(value)


def _row(
    item: Field,
    values: Mapping[str, Any],
    findings: Sequence[FindingView],
    deal: DealView,
    vocabulary: Vocabulary,
    *,
    blind: bool,
) -> FieldRow:
    words = shown(item, values, vocabulary) if values else ""
    teller = _teller(item, values, deal, findings)
    raw = _raw(item, teller) if teller else ""
    # Words that are the value itself tell nothing more.
    raw = "" if raw.casefold() == words.casefold() else raw
    told = deal.shown.get(item.columns[0])
    others = _others(item, values, findings, vocabulary)
    why = told.why if told and findings and not blind else ""
    quoted = f"“{raw}”" if raw else ""
    return FieldRow(
        key=item.key,
        name=item.name,
        label=item.label,
        slot=item.slot,
        letter=LETTERS[item.slot] if item.name != "vendor_country" else "",
        several=item.several,
        shown=words,
        raw=" · ".join(part for part in (quoted, others) if part),
        raw_title=" · ".join(part for part in (raw, why, others) if part),
        sure=_sure(item, teller, values) if teller else None,
    )


def _teller(
    item: Field, values: Mapping[str, Any], deal: DealView, findings: Sequence[FindingView]
) -> FindingView | None:
    """The finding that tells the shown value: the chosen one, else the surest that agrees; None where a person set it.

    Another finding's words would stand beside a value that was never read from them.
    """
    if item.several:  # what all findings tell together
        return findings[0] if findings else None
    agreeing = [one for one in findings if all(one.values.get(name) == values.get(name) for name in item.columns)]
    told = deal.shown.get(item.columns[0])
    chosen = [one for one in agreeing if told and one.finding_id == told.finding_id]
    return next(iter([*chosen, *agreeing]), None)


def _others(item: Field, values: Mapping[str, Any], findings: Sequence[FindingView], vocabulary: Vocabulary) -> str:
    """What findings tell otherwise than the shown value, whoever it is from."""
    slot = item.columns[0]
    told = [one.values[slot] for one in findings if one.values[slot] not in (None, values.get(slot))]
    if not told or item.several:
        return ""
    return f"others tell {', '.join(dict.fromkeys(_value_shown(slot, value, vocabulary) for value in told))}"


def _raw(item: Field, teller: FindingView) -> str:
    """The words that a finding's value was read from."""
    if item.name == "value":
        return teller.value_raw or ""
    if item.name == "financing_amount":
        return teller.financing_raw or ""
    if item.name == "vendor_country":
        return ""
    words = []
    for span in teller.spans:
        if slot_of(span["slot"]) == item.slot and span["in"] in ("text", "title"):
            source = teller.article.text if span["in"] == "text" else teller.article.title
            words.append(" ".join(source[span["start"] : span["end"]].split()))
    if item.name == "country" and teller.values.get("place"):
        words.append(str(teller.values["place"]))
    kept = list(dict.fromkeys(words))
    return " / ".join(kept[:3]) if item.name != "financing_type" else ""


def _sure(item: Field, teller: FindingView, values: Mapping[str, Any]) -> float | None:
    if values.get(item.columns[0]) in (None, "", []) or item.name == "vendor_country":
        return None
    told = teller.field_confidence
    names = {"vendor": "pair", "country": "pair", "financing_amount": "financing", "technologies": "technologies"}
    value: float | None = told.get(item.name, told.get(names.get(item.name, "")))
    return value


def _twin(twins: Sequence[Candidate], vocabulary: Vocabulary) -> Twin | None:
    if not twins:
        return None
    best = twins[0]
    tech = ", ".join(spoken(t) for t in best.values.get("technologies") or ())
    told = "; ".join([*best.reasons, best.evidence])
    name = f"{label(best.values, vocabulary)} · {tech}" + (
        f" · {best.values['year']}" if best.values.get("year") else ""
    )
    return Twin(id=best.deal_id, label=name, score=best.score, told=told)


def _offers(
    best: FindingView | None,
    screen: FindingScreen | None,
    findings: Sequence[FindingView],
    others: Sequence[Mapping[str, Any]],
    vocabulary: Vocabulary,
    *,
    unaided: bool,
) -> dict[str, list[dict[str, Any]]]:
    if best is None or screen is None:
        return {item.name: [{"value": choice} for choice in item.choices] for item in FIELDS}
    told: list[Mapping[str, Any]] = [] if unaided else [*(found.values for found in findings), *others]
    article = best.article
    around = (screen.start, screen.start + SHOWN_POINTS)
    made = offers(article.text, around, told, article.language, vocabulary)
    return {
        name: [
            {"value": o.value, "why": o.why}
            | ({"span": {"article": article.article_id, "start": o.span[0], "end": o.span[1]}} if o.span else {})
            for o in found
        ]
        for name, found in made.items()
    }


def safe_link(url: str) -> str:
    """`url` where it is http or https with a host, else ""; nothing else is ever made a link."""
    try:
        found = urlsplit(url)
    except ValueError:
        return ""
    plain = url.isprintable() and " " not in url
    return url if plain and found.scheme in ("http", "https") and found.hostname else ""


def short_link(url: str) -> str:
    """An address for reading: without scheme and user, cut in the middle."""
    try:
        found = urlsplit(url)
        host = found.hostname or ""
    except ValueError:
        return url[:80]
    words = f"{host}{found.path}" if found.scheme in ("http", "https") else url
    return words if len(words) <= 64 else f"{words[:40]}…{words[-22:]}"


def dumps(value: Any) -> str:
    """JSON for an attribute; the template escapes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
