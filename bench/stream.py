"""WARC files of ordinary pages with 2 % planted deal pages among them, for the benchmarks and soak runs.

The ordinary pages are whatever lies in bench/.pages (ignored by git; bench/README.md says how to fill it, and without
it they are composed of the planted pages' filler). The planted ones are those of bench.gate.pages and the corpus's
documents with deals, as pages. Deterministic for the same pages.
"""

from __future__ import annotations

import gzip
import html
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.gate.pages import passages, planted

HERE = Path(__file__).parent
PAGES = HERE / ".pages"
RELEVANT = 0.02
DATE = "2024-05-17T10:00:00Z"


@dataclass(frozen=True, slots=True)
class StreamPage:
    """A page of the stream; `deal` tells that it was planted."""

    url: str
    content_type: str
    body: bytes
    deal: bool


def ordinary_pages(folder: Path = PAGES) -> list[tuple[str, bytes]]:
    """Content type and body of each ordinary page; without a folder, pages of filler."""
    found = []
    for path in sorted(folder.rglob("*.html*")):
        raw = path.read_bytes()
        found.append(("text/html", gzip.decompress(raw) if path.suffix == ".gz" else raw))
    if found:
        return found
    made = [planted(number, passages()) for number in range(60)]
    return [(p.content_type, p.body.replace(p.passage.text.encode(p.charset, "replace"), b"")) for p in made]


def corpus_pages() -> list[bytes]:
    """The corpus's documents with deals as plain article pages."""
    found = []
    for path in sorted((HERE.parent / "models" / "corpus" / "written").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            d = json.loads(line)
            if d["deals"]:
                text = "".join(f"<p>{html.escape(p)}</p>\n" for p in d["text"].split("\n\n"))
                title = html.escape(d.get("title") or "")
                found.append(
                    f'<!DOCTYPE html><html lang="{d["lang"]}"><head><meta charset="utf-8"><title>{title}</title></head>\n'
                    f"<body><nav><a href='/'>Home</a></nav><article><h1>{title}</h1>\n{text}</article></body></html>\n".encode()
                )
    return found


def stream(pages: int, seed: int = 1, relevant: float = RELEVANT) -> Iterator[StreamPage]:
    """`pages` pages in a shuffled order, `relevant` of them with deals, half short ones and half whole articles."""
    pick = random.Random(seed)
    ordinary, written, articles = ordinary_pages(), passages(), corpus_pages()
    first = pick.randrange(len(ordinary))
    deals = set(pick.sample(range(pages), round(pages * relevant)))
    told = 0
    for number in range(pages):
        url = f"https://news.example/{seed}/{number}.html"
        if number in deals:
            told += 1
            if told % 2:
                page = planted(pick.randrange(10_000), written)
                yield StreamPage(url, page.content_type, page.body, True)
            else:
                yield StreamPage(url, "text/html; charset=utf-8", pick.choice(articles), True)
        else:
            content_type, body = ordinary[(first + number) % len(ordinary)]
            yield StreamPage(url, content_type, body, False)


def write_warc(path: Path, pages: Iterator[StreamPage]) -> int:
    """Write a gzipped WARC with a request and a response for each page; the number of pages."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    count = 0
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for page in pages:
            head = StatusAndHeaders("200 OK", [("Content-Type", page.content_type)], protocol="HTTP/1.1")
            ask = StatusAndHeaders("GET / HTTP/1.1", [("Host", "news.example")], is_http_request=True)
            told = {"WARC-Date": DATE}
            writer.write_record(
                writer.create_warc_record(page.url, "request", http_headers=ask, warc_headers_dict=told)
            )
            writer.write_record(
                writer.create_warc_record(
                    page.url, "response", payload=io.BytesIO(page.body), http_headers=head, warc_headers_dict=told
                )
            )
            count += 1
    return count
