import gzip

import pytest

from crawlers.readers import IndexReadError, read_index, to_iso
from records import SourceKind
from tests.crawlers.site import source

HOME = "http://a.example/index"
ENTITIES = (
    "<!DOCTYPE x ["
    + "<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(8))
    + "]>"
)


def links(kind, body, **values):
    body = body.encode() if isinstance(body, str) else body
    return read_index(source("a.example", kind=kind, **values), HOME, body).links


def test_rss_gives_address_title_and_date():
    [link] = links(
        SourceKind.FEED,
        """<?xml version="1.0"?><rss version="2.0"><channel><title>All</title>
        <item><title> Cameras
          for Kampala</title><link>/news/1?utm_source=rss</link>
          <pubDate>Tue, 20 Aug 2019 08:00:00 +0300</pubDate></item>
        </channel></rss>""",
    )
    assert (link.url, link.title, link.published) == (
        "http://a.example/news/1",
        "Cameras for Kampala",
        "2019-08-20T08:00:00+03:00",
    )


@pytest.mark.parametrize(
    "item",
    [
        "<link>http://a.example/1</link>",
        "<guid>http://a.example/1</guid>",
        "<link>http://a.example/1</link><guid isPermaLink='false'>77</guid>",
        "<link><![CDATA[ http://a.example/1 ]]></link>",
    ],
)
def test_rss_items_may_say_their_address_in_several_ways(item):
    assert [link.url for link in links(SourceKind.FEED, f"<rss><channel><item>{item}</item></channel></rss>")] == [
        "http://a.example/1"
    ]


def test_rdf_is_read_as_rss():
    body = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
        xmlns:dc="http://purl.org/dc/elements/1.1/"><item><title>T</title><link>http://a.example/1</link>
        <dc:date>2020-01-02</dc:date></item></rdf:RDF>"""
    [link] = links(SourceKind.FEED, body)
    assert (link.url, link.published) == ("http://a.example/1", "2020-01-02T00:00:00")


def test_atom_gives_its_alternate_link():
    [link] = links(
        SourceKind.FEED,
        """<feed xmlns="http://www.w3.org/2005/Atom"><link rel="self" href="/feed"/>
        <entry><title type="html">Two</title><link rel="edit" href="/edit"/><link rel="alternate" href="/2"/>
        <id>urn:2</id><updated>2019-02-01T10:00:00Z</updated><published>2019-01-31T10:00:00Z</published></entry></feed>""",
    )
    assert (link.url, link.title, link.published) == ("http://a.example/2", "Two", "2019-01-31T10:00:00+00:00")


def test_a_feed_may_speak_for_other_hosts_and_a_sitemap_may_not():
    urls = "<url><loc>http://a.example/1</loc></url><url><loc>http://b.example/1</loc></url>"
    assert len(links(SourceKind.SITEMAP, f"<urlset>{urls}</urlset>")) == 1
    items = "<item><link>http://a.example/1</link></item><item><link>http://b.example/1</link></item>"
    assert len(links(SourceKind.FEED, f"<rss>{items}</rss>")) == 2


def test_a_news_sitemap_gives_title_and_date_newest_first():
    body = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
        <url><loc>http://a.example/old</loc><lastmod>2019-01-01</lastmod></url>
        <url><loc>http://a.example/new</loc><news:news><news:publication_date>2019-02-01T06:00:00+00:00</news:publication_date>
        <news:title>New</news:title></news:news></url></urlset>"""
    assert [(link.url, link.title) for link in links(SourceKind.SITEMAP, body)] == [
        ("http://a.example/new", "New"),
        ("http://a.example/old", ""),
    ]


def test_a_sitemap_index_gives_further_indexes_and_gzip_is_opened():
    body = b"<sitemapindex><sitemap><loc>http://a.example/s1.xml.gz</loc></sitemap></sitemapindex>"
    [link] = links(SourceKind.SITEMAP, gzip.compress(body), include="/news/")
    assert link.is_index


def test_a_source_s_pattern_chooses_documents():
    items = "".join(f"<item><link>http://a.example/{path}</link></item>" for path in ("news/1", "sport/2"))
    assert [link.url for link in links(SourceKind.FEED, f"<rss>{items}</rss>", include="/news/")] == [
        "http://a.example/news/1"
    ]


def test_a_listing_gives_its_links_with_their_words():
    [link] = links(SourceKind.LISTING, "<a href='news/1'> The <b>first</b> </a><a name=x>none</a>", include="/news/")
    assert (link.url, link.title) == ("http://a.example/news/1", "The first")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (SourceKind.FEED, "<html><body>not here</body></html>"),
        (SourceKind.FEED, "no xml"),
        (SourceKind.FEED, ""),
        (SourceKind.SITEMAP, "<rss/>"),
        (SourceKind.SITEMAP, b"\x1f\x8bbroken"),
        (SourceKind.LISTING, ""),
    ],
)
def test_what_is_not_an_index_says_so(kind, body):
    with pytest.raises(IndexReadError):
        links(kind, body, include=".")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(ENTITIES + "<rss><item><link>http://a.example/&i;</link></item></rss>", id="billion laughs"),
        pytest.param(
            "<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/hostname'>]><rss><item><title>&f;</title><link>http://a.example/1</link></item></rss>",
            id="file entity",
        ),
        pytest.param("<rss>" + "<item>" * 100_000, id="deep nesting"),
    ],
)
def test_hostile_xml_gives_nothing_that_it_should_not(body):
    try:
        found = links(SourceKind.FEED, body)
    except IndexReadError:
        return
    assert all(link.title in {"", "&f;"} and len(link.url) < 100 for link in found)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2019-08-20", "2019-08-20T00:00:00"),
        ("2019-08-20T08:00:00Z", "2019-08-20T08:00:00+00:00"),
        ("Tue, 20 Aug 2019 08:00:00 GMT", "2019-08-20T08:00:00+00:00"),
        ("2019-08-20 nonsense", "2019-08-20"),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_dates_become_iso(date, expected):
    assert to_iso(date) == expected
