"""Mutated pages and WARC files against the gate and the WARC reader (row G2): `python -m bench.soak_fuzz --minutes 10`.

A mutation cuts, doubles, flips or swaps stretches of real pages and splices hostile fragments in. Nothing may raise,
and nothing may take longer than 10 s. Writes bench/results/soak_fuzz.json; exit status 1 where something did.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
import time
from pathlib import Path

from bench.gate.pages import passages, planted
from crawlers.warc import WarcRecord, read_warc
from crawlers.warc_http import to_page
from extract.cascade import Cascade
from extract.gate import Gate
from extract.lexicon import Lexicon
from tests.stub_walk import read

RESULTS = Path(__file__).parent / "results" / "soak_fuzz.json"
LONGEST = 10.0
_HOSTILE = (
    b"<", b">", b"<!--", b"-->", b"<script", b"</script", b"<svg", b"&", b"&#", b"&#x110000;", b"&#0;", b"\x00", b"\xff",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\x8b" * 50, b"\xcc\x81" * 50, b"a:" * 500, b"<a " * 500, b"\r\n\r\n",
    b"WARC/1.0\r\n", b"Content-Length: 99999999999\r\n", b"Content-Length: -1\r\n", b"\x1f\x8b\x08",
)  # fmt: skip


def mutate(data: bytes, pick: random.Random) -> bytes:
    """One to twenty mutations of some bytes."""
    made = bytearray(data)
    for _ in range(pick.randint(1, 20)):
        at, size = pick.randrange(len(made) + 1), pick.choice((1, 3, 50, 2000))
        what = pick.randrange(5)
        if what == 0:
            del made[at : at + size]
        elif what == 1:
            made[at:at] = made[at : at + size] * pick.choice((1, 2, 40))
        elif what == 2 and at < len(made):
            made[at] ^= 1 << pick.randrange(8)
        elif what == 3:
            made[at:at] = pick.choice(_HOSTILE)
        else:
            other = pick.randrange(len(made) + 1)
            made[at : at + size] = made[other : other + size]
    return bytes(made[: 2 << 20])


def one(cascade: Cascade, pick: random.Random, written: list) -> None:  # type: ignore[type-arg]
    """One mutated page through the gate, or one mutated WARC file through the reader."""
    page = planted(pick.randrange(5000), written)
    if pick.random() < 0.7:
        cascade.look(mutate(page.body, pick), page.content_type)
        return
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page.body
    record = b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://x.example/%d\r\nContent-Length: %d\r\n\r\n"
    file = b"".join(record % (n, len(block)) + block + b"\r\n\r\n" for n in range(3))
    for item in read_warc(io.BytesIO(mutate(file, pick))):
        if isinstance(item, WarcRecord):
            to_page(item, "fuzz")


def main() -> int:
    """Fuzz for so many minutes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    written = passages()
    cascade = Cascade(Gate.load(Lexicon.load()), read, read, sample=0.0, seed=1)
    faults: list[str] = []
    slowest, number, until = 0.0, 0, time.monotonic() + 60 * asked.minutes
    while time.monotonic() < until:
        began = time.process_time()
        try:
            one(cascade, random.Random(f"{asked.seed} {number}"), written)
        except Exception as error:
            faults.append(f"{number}: {type(error).__name__}: {error}"[:200])
        slowest = max(slowest, time.process_time() - began)
        number += 1
    if slowest > LONGEST:
        faults.append(f"one took {slowest:.1f} s")
    told = {"inputs": number, "seed": asked.seed, "slowest_s": round(slowest, 2), "faults": faults[:50]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
