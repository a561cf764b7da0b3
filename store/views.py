"""What the store shows of a deal: plain frozen records for the review screen and the publisher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from records import DealState, Decision, LinkKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceArticle:
    """Where a finding stands: the article and its page."""

    article_id: str  # also the page's id in the archive
    url: str
    title: str
    outlet: str | None
    author: str | None
    published: str | None
    published_precision: str | None
    language: str
    truncated: bool
    source_id: str
    source_type: str  # of SourceType, or "unknown"
    origin: str  # the article that leads its copy group; equal origins are one source
    text: str = ""  # left out (empty) in lists; `Book.article` and `Book.deal` give it


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One document's assertion, as stored: flat slots, raw strings beside them, quotes, spans and reasons."""

    finding_id: str
    article: SourceArticle
    pair: str
    values: dict[str, Any]  # the slots of `store.values.SLOTS`
    vendor_id: str | None
    vendor_aliases: list[str]
    value_raw: str | None
    financing_raw: str | None
    confidence: float
    field_confidence: dict[str, float]
    reasons: list[str]
    extractor: str
    evidence: list[str]
    spans: list[dict[str, Any]]  # slot, start, end, in ("text" | "title")
    instruments: list[dict[str, Any]]  # type, financier, amount, currency, raw, rate, maturity_years, grace_years


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A value as shown, and why this one: the finding or the decision that it comes from."""

    value: Any
    why: str
    finding_id: str | None = None
    decision_id: int | None = None
    others: list[dict[str, Any]] = field(default_factory=list)  # {"value", "finding_id"} that say otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """After AidData's method: source quality 1-5, completeness 0-5, each with what it counts."""

    source_quality: int
    completeness: int
    source_reason: str
    missing: list[str]  # of: year, amount, instrument, financier, customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A relation to another deal; `decision_id` where a person drew it."""

    from_id: str
    to_id: str
    kind: LinkKind
    reason: str
    decision_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealView:
    """One deal with all that is known of it.

    `machine` is what the findings give together, `decided` what a person decided (None while nobody has),
    `shown` what the reader should see, slot by slot with its reason.
    """

    deal_id: str
    state: DealState
    flagged: bool
    version: str  # give it back as Act.expected
    machine: dict[str, Any] | None  # None: no finding supports it any more, or it was added by hand
    decided: dict[str, Any] | None
    shown: dict[str, Shown]
    changes: dict[str, list[Any]]  # of a reopened deal: slot -> [machine then, machine now, decided]
    confidence: float
    sources: int  # independent ones
    findings: list[FindingView]
    evidence: list[dict[str, Any]]  # of a deal added by hand: article_id, start, end, quote
    parties: list[dict[str, Any]]  # role, name, country, aliases, findings
    instruments: list[dict[str, Any]]  # type, financier, amount, currency, rate, ..., findings
    events: list[dict[str, Any]]  # date, event (agreed | reported), status, finding_id, article_id; oldest first
    links: list[Link]
    scores: Scores
    sum_safe: bool
    sum_reason: str
    by_hand: bool
    decided_by: str | None
    decided_at: str | None
    reason: str  # of the last decision
    replies: list[Decision]  # rights of reply


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """A row of the queue; `values` are the machine's, or the decided ones where there are any."""

    deal_id: str
    state: DealState
    flagged: bool
    version: str
    values: dict[str, Any]
    vendor_id: str | None  # the machine's, of the vendor that it reads; None where people decided on another
    confidence: float
    sources: int
    findings: int
    evidence: str
    article_id: str
    newest: str
    twin_score: float  # of the likeliest deal of the same pair; 0 where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePage:
    """Some items in order; `next` continues behind them (None at the end)."""

    items: list[QueueItem]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Another deal that may be the same one, with the probability and what speaks for and against it."""

    deal_id: str
    score: float
    reasons: list[str]
    values: dict[str, Any]
    evidence: str
    sources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter:
    """What the queue is narrowed to; empty fields do not narrow."""

    states: tuple[DealState, ...] = (DealState.PENDING, DealState.REOPENED)
    countries: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()  # each under any of its names
    technologies: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # source ids
    words: str = ""  # all of them in one article of the deal
    deal_ids: tuple[str, ...] = ()
    flagged: bool | None = None
    conflicts: bool | None = None
    with_sum: bool | None = None
    with_twin: bool | None = None  # another deal of the pair may be the same
    min_confidence: float | None = None
    max_confidence: float | None = None
    published_from: str = ""
    not_decided_by: str = ""  # leaves out what this person decided or skipped
    assigned_to: str = ""


TO_REVIEW = QueueFilter()
"""What waits for a person: pending and reopened deals."""
