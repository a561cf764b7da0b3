"""One spelling for one address, and which addresses are worth keeping."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from w3lib.url import canonicalize_url, url_query_cleaner

# Longer addresses are traps (calendars, session states), not articles.
MAX_LENGTH = 2000

# Parameters that say who clicked, not what is shown.
TRACKING = (
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id", "fbclid", "gclid", "dclid"),
    *("msclkid", "mc_cid", "mc_eid", "igshid", "yclid", "_ga", "cmpid", "ocid", "at_medium", "at_campaign"),
)

# Parameters that say whose visit it is; also as `;jsessionid=...` in the path.
SESSIONS = ("phpsessid", "jsessionid", "sessionid", "session_id", "sid", "aspsessionid", "cfid", "cftoken", "zenid")
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/?#;]*", re.IGNORECASE)
_SESSION_NAME = re.compile(rf"(?:{'|'.join(SESSIONS)})=", re.IGNORECASE)
# A query that grows with each click, or a path that repeats itself, leads nowhere.
MAX_PARAMETERS = 12
MAX_REPEATS = 3


def canonical(url: str) -> str:
    """The address without fragment, tracking and session, its query in order; empty where it is no web address.

    Also empty for addresses that only traps have: very long, very many parameters, a path that repeats itself.
    """
    url = url.strip()
    if not url or len(url) > MAX_LENGTH or any(char in url for char in "\r\n\x00"):
        return ""
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            return ""
        parts.port  # noqa: B018  raises on a port that is none
        if _is_trap(parts.path, parts.query):
            return ""
        if parts.query:
            own = [name for name in _names(parts.query) if _SESSION_NAME.fullmatch(f"{name}=")]
            url = url_query_cleaner(url, (*TRACKING, *own), remove=True, keep_fragments=False)
        return canonicalize_url(_SESSION_IN_PATH.sub("", url))
    except ValueError:
        return ""


def absolute(base: str, url: str) -> str:
    """An address as it stands on a page at `base`; empty where it is none."""
    try:
        return urljoin(base, url)
    except ValueError:  # "http://[::bad/"
        return ""


def pattern(url: str) -> str:
    """What addresses of one template have in common: numbers are `#`, of the query only the names count."""
    parts = urlsplit(url)
    return f"{parts.hostname}{re.sub(r'[0-9]+', '#', parts.path)}?{'&'.join(sorted(set(_names(parts.query))))}"


def _names(query: str) -> list[str]:
    return [part.partition("=")[0] for part in query.split("&") if part]


def _is_trap(path: str, query: str) -> bool:
    segments = [segment for segment in path.split("/") if segment]
    repeated = max((segments.count(segment) for segment in set(segments)), default=0)
    return repeated > MAX_REPEATS or len(_names(query)) > MAX_PARAMETERS


def same_site(url: str, other: str) -> bool:
    """True if both addresses are on one host, with or without `www.`, or one host is below the other."""
    one, two = (_bare_host(address) for address in (url, other))
    return one == two or one.endswith(f".{two}") or two.endswith(f".{one}")


def _bare_host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
