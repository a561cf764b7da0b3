import pytest

from crawlers.robots import MAX_BYTES, MAX_CRAWL_DELAY, read_rules

AGENT = "watchledger"
FOLDER = b"User-agent: *\nDisallow: /private/\n"


@pytest.mark.parametrize(
    ("status", "body", "may_public", "may_private"),
    [
        pytest.param(200, FOLDER, True, False, id="a folder is disallowed"),
        pytest.param(200, b"", True, True, id="empty"),
        pytest.param(200, b"User-agent: *\nDisallow: /\n", False, False, id="all is disallowed"),
        pytest.param(
            200,
            b"User-agent: watchledger\nDisallow: /private/\n\nUser-agent: *\nDisallow: /\n",
            True,
            False,
            id="our own group",
        ),
        pytest.param(200, b"User-agent: other\nDisallow: /\n", True, True, id="somebody else's group"),
        pytest.param(
            200, b"User-agent: *\nDisallow: /private/\nAllow: /private/a\n", True, True, id="the longer rule wins"
        ),
        pytest.param(200, b"\xef\xbb\xbf" + FOLDER, True, False, id="byte-order mark"),
        pytest.param(200, FOLDER.replace(b"\n", b"\r"), True, False, id="old Mac line ends"),
        pytest.param(200, FOLDER.replace(b"\n", b"\r\n"), True, False, id="DOS line ends"),
        pytest.param(200, b"# \xe9t\xe9\n" + FOLDER, True, False, id="Latin-1"),
        pytest.param(200, b"<!doctype html><html><body>Not found</body></html>", True, True, id="an HTML page"),
        pytest.param(200, b"junk\n:\nDisallow\n" + FOLDER, True, False, id="junk lines"),
        pytest.param(200, b"#" * 400_000 + b"\n" + FOLDER, True, False, id="a rule within the first 500 kB"),
        pytest.param(200, b"#" * (MAX_BYTES + 1) + b"\n" + FOLDER, True, True, id="a rule beyond what must be read"),
        pytest.param(404, b"", True, True, id="404"),
        pytest.param(410, b"", True, True, id="410"),
        pytest.param(401, b"", True, True, id="401"),
        pytest.param(403, b"", True, True, id="403"),
    ],
)
def test_rules_are_read_as_rfc_9309_says(status, body, may_public, may_private):
    rules = read_rules(status, body)
    assert not rules.closed
    assert rules.allows("http://a.example/news", AGENT) is may_public
    assert rules.allows("http://a.example/private/a", AGENT) is may_private


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_host_that_cannot_tell_its_rules_is_closed(status):
    assert read_rules(status, b"").closed


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("5", 5.0), ("0.5", 0.5), ("9999", MAX_CRAWL_DELAY), ("-1", 0.0), ("soon", 0.0), ("0", 0.0), ("", 0.0)],
)
def test_a_crawl_delay_is_obeyed_within_reason(asked, seconds):
    assert read_rules(200, f"User-agent: *\nCrawl-delay: {asked}\n".encode()).delay(AGENT) == seconds
