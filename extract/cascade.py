"""The way of one page out of a large archive: gate on its words, then cleaning, then the models.

Each stage runs only on what passed the one before; what the gate drops is told apart from what was read, and a
seeded sample of it is read all the same, so that what the gate loses can be estimated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from extract.clean import MAX_HTML, MAX_TAGS, decode
from extract.gate import Gate, page_text
from records import Outcome, PageReading, StoredPage

# Stands in for a page's id while it is only looked at.
_SAMPLE_STEPS = 1 << 32


@dataclass(frozen=True, slots=True)
class Look:
    """What the gate makes of a body: whether it passes, or the outcome it ends in, and its words if it has any."""

    passes: bool
    outcome: Outcome = Outcome.NOT_RELEVANT
    reason: str = ""
    text: str = ""


class Cascade:
    """Looks at bodies and reads pages. `read` is the full reader, `read_all` the same without its own gate."""

    def __init__(
        self,
        gate: Gate,
        read: Callable[[StoredPage], PageReading],
        read_all: Callable[[StoredPage], PageReading],
        *,
        sample: float,
        seed: int,
    ) -> None:
        self._gate = gate
        self._read = read
        self._read_all = read_all
        self._sample = round(sample * _SAMPLE_STEPS)
        self._seed = seed

    def look(self, body: bytes, content_type: str) -> Look:
        """The gate's answer on a body; a PDF always passes, because only its reader sees its words."""
        if b"%PDF-" in body[:1024]:
            return Look(True)
        if len(body) > MAX_HTML:
            return Look(False, Outcome.TOO_BIG, "html")
        if body.count(b"<") > MAX_TAGS:
            return Look(False, Outcome.QUARANTINED, "too_many_tags")
        if not _is_utf8(body):
            body = decode(body, content_type).encode("utf-8", "replace")
        text = page_text(body)
        return Look(self._gate.passes(text), text=text)

    def sampled(self, url: str) -> bool:
        """Is a dropped page with this address in the sample? By seed and address alone, so in every run the same."""
        told = hashlib.blake2b(f"{self._seed}\n{url}".encode(), digest_size=4).digest()
        return int.from_bytes(told, "big") < self._sample

    def read(self, page: StoredPage) -> PageReading:
        """The reading of a page that passed."""
        return self._read(page)

    def read_dropped(self, page: StoredPage) -> PageReading:
        """The reading that a dropped page would have had; its outcome stays `not_relevant`."""
        return replace(self._read_all(page), outcome=Outcome.NOT_RELEVANT, reason="sample")


def _is_utf8(body: bytes) -> bool:
    if b"\x00" in body[:64]:  # UTF-16 is valid UTF-8 by accident
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not body.startswith((b"\xff\xfe", b"\xfe\xff"))
