"""Paragraphs that stand on many pages of one site: teasers, captions, newsletter plugs that no name gave away.

Which paragraphs repeat is learnt in the ledger (store/blocks.py) from the hashes that each reading brings; a page
comes with the hashes of its site and loses those paragraphs before anything is read in it.
"""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata

from rensa import RMinHash

# Shorter lines are dates, names and labels, which pages share for good reasons.
MIN_LETTERS = 20
# A page of which more than this would go is a copy of other pages of its site (a print view), not furniture.
MOST_CUT = 0.5

# A pair with half of its shingles in common shares a band with probability 1 - (1 - 0.5^3)^16 = 0.88.
BANDS, ROWS = 16, 3
SEED = 20241101
# Sketches of different versions never meet; a reading bears it in its version, so that older pages are read again.
SKETCH_VERSION: int = RMinHash.ALGORITHM_VERSION

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


def sketch(text: str) -> tuple[int, ...]:
    """MinHash of the text's three-word shingles (Broder 1997), as BANDS numbers of 64 bits.

    Texts of which half of the shingles are the same have a number in common in nine of ten cases, texts that share
    little hardly ever. Where SimHash was tried (trafilatura has one), a word changed in each paragraph moved 8 to 12
    of its 64 bits, too many to look candidates up by.
    """
    words = _NOT_LETTERS.sub(" ", text).casefold().split()
    minhash = RMinHash(BANDS * ROWS, SEED)
    minhash.update([" ".join(words[at : at + 3]) for at in range(max(len(words) - 2, 1))])
    rows = minhash.digest()
    return tuple(
        int.from_bytes(hashlib.blake2b(struct.pack("<3I", *band), digest_size=8).digest(), "big", signed=True)
        for band in zip(*[iter(rows)] * ROWS, strict=True)
    )
