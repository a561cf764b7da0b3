"""index.html."""

from __future__ import annotations

from pathlib import Path

from publish.release import Release


def write_page(release: Release, folder: Path) -> None:
    (folder / "index.html").write_text(release.about.title, encoding="utf-8")
