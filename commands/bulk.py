"""Commands for archives of millions of pages: bulk (WARC files to Parquet parts) and load (parts into the ledger)."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.options import db_option, json_option
from pipeline import EXIT_FAILED, PDF_SECONDS, counts_in_words
from records import InputError, Outcome, Page, PageReading, StoredPage, WatchledgerError

if TYPE_CHECKING:
    from crawlers.warc import Loss, WarcRecord
    from extract.cascade import Cascade
    from work.engines import Engine
    from work.sandbox import Told, Walk
    from work.shards import Part

# Paths in Common Crawl's lists are relative to this.
COMMON_CRAWL = "https://data.commoncrawl.org/"
ARCHIVES = (".warc", ".warc.gz", ".arc", ".arc.gz")
LISTS = (".txt", ".paths", ".paths.gz")
SOURCE = "warc"
SAMPLE = 0.001
SAMPLE_TEXT = 20_000
# Readings that `load` writes in one transaction; more saves no time and loses more to a kill.
BATCH = 500
# Loss and record kinds are told apart from pages' outcomes, which have to add up to the pages that came in.
PAGES, RECORDS, LOSSES = "pages", "other_records", "lost"


@dataclass(frozen=True, slots=True)
class Read:
    """A page that passed the gate, as it is told to the collector."""

    reading: PageReading
    version: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A page of the sample: dropped, and read all the same."""

    url: str
    text: str
    deals: int


@dataclass(frozen=True, slots=True)
class BulkSettings:
    """What the parts depend on beside the reader's version."""

    sample: float = SAMPLE
    seed: int = 1
    lexicon: Path | None = None

    def told(self) -> dict[str, Any]:
        """As it stands in receipts."""
        return {"sample": self.sample, "seed": self.seed, "lexicon": _digest_of(self.lexicon) if self.lexicon else ""}


class WarcWalk:
    """Walks through the records of a WARC file; each page through the cascade."""

    def __init__(self, cascade: Cascade, version: str) -> None:
        self._cascade = cascade
        self._version = version
        self._counts: Counter[tuple[str, str]] = Counter()

    def items(self, shard: str) -> Iterator[WarcRecord | Loss]:
        """Records and losses, from a local file or any address that fsspec opens."""
        from crawlers.warc import read_warc

        with _open(shard) as stream:
            yield from read_warc(stream)

    def seconds(self, item: WarcRecord | Loss) -> float | None:
        """A PDF may take longer."""
        return PDF_SECONDS if b"%PDF-" in getattr(item, "block", b"")[:4096] else None

    def work(self, item: WarcRecord | Loss) -> Read | Dropped | None:
        """The reading of a record, if it passes the gate or is in the sample."""
        from crawlers.warc import WarcRecord
        from crawlers.warc_http import NoPage, read_reply, to_page

        if not isinstance(item, WarcRecord):
            self._count(LOSSES, item.reason)
            return None
        if item.kind in ("request", "metadata", "warcinfo"):
            self._count(RECORDS, item.kind)
            return None
        reply = read_reply(item)
        if not isinstance(reply, NoPage) and 200 <= reply.status < 300 and item.kind != "revisit":
            look = self._cascade.look(reply.body, reply.headers.get("content-type", ""))
            if not look.passes:
                wanted = look.outcome is Outcome.NOT_RELEVANT and self._cascade.sampled(item.url)
                page = to_page(item, SOURCE) if wanted else None
                self._count(PAGES, look.outcome)
                return self._sample(page, look.text) if isinstance(page, Page) else None
        page = to_page(item, SOURCE)
        if isinstance(page, NoPage):
            self._count(PAGES, page.outcome)
            return None
        reading = self._cascade.read(_stored(page))
        self._count(PAGES, reading.outcome)
        if reading.outcome in (Outcome.KEPT, Outcome.NO_DEAL, Outcome.QUARANTINED):
            return Read(reading, self._version)
        return None

    def counts(self) -> dict[Any, int]:
        """Counts since the last call, by group and word."""
        told, self._counts = dict(self._counts), Counter()
        return told

    def _count(self, group: str, word: str) -> None:
        self._counts[group, str(word)] += 1

    def _sample(self, page: Page, text: str) -> Dropped:
        reading = self._cascade.read_dropped(_stored(page))
        found = reading.extraction
        return Dropped(page.final_url, text[:SAMPLE_TEXT], len(found.deals) + len(found.claims) if found else 0)


def _stored(page: Page) -> StoredPage:
    from store.archive import page_id

    return StoredPage(page_id=page_id(page.final_url, page.sha256), page=page)


@contextmanager
def _open(shard: str) -> Iterator[Any]:
    if "://" not in shard:
        with open(shard, "rb") as file:
            yield file
        return
    import fsspec

    with fsspec.open(shard, "rb") as file:
        yield file


def make_walk(settings: BulkSettings) -> WarcWalk:
    """The shipped extractor as a walk; what each walker loads once."""
    from extract.cascade import Cascade
    from extract.page import PageReader

    reader = PageReader.load(settings.lexicon)
    cascade = Cascade(
        reader.gate, reader.read, partial(reader.read, gated=False), sample=settings.sample, seed=settings.seed
    )
    return WarcWalk(cascade, reader.version)


class PartCollector:
    """Gathers one shard's readings, counts and sample."""

    def __init__(self, shard: str) -> None:
        from store.parts import PartWriter

        self._shard = shard
        self._writer = PartWriter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._sampled = self._missed = 0

    def add(self, told: Told) -> None:
        """Take in counts, and a reading, a sampled page or a loss."""
        from work.pool import Lost

        self._counts.update(told.counts)
        result = told.result
        if isinstance(result, Read):
            self._writer.add(result.reading, result.version, SOURCE)
        elif isinstance(result, Dropped):
            self._sampled += 1
            self._missed += result.deals > 0
            self._writer.add_sample(result.url, result.text, result.deals)
        elif isinstance(result, Lost):
            self._counts[PAGES, Outcome.QUARANTINED] += 1
            # The kind only: what a library said of a hostile page stays out of the part.
            lost = hashlib.sha256(f"{self._shard}\n{told.number}".encode()).hexdigest()[:16]
            self._writer.add(PageReading(page_id=lost, outcome=Outcome.QUARANTINED, reason=result.kind), "", SOURCE)

    def part(self) -> Part:
        """The finished part. `in` is the sum of the outcomes: every page that came in has one."""
        from work.shards import Part

        outcomes = {word: n for (group, word), n in sorted(self._counts.items()) if group == PAGES}
        told = {
            "pages": sum(outcomes.values()),
            "outcomes": outcomes,
            "other_records": {word: n for (group, word), n in sorted(self._counts.items()) if group == RECORDS},
            "losses": {word: n for (group, word), n in sorted(self._counts.items()) if group == LOSSES},
            "rows": self._writer.rows,
            "sampled": self._sampled,
            "missed": self._missed,
        }
        return Part(self._writer.files(), told)


# --- what to read, and by which version


def find_shards(given: Sequence[str], base: str) -> list[str]:
    """WARC files and addresses, out of files, folders, lists of paths, and addresses. Raises InputError."""
    found: list[str] = []
    for name in given:
        path = Path(name)
        if "://" in name:
            found.append(name)
        elif path.is_dir():
            inside = sorted(str(p) for p in path.rglob("*") if p.name.endswith(ARCHIVES))
            if not inside:
                raise InputError(f"{name}: no WARC file in it ({', '.join(ARCHIVES)})")
            found += inside
        elif name.endswith(LISTS):
            found += _read_list(path, base)
        elif path.is_file():
            found.append(name)
        else:
            raise InputError(f"{name}: no such file, folder or list")
    return found


def _read_list(path: Path, base: str) -> list[str]:
    try:
        raw = path.read_bytes()
        lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8").split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of paths: {error}") from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [
        name if "://" in name or Path(name).exists() else f"{base.rstrip('/')}/{name.lstrip('/')}" for name in names
    ]


def reader_version() -> str:
    """A digest of all that decides what is read out of a page, taken without loading any of it."""
    total = hashlib.sha256()
    for package in ("models", "extract", "crawlers"):
        for name, data in _files_of(files(package), package):
            total.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return total.hexdigest()[:16]


def _files_of(folder: Any, name: str) -> Iterable[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda e: str(e.name)):
        inside = f"{name}/{entry.name}"
        if entry.is_dir():
            if entry.name in ("lexicon", "encoder"):
                yield from _files_of(entry, inside)
        elif name != "crawlers" or entry.name.startswith(("warc", "coding", "urls")):
            yield inside, entry.read_bytes()


def _digest_of(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.csv")):
        total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()[:16]


# --- the commands


def run_bulk(
    shards: Sequence[str],
    out: Path,
    engine: Engine,
    settings: BulkSettings,
    make: Callable[[], Walk] | None = None,
    limits: Any = None,
) -> dict[str, Any]:
    """Make the parts of all shards that have none, and tell what came of all of them. `make` as in read_pages."""
    from work.engines import ShardTask
    from work.pool import Limits
    from work.shards import Manifest

    manifest = Manifest(out, reader_version(), settings.told())
    waiting = manifest.waiting(shards)
    failed: dict[str, str] = {}
    if waiting:
        task = ShardTask(make or partial(make_walk, settings), PartCollector, limits or Limits())
        for shard, made in engine.run(task, waiting):
            if isinstance(made, WatchledgerError):
                failed[shard] = str(made)
            else:
                manifest.finish(shard, made)
    return _report(list(manifest.receipts(shards)), len(waiting) - len(failed), failed)


def _report(receipts: list[dict[str, Any]], done_now: int, failed: dict[str, str]) -> dict[str, Any]:
    from work.estimate import estimate_recall

    outcomes: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    for told in receipts:
        outcomes.update(told["outcomes"])
        losses.update(told["losses"])
        rows.update(told["rows"])
    sampled, missed = sum(t["sampled"] for t in receipts), sum(t["missed"] for t in receipts)
    recall = estimate_recall(outcomes[Outcome.KEPT], outcomes[Outcome.NOT_RELEVANT], sampled, missed)
    return {
        "shards": len(receipts),
        "done_now": done_now,
        "pages": sum(told["pages"] for told in receipts),
        "outcomes": dict(outcomes),
        "losses": dict(losses),
        "rows": dict(rows),
        "recall": asdict(recall) if recall else None,
        "failed": failed,
    }


@click.command()
@click.argument("given", nargs=-1, required=True, metavar="WARC|FOLDER|LIST...")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False, path_type=Path), default=Path("output/bulk"), show_default=True,
    help="Folder of the parts.",
)  # fmt: skip
@click.option("--engine", type=click.Choice(["processes", "dask"]), default="processes", show_default=True)
@click.option("--workers", type=click.IntRange(1, 256), default=os.cpu_count() or 1, show_default="one a processor")
@click.option("--address", metavar="HOST:PORT", help="The Dask scheduler, for --engine dask.")
@click.option("--base", default=COMMON_CRAWL, show_default=True, help="What the paths of a list are relative to.")
@click.option(
    "--sample", type=click.FloatRange(0.0, 1.0), default=SAMPLE, show_default=True,
    help="Share of the dropped pages that is read all the same, for the estimate of recall.",
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of the sample.")
@click.option("--lexicon", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Your own lexicon rows.")
@json_option
def bulk(
    given: tuple[str, ...], out: Path, engine: str, workers: int, address: str | None, base: str, sample: float,
    seed: int, lexicon: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Read whole WARC files into Parquet parts that `load` takes into the ledger; what is done is not done again."""
    from work.engines import Dask, Processes

    if engine == "dask" and not address:
        raise click.UsageError("--engine dask needs --address HOST:PORT of the scheduler")
    runner: Engine = Dask(str(address)) if engine == "dask" else Processes(workers)
    shards = find_shards(given, base)
    with _stopping():
        told = run_bulk(shards, out, runner, BulkSettings(sample, seed, lexicon))
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _print(told, out)
    for shard, why in told["failed"].items():
        click.echo(f"{shard}: {why}", err=True)
    if told["failed"] or told["losses"]:
        raise SystemExit(EXIT_FAILED)


@contextmanager
def _stopping() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: no part is begun, those at hand are dropped, the finished stay."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise click.ClickException("stopped; the same command goes on with the parts that are not done") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(told: dict[str, Any], out: Path) -> None:
    click.echo(f"shards    {told['shards']} done ({told['done_now']} now), {len(told['failed'])} failed")
    click.echo(f"pages     {told['pages']}: {counts_in_words(told['outcomes'])}")
    if told["losses"]:
        click.echo(f"damage    {counts_in_words(told['losses'])}")
    click.echo(f"rows      {counts_in_words(told['rows'])}")
    if recall := told["recall"]:
        click.echo(
            f"recall    {recall['recall']:.3f} of the pages with deals passed the gate, by a sample of"
            f" {recall['sampled']} dropped ({recall['missed']} missed; 95 %: {recall['low']:.3f} to {recall['high']:.3f})"
        )
    click.echo(f"\nThe parts lie in {out}. Take them into the ledger: watchledger load {out}")


def load_parts(folder: Path, db: Path) -> dict[str, int]:
    """Take the parts of a folder into the ledger; readings that it has of the same version are passed over."""
    from store.ledger import SETTLE_EVERY, Ledger
    from store.parts import read_part

    receipts = sorted(folder.glob("*.json"))
    if not receipts:
        raise InputError(f"{folder}: no finished part in it; make some with: watchledger bulk WARC... -o {folder}")
    counts: Counter[str] = Counter()
    ledger = Ledger.open(db)
    try:
        ledger.begin_run("load", "parts", datetime.now(UTC))
        since = 0
        for receipt in receipts:
            for batch in read_part(folder, receipt.stem, BATCH):
                fresh: set[str] = set()
                for version in {row.version for row in batch}:
                    ids = [row.reading.page_id for row in batch if row.version == version]
                    fresh.update(ledger.unread(ids, version))
                rows = {row.reading.page_id: row for row in batch if row.reading.page_id in fresh}
                ledger.save_many([(row.reading, row.version, row.source_id) for row in rows.values()])
                counts["already there"] += len(batch) - len(rows)
                counts.update(row.reading.outcome.value for row in rows.values())
                since += len(rows)
                if since >= SETTLE_EVERY:
                    ledger.settle()
                    since = 0
        ledger.settle()
        ledger.end_run(datetime.now(UTC), "finished")
    finally:
        ledger.close()
    return {"parts": len(receipts), **counts}


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@db_option
@json_option
def load(folder: Path, db: Path, as_json: bool) -> None:
    """Take the parts that `bulk` made into the ledger; loading them again changes nothing."""
    told = load_parts(folder, db)
    if as_json:
        click.echo(json.dumps(told))
        return
    parts = told.pop("parts")
    click.echo(f"{parts} parts: {counts_in_words(told)}")
