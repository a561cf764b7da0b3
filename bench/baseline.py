"""The naive method that the extractor is measured beside.

Stock spaCy entities that share a sentence with a technology word.
"""

from __future__ import annotations

import re
from typing import Any

from spacy.language import Language

from extract.lexicon import Kind, Lexicon


def extract_naively(nlp: Language, lexicon: Lexicon, gold: dict[str, Any]) -> dict[str, Any]:
    """Every ORG with every country of its sentence, with the sentence's technologies; no financing, no claims."""
    deals: dict[tuple[str, str], dict[str, Any]] = {}
    for sentence in nlp(gold["text"]).sents:
        hits = lexicon.find(sentence.text, "en")
        technologies = sorted({h.entry.key for h in hits if h.entry.kind is Kind.TECHNOLOGY})
        countries = {h.entry.key for h in hits if h.entry.kind is Kind.COUNTRY and h.entry.form in ("name", "demonym")}
        if not technologies:
            continue
        for ent in sentence.ents:
            if ent.label_ != "ORG":
                continue
            name = re.sub(r"^the |'s$", "", ent.text.strip())
            for country in countries:
                deals[name, country] = {
                    "vendor": name, "vendor_country": None, "country": country, "technologies": technologies,
                    "financing": None, "value": None, "customer": None, "year": None, "status": "unknown", "alleged": False, "evidence": [sentence.text],
                }  # fmt: skip
    return {"id": gold["id"], "deals": list(deals.values()), "claims": []}
