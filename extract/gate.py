"""The relevance gate on text: does a document speak of surveillance technology changing hands at all?

For recall first. A technology phrase, and one of: a known vendor, a nationality beside "firm", "supplier" and the
like, a deal trigger, a sum of money, a lender.
"""

from __future__ import annotations

import re

from extract.lexicon import Hit, Kind

_NATIONAL_FIRM = re.compile(
    r"\b(?:firm|compan|supplier|vendor|maker|contractor|start-?up|provider|entreprise|société|empresa|proveedor|"
    r"fabricant)",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"[$€£¥₦₹]\s?\d|\b\d[\d.,]*\s?(?:million|billion|milliards?|millones|crore|lakh)|\b(?:USD|EUR|GBP|RMB|FCFA|KES|"
    r"UGX)\b"
)


def passes(text: str, hits: list[Hit]) -> bool:
    """Is the document worth the models? `hits` are the lexicon's finds in `text`."""
    kinds = {h.entry.kind for h in hits}
    if Kind.TECHNOLOGY not in kinds:
        return False
    if Kind.VENDOR in kinds or Kind.TRIGGER in kinds or Kind.LENDER in kinds:
        return True
    return bool(_MONEY.search(text)) or bool(Kind.COUNTRY in kinds and _NATIONAL_FIRM.search(text))
