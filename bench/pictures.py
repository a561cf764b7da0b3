"""Draws docs/images from the annotated articles of models/corpus/real: `python -m bench.pictures`.

They show what the pictures of a release look like; the articles are a corpus for training and no survey.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.generate import about
from publish import countries
from publish.derive import with_derived
from publish.pictures.matrix import draw_matrix
from publish.pictures.network import draw_network
from publish.pictures.timeline import draw_timeline
from publish.pictures.world import draw_map
from publish.release import Release
from publish.rows import AcceptedHow, Deal, NotCounted
from records import Status

ROOT = Path(__file__).parent.parent
DRAWERS = {"map": draw_map, "timeline": draw_timeline, "matrix": draw_matrix, "network": draw_network}


def corpus_release() -> Release:
    """One deal a supplier and country of the annotated articles, the first that tells it."""
    deals: dict[tuple[str, str], Deal] = {}
    for path in sorted((ROOT / "models" / "corpus" / "real").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for told in json.loads(line)["deals"]:
                key = (told["vendor"] or told["vendor_country"] or "", told["country"])
                deals.setdefault(key, _deal(len(deals), told))
    named = about(
        name="corpus", title="Annotated articles of models/corpus/real", version="r1 and r2", date="2026-11-27"
    )
    return with_derived(Release(about=named, deals=list(deals.values())))


def _deal(number: int, told: dict[str, Any]) -> Deal:
    why = {Status.PROPOSED: NotCounted.PROPOSED, Status.CANCELLED: NotCounted.CANCELLED}.get(told["status"])
    return Deal(
        deal_id=f"D{number}",
        vendor=told["vendor"],
        vendor_country=told["vendor_country"],
        country=told["country"],
        country_name=countries.name_of(told["country"]),
        year=told["year"],
        status=told["status"],
        alleged=told["alleged"],
        counted=why is None,
        not_counted_why=why,
        independent_sources=1,
        accepted_at="2026-11-27T00:00:00Z",
        accepted_how=AcceptedHow.BY_HAND,
    )


def main(folder: Path = ROOT / "docs" / "images") -> None:
    """Draw all pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    release = corpus_release()
    for name, draw in DRAWERS.items():
        (folder / f"{name}.svg").write_text(draw(release), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
