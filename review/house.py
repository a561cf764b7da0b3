"""What pages and acts share: the open store, the lexicon, the server's settings, and how an answer looks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from records import DealState
from review.releases import Release, newest
from review.spec import Spec, read_spec
from review.vocabulary import Loading, Vocabulary
from store import review as shelf
from store.archive import Archive
from store.desk import Desk
from store.views import DealView, QueueFilter


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: body, status, kind and headers."""

    body: str | bytes
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What pages and acts share: the open store, the lexicon, and the server's settings."""

    desk: Desk
    archive: Archive | None
    lexicon: Loading
    keys: Mapping[str, str]
    releases: Path
    unaided_share: float = 0.0
    seed: int = 0
    tables: Sequence[str] = ()
    warned: Callable[[], str] = lambda: ""

    @property
    def vocabulary(self) -> Vocabulary:
        """The lexicon, once it is read."""
        return self.lexicon.get()

    def release(self) -> Release | None:
        """The newest release of this ledger whose folder is there."""
        return newest(self.desk, self.releases)

    def blind(self, who: str) -> bool:
        """Whether a person has deals to code without seeing what others decided."""
        return shelf.open_blind(self.desk, who) > 0

    def unaided(self, who: str, deal: DealView) -> bool:
        """Whether this person codes this deal without the machine's answer; the same for the same seed."""
        if deal.state is not DealState.PENDING or deal.by_hand or not self.unaided_share:
            return False
        drawn = hashlib.sha256(f"{self.seed}:{who}:{deal.deal_id}".encode()).digest()
        return int.from_bytes(drawn[:4], "big") < self.unaided_share * 2**32

    def filter(self, spec: Spec, who: str) -> QueueFilter:
        """The store's filter for a queue."""
        ids = shelf.disagreements(self.desk) or ["-"] if spec.queue == "disagreements" else None
        return spec.filter(who=who, deal_ids=ids)

    def spec(self, query: str, who: str) -> Spec:
        """The queue of an address; whoever codes blind has one queue only."""
        return Spec(queue="mine") if self.blind(who) else read_spec(query)


def json_reply(value: Mapping[str, Any], status: int = 200) -> Reply:
    """An answer for the page's script."""
    return Reply(
        json.dumps(value, ensure_ascii=False), status, "application/json; charset=utf-8", {"cache-control": "no-store"}
    )
