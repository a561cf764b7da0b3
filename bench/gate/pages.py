"""Web pages around the planted passages: the ways in which real pages hide a phrase from whoever reads bytes.

Deterministic: page number `n` is always the same bytes. Each page has a neutral headline, menus, teasers, scripts and
ordinary paragraphs around one passage that asserts a deal, in one of five charsets and one of nine wrappings.
"""

from __future__ import annotations

import csv
import html
import random
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

PLANTED = Path(__file__).with_name("planted.csv")
CHARSETS = ("utf-8", "windows-1252", "iso-8859-15", "utf-16", "gb18030")
WRAPPINGS = (*("plain", "entities", "numeric", "bold", "links", "soft_hyphens", "broken_lines", "decomposed", "nbsp"),)
_FILLER = {
    "en": (
        "The weather service expects light rain in the north and a dry weekend along the coast.",
        "Ticket sales for the autumn festival open on Monday, and the organisers hope for a full house.",
        "Two local schools will share a new library that was opened in the presence of parents and teachers.",
    ),
    "fr": (
        "La météo annonce de la pluie dans le nord et un week-end sec sur la côte.",
        "La billetterie du festival ouvre lundi et les organisateurs espèrent faire salle comble.",
        "Deux écoles partageront une nouvelle bibliothèque, ouverte en présence des parents.",
    ),
    "es": (
        "El servicio meteorológico espera lluvia ligera en el norte y un fin de semana seco en la costa.",
        "La venta de entradas del festival empieza el lunes y los organizadores esperan llenar la sala.",
        "Dos escuelas compartirán una nueva biblioteca, abierta en presencia de los padres.",
    ),
    "pt": (
        "A meteorologia prevê chuva fraca no norte e um fim de semana seco no litoral.",
        "A venda de bilhetes do festival abre na segunda-feira e os organizadores esperam casa cheia.",
        "Duas escolas vão partilhar uma nova biblioteca, aberta na presença dos pais.",
    ),
}
_HEADLINE = {
    "en": "What else happened this week", "fr": "Les autres nouvelles de la semaine",
    "es": "Otras noticias de la semana", "pt": "Outras notícias da semana",
}  # fmt: skip
# For Latin letters that a charset lacks (all four languages fit; typographic quotes do not fit everywhere).
_PLAIN = str.maketrans({"’": "'", "“": '"', "”": '"', "–": "-"})


@dataclass(frozen=True, slots=True)
class Passage:
    """One hand-written assertion of a deal."""

    id: str
    lang: str
    technology: str
    text: str


@dataclass(frozen=True, slots=True)
class PlantedPage:
    """A page's bytes as a server would send them, and what was done to the passage in it."""

    passage: Passage
    charset: str
    wrapping: str
    content_type: str
    body: bytes


def passages(path: Path = PLANTED) -> list[Passage]:
    """The passages of a table, in its order."""
    with path.open(encoding="utf-8") as file:
        return [Passage(**row) for row in csv.DictReader(file)]


def planted(number: int, among: list[Passage]) -> PlantedPage:
    """Page `number`: passages, charsets and wrappings take turns, so that all of their pairs occur."""
    passage = among[number % len(among)]
    round_ = number // len(among)
    charset = CHARSETS[(number + round_) % len(CHARSETS)]
    wrapping = WRAPPINGS[(number + 2 * round_) % len(WRAPPINGS)]
    pick = random.Random(number)
    told = _wrap(passage.text.translate(_PLAIN), wrapping, pick)
    page = _page(passage.lang, told, charset, pick)
    said = "utf-8" if charset == "utf-16" else charset  # as with real pages: UTF-16 is told by its mark alone
    return PlantedPage(
        passage, charset, wrapping, f"text/html; charset={said}", page.encode(charset, "xmlcharrefreplace")
    )


def _wrap(text: str, wrapping: str, pick: random.Random) -> str:
    if wrapping == "entities":
        return "".join(
            f"&{html.entities.codepoint2name.get(ord(c), '')};" if ord(c) > 127 else html.escape(c) for c in text
        )
    if wrapping == "numeric":
        return "".join(f"&#{ord(c)};" if not c.isascii() or pick.random() < 0.3 else html.escape(c) for c in text)
    if wrapping == "bold":
        return " ".join(f"<b>{html.escape(w)}</b>" if pick.random() < 0.3 else html.escape(w) for w in text.split())
    if wrapping == "links":
        return re.sub(
            r"(\w{4,}) (\w{4,})", r'<a class="kw" href="/tag/\1"><span>\1</span></a> <i>\2</i>', html.escape(text)
        )
    if wrapping == "soft_hyphens":
        return re.sub(
            r"(\w{5})(\w{4,})", lambda m: m[1] + pick.choice(("&shy;", "\xad", "<wbr>")) + m[2], html.escape(text)
        )
    if wrapping == "broken_lines":
        return "\r\n        ".join(html.escape(text).split())
    if wrapping == "decomposed":
        return unicodedata.normalize("NFD", html.escape(text))
    if wrapping == "nbsp":
        return pick.choice(("&nbsp;", "&#160;", "&#xa0;")).join(html.escape(text).split())
    return html.escape(text)


def _page(lang: str, told: str, charset: str, pick: random.Random) -> str:
    filler = [html.escape(line) for line in _FILLER[lang]]
    paragraphs = [*filler[: pick.randint(1, 3)], told, *filler[pick.randint(0, 2) :]]
    meta = "" if charset == "utf-16" else f'<meta charset="{charset}">'
    body = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"><head>{meta}<title>{_HEADLINE[lang]}</title>\n'
        '<script>var site = {"menu": ["a", "b"], "track": true};</script><style>p { margin: 0 }</style></head>\n'
        '<body><nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>\n'
        f"<main><article><h1>{_HEADLINE[lang]}</h1>\n{body}\n</article></main>\n"
        '<aside><a href="/1">1</a></aside><footer>&copy; 2024</footer></body></html>\n'
    )
