"""Pages to articles: what is kept, what is cut, and what each refusal is called."""

from __future__ import annotations

import socket
import unicodedata
from datetime import UTC, datetime

import pytest

from extract.clean import MAX_HTML, clean, decode, detect_language
from records import Outcome, Page, StoredPage

PARAGRAPHS = (
    "The capital has bought a thousand cameras from a company that nobody in the town had heard of before.",
    "The ministry did not say what the cameras cost, and it did not say who will watch what they see.",
)
BODY = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)


def stored(
    body: bytes | str, content_type: str = "text/html; charset=utf-8", url: str = "http://a.example/x", **hints
) -> StoredPage:
    page = Page(
        url=url,
        final_url=url,
        status=200,
        fetched_at=datetime(2024, 5, 1, tzinfo=UTC),
        content_type=content_type,
        sha256="0" * 64,
        body=body if isinstance(body, bytes) else body.encode(),
        source_id="a",
        partial=hints.pop("partial", False),
    )
    return StoredPage(page_id="p1", page=page, **hints)


def html(body: str, head: str = "", lang: str = "en") -> str:
    return f"<!doctype html><html lang={lang}><head><title>A headline</title>{head}</head><body>{body}</body></html>"


def article(body: bytes | str, **values):
    cleaned = clean(stored(body, **values))
    assert cleaned.outcome == Outcome.KEPT, cleaned
    assert cleaned.article is not None
    return cleaned.article


def test_paragraphs_are_divided_by_a_blank_line():
    assert article(html(f"<article><h1>A headline</h1>{BODY}</article>")).text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    "furniture",
    [
        "<div class='cookie-banner'><p>We value your privacy and store cookies with our partners. NOISE.</p></div>",
        "<aside><p>Read also: a vendor sold spyware to another country. NOISE.</p></aside>",
        "<div class='related-posts'><p>A vendor sold drones to another country in the spring. NOISE.</p></div>",
        "<section class='newsletter-signup'><p>Sign up for our newsletter and read it every day. NOISE.</p></section>",
        "<figure><img src=x><figcaption>A camera on a pole at the harbour in the evening. NOISE.</figcaption></figure>",
        "<div class='comments'><p>I heard that a vendor sold spyware to a third country. NOISE.</p></div>",
        "<nav><p>Home and News and Business and Sport and Opinion and Weather. NOISE.</p></nav>",
        "<footer><p>All rights reserved by the publisher of this newspaper. NOISE.</p></footer>",
        "<div style='display:none'><p>A hidden deal that no reader of the page ever sees. NOISE.</p></div>",
        "<p hidden>A hidden deal that no reader of the page ever sees, in an attribute. NOISE.</p>",
        "<!-- A vendor sold spyware, says a comment in the source. NOISE. -->",
        "<script>var text = 'A vendor sold spyware to a country. NOISE.'</script>",
        "<noscript><p>Switch scripts on to see our page as it was meant. NOISE.</p></noscript>",
    ],
)
def test_furniture_of_the_page_stays_out(furniture):
    body = f"<h1>A headline</h1><p>{PARAGRAPHS[0]}</p>{furniture}<p>{PARAGRAPHS[1]}</p>"
    text = article(html(f"<main><article>{body}</article></main>")).text
    assert text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize("name", ["correlated", "sharepoint-page", "comfortable", "adsorption", "contagious"])
def test_a_name_that_only_contains_a_word_of_furniture_does_no_harm(name):
    assert (
        PARAGRAPHS[1]
        in article(
            html(f"<article><p>{PARAGRAPHS[0]}</p><div class='{name}'><p>{PARAGRAPHS[1]}</p></div></article>")
        ).text
    )


def test_an_article_that_is_called_like_furniture_is_kept():
    assert article(html(f"<article class='related'>{BODY}</article>")).text == "\n\n".join(PARAGRAPHS)


def test_a_table_that_lays_the_page_out_gives_paragraphs():
    text = article(html(f"<table><tr><td>Menu</td><td><h1>A headline</h1>{BODY}</td></tr></table>")).text
    assert PARAGRAPHS[0] in text.split("\n\n")
    assert "|" not in text


@pytest.mark.parametrize(
    ("body", "content_type", "outcome", "reason"),
    [
        (b"", "text/html", Outcome.EMPTY, ""),
        (b" \n\t", "text/html", Outcome.EMPTY, ""),
        (b"\x00" * 500, "text/html", Outcome.EMPTY, ""),
        (html("<p>Too short.</p>").encode(), "text/html", Outcome.TOO_SHORT, "10 characters"),
        (html("<div><img src=a.jpg></div>").encode(), "text/html", Outcome.EMPTY, "no_text"),
        (bytes(range(256)) * 20, "text/html", Outcome.NOT_HTML, "binary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "text/html", Outcome.NOT_HTML, "binary"),
        (b"<p>" * 200_001, "text/html", Outcome.QUARANTINED, "too_many_tags"),
        (b"<p class='" + b"x" * 600_000 + b"'>" + BODY.encode(), "text/html", Outcome.QUARANTINED, "tag_too_long"),
        (b"<p " + b"a=1 " * 200_000, "text/html", Outcome.QUARANTINED, "tag_too_long"),
        (b"x" * (MAX_HTML + 1), "text/html", Outcome.TOO_BIG, "html"),
    ],
    ids=[
        "nothing",
        "white space",
        "zeros",
        "short",
        "a picture page",
        "bytes",
        "png",
        "many tags",
        "long attribute",
        "open tag",
        "big",
    ],
)
def test_what_is_no_article_has_a_name(body, content_type, outcome, reason):
    cleaned = clean(stored(body, content_type))
    assert (cleaned.outcome, cleaned.reason, cleaned.article) == (outcome, reason, None)


@pytest.mark.parametrize("depth", [300, 5000])
def test_text_that_is_nested_too_deep_is_kept(depth):
    cleaned = clean(stored(html("<div>" * depth + BODY + "</div>" * depth)))
    assert cleaned.article is not None
    assert all(text in cleaned.article.text for text in PARAGRAPHS)


WORDS = "Le système de vidéosurveillance coûte 94 milliards, selon l’entreprise. " * 3


@pytest.mark.parametrize(
    ("encoding", "content_type", "head"),
    [
        pytest.param("utf-8", "text/html; charset=utf-8", "", id="as it says"),
        pytest.param("utf-8", "text/html; charset=iso-8859-1", "", id="header says Latin-1, bytes are UTF-8"),
        pytest.param("utf-8", "text/html", "<meta charset=windows-1251>", id="page says Cyrillic, bytes are UTF-8"),
        pytest.param("utf-8-sig", "text/html", "", id="byte-order mark"),
        pytest.param("windows-1252", "text/html; charset=windows-1252", "", id="told by the header only"),
        pytest.param("windows-1252", "text/html", "<meta charset=iso-8859-1>", id="Latin-1 that is Windows-1252"),
        pytest.param("windows-1252", "text/html; charset=utf-8", "", id="header says UTF-8, bytes are not"),
        pytest.param("windows-1252", "text/html; charset=bogus", "", id="an unknown charset"),
        pytest.param("utf-16", "text/html", "", id="UTF-16"),
    ],
)
def test_the_same_words_come_out_of_every_charset(encoding, content_type, head):
    body = html(f"<article><p>{WORDS}</p></article>", head, "fr").encode(encoding)
    assert article(body, content_type=content_type).text == WORDS.strip()


def test_bytes_that_are_no_charset_at_all_still_decode():
    assert isinstance(decode(bytes(range(128, 256)) * 3, "text/html; charset=ascii"), str)


def test_text_is_nfc_without_control_characters():
    made = article(html(f"<article><p>{unicodedata.normalize('NFD', WORDS)}\x07\x1b[31m</p>{BODY}</article>"))
    assert unicodedata.is_normalized("NFC", made.text)
    assert not [char for char in made.text if unicodedata.category(char) == "Cc" and char != "\n"]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":false}</script>', ""),
        ('<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":"False"}</script>', ""),
        ("", "<div class='article-paywall'><p>Subscribe to continue reading this story today.</p></div>"),
    ],
)
def test_a_paywalled_text_is_flagged_and_the_wall_cut(head, body):
    made = article(html(f"<article>{BODY}</article>{body}", head))
    assert made.truncated
    assert "Subscribe" not in made.text


def test_a_free_text_is_not_flagged():
    assert not article(html(f"<article>{BODY}</article>")).truncated


def test_a_page_that_came_in_part_is_flagged():
    assert article(html(f"<article>{BODY}</article>"), partial=True).truncated


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Police in the capital have bought cameras that recognise faces, the ministry said.", "en"),
        ("La police de la capitale a acheté des caméras qui reconnaissent les visages.", "fr"),
        ("La policía de la capital compró cámaras que reconocen los rostros de la gente.", "es"),
        ("A polícia da capital comprou câmeras que reconhecem os rostos das pessoas.", "pt"),
    ],
)
def test_languages_are_told_apart(text, language):
    assert detect_language(text) == language


def test_a_very_short_text_has_the_language_that_its_page_says():
    assert detect_language("Kamera 12", "sw") == "sw"


def test_plain_text_is_an_article_too():
    made = article("\n".join(PARAGRAPHS), content_type="text/plain", hint_title="Notes", publisher="Somebody")
    assert (made.title, made.outlet, made.text) == ("Notes", "Somebody", "\n\n".join(PARAGRAPHS))


def test_cleaning_makes_no_request(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("a parser opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    head = "<link rel=stylesheet href=http://canary.example/a.css><base href=http://canary.example/>"
    body = "<img src=http://canary.example/a.png><iframe src=http://canary.example/></iframe><link rel=canonical href=http://canary.example/>"
    dtd = '<!DOCTYPE html SYSTEM "http://canary.example/x.dtd" [<!ENTITY x SYSTEM "http://canary.example/e">]>'
    article(dtd + html(f"<article>{BODY}{body}&x;</article>", head))


def test_the_same_page_gives_the_same_article():
    page = html(f"<article>{BODY}</article>")
    assert article(page) == article(page)
