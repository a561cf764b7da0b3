"""Where people decide: every act is one event in decisions.db, on disk before the call returns.

    with Desk.open(Path("output/watchledger.db")) as desk:
        desk.accept("D0a1b2c3d4e5", Act(who="ana", at=now, seconds=3.2, expected=view.version))

A Desk reads what a Book reads. It never writes the ledger and never waits for who does. Several desks may be open;
they write in turn. What no longer fits what was on the screen is refused with DecisionConflict.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from records import (
    Act,
    DealState,
    DecisionAction,
    DecisionConflict,
    InputError,
    LinkKind,
    RecordError,
    StoreError,
)
from store import overlay
from store.book import Book, decisions_beside
from store.connect import open_database
from store.dealview import finding_ids
from store.decisions import ARTICLE, append
from store.merge import deal_id as new_deal_id
from store.merge import deal_row, in_order, load
from store.schema import decisions as decisions_migrations
from store.values import SLOTS, corrected, values_of, version_of
from store.views import QueueFilter
from store.worklist import version

_NOTHING: dict[str, Any] = dict.fromkeys(SLOTS)
# What `bulk` can do to many deals at once.
BULK = (
    *(DecisionAction.ACCEPT, DecisionAction.REJECT, DecisionAction.UNSURE, DecisionAction.SKIP),
    *(DecisionAction.FLAG, DecisionAction.UNFLAG, DecisionAction.REQUEUE),
)


class Desk(Book):
    """A Book in which one can decide."""

    @classmethod
    def open(cls, ledger: Path, decisions: Path | None = None) -> Self:
        """Open the ledger for reading and the decisions for writing, making the latter where they are absent."""
        store = open_database(
            decisions or decisions_beside(ledger), decisions_migrations, synchronous="FULL", hold=False
        )
        return cls._attach(store, ledger)

    # --- verdicts

    def accept(self, deal_id: str, act: Act) -> int:
        """The deal is as it is shown: as it was decided before or, where nobody has, as the machine reads it.

        On a reopened deal this says that the standing decision holds. A second coder (`act.second`) accepts what the
        machine reads, whatever the first one made of it. Returns the decision's number.
        """
        return self._verdict(DecisionAction.ACCEPT, deal_id, act)

    def correct(self, deal_id: str, changes: Mapping[str, Any], act: Act) -> int:
        """Accept with `changes` (slot -> value; None empties a slot).

        Raises RecordError with slot, value and rule where a value is not of its type.
        """
        return self._verdict(DecisionAction.CORRECT, deal_id, act, changes)

    def take_changes(self, deal_id: str, act: Act) -> int:
        """Of a reopened deal: accept with what the machine reads now in the slots that changed."""
        with self.moment() as conn:
            deal = self.resolve(deal_id)
            row = conn.execute("SELECT changes FROM temp.reopened WHERE deal_id = ?", (deal,)).fetchone()
        if row is None:
            raise DecisionConflict(f"{deal} is not reopened; there are no changes to take")
        now = {slot: change[1] for slot, change in json.loads(row["changes"]).items() if slot in SLOTS}
        return self._verdict(DecisionAction.CORRECT, deal, act, now)

    def reject(self, deal_id: str, act: Act) -> int:
        """This is no deal; `act.reason` may say why."""
        return self._verdict(DecisionAction.REJECT, deal_id, act)

    def unsure(self, deal_id: str, act: Act) -> int:
        """Looked at, and cannot be decided."""
        return self._verdict(DecisionAction.UNSURE, deal_id, act)

    def requeue(self, deal_id: str, act: Act) -> int:
        """Put a decided deal back into the queue."""
        return self._verdict(DecisionAction.REQUEUE, deal_id, act)

    def withdraw_deal(self, deal_id: str, act: Act) -> int:
        """Take a deal out of what is published; its id stays listed with `act.reason`."""
        return self._verdict(DecisionAction.WITHDRAW, deal_id, act)

    # --- marks

    def skip(self, deal_id: str, act: Act) -> int:
        """Leave it to somebody else or to later; the deal stays as it is."""
        return self._mark(DecisionAction.SKIP, deal_id, act)

    def flag(self, deal_id: str, act: Act) -> int:
        """Mark it for attention."""
        return self._mark(DecisionAction.FLAG, deal_id, act)

    def unflag(self, deal_id: str, act: Act) -> int:
        """Take the mark off."""
        return self._mark(DecisionAction.UNFLAG, deal_id, act)

    def reply(self, deal_id: str, text: str, act: Act) -> int:
        """Note what a company or body said of the deal (its right of reply)."""
        if not text.strip():
            raise InputError("a right of reply needs its words")
        return self._mark(DecisionAction.REPLY, deal_id, act, {"text": text.strip()})

    def link(self, deal_id: str, other: str, kind: LinkKind, act: Act) -> int:
        """`deal_id` is a part or a phase of `other`, or shares its sum, which is counted with `other`."""
        return self._mark(DecisionAction.LINK, deal_id, act, {"other": self._known(other), "kind": kind})

    def unlink(self, deal_id: str, other: str, kind: LinkKind, act: Act) -> int:
        """Take a relation back that a person drew."""
        return self._mark(DecisionAction.UNLINK, deal_id, act, {"other": other, "kind": kind})

    # --- what belongs together

    def merge(self, keep: str, gone: str, act: Act) -> int:
        """The two are one deal; `gone` leads to `keep` from now on.

        Raises DecisionConflict where they, or what was merged into either, were judged not the same, and where they
        are of different countries: a deal has one.
        """
        with self._deciding(keep, act) as conn:
            keep, gone = self.resolve(keep), self._known(gone)
            if keep == gone:
                raise DecisionConflict(f"{keep} and {gone} are one deal already")
            self._refuse_judged(conn, keep, gone)
            self._refuse_abroad(conn, keep, gone)
            members = {keep: self._members(conn, keep) | self._members(conn, gone)}
            # What the machine makes of both together is what the standing decision rests on from now.
            after = {"other": gone, **self._together(conn, members[keep])}
            number = self._append(
                conn,
                DecisionAction.MERGE,
                keep,
                act,
                {**self._standing(conn, keep), "other": gone},
                after,
                members,
                [gone],
            )
            overlay.touch(conn, [keep, gone])
        return number

    def not_same(self, one: str, other: str, act: Act) -> int:
        """The two are different deals; the question is not asked again."""
        with self._deciding(one, act) as conn:
            one, other = self.resolve(one), self._known(other)
            if one == other:
                raise DecisionConflict(f"{one} and {other} were merged; undo the merge, or split")
            members = {deal: self._members(conn, deal) for deal in (one, other)}
            number = self._append(
                conn, DecisionAction.NOT_SAME, one, act, self._standing(conn, one), {"other": other}, members
            )
            overlay.touch(conn, [one, other])
        return number

    def split(self, deal_id: str, findings: Sequence[str], act: Act) -> str:
        """Take `findings` out of a deal into one of their own; returns the new deal's id."""
        with self._deciding(deal_id, act) as conn:
            deal = self.resolve(deal_id)
            mine = self._members(conn, deal)
            moved = {one for one in mine if one[0] in set(findings)}
            if not moved or moved == mine or len(moved) != len(set(findings)):
                raise InputError(f"{deal} has {len(mine)} findings; name some of them, and not all")
            first = min(moved)
            new = new_deal_id(f"{first[2]}\nsplit of {deal}", first[0])
            if conn.execute("SELECT 1 FROM decided WHERE deal_id = ?", (new,)).fetchone():
                new = new_deal_id(f"{new}\nsplit again", first[0])
            members = {deal: mine - moved, new: moved}
            self._append(conn, DecisionAction.SPLIT, deal, act, self._standing(conn, deal), {"other": new}, members)
            overlay.touch(conn, [deal, new])
        return new

    # --- by hand

    def add(self, values: Mapping[str, Any], evidence: Sequence[tuple[str, int, int]], act: Act) -> str:
        """A deal that the machine missed: its values, and where it stands (article, start, end); returns its id.

        Raises RecordError for a wrong value, InputError where the evidence points at no text.
        """
        made = corrected(_NOTHING | {"status": "unknown", "alleged": False}, values)
        for slot in ("country", "technologies", "status"):
            if not made[slot]:
                raise RecordError(f"{slot} cannot be empty")
        quotes = [self._quote(*place) for place in evidence]
        if not quotes:
            raise InputError("a deal by hand needs at least one passage that tells it")
        told = json.dumps([quotes[0], made], ensure_ascii=False, sort_keys=True)
        with self._writing(act) as conn:
            number = conn.execute("SELECT COUNT(*) FROM decisions WHERE action = 'add'").fetchone()[0]
            deal = "D" + hashlib.sha256(f"by hand\n{number}\n{told}".encode()).hexdigest()[:11]
            before: dict[str, Any] = {"state": None, "decided": None, "machine": None}
            after = {"state": DealState.ACCEPTED, "decided": made, "evidence": quotes}
            self._append(conn, DecisionAction.ADD, deal, act, before, after)
            overlay.touch(conn, [deal])
        return deal

    def article_done(self, article_id: str, act: Act) -> int:
        """The article holds nothing more."""
        self.article(article_id)
        with self._writing(act) as conn:
            return self._append(conn, DecisionAction.ARTICLE_DONE, ARTICLE + article_id, act, {}, {})

    def withdraw_article(self, article_id: str, url: str, act: Act) -> int:
        """Note that an article is withdrawn; `store.withdraw` takes it out of ledger and archive."""
        if not act.reason.strip():
            raise InputError("a withdrawal needs its reason")
        with self._writing(act) as conn:
            return self._append(conn, DecisionAction.WITHDRAW, ARTICLE + article_id, act, {"url": url}, {})

    # --- many at once, and back

    def bulk(self, action: DecisionAction, deal_ids: Iterable[str], act: Act) -> int:
        """One verdict or mark for many deals as one act: all of them or none; `undo` takes all back. Returns how many."""
        if action not in BULK:
            raise InputError(f"{action} is not for many at once; {', '.join(BULK)} are")
        if act.batch is None:
            raise InputError("a bulk act needs a batch, by which it can be undone")
        wanted = sorted({self.resolve(deal) for deal in deal_ids})
        with self._writing(act) as conn:
            for deal in wanted:
                before = self._standing(conn, deal)
                if action in (DecisionAction.SKIP, DecisionAction.FLAG, DecisionAction.UNFLAG):
                    self._append(conn, action, deal, act, before, {"state": before["state"]})
                else:
                    self._append(
                        conn, action, deal, act, before, _after(action, before, None), {deal: self._members(conn, deal)}
                    )
            overlay.touch(conn, wanted)
        return len(wanted)

    def bulk_filter(self, action: DecisionAction, told: QueueFilter, act: Act) -> int:
        """`bulk` over everything that the filter lets through at this moment."""
        return self.bulk(action, self.deal_ids(told), act)

    def undo(self, act: Act, decision_id: int | None = None) -> list[int]:
        """Take back `decision_id`, or the latest standing decision of `act.who`, with its whole batch.

        The undo is an event of its own; undoing it by its number brings the decision back. Returns the numbers taken
        back, empty where there is nothing left to undo. Raises DecisionConflict where somebody has built on it since.
        """
        with self._writing(act) as conn:
            targets = self._targets(conn, act.who, decision_id)
            touched: set[str] = set()
            for target in reversed(targets):
                deals = {
                    row[0]
                    for row in conn.execute("SELECT deal_id FROM decision_deals WHERE decision_id = ?", (target,))
                }
                self._refuse_built_upon(conn, target, deals, set(targets))
                row = conn.execute("SELECT * FROM decisions WHERE decision_id = ?", (target,)).fetchone()
                append(
                    conn,
                    subject=row["deal_key"],
                    who=act.who,
                    action=DecisionAction.UNDO,
                    before=json.loads(row["after"]),
                    after=json.loads(row["before"]),
                    at=act.at,
                    reason=act.reason,
                    seconds=act.seconds,
                    machine_shown=act.machine_shown,
                    batch=act.batch or row["batch"],
                    undoes=[target],
                    touches=deals,
                )
                touched |= deals
            overlay.touch(conn, {deal for deal in touched if not deal.startswith(ARTICLE)})
        return targets

    # --- the workplace

    def assign(self, deal_ids: Iterable[str], who: str, act: Act, *, blind: bool = True) -> int:
        """Give deals to a second coder; returns how many are new to them."""
        with self._writing(act) as conn:
            return sum(
                conn.execute(
                    "INSERT OR IGNORE INTO assignments VALUES (?, ?, ?, ?)", (deal, who, act.at.isoformat(), blind)
                ).rowcount
                for deal in deal_ids
            )

    def save_filter(self, name: str, told: Mapping[str, Any], act: Act) -> None:
        """Keep a filter under a name; an empty one takes the name off the list."""
        with self._writing(act) as conn:
            conn.execute("DELETE FROM filters WHERE name = ?", (name,))
            if told:
                conn.execute("INSERT INTO filters VALUES (?, ?, ?)", (name, act.who, json.dumps(dict(told))))

    def filters(self) -> dict[str, dict[str, Any]]:
        """The saved filters by name."""
        with self.moment() as conn:
            return {
                row[0]: json.loads(row[1]) for row in conn.execute("SELECT name, filter FROM filters ORDER BY name")
            }

    def note_release(self, release: str, deals: int, digest: str, act: Act, *, replaces: bool = False) -> None:
        """Remember that a release was made of everything decided so far.

        Raises InputError where the version is taken, unless this one `replaces` the other.
        """
        with self._writing(act) as conn:
            last = conn.execute("SELECT COALESCE(MAX(decision_id), 0) FROM decisions").fetchone()[0]
            if replaces:
                conn.execute("DELETE FROM releases WHERE version = ?", (release,))
            elif conn.execute("SELECT 1 FROM releases WHERE version = ?", (release,)).fetchone():
                raise InputError(f"release {release} was made before; give the new one a version of its own")
            conn.execute(
                "INSERT INTO releases VALUES (?, ?, ?, ?, ?)", (release, act.at.isoformat(), last, deals, digest)
            )

    # --- how it is done

    def _verdict(self, action: DecisionAction, deal_id: str, act: Act, changes: Mapping[str, Any] | None = None) -> int:
        with self._deciding(deal_id, act) as conn:
            deal = self.resolve(deal_id)
            before = self._standing(conn, deal)
            number = self._append(
                conn,
                action,
                deal,
                act,
                before,
                _after(action, before, changes, second=act.second),
                {deal: self._members(conn, deal)},
            )
            overlay.touch(conn, [deal])
        return number

    def _mark(self, action: DecisionAction, deal_id: str, act: Act, told: Mapping[str, Any] | None = None) -> int:
        with self._deciding(deal_id, act) as conn:
            deal = self.resolve(deal_id)
            before = self._standing(conn, deal)
            # A skip fixes nothing; any other mark fixes the deal's findings, and with them its id.
            members = None if action is DecisionAction.SKIP else {deal: self._members(conn, deal)}
            touches = [told["other"]] if told and "other" in told else []
            number = self._append(
                conn, action, deal, act, before, {"state": before["state"], **(told or {})}, members, touches
            )
            overlay.touch(conn, [deal])
        return number

    @contextmanager
    def _deciding(self, deal_id: str, act: Act) -> Iterator[sqlite3.Connection]:
        """A transaction in which the deal is known and still as it was on the screen."""
        with self._writing(act) as conn:
            deal = self._known(deal_id)
            if act.expected is not None:
                now = self._version(conn, deal)
                if act.expected != now:
                    raise DecisionConflict(self._what_changed(conn, deal, act.expected, now))
            yield conn

    @contextmanager
    def _writing(self, act: Act) -> Iterator[sqlite3.Connection]:
        if not act.who.strip():
            raise InputError("a decision needs the name of who decides; set --as NAME")
        with self.store.transaction() as conn:
            self._look()
            try:
                yield conn
            except BaseException:
                # The temporary tables roll back with the rest, and are looked at anew.
                self._seen = None
                raise

    def _known(self, deal_id: str) -> str:
        deal = self.resolve(deal_id)
        if self._row(self.conn, deal) is None:
            raise StoreError(f"no deal is called {deal_id!r}")
        return deal

    def _row(self, conn: sqlite3.Connection, deal: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = conn.execute(
            """SELECT * FROM temp.overlay_deals WHERE deal_id = ?1 UNION ALL SELECT * FROM ledger.deals
               WHERE deal_id = ?1 AND deal_id NOT IN (SELECT deal_id FROM temp.hidden)""",
            (deal,),
        ).fetchone()
        return row

    def _version(self, conn: sqlite3.Connection, deal: str) -> str:
        row = self._row(conn, deal)
        touched = conn.execute("SELECT touched FROM decided WHERE deal_id = ?", (deal,)).fetchone()
        return version(row["version"] if row else "", touched[0] if touched else 0)

    def _what_changed(self, conn: sqlite3.Connection, deal: str, expected: str, now: str) -> str:
        if expected.rpartition(".")[2] != now.rpartition(".")[2]:
            row = conn.execute(
                """SELECT d.who, d.action, d.at FROM decisions d JOIN decision_deals t USING (decision_id)
                   WHERE t.deal_id = ? ORDER BY decision_id DESC LIMIT 1""",
                (deal,),
            ).fetchone()
            told = f"{row['who']} chose {row['action']} at {row['at'][:19]}" if row else "it was decided on"
            return f"{deal} has changed since it was shown: {told}; look at it again"
        return f"{deal} has changed since it was shown: the machine reads other values now; look at it again"

    def _standing(self, conn: sqlite3.Connection, deal: str) -> dict[str, Any]:
        """State, decided values and machine values as they are: the `before` of a decision."""
        told = conn.execute("SELECT state, decided FROM decided WHERE deal_id = ?", (deal,)).fetchone()
        reopened = conn.execute("SELECT 1 FROM temp.reopened WHERE deal_id = ?", (deal,)).fetchone()
        state = DealState.REOPENED if reopened else DealState(told["state"] if told else DealState.PENDING)
        decided = json.loads(told["decided"]) if told and told["decided"] else None
        return {"state": state, "decided": decided, **self._machine(conn, deal)}

    def _machine(self, conn: sqlite3.Connection, deal: str) -> dict[str, Any]:
        row = self._row(conn, deal)
        if row is None:
            raise StoreError(f"no deal is called {deal!r}")
        values = values_of(row) if row["findings"] else None
        return {"machine": values, "machine_version": version_of(values) if values else row["version"]}

    def _together(self, conn: sqlite3.Connection, members: set[tuple[str, str, str]]) -> dict[str, Any]:
        rows = [
            row
            for finding, _, _ in sorted(members)
            for row in load(conn, "WHERE f.finding_id = ?", (finding,), "ledger.")
        ]
        if not rows:
            return {}
        values = values_of(deal_row(in_order(rows)))
        return {"machine": values, "machine_version": version_of(values)}

    def _members(self, conn: sqlite3.Connection, deal: str) -> set[tuple[str, str, str]]:
        """(finding, article, pair) of the deal's findings, and of those decided on that are no longer found."""
        ids = finding_ids(conn, [deal]).get(deal, [])
        told = {
            (row[0], row[1], row[2])
            for one in ids
            for row in conn.execute(
                "SELECT finding_id, article_id, pair FROM ledger.findings WHERE finding_id = ?", (one,)
            )
        }
        return told or {
            (row[0], row[1], row[2])
            for row in conn.execute("SELECT finding_id, article_id, pair FROM anchors WHERE deal_id = ?", (deal,))
        }

    def _append(
        self,
        conn: sqlite3.Connection,
        action: DecisionAction,
        subject: str,
        act: Act,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        members: Mapping[str, set[tuple[str, str, str]]] | None = None,
        touches: Sequence[str] = (),
    ) -> int:
        return append(
            conn,
            subject=subject,
            who=act.who,
            action=action,
            before=before,
            after=after,
            at=act.at,
            reason=act.reason,
            seconds=act.seconds,
            machine_shown=act.machine_shown,
            batch=act.batch,
            second=act.second,
            members=None if act.second else members,
            touches=touches,
        )

    def _quote(self, article_id: str, start: int, end: int) -> dict[str, Any]:
        text = self.article(article_id).text
        if not 0 <= start < end <= len(text):
            raise InputError(f"article {article_id} has {len(text)} characters; {start} to {end} is no passage of it")
        return {"article_id": article_id, "start": start, "end": end, "quote": text[start:end]}

    def _refuse_judged(self, conn: sqlite3.Connection, keep: str, gone: str) -> None:
        """Not the same holds between everything that was merged on either side."""
        sides = [
            {deal, *(row[0] for row in conn.execute("SELECT deal_id FROM decided WHERE merged_into = ?", (deal,)))}
            for deal in (keep, gone)
        ]
        for row in conn.execute("SELECT * FROM judgements WHERE verdict = 'not_same'"):
            if (row["one"] in sides[0] and row["other"] in sides[1]) or (
                row["one"] in sides[1] and row["other"] in sides[0]
            ):
                raise DecisionConflict(
                    f"{row['one']} and {row['other']} were judged not the same (decision {row['decision_id']}); "
                    "undo that first"
                )

    def _refuse_abroad(self, conn: sqlite3.Connection, keep: str, gone: str) -> None:
        """Merged across a border, one of the two countries would silently go; whoever read it wrong corrects it first."""
        one, other = (self._country(conn, deal) for deal in (keep, gone))
        if one != other:
            raise DecisionConflict(
                f"{keep} is of {one} and {gone} of {other}, and a deal has one country; "
                "correct the wrong one first, then merge"
            )

    def _country(self, conn: sqlite3.Connection, deal: str) -> str | None:
        """The country as it is shown."""
        standing = self._standing(conn, deal)
        shown = standing["decided"] or standing["machine"] or self._row(conn, deal)
        return shown["country"] if shown else None

    def _targets(self, conn: sqlite3.Connection, who: str, decision_id: int | None) -> list[int]:
        if decision_id is None:
            row = conn.execute(
                """SELECT decision_id, batch FROM decisions d LEFT JOIN undone u USING (decision_id)
                   WHERE d.who = ? AND u.decision_id IS NULL AND d.action <> 'undo'
                   ORDER BY decision_id DESC LIMIT 1""",
                (who,),
            ).fetchone()
        else:
            row = conn.execute(
                "SELECT decision_id, batch FROM decisions WHERE decision_id = ?", (decision_id,)
            ).fetchone()
            if row is None:
                raise StoreError(f"no decision has the number {decision_id}")
            if conn.execute("SELECT 1 FROM undone WHERE decision_id = ?", (decision_id,)).fetchone():
                raise DecisionConflict(f"decision {decision_id} was undone before")
        if row is None:
            return []
        if row["batch"] is None:
            return [row["decision_id"]]
        same_kind = conn.execute("SELECT action = 'undo' FROM decisions WHERE decision_id = ?", (row[0],)).fetchone()[0]
        return [
            one[0]
            for one in conn.execute(
                """SELECT d.decision_id FROM decisions d LEFT JOIN undone u USING (decision_id)
                   WHERE d.batch = ? AND u.decision_id IS NULL AND (d.action = 'undo') = ? ORDER BY d.decision_id""",
                (row["batch"], same_kind),
            )
        ]

    def _refuse_built_upon(self, conn: sqlite3.Connection, target: int, deals: set[str], together: set[int]) -> None:
        """An event cannot be taken out from under a later one on the same deal that still stands."""
        for deal in sorted(deals):
            for row in conn.execute(
                """SELECT d.decision_id, d.who, d.action FROM decision_deals t JOIN decisions d USING (decision_id)
                   LEFT JOIN undone u USING (decision_id) WHERE t.deal_id = ? AND decision_id > ?
                       AND u.decision_id IS NULL AND d.action NOT IN ('undo', 'skip') AND NOT d.second
                   ORDER BY decision_id LIMIT 5""",
                (deal, target),
            ):
                if row["decision_id"] not in together:
                    raise DecisionConflict(
                        f"{row['who']} chose {row['action']} on {deal} since (decision {row['decision_id']}); "
                        "undo that first"
                    )


def _after(
    action: DecisionAction, before: Mapping[str, Any], changes: Mapping[str, Any] | None, *, second: bool = False
) -> dict[str, Any]:
    """State and decided values that a verdict leads to."""
    # What is shown: a decision that stands, also where the machine has re-opened it, else what the machine reads. A
    # second coder is shown what the machine reads, and starts from that (a deal by hand has no such reading).
    base = (before["machine"] if second else None) or before["decided"] or before["machine"]
    if action is DecisionAction.CORRECT:
        return {"state": DealState.ACCEPTED, "decided": corrected(base, changes or {})}
    if action is DecisionAction.ACCEPT:
        return {"state": DealState.ACCEPTED, "decided": base}
    state = {
        DecisionAction.REJECT: DealState.REJECTED,
        DecisionAction.UNSURE: DealState.UNSURE,
        DecisionAction.REQUEUE: DealState.PENDING,
        DecisionAction.WITHDRAW: DealState.WITHDRAWN,
    }[action]
    # A withdrawn deal keeps its values in the log only: `before` has them.
    return {"state": state, "decided": None}
