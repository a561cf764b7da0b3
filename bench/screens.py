"""Takes the pictures of the review screen in docs/images: `python -m bench.screens`.

They show what the shipped extractor reads in the documents of bench/gold/dev_a.jsonl (nobody looks into dev_b): every value stands beside
the words that it was read from, right or wrong.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.review import CHROMIUM, FLAGS, save_samples, serving
from store.book import Book
from store.views import DealView

IMAGES = Path(__file__).parents[1] / "docs" / "images"
SHOWN = 24  # documents, which are those of dev_a: `save_samples` begins with them
SIZE = {"width": 1366, "height": 768}
# A deal that shows the screen well tells these, each with words of its own.
_TOLD = ("vendor", "technologies", "financier", "financing_amount", "value_amount", "customer", "year")


def telling(db: Path) -> str:
    """The deal that tells most, the likeliest of equals."""

    def rank(deal: DealView) -> tuple[int, float, str]:
        marked = {span["slot"] for one in deal.findings for span in one.spans if span["in"] == "text"}
        told = sum(deal.shown[slot].value not in (None, []) for slot in _TOLD)
        return told + len(marked), deal.confidence, deal.deal_id

    with Book.open(db) as book:
        return max(book.deals(book.deal_ids(), texts=False), key=rank).deal_id


def take(folder: Path = IMAGES) -> None:
    """deal.png and queue.png in `folder`."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        raise SystemExit(f"no Chromium at {CHROMIUM} to take pictures with; apt install chromium")
    with tempfile.TemporaryDirectory() as scratch:
        db = save_samples(Path(scratch) / "watchledger.db", SHOWN)
        with serving(db, "ann") as (base, _), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{base}/review")
            page.wait_for_selector("body[data-ready]")
            page.screenshot(path=folder / "queue.png")
            page.goto(f"{base}/review/deal/{telling(db)}")
            page.wait_for_selector("body[data-ready]")
            page.keyboard.press("8")
            page.wait_for_selector("#picker li")
            page.screenshot(path=folder / "deal.png")
            browser.close()


if __name__ == "__main__":
    take()
