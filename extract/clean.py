"""A page's article: the main text without the page's furniture, normalised once and never changed again.

Runs in a worker process with limits (work/pool.py). Makes no request of its own.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

import py3langid
from lxml import etree
from lxml.html import HtmlElement
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from trafilatura import bare_extraction, load_html

from extract.blocks import cut_repeated
from extract.metadata import Facts, read_facts
from extract.pdf import PdfError, read_pdf
from records import Article, Outcome, Precision, StoredPage

# Raised whenever the same page could give another text; all pages are then read again.
CLEANER_VERSION = "4"

# Limits before parsing (MEASURED-CRAWL, section 8: real pages have 1.6 MB, 20,000 tags, 228 kB in a tag at most).
MAX_HTML = 5 * 1024 * 1024
MAX_TAGS = 100_000
MAX_TAG_LENGTH = 512 * 1024
# Elements open at once; the deepest real page has 51, and both parsers take time by the square of it.
MAX_DEPTH = 10_000
# Cells of one row of a table; trafilatura takes time by the square of it (45,000 took 16 s on a free machine).
MAX_ROW = 10_000
# Less text than this is a stub, a picture page or an error page.
MIN_TEXT = 100
# trafilatura gives up on trees deeper than lxml's limit; where it leaves less than this, the plain text is taken if there is this
# much more of it.
LITTLE_TEXT = 300
FALLBACK_FACTOR = 4
DETECT_LANGUAGE_ON = 1_200
TEXT_FOR_LANGUAGE = 80

_ROW = re.compile(r"<tr\b", re.IGNORECASE)
_CELL = re.compile(r"<t[dh]\b", re.IGNORECASE)

# Elements that are never the article, by what pages call them. A name must stand as a word of its own
# ("related-posts", not "correlated"); the article itself and the body are never dropped.
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:related|read-?also|teaser|most-?read|trending|recommended|newsletter|signup|sign-up|subscribe|promo"
    r"|cookies?|consent|gdpr|paywall|share|social|sharedaddy|comments?|disqus|breadcrumbs?|cta|sidebar|advert|ads?|sponsored"
    r"|outbrain|taboola|popup|modal|skip-link|tags|byline|dateline-meta)(?:$|[\s_-])",
    re.IGNORECASE,
)
# Of those, what no article is called even where it holds most of a page's text; the others also stand in the names of what
# is wrapped around an article ("content-with-sidebar", "modal-enabled", a page that is one form).
_NEVER_ARTICLE = re.compile(
    r"(?:^|[\s_-])(?:related|read-?also|teaser|most-?read|trending|recommended|newsletter|comments?|disqus|outbrain|taboola|consent|gdpr"
    r"|cookies?)(?:$|[\s_-])",
    re.IGNORECASE,
)
_WRAPPER_SHARE = 0.5
_ALWAYS_DROPPED = ("figcaption", "aside", "nav", "footer", "form", "noscript", "iframe", "svg", "button", "template")
_NEVER_DROPPED = {"html", "body", "main", "article", "head"}
_NAMED = etree.XPath("descendant-or-self::*[@class or @id]")
_STYLED = etree.XPath("descendant-or-self::*[@style or @hidden]")
_NESTS = re.compile(r"<(/?)(?:div|span|section|b|i|em|strong|font|ul|ol|table|blockquote|a)\b", re.IGNORECASE)
_PAYWALL = re.compile(
    r"(?:^|[\s_-])(?:paywall|piano-offer|subscriber-only|meteredContent|regwall)(?:$|[\s_-])", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{2,40})", re.IGNORECASE)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d])|font-size\s*:\s*0(?![.\d])"
    r"|(?:left|top|text-indent)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How cleaning ended; with an article only where the outcome is `kept`."""

    outcome: Outcome
    reason: str = ""
    article: Article | None = None
    blocks: tuple[int, ...] = ()  # hashes of its paragraphs, before any was cut as its site's furniture


def clean(stored: StoredPage) -> Cleaned:
    """The article of a stored page, or the named reason why it has none."""
    body = stored.page.body
    if not body.strip(b"\x00 \t\r\n"):
        return Cleaned(Outcome.EMPTY)
    if b"%PDF-" in body[:1024]:
        return _clean_pdf(stored)
    if len(body) > MAX_HTML:
        return Cleaned(Outcome.TOO_BIG, "html")
    text = decode(body, stored.page.content_type)
    if _is_binary(text):
        return Cleaned(Outcome.NOT_HTML, "binary")
    if "<" not in text[:2000] and stored.page.content_type.lower().startswith("text/plain"):
        return _finish(stored, Facts(), _normalise(text), truncated=False)
    tags = text.count("<")
    if tags > MAX_TAGS:
        return Cleaned(Outcome.QUARANTINED, "too_many_tags")
    # What has fewer characters or tags in all cannot have so many in one.
    if len(text) > MAX_TAG_LENGTH and _longest_tag(text) > MAX_TAG_LENGTH:
        return Cleaned(Outcome.QUARANTINED, "tag_too_long")
    if tags > MAX_DEPTH and _deepest(text) > MAX_DEPTH:
        return Cleaned(Outcome.QUARANTINED, "too_deep")
    if tags > MAX_ROW and _widest_row(text) > MAX_ROW:
        return Cleaned(Outcome.QUARANTINED, "too_wide")
    return _clean_html(stored, text)


def decode(body: bytes, content_type: str) -> str:
    """Bytes to text: a byte-order mark, then UTF-8 where it fits, then what header and page say, then a guess.

    Headers are often wrong and UTF-8 is hardly ever valid by accident, so it is tried first.
    """
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    told = [match.group(1).decode("ascii")] if (match := _CHARSET.search(body[:4096])) else []
    if header := re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE):
        told.insert(0, header.group(1))
    for name in [*told, detect_encoding(body[:65536]) or "windows-1252"]:
        # Pages that call themselves Latin-1 are Windows-1252 (as every browser assumes).
        name = "windows-1252" if name.lower() in {"iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii"} else name
        if name.lower().replace("_", "-") in {"utf-8", "utf8"}:
            continue
        try:
            return body.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return body.decode("utf-8", "replace")


def detect_language(text: str, told: str = "") -> str:
    """ISO 639-1 code of a text; of a very short one what the page says, if it says."""
    told = told.strip().lower()[:2]
    if len(text) < TEXT_FOR_LANGUAGE and told.isalpha() and len(told) == 2:
        return told
    code, _ = py3langid.classify(text[:DETECT_LANGUAGE_ON])
    return str(code)


def _clean_html(stored: StoredPage, text: str) -> Cleaned:
    tree = load_html(text)
    if tree is None:
        return Cleaned(Outcome.NOT_HTML, "no_tree")
    facts = read_facts(tree, stored.page.final_url, stored.page.fetched_at, stored.hint_published)
    told_language = tree.get("lang", "")
    names = {element: _called(element) for element in _NAMED(tree)}
    walled = not facts.free or bool(_PAYWALL.search("\n".join(set(names.values()))))
    _drop_furniture(tree, names)
    _open_layout_tables(tree)
    document = bare_extraction(
        tree, fast=True, with_metadata=False, include_comments=False, include_tables=True, deduplicate=False
    )
    article_text = _normalise(getattr(document, "text", None) or "")
    reason = ""
    if len(article_text) < LITTLE_TEXT:
        deep = extract_plain_text(text, main_content=True, alt_texts=False, links=False, noscript=False)
        if len(article_text) * FALLBACK_FACTOR < len(deep):
            article_text, reason = _normalise(deep), "deep_tree"
    cleaned = _finish(stored, facts, article_text, truncated=walled or stored.page.partial, told_language=told_language)
    return replace(cleaned, reason=cleaned.reason or reason)


def _clean_pdf(stored: StoredPage) -> Cleaned:
    try:
        pdf = read_pdf(stored.page.body)
    except PdfError as error:
        return Cleaned(error.outcome, error.reason)
    facts = Facts(title=stored.hint_title or pdf.title, author=pdf.author)
    if pdf.created:
        facts.published, facts.precision, facts.rule = pdf.created, Precision.DAY, "pdf_created"
    return _finish(stored, facts, pdf.text, truncated=pdf.cut or stored.page.partial, pages=pdf.pages)


def _finish(
    stored: StoredPage,
    facts: Facts,
    text: str,
    *,
    truncated: bool,
    told_language: str = "",
    pages: tuple[int, ...] = (),
) -> Cleaned:
    blocks: tuple[int, ...] = ()
    if not pages:  # the offsets of a PDF's pages hang on its whole text
        text, blocks = cut_repeated(text, stored.repeated)
    if not text:
        return Cleaned(Outcome.EMPTY, "no_text")
    if len(text) < MIN_TEXT:
        return Cleaned(Outcome.TOO_SHORT, f"{len(text)} characters")
    title = _line(facts.title or stored.hint_title)
    first, _, rest = text.partition("\n\n")
    # The heading stands above the text, as in `title`; in a PDF it stays, because offsets of pages hang on it.
    if rest and not pages and first == title:
        text = rest
    article = Article(
        article_id=stored.page_id,
        url=stored.page.final_url,
        title=title,
        text=text,
        language=detect_language(text, told_language),
        outlet=_line(facts.outlet or stored.publisher) or None,
        author=_line(facts.author) or None,
        published=facts.published,
        published_precision=facts.precision,
        published_rule=facts.rule,
        truncated=truncated,
        pages=pages,
    )
    return Cleaned(Outcome.KEPT, article=article, blocks=blocks)


def _drop_furniture(tree: HtmlElement, names: dict[HtmlElement, str]) -> None:
    """Takes out what is never the article; `names` tells what each element that has a class or an id is called."""
    furniture = {name for name in set(names.values()) if _FURNITURE.search(name)}
    held = _held(tree)
    half = _WRAPPER_SHARE * held.get(tree, 0)

    def drop(elements: list[HtmlElement], held: dict[HtmlElement, int]) -> None:
        for element in elements:
            spared = held.get(element, 0) > half and not _NEVER_ARTICLE.search(names.get(element, ""))
            if element.getparent() is not None and (not spared or _hidden(element)):
                element.drop_tree()

    # A page may be one form; the other tags go whatever they hold.
    forms = {form: size for form, size in held.items() if form.tag == "form"}
    drop(list(tree.iter(*_ALWAYS_DROPPED)), forms)
    called = [e for e, name in names.items() if name in furniture and e.tag not in _NEVER_DROPPED]
    # What has gone by now only makes an element hold less: where none held enough before, there is nothing to ask again.
    drop(called, _held(tree) if any(held.get(e, 0) > half for e in called) else {})
    drop([element for element in _STYLED(tree) if _hidden(element)], {})


def _hidden(element: HtmlElement) -> bool:
    return element.get("hidden") is not None or bool(_HIDDEN.search(element.get("style") or ""))


def _held(tree: HtmlElement) -> dict[HtmlElement, int]:
    """Characters in the paragraphs of each element that holds some; every element is climbed over once.

    Asking each element for its paragraphs would cost their number by their depth: 18 s for 200 wrappers around 30,000 of them.
    """
    held = {p: len(p.text_content()) for p in tree.iter("p")}
    depth: dict[HtmlElement, int] = {}
    for p in held:
        chain = []
        element: HtmlElement | None = p
        while element is not None and element not in depth:
            chain.append(element)
            element = element.getparent()
        top = depth[element] if element is not None else 0
        for level, link in enumerate(reversed(chain), top + 1):
            depth[link] = level
    for element in sorted(depth, key=depth.__getitem__, reverse=True):
        parent = element.getparent()
        if parent is not None:
            held[parent] = held.get(parent, 0) + held[element]
    return held


def _open_layout_tables(tree: HtmlElement) -> None:
    """Make a table that holds paragraphs or headings an ordinary block: it lays the page out, it has no figures."""
    for table in list(tree.iter("table")):
        if table.find(".//p") is None and table.find(".//h1") is None and table.find(".//table") is None:
            continue
        for part in [table, *table.iter("tbody", "thead", "tfoot", "tr", "td", "th")]:
            part.tag = "div"


def _called(element: HtmlElement) -> str:
    return f"{element.get('class') or ''} {element.get('id') or ''}"[:500]


def _normalise(text: str) -> str:
    """NFC, no control characters, one blank line between paragraphs."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _CONTROL.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n\n".join(line for line in lines if line)


def _line(text: str) -> str:
    return " ".join(_normalise(text).split())[:500]


def _is_binary(text: str) -> bool:
    head = text[:4096]
    strange = sum(1 for char in head if char == "\ufffd" or (char < " " and char not in "\t\r\n\f"))
    return strange * 10 > len(head)


def _widest_row(text: str) -> int:
    """How many cells the widest row of a table has; one without an end tag goes on to the next row."""
    return max((len(_CELL.findall(row)) for row in _ROW.split(text)[1:]), default=0)


def _deepest(text: str) -> int:
    """How many elements stand open at once, of those whose end tags may not be left out."""
    depth = deepest = 0
    for tag in _NESTS.finditer(text):
        depth += -1 if tag.group(1) else 1
        deepest = max(deepest, depth)
    return deepest


def _longest_tag(text: str) -> int:
    longest = at = 0
    while (at := text.find("<", at)) >= 0:
        end = text.find(">", at)
        if end < 0:
            return max(longest, len(text) - at)
        longest, at = max(longest, end - at), end
    return longest
