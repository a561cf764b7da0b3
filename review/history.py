"""The log of a deal in words."""

from __future__ import annotations

from collections.abc import Iterable

from records import Decision
from review.fields import spoken
from review.vocabulary import Vocabulary

_WORDS = {
    "accept": "accepted",
    "correct": "corrected",
    "reject": "rejected",
    "unsure": "was unsure",
    "skip": "skipped",
    "flag": "flagged",
    "unflag": "took the flag off",
    "requeue": "put it back",
    "add": "added it by hand",
    "split": "split off",
    "merge": "merged in",
    "not_same": "said not the same as",
    "link": "linked",
    "unlink": "unlinked",
    "withdraw": "withdrew it",
    "reply": "noted a reply",
    "undo": "undid",
}


def lines(log: Iterable[Decision], vocabulary: Vocabulary) -> list[str]:
    """One line an event, oldest first; second coders' verdicts stay out, they are in the report."""
    return [line(event) for event in log if not event.second]


def line(event: Decision) -> str:
    """ "ann corrected on 2026-01-05 (customer: blank → Kenya Police): found in the annex"."""
    words = f"{event.who} {_WORDS.get(event.action, spoken(event.action))} on {event.at[:10]}"
    other = event.after.get("other")
    if other and event.action != "undo":
        words += f" {other}"
    changed = changes(event)
    if changed:
        words += f" ({'; '.join(changed)})"
    if event.undone:
        words += " · undone"
    return f"{words}: {event.reason}" if event.reason else words


def changes(event: Decision) -> list[str]:
    """What a correction changed, slot by slot."""
    if event.action != "correct":
        return []
    was = event.before.get("decided") or event.before.get("machine") or {}
    now = event.after.get("decided") or {}
    return [
        f"{spoken(slot)}: {_told(was.get(slot))} → {_told(value)}"
        for slot, value in now.items()
        if was.get(slot) != value
    ]


def _told(value: object) -> str:
    if value in (None, "", []):
        return "blank"
    if isinstance(value, list):
        return ", ".join(spoken(str(one)) for one in value)
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
