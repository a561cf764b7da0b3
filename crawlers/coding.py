"""Content codings taken off within a limit: gzip, deflate, brotli, zstd, and one in the other up to three deep."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import brotli
from backports import zstd

MOST_CODINGS = 3
# What servers write although nothing was done.
_NO_CODING = {"", "identity", "none", "utf-8", "binary"}
# zstd lets the sender ask for a window of gigabytes; RFC 8878 asks readers to take 8 MB.
_WINDOW_LOG = 23


class TooBigError(Exception):
    """More than the limit came out."""


class CodingError(Exception):
    """A coding that is unknown, stands too deep, or (`broken`) is not what the bytes are in."""

    def __init__(self, reason: str, *, broken: bool = False) -> None:
        super().__init__(reason)
        self.broken = broken


def decode_body(body: bytes, told: Sequence[str], limit: int) -> tuple[bytes, bool]:
    """The body without the codings that its Content-Encoding headers name, and whether it ends too early.

    Raises TooBigError beyond `limit` bytes, at any depth, and CodingError.
    """
    names = [name.strip().lower() for header in told for name in header.split(",")]
    names = [name for name in names if name not in _NO_CODING]
    if len(names) > MOST_CODINGS:
        raise CodingError("too_many_codings")
    partial = False
    for name in reversed(names):
        decode = _CODINGS.get(name.removeprefix("x-"))
        if decode is None:
            raise CodingError(f"coding_{_word(name)}")
        made = decode(body, limit)
        if made is None:
            raise CodingError(f"broken_{_word(name)}", broken=True)
        body, partial = made[0], partial or made[1]
        if len(body) > limit:
            raise TooBigError
    return body, partial


def _word(name: str) -> str:
    return "".join(char for char in name if char.isalnum())[:20] or "nameless"


_Decoded = tuple[bytes, bool] | None


def _zlib(*window_bits: int) -> Callable[[bytes, int], _Decoded]:
    def decode(body: bytes, limit: int) -> _Decoded:
        return next((made for bits in window_bits if (made := _inflate(body, limit, bits))), None)

    return decode


def _inflate(body: bytes, limit: int, bits: int) -> _Decoded:
    parts: list[bytes] = []
    room = limit + 1
    while True:
        machine = zlib.decompressobj(wbits=bits)
        try:
            parts.append(machine.decompress(body, room))
        except zlib.error:
            return (b"".join(parts), True) if parts and any(parts) else None
        room -= len(parts[-1])
        # gzip files may be written one behind the other; whatever else follows is none of it.
        if room <= 0 or not machine.unused_data.startswith(b"\x1f\x8b"):
            return b"".join(parts), not machine.eof
        body = machine.unused_data


def _unbrotli(body: bytes, limit: int) -> _Decoded:
    machine = brotli.Decompressor()
    try:
        made = machine.process(body, output_buffer_limit=limit + 1)
    except brotli.error:
        return None
    return made, not machine.is_finished()


def _unzstd(body: bytes, limit: int) -> _Decoded:
    parts: list[bytes] = []
    room = limit + 1
    while True:
        machine = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
        try:
            parts.append(machine.decompress(body, room))
        except zstd.ZstdError:
            return (b"".join(parts), True) if any(parts) else None
        room -= len(parts[-1])
        if room <= 0 or not machine.eof or not machine.unused_data:
            return b"".join(parts), not machine.eof
        body = machine.unused_data


_CODINGS: dict[str, Callable[[bytes, int], _Decoded]] = {
    "gzip": _zlib(31),
    "deflate": _zlib(15, -15),
    "br": _unbrotli,
    "zstd": _unzstd,
}
