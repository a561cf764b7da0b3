"""The command line with a reader that needs no models and a newsroom that is less patient, for tests that run it often.

python -m tests.stub_demo demo --db ...
"""

from __future__ import annotations

from collections.abc import Callable

import newsroom.server

import pipeline
from tests.stub_reader import make_stub_reader


def main() -> None:
    """Put the stub in, then be the command line."""
    read_pages, build_site = pipeline.read_pages, newsroom.server.build_site

    def read_with_stub(workspace: pipeline.Workspace, make: Callable[[], pipeline.Reader] | None = None) -> None:
        read_pages(workspace, make or make_stub_reader)

    def build_hasty_site() -> dict[tuple[str, str], newsroom.server.Answer]:
        site = build_site()
        for answer in site.values():
            answer.body = answer.body.replace(b"Crawl-delay: 1\n", b"Crawl-delay: 0.1\n")
        return site

    pipeline.read_pages = read_with_stub
    newsroom.server.build_site = build_hasty_site
    pipeline.main()


if __name__ == "__main__":
    main()
