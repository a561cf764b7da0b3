"""Lines that are not the article: teasers, captions' credits, newsletter plugs, social-media bars.

A teaser names another deal; taking it for this article's text is the commonest false finding on real pages.
"""

from __future__ import annotations

import re

_TEASER = re.compile(
    r"^[\W_]*(?:(?:read|see|watch|listen)(?: also| more| next| this|:| on)|also read|read more|"
    r"you may (?:also )?(?:like|be interested)|"
    r"related(?: articles?| stories| story| news| posts?| content| reading| topics)?\s*[:|>-]|more (?:on this story|"
    r"from|stories|news)\b|recommended(?: for you)?\s*:|don'?t miss|"
    r"most read|trending|editor'?s picks?|up next|in other news|elsewhere on|what to read next|further reading|"
    r"previous(?:ly)? (?:on|post|article|story)|next (?:post|article|story)|"
    r"last (?:week|month)'s column|from (?:our|the) archives?\b|advertisement|sponsored|promoted|"
    r"(?:sign up|subscribe|register)\b|(?:our|the) newsletter|get (?:the|our) (?:newsletter|daily|weekly|app)|"
    r"follow us|join (?:us|our)\b|download (?:the|our) app|like us on|share this|"
    r"share (?:on|via)|click here|tap to|comments? (?:are|is|\()|log ?in to|photo(?:graph)?\s*:|image\s*:|picture\s*:|"
    r"photo by|photo credit|image credit|credit\s*:|file photo|"
    r"copyright|all rights reserved|©|tags?\s*:|topics?\s*:|filed under|keywords?\s*:|"
    r"lire aussi|à lire(?: aussi)?|voir aussi|sur le même sujet|abonnez-vous|inscrivez-vous|suivez-nous|partager|"
    r"crédit photo|photo d'illustration|"
    r"lea también|lee también|le puede interesar|te puede interesar|ver también|noticias relacionadas|suscríbase|"
    r"suscríbete|síguenos|síganos|compartir|foto\s*:|"
    r"leia também|veja também|assine|siga-nos)",
    re.IGNORECASE,
)
_ENDS = re.compile(
    r"(?:\|\s*(?:subscribe|follow us|newsletter|share|comments?|sign up|advertise)\b.*|(?:getty images|reuters/|"
    r"afp/).{0,60})$",
    re.IGNORECASE,
)
LONGEST_TEASER = 320
"""Characters; a longer paragraph that begins like a teaser is prose ("Read more closely, the contract ...")."""


def teaser_ranges(text: str, paragraphs: list[tuple[int, int]], title_end: int) -> list[tuple[int, int]]:
    """Ranges of the lines that advertise something else, the title never among them."""
    found = []
    for start, end in paragraphs:
        if start < title_end:
            continue
        line = text[start:end]
        if len(line) <= LONGEST_TEASER and (_TEASER.match(line) or (len(line) < 160 and _ENDS.search(line))):
            found.append((start, end))
    return found
