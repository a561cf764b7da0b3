import pytest

from crawlers.urls import MAX_LENGTH, canonical, same_site


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://A.example/x", "http://a.example/x"),
        ("http://a.example/x#part", "http://a.example/x"),
        ("http://a.example/x?b=2&a=1", "http://a.example/x?a=1&b=2"),
        ("http://a.example/x?utm_source=feed&id=7&fbclid=z", "http://a.example/x?id=7"),
        ("http://a.example/x?utm_source=feed", "http://a.example/x"),
        (" http://a.example/x \n", "http://a.example/x"),
        ("http://a.example/é", "http://a.example/%C3%A9"),
        ("http://a.example", "http://a.example/"),
    ],
)
def test_one_address_has_one_spelling(url, expected):
    assert canonical(url) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "   ",
            "ftp://a.example/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "mailto:a@b.example",
        ),
        *(
            "/relative",
            "http://",
            "http:///x",
            "http://user:word@a.example/",
            "http://a.example:99999/",
            "http://[::1/",
        ),
        "http://a.example/" + "x" * MAX_LENGTH,
    ],
)
def test_what_is_no_web_address_is_refused(url):
    assert canonical(url) == ""


@pytest.mark.parametrize(
    ("url", "other", "same"),
    [
        ("http://a.example/x", "https://www.a.example/", True),
        ("http://news.a.example/x", "http://a.example/", True),
        ("http://a.example/x", "http://b.example/", False),
        ("http://nota.example/x", "http://a.example/", False),
    ],
)
def test_a_site_is_its_host_and_those_below_it(url, other, same):
    assert same_site(url, other) is same
