"""WARC files for tests, written byte by byte, so that a test knows where each record begins."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
import zlib
from collections.abc import Sequence

_WORDS = [word * 2 for word in "camera tender harbour minister contract wiretap police drone border vendor".split()]


def words(seed: int, size: int = 4000) -> bytes:
    """Text of about `size` bytes that is another one for each seed."""
    rng = random.Random(seed)
    return b" ".join(f"{rng.choice(_WORDS)}{rng.randrange(10_000)}".encode() for _ in range(size // 14))


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP reply."""
    told = "".join(f"{header}\r\n" for header in ("Content-Type: text/html; charset=utf-8", *headers))
    return f"HTTP/1.1 {status}\r\n{told}\r\n".encode() + body


def record(block: bytes, url: str = "http://a.example/1", kind: str = "response", **fields: str) -> bytes:
    """A record with its header; `fields` replace or add lines, with `_` for `-`."""
    digest = "sha1:" + base64.b32encode(hashlib.sha1(block).digest()).decode()
    told = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": "2024-05-01T10:00:00Z",
        "WARC-Record-ID": f"<urn:uuid:{hashlib.md5(url.encode()).hexdigest()}>",
        "WARC-Block-Digest": digest,
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
    return f"WARC/1.0\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def page_record(number: int, size: int = 4000, **fields: str) -> bytes:
    """The response record of page `number`."""
    return record(http(b"<html><p>" + words(number, size) + b"</p></html>"), f"http://a.example/{number}", **fields)


def gz(records: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """A file with a gzip member a record, and where each begins."""
    file, offsets = bytearray(), []
    for item in records:
        offsets.append(len(file))
        file += gzip.compress(item, 6, mtime=0)
    return bytes(file), offsets


def damage(data: bytes, spots: int, seed: int = 1, run: int = 8) -> bytes:
    """The file with `run` bytes changed at each of so many random places."""
    rng, bad = random.Random(seed), bytearray(data)
    for at in rng.sample(range(len(bad) - run), spots):
        for step in range(run):
            bad[at + step] ^= rng.randrange(1, 256)
    return bytes(bad)


def deflate(data: bytes, *, raw: bool = False) -> bytes:
    """The HTTP coding `deflate`, in its two readings."""
    machine = zlib.compressobj(wbits=-15 if raw else 15)
    return machine.compress(data) + machine.flush()
