"""Reads deals out of one document: gate, parse, mentions, scores, slots, claims. The public face of `extract`."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import py3langid

import models  # before anything that puts another `models` on the path (onnxruntime.quantization does)
from extract.decode import DEFAULTS
from extract.gate import Gate, plain
from extract.graph import GraphBuilder
from extract.judge import Judge
from extract.lexicon import Lexicon
from extract.parse import PIPELINES, RULES_ONLY
from extract.reading import read_scored
from extract.scorer import Scorer
from extract.terms import with_terms
from extract.text import read_text
from records import Claim, Document, Extraction, Finding, Outcome

LANGUAGES = (*PIPELINES, *RULES_ONLY)
LONGEST_TEXT = 200_000
"""Characters of a document that are read; what lies behind is named in a note (real articles end far before)."""
SHORTEST_TEXT = 40
_RULES = "2"
"""Raised when the rules change what is extracted; part of the extractor's version."""


class Extractor:
    """Reads deals and claims out of documents. Same input, same output; not safe for several threads at once."""

    def __init__(self, lexicon: Lexicon, scorer: Scorer, overlay: Path | None = None) -> None:
        self.lexicon = lexicon
        self.scorer = scorer
        self.overlay = overlay
        self.gate = Gate.load(lexicon)
        self.builder = GraphBuilder(lexicon)
        self.settings = {**DEFAULTS, **scorer.settings.get("decode", {})}

    @classmethod
    def load(cls, overlay: Path | None = None) -> Extractor:
        """The shipped lexicon and model, with a workspace's lexicon rows over ours."""
        return cls(Lexicon.load(overlay), Scorer.shipped(), overlay)

    @cached_property
    def version(self) -> str:
        """Rules, model and a digest of the lexicon; changes whenever the same text might read differently."""
        digest = hashlib.sha256()
        for path in sorted((files(models) / "lexicon").iterdir(), key=lambda p: p.name):
            if path.name.endswith(".csv"):
                digest.update(path.name.encode() + path.read_bytes())
        if self.overlay and self.overlay.is_dir():
            for mine in sorted(self.overlay.glob("*.csv")):
                digest.update(mine.name.encode() + mine.read_bytes())
        return f"rules {_RULES}, model {self.scorer.version}, lexicon {digest.hexdigest()[:12]}"

    def extract(self, document: Document, *, gated: bool = True) -> Extraction:
        """Everything that one document asserts; not `gated`, also of one that the gate would drop.

        Never raises for what a text says.
        """
        notes: list[str] = []
        text = document.text
        if len(text) > LONGEST_TEXT:
            cut = text.rfind("\n", 0, LONGEST_TEXT)
            text = text[: cut if cut > LONGEST_TEXT // 2 else LONGEST_TEXT]
            notes.append(f"read to character {len(text)} of {len(document.text)}")
            document = Document(
                id=document.id,
                text=text,
                title=document.title,
                date=document.date,
                lang=document.lang,
                url=document.url,
            )

        def ended(outcome: Outcome, lang: str | None = None) -> Extraction:
            return Extraction(
                id=document.id, outcome=outcome, extractor_version=self.version, language=lang, notes=tuple(notes)
            )

        if not text.strip():
            return ended(Outcome.EMPTY)
        if len(text.strip()) < SHORTEST_TEXT:
            return ended(Outcome.TOO_SHORT)
        # Before the language: nearly all of a stream ends here, and to tell a language takes longer than the gate.
        told = (document.lang or "").lower()[:2]
        if gated and not self.gate.passes(plain(f"{document.title.strip()}\n\n{text}")):
            return ended(Outcome.NOT_RELEVANT, told or None)
        lang = told or detect_language(text)
        reading = read_text(f"{document.title.strip()}\n\n{text}")
        if lang not in LANGUAGES:
            return ended(Outcome.LANGUAGE_NOT_SUPPORTED, lang)
        graph = self.builder.build(document, lang)
        scored = self.scorer.score(graph)
        deals: list[Finding] = []
        claims: list[Claim] = []
        if scored:
            judge = Judge(self.scorer.trees, graph, scored.arrays, scored.outputs)
            deals, claims = read_scored(graph, scored, judge, self.settings)
        if reading.disguised:
            notes.append("a word mixes alphabets that look alike")
        return Extraction(
            id=document.id,
            outcome=Outcome.KEPT if deals or claims else Outcome.NO_DEAL,
            extractor_version=self.version,
            deals=tuple(with_terms(deal) for deal in deals),
            claims=tuple(claims),
            language=lang,
            notes=tuple(notes),
        )


def detect_language(text: str) -> str:
    """ISO 639-1 code of a text's language, by its first 3,000 characters."""
    return str(py3langid.classify(text[:3000])[0])
