"""Paragraphs that stand on many pages of one site: teasers, captions, newsletter plugs that no name gave away.

Which paragraphs repeat is learnt in the ledger (store/blocks.py) from the hashes that each reading brings; a page
comes with the hashes of its site and loses those paragraphs before anything is read in it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from trafilatura.deduplication import Simhash

# Shorter lines are dates, names and labels, which pages share for good reasons.
MIN_LETTERS = 20
# A page of which more than this would go is a copy of other pages of its site (a print view), not furniture.
MOST_CUT = 0.5

_NOT_LETTERS = re.compile(r"[\W_]+")


def block_hash(paragraph: str) -> int | None:
    """What paragraphs of the same letters and digits have in common; None for one that is too short."""
    folded = _NOT_LETTERS.sub(" ", unicodedata.normalize("NFKC", paragraph)).strip().casefold()
    if len(folded) < MIN_LETTERS:
        return None
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest(), "big", signed=True)


def cut_repeated(text: str, repeated: frozenset[int]) -> tuple[str, tuple[int, ...]]:
    """The text without its repeated paragraphs, and the hashes of all that it had (before the cut, in order)."""
    paragraphs = text.split("\n\n")
    hashes = [block_hash(paragraph) for paragraph in paragraphs]
    told = tuple(dict.fromkeys(value for value in hashes if value is not None))
    kept = [paragraph for paragraph, value in zip(paragraphs, hashes, strict=True) if value not in repeated]
    cut = "\n\n".join(kept)
    return (cut if len(cut) >= (1 - MOST_CUT) * len(text) else text), told


def fingerprint(text: str) -> int:
    """The text's SimHash (Charikar 2002, as in trafilatura): near-duplicates differ in few of its 64 bits.

    Costs some milliseconds, so it is asked of texts that say something only.
    """
    return int(Simhash(text).hash)
