"""Reads a release out of the ledger: accepted deals, each value with the source, sentence and offsets that it rests on.

All of it is of one moment of the databases, whoever writes them meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from extract.lexicon import Vendor
from publish import derive
from publish.cells import tidy_text
from publish.onedeal import deal_row, event_rows, instrument_rows, party_rows, technology_rows
from publish.proof import ANALYST, evidence_rows
from publish.release import About, Release
from publish.rows import (
    QUOTE_MOST,
    Claim,
    Deal,
    DealTechnology,
    Event,
    Evidence,
    Gone,
    Instrument,
    Party,
    Retired,
    Source,
)
from publish.suppliers import Suppliers
from publish.words import any_of, clean, moment
from records import DealState, LinkKind, Precision, Qualifier, SourceType, StoreError
from store.book import Book
from store.release import Log, PageFacts, ReadClaim, page_facts, read_claims
from store.views import DealView, QueueFilter, SourceArticle


def moment_of(log: Log) -> str:
    """When the last decision was made, to the second, UTC."""
    return moment(log.last_at)


def read_release(
    book: Book,
    archive: Path,
    about: About,
    log: Log,
    former_ids: Iterable[str] = (),
    vendors: Mapping[str, Vendor] | None = None,
) -> Release:
    """All accepted deals with what hangs on them. Call within `book.moment()` if other things are read beside.

    `former_ids` are the deals of the release before: those that are gone are told, whatever became of them.
    `vendors` are the companies of the lexicon by id, by default those that are shipped.
    """
    reader = _Reader(about, log, Suppliers(vendors))
    with book.moment():
        for view in book.deals(_accepted_ids(book), texts=True):
            reader.take(view, _marked(book, view))
        for claim in read_claims(book):
            reader.take_claim(claim, book.article(claim.article_id))
        retired = _retired(book, log, set(reader.deals), former_ids, reader.anonymous)
    return reader.release(page_facts(archive, reader.articles), retired)


def _accepted_ids(book: Book) -> list[str]:
    return book.deal_ids(QueueFilter(states=(DealState.ACCEPTED,)))


class _Reader:
    """Gathers the rows of all tables, deal by deal; holds no article's text longer than it must."""

    def __init__(self, about: About, log: Log, suppliers: Suppliers) -> None:
        self.about, self.log, self.suppliers = about, log, suppliers
        self.articles: dict[str, SourceArticle] = {}
        self.deals: dict[str, Deal] = {}
        self.parties: list[Party] = []
        self.technologies: list[DealTechnology] = []
        self.instruments: list[Instrument] = []
        self.events: list[Event] = []
        self.evidence: dict[str, Evidence] = {}
        self.claims: list[Claim] = []
        self._links: list[tuple[str, str, LinkKind]] = []
        self._names = any_of(log.reviewers)

    # --- one deal

    def take(self, view: DealView, marked: Iterable[SourceArticle] = ()) -> None:
        """Add one deal; `marked` are the articles in which an analyst marked it by hand."""
        for article in (*marked, *(one.article for one in view.findings)):
            if article.article_id not in self.articles:
                self.articles[article.article_id] = replace(article, text="")
        values = {slot: shown.value for slot, shown in view.shown.items()}
        reply = clean("\n".join(str(one.after.get("text", "")) for one in view.replies))
        instruments = instrument_rows(view, values, self.about.base_year)
        supplier = self.suppliers.of(view, values)
        self.deals[view.deal_id] = deal_row(view, values, supplier, self.about.base_year, reply)
        self.technologies += technology_rows(view, values)
        self.instruments += instruments
        self.parties += party_rows(view.deal_id, values, supplier, self.suppliers, instruments)
        self.events += event_rows(view, values)
        self.evidence |= {row.evidence_id: row for row in evidence_rows(view, self.articles, quotes=self.about.quotes)}
        self._links += [(link.from_id, link.to_id, link.kind) for link in view.links]

    # --- what is told of several deals together, and the release

    def take_claim(self, claim: ReadClaim, article: SourceArticle) -> None:
        self.articles.setdefault(article.article_id, replace(article, text=""))
        self.claims.append(
            Claim(
                claim_id=claim.claim_id,
                vendor=clean(claim.vendor),
                vendor_country=claim.vendor_country,
                technologies=";".join(sorted(claim.technologies)) or None,
                n_countries=claim.n_countries,
                qualifier=Qualifier(claim.qualifier),
                source_id=claim.article_id,
                quote=clean(claim.evidence[:QUOTE_MOST]) if self.about.quotes else None,
            )
        )

    def anonymous(self, text: str | None) -> str | None:
        """`text` without the names of who decides."""
        told = clean(text)
        return self._names.sub(ANALYST, told) if told and self._names else told

    def release(self, facts: Mapping[str, PageFacts], retired: list[Retired]) -> Release:
        """All rows in the order of their keys."""
        return Release(
            about=self.about,
            deals=self._related(),
            parties=sorted(self.parties, key=lambda row: (row.deal_id, row.role, row.party_id)),
            technologies=self.technologies,
            instruments=self.instruments,
            events=self.events,
            sources=self._sources(facts),
            evidence=[self.evidence[row_id] for row_id in sorted(self.evidence)],
            claims=self.claims,
            retired=retired,
        )

    def _related(self) -> list[Deal]:
        """The deals with their relations, and with what keeps them out of totals."""
        groups = _Groups()
        parents: dict[str, str] = {}
        umbrellas: set[str] = set()
        for one, other, kind in self._links:
            if kind is LinkKind.SHARES_SUM:
                groups.join(one, other)
            elif one in self.deals:
                parents.setdefault(one, other)
                if kind is LinkKind.PART_OF:
                    umbrellas.add(other)
        return [
            self._with_relations(deal, groups.of(deal_id), parents.get(deal_id), deal_id in umbrellas)
            for deal_id, deal in sorted(self.deals.items())
        ]

    def _with_relations(self, deal: Deal, group: str | None, parent: str | None, umbrella: bool) -> Deal:
        shared = group is not None and deal.value_amount is not None
        deal = replace(
            deal,
            value_shared=shared,
            sum_group=group if shared else None,
            umbrella=umbrella,
            parent_id=parent if parent in self.deals and parent != deal.deal_id else None,
        )
        why = derive.not_counted(deal, proposed=self.about.count_proposed, umbrella=self.about.count_umbrella)
        return replace(deal, counted=why is None, not_counted_why=why)

    def _sources(self, facts: Mapping[str, PageFacts]) -> list[Source]:
        return [
            _source(article, facts.get(article_id), self.articles)
            for article_id, article in sorted(self.articles.items())
        ]


class _Groups:
    """Deals that share one price, directly or through others (union-find)."""

    def __init__(self) -> None:
        self._lead: dict[str, str] = {}

    def _find(self, deal: str) -> str:
        while self._lead.get(deal, deal) != deal:
            deal = self._lead[deal]
        return deal

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self._find(one), self._find(other)))
        self._lead[second] = first
        self._lead.setdefault(first, first)

    def of(self, deal: str) -> str | None:
        """The group's name, or None for a deal that shares nothing."""
        return self._find(deal) if deal in self._lead else None


def _source(article: SourceArticle, facts: PageFacts | None, known: Mapping[str, Any]) -> Source:
    kinds = set(SourceType)
    return Source(
        source_id=article.article_id,
        title=clean(article.title),
        outlet=clean(article.outlet),
        source_type=SourceType(article.source_type) if article.source_type in kinds else None,
        author=clean(article.author),
        language=article.language if re.fullmatch(r"[a-z]{2,3}", article.language or "") else None,
        published=article.published,
        published_precision=Precision(article.published_precision) if article.published_precision else None,
        url=public_address(article.url),
        retrieved_at=moment(facts.fetched_at) if facts else None,
        page_sha256=facts.sha256 if facts else None,
        copy_of=article.origin if article.origin != article.article_id and article.origin in known else None,
    )


def public_address(url: str) -> str | None:
    """A web address without user name and password; None for a file's or one that cannot be read."""
    try:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        host = parts.netloc.rpartition("@")[2]
        told = urlunsplit(parts._replace(netloc=host))
    except ValueError:
        return None
    return re.sub(r"\s", "%20", tidy_text(told))


def _marked(book: Book, view: DealView) -> list[SourceArticle]:
    """The articles in which an analyst marked the sentences of a deal by hand, where they still are."""
    wanted = {str(one["article_id"]) for one in view.evidence if one.get("article_id")}
    found = []
    for article_id in sorted(wanted):
        try:
            found.append(book.article(article_id))
        except StoreError:  # withdrawn since: the decision stands alone
            continue
    return found


def _retired(
    book: Book, log: Log, published: set[str], former_ids: Iterable[str], anonymous: Callable[[str | None], str | None]
) -> list[Retired]:
    """Ids that were accepted once or stood in the former release, and are no deal of this one."""
    found = {
        one.deal_id: Retired(
            deal_id=one.deal_id,
            state=_GONE[DealState(one.state)],
            successor=one.merged_into,
            date=one.at[:10] or None,
            why=anonymous(one.reason),
        )
        for one in log.gone
        if one.deal_id not in published
    }
    lost = [deal_id for deal_id in former_ids if deal_id not in published and deal_id not in found]
    for view in book.deals(lost):
        found.setdefault(
            view.deal_id,
            Retired(
                deal_id=view.deal_id,
                state=_GONE[view.state],
                date=(view.decided_at or "")[:10] or None,
                why=anonymous(log.reasons.get(view.deal_id)),
            ),
        )
    return [found[deal_id] for deal_id in sorted(found)]


# What became of a deal that was published, by the state it is in now.
_GONE = {
    DealState.MERGED: Gone.MERGED,
    DealState.WITHDRAWN: Gone.WITHDRAWN,
    DealState.REJECTED: Gone.WITHDRAWN,
    DealState.PENDING: Gone.REOPENED,
    DealState.UNSURE: Gone.REOPENED,
    DealState.REOPENED: Gone.REOPENED,
}
