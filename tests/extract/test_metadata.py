from datetime import UTC, datetime

import pytest
from lxml import html as lxml_html

from extract.metadata import read_facts, to_partial_date
from records import Precision

FETCHED = datetime(2024, 5, 1, 12, tzinfo=UTC)


def facts(head: str = "", body: str = "", url: str = "http://a.example/x", hint: str = ""):
    tree = lxml_html.document_fromstring(f"<html><head><title>T</title>{head}</head><body>{body}</body></html>")
    return read_facts(tree, url, FETCHED, hint)


def json_ld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


ARTICLE = json_ld(
    '{"@context":"https://schema.org","@graph":[{"@type":"WebSite","name":"Site"},{"@type":["NewsArticle"],'
    '"headline":"From the graph","datePublished":"2024-04-30T08:00:00+03:00","author":[{"name":"Ana"},{"name":"Ben"}],'
    '"publisher":{"name":"The Paper"}}]}'
)


def test_json_ld_tells_everything():
    read = facts(ARTICLE)
    assert (read.title, read.author, read.outlet, read.published, read.rule) == (
        "From the graph",
        "Ana, Ben",
        "The Paper",
        "2024-04-30",
        "json_ld",
    )
    assert read.precision == Precision.DAY


@pytest.mark.parametrize(
    ("head", "body", "url", "hint", "date", "rule"),
    [
        pytest.param(
            '<meta property="article:published_time" content="2024-01-02T03:04:05Z">',
            "",
            "",
            "",
            "2024-01-02",
            "meta",
            id="meta",
        ),
        pytest.param('<meta name="date" content="2024-01">', "", "", "", "2024-01", "meta", id="a month only"),
        pytest.param(
            "", "<time datetime='2023-12-31T23:00'>New Year</time>", "", "", "2023-12-31", "time", id="time element"
        ),
        pytest.param("", "", "", "2023-05-06T00:00:00", "2023-05-06", "feed", id="feed"),
        pytest.param("", "", "http://a.example/2022/03/04/story", "", "2022-03-04", "url", id="address"),
        pytest.param("", "", "http://a.example/20220304-story", "", "2022-03-04", "url", id="address without slashes"),
        pytest.param("", "", "http://a.example/2022/03/story", "", "2022-03", "url", id="a month in the address"),
        pytest.param(
            "", "<p><small>Published on 7 June 2016</small></p>", "", "", "2016-06-07", "page_text", id="text"
        ),
        pytest.param("", "<p>Nothing here.</p>", "", "", None, None, id="nowhere"),
        pytest.param(
            '<meta property="article:published_time" content="2024-01-02T23:30:00Z">',
            "<time itemprop='datePublished' datetime='2024-01-03T01:30:00+02:00'>3 January</time>",
            "",
            "",
            "2024-01-03",
            "local_day",
            id="the outlet's own clock",
        ),
        pytest.param(
            '<meta property="article:published_time" content="2024-01-02T23:30:00Z">',
            "<time itemprop='datePublished' datetime='2024-01-03T09:00:00+02:00'>3 January</time>",
            "",
            "",
            "2024-01-02",
            "meta",
            id="another moment's clock",
        ),
        pytest.param(
            '<meta property="article:published_time" content="2024-01-02">',
            "",
            "http://a.example/2019/11/05/story",
            "",
            "2019-11-05",
            "url",
            id="an old address dated anew",
        ),
        pytest.param(
            '<meta name="date" content="2099-01-01">',
            "<time datetime='2020-01-01'></time>",
            "",
            "",
            "2020-01-01",
            "time",
            id="a future date is refused",
        ),
        pytest.param(
            '<meta name="date" content="1900-01-01">', "", "", "", None, "implausible", id="an ancient date is refused"
        ),
        pytest.param('<meta name="date" content="soon">', "", "", "2020-02-30", None, "implausible", id="no dates"),
    ],
)
def test_a_date_has_its_rule(head, body, url, hint, date, rule):
    read = facts(head, body, url or "http://a.example/x", hint)
    assert (read.published, read.rule) == (date, rule)
    assert (read.precision is None) == (date is None)


@pytest.mark.parametrize(
    ("told", "date"),
    [
        ("2024", "2024"),
        ("2024-05", "2024-05"),
        ("2024-04-31", ""),
        ("2024-13", ""),
        ("20240501", ""),
        ("", ""),
        ("2024-05-02", "2024-05-02"),
        ("2024-05-04", ""),
    ],
)
def test_partial_dates_stay_partial(told, date):
    assert to_partial_date(told, FETCHED) == date


@pytest.mark.parametrize(
    ("head", "body", "title"),
    [
        ("<meta property='og:title' content='From meta | The Paper'>", "<h1>From meta</h1>", "From meta"),
        ("", "<h1>The only heading</h1>", "The only heading"),
        ("", "<h1>One</h1><h1>Two</h1>", "T"),
        ("", "", "T"),
    ],
)
def test_a_title_is_the_heading_without_the_outlet(head, body, title):
    assert facts(head, body).title == title


@pytest.mark.parametrize(
    ("head", "body", "author"),
    [
        ("<meta name='author' content='City Desk'>", "", "City Desk"),
        (
            "<meta name='author' content='http://social.example/desk'>",
            "<span class='byline'>By City Desk</span>",
            "City Desk",
        ),
        ("", "<p class='author'>Par La Rédaction</p>", "La Rédaction"),
        ("", "<p>By City Desk</p>", ""),
    ],
)
def test_an_author_is_who_the_page_names(head, body, author):
    assert facts(head, body).author == author


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 50_000, id="bottomless"),
        pytest.param("{not json", id="broken"),
        pytest.param('{"@type":"Article","datePublished":7,"author":{"name":[1]},"headline":null}', id="wrong types"),
        pytest.param("[" + "{},".rstrip(",") + ",{}" * 100_000 + "]", id="many"),
        pytest.param('"' + "x" * 2_000_000 + '"', id="megabytes"),
        pytest.param('{"@graph":{"@graph":{"@graph":[]}}}', id="nested graphs"),
    ],
)
def test_odd_json_ld_does_no_harm(text):
    assert facts(json_ld(text)).published is None
