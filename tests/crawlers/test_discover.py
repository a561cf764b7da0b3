"""Feeds and sitemaps found from a page, and the matrix of searches."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from importlib import resources
from urllib.parse import parse_qs, urlsplit

import pytest

from crawlers.by_hand import expand, read_file
from crawlers.discover import as_toml, drafts, first_places, named_places
from crawlers.search import load_searches
from crawlers.sources import load_sources
from records import ConfigError, InputError, Page, SourceKind

HOME = "https://www.daily.example/"
FRONT = b"""<html lang="fr-FR"><head><title>Le Quotidien | Accueil</title><meta property="og:site_name" content="Le &quot;Quotidien&quot;">
<link rel="alternate" type="application/rss+xml" href="/rss/tout.xml"><link rel="alternate" hreflang="en" href="/en">
<link rel="alternate" type="application/rss+xml" href="javascript:x"></head><body></body></html>"""
RSS = b"<rss><channel><item><link>https://www.daily.example/1</link></item></channel></rss>"
MAP = b"<urlset><url><loc>https://www.daily.example/1</loc></url><url><loc>https://www.daily.example/2</loc></url></urlset>"


def page(url: str, body: bytes) -> Page:
    now = datetime(2024, 5, 1, tzinfo=UTC)
    return Page(
        url=url, final_url=url, status=200, fetched_at=now, content_type="", sha256="", body=body, source_id="draft"
    )


PAGES = [
    page(HOME, FRONT),
    page(f"{HOME}robots.txt", b"User-agent: *\nSitemap: https://www.daily.example/map.xml\nSITEMAP:nonsense\n"),
    page(f"{HOME}rss/tout.xml", RSS),
    page(f"{HOME}map.xml", MAP),
    page(f"{HOME}feed", b"<html>not a feed</html>"),
]


def test_the_usual_places_are_asked_first():
    assert first_places(HOME)[:3] == [HOME, f"{HOME}robots.txt", f"{HOME}feed"]


def test_feeds_and_sitemaps_that_are_named_are_found():
    assert named_places(PAGES[:2]) == [f"{HOME}rss/tout.xml", f"{HOME}map.xml"]


def test_a_draft_is_an_entry_that_can_be_pasted(tmp_path):
    found = drafts(PAGES, HOME, private_network=False)
    assert [(d.source.id, d.source.kind, d.documents) for d in found] == [
        ("daily", SourceKind.FEED, 1),
        ("daily-2", SourceKind.SITEMAP, 2),
    ]
    file = tmp_path / "sources.toml"
    file.write_text("\n".join(as_toml(draft) for draft in found), encoding="utf-8")
    first, _ = load_sources(file)
    assert (first.publisher, first.language, first.url) == ('Le "Quotidien"', "fr", f"{HOME}rss/tout.xml")


def test_the_shipped_matrix_is_one_source_a_cell_with_names_of_its_own():
    with resources.as_file(resources.files("crawlers") / "terms.toml") as path:
        found = load_searches(path)
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    assert len(found) > 100
    assert len({source.id for source in found}) == len({source.url for source in found}) == len(found)
    assert {source.country for source in found} == set(told["countries"])
    query = parse_qs(urlsplit(found[0].url).query)
    assert query["mode"] == ["artlist"]
    assert query["format"] == ["json"]
    assert '"safe city" OR ' in query["query"][0]
    assert query["query"][0].endswith(" Angola sourcelang:english")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("delay = 6.0\n", ""), "no key 'delay'"),
        (("delay = 6.0", "delay = 6.0\ncolour = 1"), "unknown key 'colour'"),
        (("delay = 6.0", "delay = 'x'"), "must be of type float"),
        (("https://api", "ftp://api"), "is no web address"),
        (('KE = { en = "Kenya" }', 'KE = { xx = "Kenya" }'), "language 'xx' is not in"),
        (('KE = { en = "Kenya" }', "KE = 7"), "is not of the form"),
        (("[languages]", "[languages"), "not valid TOML"),
    ],
)
def test_a_wrong_matrix_is_named_with_its_place(tmp_path, change, fault):
    text = (resources.files("crawlers") / "terms.toml").read_text(encoding="utf-8")
    assert change[0] in text
    path = tmp_path / "terms.toml"
    path.write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=fault) as told:
        load_searches(path)
    assert "terms.toml" in str(told.value)


def test_a_folder_of_saved_pages_is_taken_with_the_addresses_they_came_from(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.html").write_bytes(
        b"<!DOCTYPE html>\n<!-- saved from url=(0027)https://daily.example/b?utm_source=x -->\n<html>b</html>"
    )
    (tmp_path / "sub" / "a.htm").write_bytes(b"<html>a</html>")
    (tmp_path / "style.css").write_bytes(b"")
    urls, files = expand([str(tmp_path), "https://daily.example/c"])
    assert urls == ["https://daily.example/c"]
    assert [read_file(path).final_url for path in files] == ["https://daily.example/b", "file:a.htm"]


def test_a_folder_without_pages_is_a_mistake(tmp_path):
    with pytest.raises(InputError, match="no saved pages"):
        expand([str(tmp_path)])
