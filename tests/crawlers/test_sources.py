from importlib import resources
from pathlib import Path

import pytest

from crawlers.sources import load_sources
from records import ConfigError, SourceKind

GOOD = {
    "id": "daily",
    "publisher": "Daily",
    "country": "KE",
    "language": "en",
    "kind": "feed",
    "source_type": "media",
    "url": "https://daily.example/feed",
}


def write(folder: Path, *entries: dict) -> Path:
    path = folder / "sources.toml"
    lines = []
    for entry in entries:
        lines.append("[[source]]")
        lines += [
            f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}" for key, value in entry.items()
        ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_an_entry_is_read_with_its_defaults(tmp_path):
    [source] = load_sources(write(tmp_path, GOOD))
    assert (source.id, source.kind, source.delay, source.verified, source.private_network) == (
        "daily",
        SourceKind.FEED,
        1.0,
        False,
        False,
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "Daily News"}, "lower-case"),
        ({"country": "Kenya"}, "ISO 3166"),
        ({"language": "english"}, "ISO 639"),
        ({"kind": "api"}, "feed, sitemap, listing"),
        ({"source_type": "blog"}, "official, company"),
        ({"url": "daily.example/feed"}, "https://"),
        ({"url": "file:///etc/passwd"}, "https://"),
        ({"delay": -1}, "from 0.0"),
        ({"delay": True}, "must be a number"),
        ({"max_pages": 0}, "from 1"),
        ({"include": "("}, "regular expression"),
        ({"kind": "listing"}, "needs `include`"),
        ({"colour": "blue"}, "unknown key 'colour'"),
        ({"verified": "yes"}, "true or false"),
        ({"publisher": ""}, "needs 'publisher'"),
        ({"publisher": None}, "needs 'publisher'"),
    ],
)
def test_a_wrong_entry_is_named_with_its_file_and_remedy(tmp_path, change, fault):
    entry = {key: value for key, value in (GOOD | change).items() if value is not None}
    path = write(tmp_path, entry)
    with pytest.raises(ConfigError) as told:
        load_sources(path)
    assert str(path) in str(told.value)
    assert fault in str(told.value)
    assert "\n" not in str(told.value)


def test_the_same_source_twice_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="sources 1 and 2 are both 'daily'"):
        load_sources(write(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize("text", ["not toml [", "[sources]\nid = 'x'\n", "source = [1]\n", "\xff"])
def test_a_broken_file_is_one_line(tmp_path, text):
    path = tmp_path / "sources.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"sources\.toml") as told:
        load_sources(path)
    assert "\n" not in str(told.value)


def test_an_absent_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_sources(tmp_path / "none.toml")


def test_the_shipped_sources_are_well_formed_seen_somewhere_and_on_every_continent():
    with resources.as_file(resources.files("crawlers") / "sources.toml") as path:
        sources = load_sources(path)
    assert len(sources) >= 25
    assert all(source.seen_at.startswith("https://") and not source.private_network for source in sources)
    assert {"KE", "PK", "BR", "HU", "AU", "US"} <= {source.country for source in sources}
    assert {"media", "ngo", "academic", "official"} <= {str(source.source_type) for source in sources}
