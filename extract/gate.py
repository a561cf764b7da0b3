"""The relevance gate: does a text speak of surveillance technology changing hands at all?

For recall first. Around each word that may name such technology (or its maker) a short window is taken; the
signs in it (words, and what the lexicon finds) are weighed, and one window that weighs enough lets the whole text
pass. The weights were fitted by bench/fit_gate.py and lie in models/gate.json; words can only speak for a text,
never against it, so that a formulation nobody thought of is lost only if nothing around it speaks for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from html import unescape
from importlib.resources import files
from typing import Any
from unicodedata import combining, is_normalized, normalize

import ahocorasick_rs

from extract.lexicon import NAMES, Entry, Kind, Lexicon, _case_fits
from extract.text import INVISIBLE, lower
from records import ModelError

FORMAT = 1
WINDOW = 150
"""Code points on either side of an anchor: about the sentence it stands in."""
SHORTEST_BLOCK = 40
"""A shorter line is a menu's, a tag's or a share button's; what asserts a deal is longer."""
STEM = 6
"""Letters of a word that count; cuts most endings off in the four languages."""
_HIDDEN = re.compile(rb"<(?:!--|script|style|svg|template)")
_ENDS = {b"<!--": b"-->"} | {b"<" + name: b"</" + name for name in (b"script", b"style", b"svg", b"template")}
_INLINE = re.compile(
    rb"</?(?:a|abbr|b|bdi|bdo|cite|em|font|i|ins|mark|s|small|span|strong|sub|sup|u|wbr)(?:[\s/][^<>]*)?>",
    re.IGNORECASE,
)
_TAG = re.compile(rb"<[^<>]*>")
_WHITE = bytes.maketrans(b"\t\r\n\x0b\x0c", b"     ")
_WORD = re.compile(r"[^\W\d_]{3,}")
_PLAIN = (
    ("\u00a0", " "),
    ("\u202f", " "),
    ("\u2009", " "),
    ("\u2019", "'"),
    ("\u2018", "'"),
    ("\u2011", "-"),
    ("\u2010", "-"),
)
_MONEY = re.compile(
    r"[$€£¥₦₹]\s?\d|\b\d[\d.,]*\s?(?:million|billion|milliard|millon|milh|mil mill|crore|lakh)|\b(?:USD|EUR|GBP|RMB|FCFA)\b"
)
# Beginnings of words for what such technology does; they anchor a window but weigh nothing by themselves.
_DOES = (
    *("intercept", "interceta", "eavesdrop", "wiretap", "overhear", "listen", "écout", "escuch", "escut", "tapping"),
    *("filter", "filtr", "block", "bloque", "bloqu", "censor", "censur", "surveill", "vigil", "vigia", "monitor"),
    *("spy", "spie", "espion", "espía", "espia", "hack", "infect", "invad", "pirat", "malware", "malici", "malveill"),
    *("track", "rastre", "localiz", "localis", "geoloc", "géoloc", "ubica", "pinpoint", "whereabouts", "bracelet"),
    *(
        "brazalete",
        "pulseira",
        "tornozel",
        "tobill",
        "ankle",
        "handset",
        "téléphone",
        "teléfono",
        "telefone",
        "celular",
    ),
    *("recogni", "reconn", "reconoc", "reconhec", "facial", "face-", "faces", "visage", "rostro", "rosto", "caras"),
    *("scan", "escán", "escâner", "x-ray", "rayos x", "raio", "plate", "plaque", "placa", "matrícul", "immatricul"),
    *("fingerprint", "huella", "empreinte", "impressões", "biometr", "biométr", "passport", "passeport", "pasaporte"),
    *("passaporte", "enrol", "camera", "caméra", "cámara", "videocámara", "câmera", "câmara", "drone", "dron"),
    *(
        "unmanned",
        "sans pilote",
        "no tripulad",
        "não tripulad",
        "radar",
        "command cent",
        "control cent",
        "control room",
    ),
    *("centro de control", "centro de mando", "centro de comando", "centre de contr", "centre de commandement"),
    *("centre de supervision", "salle de contrôle", "policing", "crime-", "criminalidad", "criminelle", "social media"),
    *("redes sociales", "redes sociais", "réseaux sociaux", "facebook"),
)


class Gate:
    """Decides on texts. Built once; safe to call from anywhere."""

    def __init__(self, lexicon: Lexicon, told: dict[str, Any]) -> None:
        if told.get("format") != FORMAT:
            raise ModelError("models/gate.json is of another version; fit it again: python -m bench.fit_gate")
        self._lexicon = lexicon
        self._phrases = list(lexicon.entries)
        self._weights: dict[str, float] = told["weights"]
        self._start: float = told["start"]
        self._threshold: float = told["threshold"]
        self._everyday = frozenset(told["everyday"])
        self._usual = frozenset(told["usual"])

    @classmethod
    def load(cls, lexicon: Lexicon) -> Gate:
        """The gate that comes with the package, over a loaded lexicon. Raises ModelError where its file is wrong."""
        try:
            return cls(lexicon, json.loads((files("models") / "gate.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"models/gate.json: not a usable gate: {error}") from error

    def passes(self, text: str) -> bool:
        """Is the text worth cleaning and the models? Lines are paragraphs or blocks of a page."""
        return any(self.weigh(signs) >= self._threshold for signs in self.windows(text))

    def score(self, text: str) -> float:
        """The weight of the text's best window; `-inf` where no word anchors one."""
        return max((self.weigh(signs) for signs in self.windows(text)), default=float("-inf"))

    def weigh(self, signs: set[str]) -> float:
        """The log-odds of a window, before the threshold."""
        return self._start + sum(self._weights.get(sign, 0.0) for sign in signs)

    def windows(self, text: str) -> Iterator[set[str]]:
        """The signs of each window of a text, in order; windows that overlap by half are taken once."""
        low = lower(text)
        reach = -1
        for start, end in self._anchors(low):
            if start < reach:
                continue
            begin = max(low.rfind("\n", 0, start) + 1, start - WINDOW)
            stop = low.find("\n", end)
            block_begin = low.rfind("\n", 0, start) + 1
            stop = len(low) if stop < 0 else stop
            if stop - block_begin < SHORTEST_BLOCK:
                reach = stop
                continue
            stop = min(stop, end + WINDOW)
            reach = start + (stop - start) // 2
            yield self.signs(text[begin:stop])

    def signs(self, words: str) -> set[str]:
        """What speaks for or against in a window: word beginnings, and the lexicon's finds by kind and key."""
        found: set[str] = set()
        countries: set[str] = set()
        blank = list(words)
        for start, end, entry in self._finds(words):
            found.update(self._sign(entry))
            if entry.kind is Kind.COUNTRY:
                countries.add(entry.key)
            if entry.kind in NAMES:
                blank[start:end] = " " * (end - start)
        if len(countries) > 1:
            found.add("#countries")
        if _MONEY.search(words):
            found.add("#money")
        found.update(_stem(word) for word in _WORD.findall("".join(blank)))
        return found

    def _finds(self, words: str) -> Iterator[tuple[int, int, Entry]]:
        """All phrases of the lexicon, of every language (a page mixes them), also those inside longer ones."""
        low = lower(words)
        for index, start, end in self._lexicon._automaton.find_matches_as_indexes(low, overlapping=True):
            if _inside_word(low, start, end):
                continue
            for entry in self._lexicon.entries[self._phrases[index]]:
                if entry.kind not in NAMES or _case_fits(entry, words[start:end], entry.lang or "en"):
                    yield start, end, entry

    def _sign(self, entry: Entry) -> Iterator[str]:
        if entry.kind is Kind.TECHNOLOGY:
            yield f"#technology {self.standing(entry)}"
            yield f"#{entry.key}{' weak' if entry.weak else ''}"
        elif entry.kind is Kind.VENDOR:
            yield f"#vendor {self.standing(entry)}"
        elif entry.form == "demonym":
            yield "#demonym"  # as in "the Israeli supplier"
        elif entry.kind in NAMES:
            yield f"#{entry.kind.value}"
        else:
            yield f"#{entry.kind.value} {entry.key}"

    def standing(self, entry: Entry) -> str:
        """How telling a phrase is: `strong`, `weak`, and of the weak those met now and then or every day."""
        phrase = lower(entry.phrase)
        if entry.weak or entry.kind is Kind.VENDOR:
            if phrase in self._everyday:
                return "everyday"
            if phrase in self._usual:
                return "usual"
        return "weak" if entry.weak else "strong"

    @cached_property
    def _anchor_words(self) -> tuple[list[str], int]:
        """Whole phrases first, then beginnings of words; and how many of the former there are."""
        whole = [
            phrase
            for phrase, entries in self._lexicon.entries.items()
            if any(
                entry.kind is Kind.TECHNOLOGY
                or (entry.kind is Kind.VENDOR and not entry.weak and self.standing(entry) == "strong")
                for entry in entries
            )
        ]
        return [*whole, *_DOES], len(whole)

    @cached_property
    def _automaton(self) -> ahocorasick_rs.AhoCorasick:
        return ahocorasick_rs.AhoCorasick(self._anchor_words[0])

    def _anchors(self, low: str) -> Iterator[tuple[int, int]]:
        whole = self._anchor_words[1]
        for index, start, end in self._automaton.find_matches_as_indexes(low, overlapping=True):
            if not _inside_word(low, start, end if index < whole else len(low)):
                yield start, end


def _inside_word(low: str, start: int, end: int) -> bool:
    return bool(
        (start and low[start - 1].isalnum() and low[start].isalnum())
        or (end < len(low) and low[end].isalnum() and low[end - 1].isalnum())
    )


def _stem(word: str) -> str:
    plain = word.lower()
    if not plain.isascii():
        plain = "".join(char for char in normalize("NFD", plain) if not combining(char))
    return plain[:STEM]


def page_text(html: bytes) -> str:
    """The words of an HTML page in UTF-8, a line for each block, ready for the gate; linear in the page's size.

    No parser: scripts, styles and comments are cut, tags inside a phrase vanish, other tags end a line, entities are
    written out. Noisier than a cleaned article, but nothing that the page says is missing.
    """
    shown = _INLINE.sub(b"", _without_hidden(html).translate(_WHITE))
    text = _TAG.sub(b"\n", shown).decode("utf-8", "replace")
    if "&" in text:
        text = unescape(text)
    lines = (" ".join(line.split()) for line in text.split("\n") if len(line) >= SHORTEST_BLOCK)
    return plain("\n".join(line for line in lines if len(line) >= SHORTEST_BLOCK))


def plain(text: str) -> str:
    """A text as the gate wants it: composed letters, plain quotes and hyphens, nothing invisible.

    The same as `extract.text.read_text` does for matching, without the way back, in a fraction of the time.
    """
    if text.isascii():
        return text
    for strange, ours in _PLAIN:
        if strange in text:
            text = text.replace(strange, ours)
    return INVISIBLE.sub("", text if is_normalized("NFC", text) else normalize("NFC", text))


def _without_hidden(html: bytes) -> bytes:
    low = html.lower()
    parts: list[bytes] = []
    at = 0
    for match in _HIDDEN.finditer(low):
        if match.start() < at:
            continue
        parts.append(html[at : match.start()])
        at = low.find(_ENDS[match.group()], match.end())
        if at < 0:
            return b"".join(parts)
    parts.append(html[at:])
    return b"".join(parts)
