"""What the page's script asks and sends: one key, one event in the log, one answer with the next deal in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from records import Act, DealState, DecisionAction, DecisionConflict, InputError, RecordError, StoreError
from review.fields import BY_NAME, FIELDS, check, country_shown
from review.history import line
from review.house import House, Reply, json_reply
from review.pages import AHEAD, Pages
from review.screens import label, machine_values
from review.spec import Spec, read_spec
from store import review as shelf
from store.values import SLOTS
from store.views import DealView

BULK_ACTS = {"accept": "Accept", "reject": "Reject", "requeue": "Put back into the queue"}
SAMPLE = 8
LONGEST_REASON = 300
LONGEST_EVIDENCE = 4_000
# A pause is no thinking: longer times are cut before they are kept.
LONGEST_SECONDS = 3_600.0


class Api:
    """All acts of one server."""

    def __init__(self, house: House, pages: Pages) -> None:
        self.house = house
        self.pages = pages

    # --- asking

    def fragment(self, who: str, query: str, body: bytes, id: str) -> Reply:
        """One deal's screen."""
        spec, deal_id = self.house.spec(query, who), unquote(id)
        self.pages.allowed(who, deal_id)
        return json_reply({"html": self.pages.fragment(who, spec, deal_id), "id": deal_id})

    def ids(self, who: str, query: str, body: bytes) -> Reply:
        """The ids that follow one in its queue."""
        told = parse_qs(query)
        spec = self.house.spec("&".join(p for p in query.split("&") if not p.startswith("after=")), who)
        after = told.get("after", [""])[-1]
        cursor = shelf.cursor_before(self.house.desk, spec.order, after) if after else None
        page = self.house.desk.queue(spec.order, self.house.filter(spec, who), after=cursor, limit=AHEAD)
        return json_reply(
            {"ids": [item.deal_id for item in page.items if item.deal_id != after], "more": page.next is not None}
        )

    def complete(self, who: str, query: str, body: bytes) -> Reply:
        """Names of the lexicon for what was begun in a field."""
        told = {name: values[-1] for name, values in parse_qs(query).items()}
        return json_reply({"names": self.house.vocabulary.complete(told.get("field", ""), told.get("begun", "")[:80])})

    def check(self, who: str, query: str, body: bytes) -> Reply:
        """What a raw value of a field means, or why it is no such value. Writes nothing."""
        told = read_body(body)
        try:
            made = check(_text(told, "field"), _text(told, "raw"), self.house.vocabulary, _mapping(told, "deal"))
        except RecordError as error:
            return json_reply({"problem": str(error)})
        home = made.columns.get("vendor_country")
        answer = {"columns": made.columns, "shown": made.shown, "raw": made.raw, "note": made.note}
        return json_reply(answer | {"home": country_shown(home, self.house.vocabulary) if home else ""})

    # --- deciding

    def decide(self, who: str, query: str, body: bytes) -> Reply:
        """One decision on one deal; the answer holds the next deal, or the same where it is to be seen again."""
        told, spec = read_body(body), self.house.spec(query, who)
        deal_id = _text(told, "deal")
        self.pages.allowed(who, deal_id)
        action = _text(told, "action")
        act = self._act(who, told)
        try:
            stays = self._take(action, deal_id, told, act)
        except DecisionConflict as error:
            shown = self.house.desk.resolve(deal_id)
            return json_reply({"fault": str(error), "html": self.pages.fragment(who, spec, shown), "id": shown}, 409)
        next_id = stays or told.get("next")
        answer = self._next(who, spec, next_id if isinstance(next_id, str) else None)
        return json_reply(
            answer | {"stay": bool(stays), "counts": self.pages.counts(who, spec), "told": _TOLD.get(action, "")}
        )

    def _take(self, action: str, deal_id: str, told: Mapping[str, Any], act: Act) -> str | None:
        """Do it; the id of the deal to stay at, or None to go on."""
        desk = self.house.desk
        if action in ("accept", "correct") and (act.second or not act.machine_shown):
            desk.correct(deal_id, self._own_values(deal_id, told, act), act)
        elif action == "correct":
            desk.correct(deal_id, self._values(told), act)
        elif action in ("accept", "reject", "unsure", "skip"):
            getattr(desk, action)(deal_id, act)
        elif act.second:
            raise InputError(f"whoever codes blind does not {action.replace('_', ' ')}; that is for the first coder")
        elif action == "take":
            desk.take_changes(deal_id, act)
        elif action in ("flag", "unflag"):
            getattr(desk, action)(deal_id, act)
            return deal_id
        elif action == "merge":
            desk.merge(deal_id, _text(told, "other"), act)
            return deal_id
        elif action == "not_same":
            desk.not_same(deal_id, _text(told, "other"), act)
            return deal_id
        elif action == "split":
            desk.split(deal_id, [_text(told, "finding")], act)
            return deal_id
        elif action == "article_done":
            desk.article_done(_text(told, "article"), act)
            return deal_id
        else:
            raise InputError(f"{action[:40]!r} is nothing that can be decided")
        return None

    def reason(self, who: str, query: str, body: bytes) -> Reply:
        """The reason for a rejection that was just made: an event more, so that one key rejects."""
        told = read_body(body)
        deal_id, words = _text(told, "deal"), _text(told, "reason").strip()[:LONGEST_REASON]
        self.pages.allowed(who, deal_id)
        if not words:
            raise InputError("a reason needs its words")
        now = self.house.desk.deal(deal_id)
        if now.state is not DealState.REJECTED and not self.house.blind(who):
            raise DecisionConflict(f"{deal_id} is not rejected any more")
        self.house.desk.reject(deal_id, Act(who=who, at=_now(), reason=words, second=self.house.blind(who)))
        return json_reply({"told": "noted"})

    def article_done(self, who: str, query: str, body: bytes) -> Reply:
        """An article holds nothing more: said on the article's own page."""
        self._open(who)
        self.house.desk.article_done(_text(read_body(body), "article"), Act(who=who, at=_now()))
        return json_reply({"told": _TOLD["article_done"]})

    def undo(self, who: str, query: str, body: bytes) -> Reply:
        """Take this person's latest act back, across restarts, as far as the log goes."""
        desk, spec = self.house.desk, self.house.spec(query, who)
        taken = desk.undo(Act(who=who, at=_now()))
        if not taken:
            return json_reply({"told": "There is nothing left to undo.", "id": None, "html": ""})
        event = next(one for one in desk.history(since=taken[0] - 1) if one.decision_id == taken[0])
        answer: dict[str, Any] = {"id": None, "html": ""}
        subject = event.subject if not event.subject.startswith("article:") else None
        if subject is not None:
            try:
                answer = self._next(who, self.house.spec(query, who), subject)
            except StoreError:
                # A deal that was added by hand is gone with its undo.
                answer = {"id": None, "html": ""}
        many = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        return json_reply(
            answer | {"told": f"Undone: {line(event).split(' · ')[0]}{many}", "counts": self.pages.counts(who, spec)}
        )

    def add(self, who: str, query: str, body: bytes) -> Reply:
        """A deal that the machine missed, from selected words and typed values."""
        if self.house.blind(who):
            raise InputError("adding deals is open again when you have coded what was assigned to you")
        told = read_body(body)
        place = _mapping(told, "evidence")
        start, end = place.get("start"), place.get("end")
        if not isinstance(start, int) or not isinstance(end, int) or end - start > LONGEST_EVIDENCE:
            raise InputError("select the words that tell the deal, at most a few sentences")
        values: dict[str, Any] = {}
        try:
            for name, raw in _mapping(told, "values").items():
                if name in BY_NAME and isinstance(raw, str) and raw.strip():
                    values |= check(name, raw, self.house.vocabulary, values).columns
            made = self.house.desk.add(values, [(_text(told, "article"), start, end)], self._act(who, told))
        except RecordError as error:
            return json_reply({"problem": str(error)})
        return json_reply(
            {
                "id": made,
                "told": f"Added: {label(values, self.house.vocabulary)}",
                "counts": self.pages.counts(who, Spec()),
            }
        )

    # --- many at once

    def bulk_preview(self, who: str, query: str, body: bytes) -> Reply:
        """What a bulk act over a queue would do: how many, the first of them, and a stamp to do exactly this."""
        self._open(who)
        told = parse_qs(query)
        act = told.get("act", [""])[-1]
        if act not in BULK_ACTS:
            raise InputError(f"many at once can be {', '.join(BULK_ACTS)}")
        spec = read_spec("&".join(part for part in query.split("&") if not part.startswith("act=")))
        wanted = self.house.filter(spec, who)
        ids = self.house.desk.deal_ids(wanted)
        first = self.house.desk.queue(spec.order, wanted, limit=SAMPLE).items
        lines = [
            f"{label(item.values, self.house.vocabulary)} · {', '.join(item.values['technologies'])} · {item.confidence:.2f}"
            for item in first
        ]
        more = len(ids) - len(lines)
        title = f"{BULK_ACTS[act]} {len(ids):,} deal{'s' * (len(ids) != 1)}?"
        rest = f"and {more:,} more of this filter" if more > 0 else ""
        return json_reply(
            {
                "title": title,
                "sample": lines,
                "more": rest,
                "count": len(ids),
                "stamp": shelf.stamp(self.house.desk, ids),
            }
        )

    def bulk(self, who: str, query: str, body: bytes) -> Reply:
        """Do to all deals of a queue what the preview told; refused where they have changed since."""
        self._open(who)
        told = read_body(body)
        action = _text(told, "action")
        if action not in BULK_ACTS:
            raise InputError(f"many at once can be {', '.join(BULK_ACTS)}")
        desk = self.house.desk
        with_this = self.house.filter(read_spec(query), who)
        ids = desk.deal_ids(with_this)
        if shelf.stamp(desk, ids) != told.get("stamp"):
            raise DecisionConflict("these deals have changed since the preview; look at it again")
        act = Act(
            who=who, at=_now(), reason=_text(told, "reason")[:LONGEST_REASON], batch=f"bulk-{secrets.token_hex(8)}"
        )
        done = desk.bulk(DecisionAction(action), ids, act)
        return json_reply({"told": f"{done:,} deals: {action}. One undo takes them all back.", "count": done})

    def save_filter(self, who: str, query: str, body: bytes) -> Reply:
        """Keep this queue under a name."""
        self._open(who)
        name = " ".join(_text(read_body(body), "name").split())[:60]
        if not name:
            raise InputError("a saved filter needs a name")
        spec = read_spec(query)
        self.house.desk.save_filter(name, {"query": spec.query() or "order=likely"}, Act(who=who, at=_now()))
        return json_reply({"told": f"Saved as {name}."})

    # --- inside

    def _open(self, who: str) -> None:
        if self.house.blind(who):
            raise InputError("this is open again when you have coded what was assigned to you")

    def _act(self, who: str, told: Mapping[str, Any]) -> Act:
        seconds, second = told.get("seconds"), self.house.blind(who)
        version = told.get("version")
        return Act(
            who=who,
            at=_now(),
            reason=str(told.get("reason") or "")[:LONGEST_REASON],
            seconds=min(float(seconds), LONGEST_SECONDS) if isinstance(seconds, int | float) and seconds >= 0 else None,
            machine_shown=told.get("machine_shown") is not False,
            # What the first coder does meanwhile is none of the second's business.
            expected=version if isinstance(version, str) and not second else None,
            second=second,
        )

    def _next(self, who: str, spec: Spec, deal_id: str | None) -> dict[str, Any]:
        """The screen of a deal, or of the first one of the queue, or the words for its end."""
        if deal_id is None:
            page = self.house.desk.queue(spec.order, self.house.filter(spec, who), limit=1)
            deal_id = page.items[0].deal_id if page.items else None
        if deal_id is None:
            return {"id": None, "html": self.pages.nothing()}
        shown = self.house.desk.resolve(deal_id)
        return {"id": shown, "html": self.pages.fragment(who, spec, shown)}

    def _values(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The corrected slots that the screen sends; the store checks each."""
        return {slot: value for slot, value in _mapping(told, "values", {}).items() if slot in SLOTS}

    def _own_values(self, deal_id: str, told: Mapping[str, Any], act: Act) -> dict[str, Any]:
        """All slots of a deal as this coder leaves them: theirs over the machine's, or over nothing where it was hidden.

        Never over what another coder decided, which the store would take as the base.
        """
        deal: DealView = self.house.desk.deal(deal_id)
        base = machine_values(deal)
        if not act.machine_shown:
            on_screen = {column for item in FIELDS for column in item.columns}
            base = {slot: None if slot in on_screen else value for slot, value in base.items()} | {"alleged": False}
        return base | self._values(told)


_TOLD = {
    "merge": "Merged.",
    "not_same": "Noted: not the same.",
    "split": "Split off.",
    "article_done": "Noted: this article holds nothing more.",
    "flag": "Flagged.",
    "unflag": "Flag taken off.",
}


def _now() -> datetime:
    return datetime.now(UTC)


def read_body(body: bytes) -> dict[str, Any]:
    """The JSON object of a request. Raises InputError for anything else."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError("the request holds no JSON object") from error
    if not isinstance(told, dict):
        raise InputError("the request holds no JSON object")
    return told


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise InputError(f"{name} is a text, not {str(value)[:40]!r}")
    return value


def _mapping(told: Mapping[str, Any], name: str, default: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    value = told.get(name, default)
    if not isinstance(value, dict):
        raise InputError(f"{name} is an object, not {str(value)[:40]!r}")
    return value
