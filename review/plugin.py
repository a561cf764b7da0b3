"""The review screen as a Datasette plugin: routes, and what of Datasette's own pages stays shut."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from datasette import Response, hookimpl
from datasette.app import Datasette
from datasette.plugins import pm

from records import DecisionConflict, InputError, RecordError, StoreError, WatchledgerError
from review.api import Api
from review.house import Reply
from review.pages import Pages
from store.review import allow_only_reading

_LOG = logging.getLogger(__name__)
_PRINTS = "datasette.handle_exception"


class ReviewPlugin:
    """One server's plugin. Registered as an object, so that `watchledger review` brings it and nobody installs it."""

    __name__ = "review"  # Datasette serves static/ and finds templates/ of the package with this name

    def __init__(self, pages: Pages, api: Api, *, sql: bool, shut: Callable[[str], bool]) -> None:
        self.pages = pages
        self.api = api
        self.sql = sql
        self.shut = shut
        self.datasette: Datasette | None = None
        # One thread, one at a time: a decision never waits for a lock that another request of ours holds.
        self.desk = ThreadPoolExecutor(1, thread_name_prefix="desk")

    def attach(self, make: Callable[[], Datasette]) -> Datasette:
        """Make a Datasette that has this plugin, and only this one of our plugins."""
        pm.register(self, f"watchledger-review-{id(self)}")
        # Datasette runs every handler, and its own prints what was asked and all local values to the terminal.
        if pm.has_plugin(_PRINTS):
            pm.unregister(name=_PRINTS)
        self.datasette = make()
        return self.datasette

    def close(self) -> None:
        """Take the plugin out again."""
        pm.unregister(self)
        self.desk.shutdown()

    # --- Datasette's hooks

    @hookimpl  # type: ignore[untyped-decorator]
    def register_routes(self, datasette: Datasette) -> list[tuple[str, Any]]:
        """Every page of ours; the functions below each give an answer from a request."""
        if self.datasette not in (None, datasette):
            return []
        pages, api = self.pages, self.api
        gets: dict[str, Callable[..., Reply]] = {
            r"^/$": pages.home,
            r"^/review/?$": pages.queue,
            r"^/review/deal/?$": pages.first_deal,
            r"^/review/deal/(?P<id>[^/]+)$": pages.deal,
            r"^/review/article/(?P<id>[^/]+)$": pages.article,
            r"^/review/copy/(?P<id>[^/]+)$": pages.copy,
            r"^/review/print/(?P<id>[^/]+)$": pages.print_page,
            r"^/review/report$": pages.report,
            r"^/review/drops$": pages.drops,
            r"^/review/tables$": pages.tables,
            r"^/review/release/?$": pages.release,
            r"^/review/release/(?P<id>.+)$": pages.release_file,
            r"^/review/login$": pages.home,
            r"^/review/fragment/(?P<id>[^/]+)$": api.fragment,
            r"^/review/ids$": api.ids,
            r"^/review/complete$": api.complete,
            r"^/review/bulk/preview$": api.bulk_preview,
        }
        posts: dict[str, Callable[..., Reply]] = {
            r"^/review/check$": api.check,
            r"^/review/decide$": api.decide,
            r"^/review/reason$": api.reason,
            r"^/review/undo$": api.undo,
            r"^/review/article-done$": api.article_done,
            r"^/review/add$": api.add,
            r"^/review/bulk$": api.bulk,
            r"^/review/filters$": api.save_filter,
        }
        routes = [(path, self._view(act, "GET")) for path, act in gets.items()]
        return routes + [(path, self._view(act, "POST")) for path, act in posts.items()]

    @hookimpl  # type: ignore[untyped-decorator]
    def permission_allowed(self, datasette: Datasette, actor: dict[str, str] | None, action: str) -> Any:
        """SQL is off unless asked for; a blind second coder sees no table; nobody downloads a database."""
        if datasette is not self.datasette:
            return None
        if actor is None or action == "view-database-download" or (action == "execute-sql" and not self.sql):
            return False

        async def unless_blind() -> bool | None:
            loop = asyncio.get_running_loop()
            if await loop.run_in_executor(self.desk, self.shut, actor["id"]):
                return False
            return True if action == "execute-sql" else None

        return unless_blind()

    @hookimpl  # type: ignore[untyped-decorator]
    def skip_csrf(self, datasette: Datasette, scope: dict[str, Any]) -> bool | None:
        """Our own POSTs have passed the guard, which asks for more than Datasette's check does."""
        return True if datasette is self.datasette and scope["path"].startswith("/review/") else None

    @hookimpl  # type: ignore[untyped-decorator]
    def prepare_connection(self, conn: Any, database: str, datasette: Datasette) -> None:
        """What a table page or the SQL box runs may read, and nothing else."""
        if datasette is self.datasette and database != "_internal":
            allow_only_reading(conn)

    @hookimpl  # type: ignore[untyped-decorator]
    def handle_exception(self, datasette: Datasette, request: Any, exception: Exception) -> Response | None:
        """A failed page says so in words; the log names the place only, for texts of strangers stay out of it."""
        if datasette is not self.datasette:
            return None
        status = getattr(exception, "status", 500)
        if not isinstance(status, int) or status >= 500:
            return self._failed(exception, "application/json" in request.headers.get("accept", ""))
        words = str(exception.args[0]) if exception.args else "this cannot be shown"
        return _response(self.pages.fault(words[:500], status, as_json=request.path.endswith(".json")))

    def _failed(self, exception: Exception, as_json: bool) -> Response:
        place = traceback.extract_tb(exception.__traceback__)[-1]
        _LOG.error("%s in %s:%s (%s)", type(exception).__name__, Path(place.filename).name, place.lineno, place.name)
        words = "Something failed in the review screen; nothing was decided. The terminal names the place."
        return _response(self.pages.fault(words, 500, as_json=as_json))

    # --- one request

    def _view(self, act: Callable[..., Reply], method: str) -> Any:
        async def view(request: Any) -> Response:
            if request.method not in ((method, "HEAD") if method == "GET" else (method,)):
                return Response.text("This address does not take that.", status=405)
            body = await request.post_body() if method == "POST" else b""
            began = time.perf_counter()
            reply = await asyncio.get_running_loop().run_in_executor(self.desk, self._answer, act, request, body)
            self.pages.house.lexicon.begin()
            took = f"desk;dur={(time.perf_counter() - began) * 1000:.1f}"
            return _response(reply, took)

        return view

    def _answer(self, act: Callable[..., Reply], request: Any, body: bytes) -> Reply:
        wants_json = "application/json" in request.headers.get("accept", "")
        try:
            return act(who=request.actor["id"], query=request.query_string, body=body, **request.url_vars)
        except DecisionConflict as error:
            return self.pages.fault(str(error), 409, as_json=wants_json)
        except (RecordError, InputError) as error:
            return self.pages.fault(str(error), 422, as_json=wants_json)
        except StoreError as error:
            return self.pages.fault(str(error), 503, as_json=wants_json)
        except WatchledgerError as error:
            return self.pages.fault(str(error), 500, as_json=wants_json)


def _response(reply: Reply, took: str = "") -> Response:
    headers = {**reply.headers, "server-timing": took} if took else reply.headers
    return Response(reply.body, reply.status, headers, reply.content_type)
