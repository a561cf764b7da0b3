"""One spelling for one address, and which addresses are worth keeping."""

from __future__ import annotations

from urllib.parse import urlsplit

from w3lib.url import canonicalize_url, url_query_cleaner

# Longer addresses are traps (calendars, session states), not articles.
MAX_LENGTH = 2000

# Parameters that say who clicked, not what is shown.
TRACKING = (
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id", "fbclid", "gclid", "dclid"),
    *("msclkid", "mc_cid", "mc_eid", "igshid", "yclid", "_ga", "cmpid", "ocid", "at_medium", "at_campaign"),
)


def canonical(url: str) -> str:
    """The address without fragment and tracking, its query in order; empty where it is not a web address."""
    url = url.strip()
    if not url or len(url) > MAX_LENGTH:
        return ""
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            return ""
        parts.port  # noqa: B018  raises on a port that is none
        if parts.query:
            url = url_query_cleaner(url, TRACKING, remove=True, keep_fragments=False)
        return canonicalize_url(url)
    except ValueError:
        return ""


def same_site(url: str, other: str) -> bool:
    """True if both addresses are on one host, with or without `www.`, or one host is below the other."""
    one, two = (_bare_host(address) for address in (url, other))
    return one == two or one.endswith(f".{two}") or two.endswith(f".{one}")


def _bare_host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
