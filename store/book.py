"""Ledger and decisions read together: what the machine found, what people decided, and what is shown.

    with Book.open(Path("output/watchledger.db")) as book:
        for item in book.queue(Order.LIKELY).items: ...
        view = book.deal(item.deal_id)

Nothing is written to either file: deciding is `store.desk.Desk`, which is a Book too. `watchledger run` may write the
ledger meanwhile; each call sees one moment of it. One Book is for one thread at a time.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlite_utils import Database

from records import Claim, DealState, Decision, DecisionAction, Qualifier, StoreError, Technology
from store import overlay, worklist
from store.companies import Companies, read_companies
from store.connect import Store, open_database, what_to_do
from store.dealview import articles, deal_views, profiles
from store.decisions import history
from store.same import compare, related
from store.schema import decisions as decisions_migrations
from store.schema import ledger as ledger_migrations
from store.values import values_of
from store.views import TO_REVIEW, Candidate, DealView, QueueFilter, QueueItem, QueuePage, SourceArticle
from store.worklist import Order

_CHUNK = 300


class Book:
    """Reads watchledger.db and decisions.db as one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.conn: sqlite3.Connection = store.db.conn
        self._seen: tuple[int, int] | None = None
        self._kinds: tuple[int, worklist.Kinds] | None = None

    @classmethod
    def open(cls, ledger: Path, decisions: Path | None = None) -> Self:
        """Open both for reading; decisions lie beside the ledger unless told otherwise, and may be absent.

        Raises StoreError where the ledger is absent, or either was made by another version.
        """
        decisions = decisions or decisions_beside(ledger)
        if decisions.exists():
            _bring_up_to_date(decisions)
            store = open_database(decisions, decisions_migrations, write=False)
        else:
            conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, uri=True)
            conn.row_factory = sqlite3.Row
            db = Database(conn, use_counts_table=False)
            decisions_migrations.apply(db)
            store = Store(db, decisions)
        return cls._attach(store, ledger)

    @classmethod
    def _attach(cls, store: Store, ledger: Path) -> Self:
        try:
            open_database(ledger, ledger_migrations, write=False).close()
            store.db.conn.execute("ATTACH ? AS ledger", (f"{ledger.absolute().as_uri()}?mode=ro",))
            overlay.prepare(store.db.conn)
        except sqlite3.DatabaseError as error:
            store.close()
            raise StoreError(f"cannot open {ledger}: {what_to_do(error)}") from error
        except StoreError:
            store.close()
            raise
        return cls(store)

    def close(self) -> None:
        """Close both files."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def moment(self) -> Iterator[sqlite3.Connection]:
        """One moment of both files, with the overlay brought up to it. Moments may be nested."""
        if self.conn.in_transaction:
            yield self.conn
            return
        self.conn.execute("BEGIN")
        try:
            self._look()
            yield self.conn
        finally:
            # Only temporary tables can have been written.
            self.conn.execute("COMMIT")

    def _look(self) -> None:
        """Lay the overlay anew where somebody else has written one of the files since it was last laid."""
        # The first read fixes the moment; data_version then tells whether it is a new one.
        self.conn.execute("SELECT 1 FROM main.decided LIMIT 1").fetchone()
        self.conn.execute("SELECT 1 FROM ledger.settled").fetchone()
        now = (
            self.conn.execute("PRAGMA main.data_version").fetchone()[0],
            self.conn.execute("PRAGMA ledger.data_version").fetchone()[0],
        )
        if now != self._seen:
            overlay.lay(self.conn)
            self._seen = now

    # --- one deal, or several

    def deal(self, deal_id: str) -> DealView:
        """A deal with everything known of it; a merged id leads to the deal that it became.

        Raises StoreError where no deal has that id.
        """
        found = next(self.deals([deal_id], texts=True), None)
        if found is None:
            raise StoreError(f"no deal is called {deal_id!r}")
        return found

    def deals(self, deal_ids: Sequence[str], *, texts: bool = False) -> Iterator[DealView]:
        """Deals in the order asked for; unknown ids are left out, merged ids followed. `texts`: with article texts."""
        for start in range(0, len(deal_ids), _CHUNK):
            with self.moment() as conn:
                wanted = [self.resolve(deal) for deal in deal_ids[start : start + _CHUNK]]
                made = deal_views(conn, wanted, texts=texts)
            yield from (made[deal] for deal in wanted if deal in made)

    def resolve(self, deal_id: str) -> str:
        """The id that `deal_id` leads to: itself, unless it was merged into another."""
        row = self.conn.execute(
            "SELECT merged_into FROM decided WHERE deal_id = ? AND state = 'merged'", (deal_id,)
        ).fetchone()
        return str(row[0]) if row else deal_id

    def article(self, article_id: str) -> SourceArticle:
        """An article with its text. Raises StoreError where there is none of that id."""
        with self.moment() as conn:
            found = articles(conn, [article_id], texts=True)
        if article_id not in found:
            raise StoreError(f"no article is called {article_id!r}; it may have been withdrawn")
        return found[article_id]

    def deals_of_article(self, article_id: str) -> list[str]:
        """Ids of the deals that rest on an article, those added by hand included."""
        with self.moment() as conn:
            rows = conn.execute(
                """SELECT COALESCE(m.deal_id, df.deal_id) FROM ledger.findings f
                   JOIN ledger.deal_findings df USING (finding_id) LEFT JOIN temp.overlay_members m USING (finding_id)
                   WHERE f.article_id = ?1
                   UNION SELECT deal_id FROM decided WHERE by_hand AND state <> 'merged'
                       AND EXISTS (SELECT 1 FROM json_each(evidence) WHERE value ->> 'article_id' = ?1)
                   ORDER BY 1""",
                (article_id,),
            )
            return [row[0] for row in rows]

    def claims(self) -> list[tuple[str, Claim]]:
        """Coverage claims ("supplies at least 50 countries") with the article that makes each."""
        with self.moment() as conn:
            rows = conn.execute("SELECT * FROM ledger.claims ORDER BY claim_id").fetchall()
        return [
            (
                row["article_id"],
                Claim(
                    vendor=row["vendor"],
                    vendor_country=row["vendor_country"],
                    technologies=tuple(Technology(name) for name in json.loads(row["technologies"])),
                    n_countries=row["n_countries"],
                    qualifier=Qualifier(row["qualifier"]),
                    evidence=row["evidence"],
                    confidence=row["confidence"],
                ),
            )
            for row in rows
        ]

    # --- the queue

    def queue(
        self,
        order: Order = Order.LIKELY,
        told: QueueFilter = TO_REVIEW,
        *,
        after: str | None = None,
        limit: int = 50,
    ) -> QueuePage:
        """A page of the queue; `after` is the `next` of the page before."""
        with self.moment() as conn:
            return worklist.page(conn, order, told, after, limit)

    def count(self, told: QueueFilter = TO_REVIEW) -> int:
        """How many deals the filter lets through."""
        with self.moment() as conn:
            return worklist.count(conn, told)

    def deal_ids(self, told: QueueFilter = TO_REVIEW) -> list[str]:
        """All ids that the filter lets through: what a bulk act is about to do."""
        with self.moment() as conn:
            return worklist.deal_ids(conn, told)

    def items(self, told: QueueFilter = TO_REVIEW) -> Iterator[QueueItem]:
        """Everything that the filter lets through, in short, likeliest first."""
        after: str | None = None
        while True:
            page = self.queue(Order.LIKELY, told, after=after, limit=1000)
            yield from page.items
            if page.next is None:
                return
            after = page.next

    def companies(self, standard: Mapping[str, str] | None = None) -> Companies:
        """What the ledger's suppliers are called; `standard` are names by id that stand over those of the texts."""
        with self.moment() as conn:
            return read_companies(conn, standard or {})

    def facets(self, told: QueueFilter = TO_REVIEW) -> dict[str, dict[str, int]]:
        """Counts by country, vendor, technology and state under the filter; a company once, whatever texts call it."""
        with self.moment() as conn:
            version = conn.execute("PRAGMA ledger.data_version").fetchone()[0]
            if self._kinds is None or self._kinds[0] != version:
                self._kinds = version, worklist.kinds(conn)
            if told != QueueFilter(states=told.states):
                return worklist.facets(conn, told, self._kinds[1])
            return worklist.facets_by_state(conn, told.states, self._kinds[1])

    def search(self, words: str, limit: int = 20) -> list[dict[str, Any]]:
        """Articles that hold all of `words`, best first: article_id, title, url, published, outlet, snippet."""
        query = worklist.as_words(words)
        if not query:
            return []
        with self.moment() as conn:
            rows = conn.execute(
                """SELECT a.article_id, a.title, a.url, a.published, a.outlet,
                       snippet(articles_fts, 1, '', '', '…', 24) AS snippet
                   FROM ledger.articles_fts JOIN ledger.articles a ON a.article_no = articles_fts.rowid
                   WHERE articles_fts MATCH ? ORDER BY rank, a.article_id LIMIT ?""",
                (query, limit),
            )
            return [dict(row) for row in rows]

    # --- merging

    def candidates(self, deal_id: str, limit: int = 10) -> list[Candidate]:
        """Deals of the same country that may be the same one, likeliest first; what was judged is not asked again."""
        with self.moment() as conn:
            mine = profiles(conn, [deal_id]).get(deal_id)
            if mine is None:
                return []
            rows = {row["deal_id"]: row for row in worklist.neighbours(conn, deal_id, mine)}
            for one in conn.execute(
                """SELECT CASE WHEN one = ?1 THEN other ELSE one END FROM judgements
                   WHERE (one = ?1 OR other = ?1) AND verdict = 'not_same'""",
                (deal_id,),
            ):
                rows.pop(self.resolve(one[0]), None)
            told = []
            for other, theirs in profiles(conn, list(rows)).items():
                if related(mine, theirs):
                    found = compare(mine, theirs)
                    if found.likely:
                        told.append((found, other))
        told.sort(key=lambda pair: (-pair[0].points, pair[1]))
        return [
            Candidate(
                deal_id=other,
                score=round(found.score, 4),
                reasons=found.reasons,
                values=values_of(rows[other]),
                evidence=rows[other]["evidence"],
                sources=rows[other]["sources"],
            )
            for found, other in told[:limit]
        ]

    # --- for publishing

    def accepted(self) -> Iterator[DealView]:
        """All accepted deals in the order of their ids; reopened ones are no longer accepted and left out."""
        yield from self.deals(self.deal_ids(QueueFilter(states=(DealState.ACCEPTED,))))

    def redirects(self) -> dict[str, str]:
        """Merged ids and where each leads."""
        with self.moment() as conn:
            rows = conn.execute("SELECT deal_id, merged_into FROM decided WHERE state = 'merged' ORDER BY deal_id")
            return {row[0]: row[1] for row in rows}

    def withdrawn(self) -> list[dict[str, Any]]:
        """Withdrawn deals and articles: kind (deal | article), id, url, reason, at."""
        with self.moment() as conn:
            rows = conn.execute(
                """SELECT 'deal' AS kind, deal_id AS id, '' AS url, reason, at FROM decided WHERE state = 'withdrawn'
                   UNION ALL SELECT 'article', article_id, url, reason, at FROM withdrawn ORDER BY 1, 2"""
            )
            return [dict(row) for row in rows]

    def history(self, subject: str | None = None, *, since: int = 0, who: str | None = None) -> list[Decision]:
        """The log after decision number `since`: all, of one deal (or "article:ID"), or of one person."""
        with self.moment() as conn:
            return history(conn, subject, since=since, who=who)

    def verdicts(self, deal_id: str | None = None) -> list[dict[str, Any]]:
        """Each coder's latest verdict on each deal: deal_id, who, action, decided, decision_id."""
        with self.moment() as conn:
            rows = conn.execute(
                "SELECT * FROM verdicts WHERE ?1 IS NULL OR deal_id = ?1 ORDER BY deal_id, decision_id", (deal_id,)
            ).fetchall()
        return [
            dict(row) | {"decided": json.loads(row["decided"] or "null"), "action": DecisionAction(row["action"])}
            for row in rows
        ]

    def articles_done(self) -> set[str]:
        """Articles of which somebody said that they hold nothing more."""
        with self.moment() as conn:
            return {row[0] for row in conn.execute("SELECT article_id FROM articles_done")}

    def releases(self) -> list[dict[str, Any]]:
        """Releases so far, oldest first: version, at, last_decision, deals, digest."""
        with self.moment() as conn:
            return [dict(row) for row in conn.execute("SELECT * FROM releases ORDER BY last_decision, at, version")]

    def last_decision(self) -> Decision | None:
        """The latest event of the log."""
        with self.moment() as conn:
            last = conn.execute("SELECT COALESCE(MAX(decision_id), 0) FROM decisions").fetchone()[0]
            return next(iter(history(conn, since=last - 1)), None)


def decisions_beside(ledger: Path) -> Path:
    """Where the decisions over a ledger are kept."""
    return ledger.with_name("decisions.db")


def _bring_up_to_date(path: Path) -> None:
    """Apply what a newer watchledger asks of the decisions' tables; they are never in the way of another program."""
    store = open_database(path, decisions_migrations, write=True, synchronous="FULL", hold=False)
    store.close()
