"""The pages: from a request's address to HTML. Nothing here writes, and every page is whole without script."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from records import InputError
from review import history, report
from review.fields import FIELDS
from review.house import House, Reply, json_reply
from review.keys import ACTIONS
from review.listing import facets, row
from review.marks import LETTERS, Mark, paragraphs, slot_of
from review.releases import PAGE as RELEASE_PAGE
from review.releases import PICTURES, kind_of
from review.screens import DealScreen, deal_screen, dumps, evidence_points, safe_link, short_link
from review.spec import ORDERS, Spec
from store import review as shelf

# Deals of a queue page, and ids that a deal's page brings along so that the next one needs no query.
PAGE = 50
AHEAD = 60
# An article larger than this is shown around its evidence; the rest is in the archived copy.
WHOLE_ARTICLE = 400_000

_LONG = {
    "next": "next deal, without deciding",
    "previous": "the deal before",
    "take": "of a reopened deal: take what the machine reads now",
    "merge": "merge with the deal shown as alike",
    "not_same": "that deal is not the same",
    "add": "new deal from the selected words",
    "split": "split this finding off",
    "done": "this article holds nothing more",
    "article": "the whole article, at this place",
    "unsure": "unsure: an answer, too",
    "queue": "the queue",
    "search": "search the articles",
    "print": "a page for printing",
    "help": "all keys",
}


class Pages:
    """All pages of one server."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.env = Environment(loader=PackageLoader("review"), autoescape=True, undefined=StrictUndefined)
        self.env.trim_blocks = self.env.lstrip_blocks = True

    # --- the pages

    def home(self, who: str, query: str, body: bytes) -> Reply:
        """The address without a path leads to the queue."""
        return Reply("", 303, headers={"location": "/review"})

    def queue(self, who: str, query: str, body: bytes) -> Reply:
        """A page of a queue with its facets."""
        house = self.house
        spec = house.spec(_without(query, "after"), who)
        blind = house.blind(who)
        after = parse_qs(query).get("after", [None])[-1]
        told = house.filter(spec, who)
        page = house.desk.queue(spec.order, told, after=after, limit=PAGE)
        items = list(page.items)
        if blind:  # a decided row shows what was decided
            read = shelf.machine_values(house.desk, [item.deal_id for item in items])
            items = [replace(item, values=read[item.deal_id]) for item in items if item.deal_id in read]
        counted = house.desk.facets(told) if not blind else {}
        open_query = spec.query()
        context = {
            "here": "queue",
            "spec": spec,
            "orders": ORDERS,
            "kept": _hidden(spec),
            "items": [row(house, item, open_query, blind=blind) for item in items],
            "facets": [] if blind else facets(house, spec, counted),
            "saved": []
            if blind
            else [{"name": name, "query": kept} for name, kept in shelf.saved_filters(house.desk).items()],
            "total": house.desk.count(told),
            "next_query": _with(open_query, after=page.next) if page.next else "",
            "first_query": (open_query or "order=likely") if after else "",
            "nothing": "Change the filter on the left, or gather more: watchledger run"
            if not blind
            else "All that was assigned to you is coded.",
        }
        return self._page("queue.html", who, spec, blind, context)

    def first_deal(self, who: str, query: str, body: bytes) -> Reply:
        """The first deal of a queue."""
        spec = self.house.spec(query, who)
        page = self.house.desk.queue(spec.order, self.house.filter(spec, who), limit=AHEAD)
        ids = [item.deal_id for item in page.items]
        return self._deal_page(who, spec, ids[0] if ids else None, ids, more=page.next is not None)

    def deal(self, who: str, query: str, body: bytes, id: str) -> Reply:
        """One deal, with the ids of its queue that follow it."""
        spec, deal_id = self.house.spec(query, who), unquote(id)
        self.allowed(who, deal_id)
        deal_id = self.house.desk.resolve(deal_id)
        ids, more = self.ids_from(who, spec, deal_id)
        return self._deal_page(who, spec, deal_id, ids, more=more)

    def article(self, who: str, query: str, body: bytes, id: str) -> Reply:
        """A whole article; where a deal is named, with its marks and its evidence in sight."""
        told = {name: values[-1] for name, values in parse_qs(query).items()}
        article = self.house.desk.article(unquote(id))
        marks: list[Mark] = []
        points: list[tuple[int, int]] = []
        if told.get("deal"):
            self.allowed(who, told["deal"])
            deal = self.house.desk.deal(told["deal"])
            for found in deal.findings:
                if found.article.article_id == article.article_id:
                    points += evidence_points(found)
                    if not self.house.unaided(who, deal):
                        marks += [
                            Mark(s["start"], s["end"], slot_of(s["slot"])) for s in found.spans if s["in"] == "text"
                        ]
        elif self.house.blind(who):
            raise InputError("This article is not among the deals that you code.")
        spec_query = _without(query, "deal", "finding")
        start = 0
        if len(article.text) > WHOLE_ARTICLE and points:
            start = max(0, points[0][0] - WHOLE_ARTICLE // 2)
        context = {
            "here": "",
            "article": {
                "id": article.article_id,
                "title": article.title,
                "title_html": article.title,
                "outlet": article.outlet,
                "published": article.published,
                "language": article.language,
                "flags": ["cut off or behind a paywall"] if article.truncated else [],
                "link": safe_link(article.url),
                "link_shown": short_link(article.url),
                "copy_link": f"/review/copy/{quote(article.article_id, safe='')}",
            },
            "text": paragraphs(article.text, start, min(len(article.text), start + WHOLE_ARTICLE), marks, points),
            "back": f"/review/deal/{quote(told['deal'], safe='')}" + (f"?{spec_query}" if spec_query else "")
            if told.get("deal")
            else "",
        }
        return self._page("article.html", who, Spec(), self.house.blind(who), context)

    def copy(self, who: str, query: str, body: bytes, id: str) -> Reply:
        """The page as it was fetched, as a file for saving or as plain text: nothing of it ever runs here."""
        page_id = unquote(id)
        if self.house.archive is None:
            raise InputError("The archive of raw pages does not lie beside this ledger.")
        stored = shelf.archived(self.house.archive, page_id)
        pdf = stored.page.body[:1024].lstrip().startswith(b"%PDF-")
        name = f"{_slug(page_id)}.{'pdf' if pdf else 'txt'}"
        kind = "application/octet-stream" if pdf else "text/plain; charset=utf-8"
        text = stored.page.body if pdf else _lines_of(stored)
        place = "attachment" if pdf else "inline"
        headers = {"content-disposition": f'{place}; filename="{name}"', "cache-control": "private, no-store"}
        return Reply(text, 200, kind, headers)

    def print_page(self, who: str, query: str, body: bytes, id: str) -> Reply:
        """A deal on paper: what is told, every source with its passage, what is missing, what was decided."""
        if self.house.blind(who):
            raise InputError("Printing is open again when you have coded what was assigned to you.")
        deal = self.house.desk.deal(unquote(id))
        screen = deal_screen(
            deal,
            self.house.vocabulary,
            history=history.lines(self.house.desk.history(deal.deal_id), self.house.vocabulary),
        )
        decided = f"decided by {deal.decided_by} on {str(deal.decided_at)[:10]}" if deal.decided_by else ""
        context = {"here": "", "screen": screen, "decided": decided, "today": datetime.now(UTC).date().isoformat()}
        return self._page("print.html", who, Spec(), False, context)

    def report(self, who: str, query: str, body: bytes) -> Reply:
        """Precision, agreement, seconds a decision."""
        if self.house.blind(who):
            raise InputError("The report is open again when you have coded what was assigned to you.")
        context = {
            "here": "report",
            "report": report.read(self.house.desk),
            "pictures": PICTURES,
            "released": bool(self.house.desk.releases()),
        }
        return self._page("report.html", who, Spec(), False, context)

    def release(self, who: str, query: str, body: bytes) -> Reply:
        """The page of the newest release."""
        return Reply("", 303, headers={"location": f"/review/release/{RELEASE_PAGE}"})

    def release_file(self, who: str, query: str, body: bytes, id: str) -> Reply:
        """A file of the newest release, as it was published."""
        if self.house.blind(who):
            raise InputError("Releases are open again when you have coded what was assigned to you.")
        name, release = unquote(id), self.house.release()
        found = release.read(name) if release else None
        if found is None:
            return self.fault("This is no file of the newest release, or it is too large to be shown here.", 404)
        headers = {"cache-control": "private, no-store"}
        kind = kind_of(name)
        if kind is None:
            headers["content-disposition"] = f'attachment; filename="{name.rpartition("/")[2]}"'
        return Reply(found, 200, kind or "application/octet-stream", headers)

    def drops(self, who: str, query: str, body: bytes) -> Reply:
        """A seeded sample of the articles that the gate or the extractor let go, to find what they miss."""
        if self.house.blind(who):
            raise InputError("The sample is open again when you have coded what was assigned to you.")
        rows = shelf.sampled_drops(self.house.desk, seed=self.house.seed, limit=PAGE)
        rows = [row | {"href": f"/review/article/{quote(row['article_id'], safe='')}"} for row in rows]
        return self._page("drops.html", who, Spec(), False, {"here": "queue", "rows": rows})

    def tables(self, who: str, query: str, body: bytes) -> Reply:
        """Datasette's own pages of the tables."""
        return Reply("", 303, headers={"location": f"/{self.house.tables[0]}" if self.house.tables else "/review"})

    # --- pieces that acts answer with

    def fragment(self, who: str, spec: Spec, deal_id: str) -> Markup:
        """The screen of one deal, without the page around it."""
        made = self.env.get_template("review/_deal.html").render(
            deal=self.screen(who, spec, deal_id), keys=self.house.keys
        )
        return Markup(made)  # noqa: S704 - the template has escaped it

    def nothing(self) -> Markup:
        """What is shown at the end of a queue."""
        return Markup(self.env.get_template("review/_nothing.html").render(keys=self.house.keys))  # noqa: S704

    def screen(self, who: str, spec: Spec, deal_id: str) -> DealScreen:
        """What is shown of a deal to this person."""
        desk, vocabulary = self.house.desk, self.house.vocabulary
        with desk.moment():
            deal = desk.deal(deal_id)
            blind = self.house.blind(who)
            unaided = self.house.unaided(who, deal)
            twins = [] if blind or unaided else desk.candidates(deal.deal_id, limit=1)
            told = [] if blind else desk.history(deal.deal_id)
            others = (
                []
                if unaided or not deal.findings
                else shelf.values_of_article(desk, deal.findings[0].article.article_id)
            )
        lines = history.lines(told, vocabulary)[-2:]
        return deal_screen(
            deal,
            vocabulary,
            others=others,
            twins=twins,
            history=lines,
            unaided=unaided,
            blind=blind,
            queue_query=spec.query(),
        )

    def ids_from(self, who: str, spec: Spec, deal_id: str) -> tuple[list[str], bool]:
        """A queue's ids from a deal on; the deal comes first even where it is no longer in the queue."""
        told = self.house.filter(spec, who)
        after = shelf.cursor_before(self.house.desk, spec.order, deal_id)
        page = self.house.desk.queue(spec.order, told, after=after, limit=AHEAD)
        ids = [item.deal_id for item in page.items]
        return (
            ids if deal_id in ids[:1] else [deal_id, *(one for one in ids if one != deal_id)]
        ), page.next is not None

    def allowed(self, who: str, deal_id: str) -> None:
        """Raises InputError where a blind coder asks for a deal that is not among the assigned ones."""
        if self.house.blind(who) and not shelf.is_assigned(self.house.desk, who, deal_id):
            raise InputError("This deal is not among those that you code.")

    def counts(self, who: str, spec: Spec) -> str:
        """How far the work is, in a few words for the bar."""
        done = shelf.decided_today(self.house.desk, who, datetime.now(UTC))
        told = f"{done} decided today"
        warned = self.house.warned()
        return f"{warned} · {told}" if warned else told

    def fault(self, words: str, status: int, *, as_json: bool = False) -> Reply:
        """A refusal in words."""
        if as_json:
            return json_reply({"fault": words}, status)
        made = self.env.get_template("review/fault.html").render(
            words=words, **self._common("", Spec(), False, here="")
        )
        return Reply(made, status)

    # --- inside

    def _deal_page(self, who: str, spec: Spec, deal_id: str | None, ids: list[str], *, more: bool) -> Reply:
        fragment = self.fragment(who, spec, deal_id) if deal_id else ""
        context = {
            "here": "deal",
            "fragment": fragment,
            "ids_json": dumps(ids),
            "more": more,
            "told": self.counts(who, spec),
        }
        return self._page("deal.html", who, spec, self.house.blind(who), context)

    def _page(self, name: str, who: str, spec: Spec, blind: bool, context: Mapping[str, Any]) -> Reply:
        common = self._common(who, spec, blind, here=context["here"])
        common["release"] = None if blind else self.house.release()
        made = self.env.get_template(f"review/{name}").render({**common, **context})
        return Reply(made, headers={"cache-control": "private, no-store"})

    def _common(self, who: str, spec: Spec, blind: bool, *, here: str) -> dict[str, Any]:
        return {
            "here": here,
            "who": who,
            "blind": blind,
            "keys": self.house.keys,
            "keys_json": dumps(dict(self.house.keys)),
            "legend": {action: words for action, (_, words) in ACTIONS.items()},
            "long_legend": {action: _LONG.get(action, words) for action, (_, words) in ACTIONS.items()},
            "field_list": FIELDS,
            "letters": LETTERS,
            "queue_query": spec.query(),
            "asset_version": asset_version(),
            "told": "",
            "release": None,
        }


@lru_cache(maxsize=1)
def asset_version() -> str:
    """Changes with the sheet and the script, so that a browser never keeps old ones."""
    folder = files("review") / "static"
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in ("review.css", "review.js"))).hexdigest()[
        :10
    ]


def _hidden(spec: Spec) -> list[tuple[str, str]]:
    """The parts of a queue that a search keeps."""
    return [
        (name, value) for name, values in parse_qs(spec.query(words="")).items() if name != "order" for value in values
    ]


def _without(query: str, *names: str) -> str:
    return "&".join(part for part in query.split("&") if part.partition("=")[0] not in names)


def _with(query: str, **more: str) -> str:
    parts = [query, *(f"{name}={quote(value, safe='')}" for name, value in more.items())]
    return "&".join(part for part in parts if part)


def _slug(name: str) -> str:
    """Letters, digits and dashes of a name: for a file, whatever the page is called."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name).strip("-")[:80]
    return f"page-{kept}" if kept else "page"


def _lines_of(stored: Any) -> str:
    page = stored.page
    head = f"{page.final_url}\nfetched {page.fetched_at.isoformat()} · status {page.status} · {page.content_type}\nSHA-256 {page.sha256}\n\n"
    text: str = page.body.decode("utf-8", "replace")
    return head + text
