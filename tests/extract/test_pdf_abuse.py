"""PDFs that are written to harm (ABUSE D1 to D3): each costs itself, the next one is read."""

from __future__ import annotations

import resource
import zlib
from importlib import resources

import pytest

from extract.clean import clean
from records import Outcome
from tests.extract.test_clean import stored
from work.pool import Limits, Lost, Pool

SECONDS = 6.0
REPORT = (resources.files("newsroom") / "report.pdf").read_bytes()


def make_cleaner():
    return clean


def pdf(*objects: bytes, root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1; readers mend the missing cross-reference table."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, text) for number, text in enumerate(objects, 1))
    return b"%PDF-1.4\n" + body + b"trailer << /Root %d 0 R /Size %d >>\n%%%%EOF\n" % (root, len(objects) + 1)


def stream(data: bytes, *, packed: int = 0) -> bytes:
    for _ in range(packed):
        data = zlib.compress(data, 9)
    filters = b" /Filter [%s]" % b" ".join([b"/FlateDecode"] * packed) if packed else b""
    return b"<< /Length %d%s >>\nstream\n%s\nendstream" % (len(data), filters, data)


def with_content(content: bytes, *more: bytes, kids: bytes = b"[3 0 R]", count: int = 1) -> bytes:
    return pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids %s /Count %d >>" % (kids, count),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >>"
        b" /XObject << /X 6 0 R >> >> >>",
        content,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    )


def blanks(size: int) -> bytes:
    """`size` blanks, packed once, made a piece at a time."""
    machine = zlib.compressobj(1)
    piece = b" " * (16 << 20)
    return b"".join(machine.compress(piece) for _ in range(size >> 24)) + machine.flush()


def double_flate() -> bytes:
    data = zlib.compress(blanks(1 << 30), 9)
    return with_content(
        b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream" % (len(data), data)
    )


WORDS = b"BT /F 10 Tf " + b"".join(b"%d %d Td (word) Tj " % (n % 500, n % 700) for n in range(300_000)) + b"ET"
CIRCLE = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >> /Length 5 >>\nstream\n/X Do\nendstream"

HOSTILE = {
    "double Flate to 1 GB": double_flate,
    "300k text operators": lambda: with_content(stream(WORDS, packed=1)),
    "5,000 pages sharing one stream": lambda: with_content(
        stream(b"BT /F 10 Tf 9 9 Td (" + b"word " * 2000 + b") Tj ET", packed=1),
        kids=b"[" + b"3 0 R " * 5000 + b"]",
        count=5000,
    ),
    "a page tree that is a loop": lambda: with_content(stream(b""), kids=b"[2 0 R]", count=9),
    "a form that holds itself": lambda: with_content(stream(b"/X Do"), CIRCLE),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pdf_costs_itself_only(name):
    body = HOSTILE[name]()
    assert len(body) < 1 << 21
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Pool(make_cleaner, workers=1, limits=Limits(seconds=SECONDS, memory_bytes=1 << 30)) as pool:
        tasks = [(stored(body, "application/pdf"), SECONDS), (stored(REPORT, "application/pdf"), 30.0)]
        (_, first), (_, second) = pool.run(tasks)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert isinstance(first, Lost) or first.outcome in {Outcome.QUARANTINED, Outcome.KEPT, Outcome.TOO_SHORT}
    if isinstance(first, Lost):
        assert first.kind in {"timeout", "memory", "crash"}
    assert not isinstance(second, Lost)
    assert second.outcome == Outcome.KEPT
    assert grown < 100_000


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(REPORT[:700], "pdf_broken", id="cut short"),
        pytest.param(
            pdf(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"),
            "pdf_broken",
            id="no page",
        ),
        pytest.param(with_content(stream(b"0 0 m 9 9 l S")), "pdf_no_text", id="drawings only"),
    ],
)
def test_a_pdf_without_text_says_why(body, reason):
    cleaned = clean(stored(body, "application/pdf"))
    assert (cleaned.outcome, cleaned.reason) == (Outcome.QUARANTINED, reason)
