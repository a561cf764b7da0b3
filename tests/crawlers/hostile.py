"""A web site on loopback that is written to harm whoever crawls it: raw sockets, so that it can also break HTTP.

Each trap has a host of its own (`name.example`), so that what one does to its host does not hide another.
"""

from __future__ import annotations

import datetime
import gzip
import socket
import socketserver
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import brotli
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HTML = "Content-Type: text/html; charset=utf-8"
PAGE = b"<html><body><h1>News</h1><p>A page as any other, with a few words on it.</p></body></html>"
BLANKS = b" " * (64 << 20)
TRAP_SECONDS = 20.0

Talk = Callable[[socket.socket, str, int], None]  # socket, path, number of the request for this address


def reply(body: bytes = PAGE, *headers: str, status: str = "200 OK", length: int | None = None) -> Talk:
    """A whole reply; `length` lies about the body's length, -1 leaves it out."""

    def talk(sock: socket.socket, _path: str, _number: int) -> None:
        told = len(body) if length is None else length
        lines = [f"HTTP/1.1 {status}", *(headers or (HTML,)), "Connection: close"]
        lines += [f"Content-Length: {told}"] if told >= 0 else []
        sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    return talk


def raw(data: bytes) -> Talk:
    """Bytes as they are."""
    return lambda sock, _path, _number: sock.sendall(data)


def moved(to: str) -> Talk:
    """A redirect."""
    return reply(b"", f"Location: {to}", status="302 Found")


def endless_moves(sock: socket.socket, path: str, number: int) -> None:
    """A redirect to an address that was never seen before."""
    moved(f"{path}x")(sock, path, number)


def endless_body(sock: socket.socket, _path: str, _number: int) -> None:
    """A chunked body that does not end."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        sock.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def drip(sock: socket.socket, _path: str, _number: int) -> None:
    """A byte each half second."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n")
    for _ in range(int(TRAP_SECONDS * 2)):
        sock.sendall(b"x")
        time.sleep(0.5)


def silence(_sock: socket.socket, _path: str, _number: int) -> None:
    """Nothing."""
    time.sleep(TRAP_SECONDS)


def reset(sock: socket.socket, _path: str, _number: int) -> None:
    """An end without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()


def huge_header(sock: socket.socket, _path: str, _number: int) -> None:
    """A header of 20 MB in one line."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(320):
        sock.sendall(b"a" * (1 << 16))
    sock.sendall(b"\r\n\r\n" + PAGE)


def many_headers(sock: socket.socket, _path: str, _number: int) -> None:
    """Ten thousand header lines."""
    lines = b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(10_000))
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + lines + b"Connection: close\r\n\r\n" + PAGE)


def coded(coding: str, body: bytes) -> Talk:
    """A body in a coding."""
    return reply(body, HTML, f"Content-Encoding: {coding}")


def chunked(data: bytes) -> Talk:
    """A chunked reply with these bytes after the header."""
    return raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n" + data)


@dataclass
class Hostile:
    """The running site: ports for http and https, and what was asked."""

    port: int = 0
    tls_port: int = 0
    asked: list[str] = field(default_factory=list)

    def times(self, prefix: str) -> int:
        return sum(address.startswith(prefix) for address in self.asked)


@contextmanager
def serve(routes: dict[str, Talk], folder: Path) -> Iterator[Hostile]:
    """Serve `routes` (host + path, or host + `/*`) on 127.0.0.1, by http and, with a certificate of our own, https."""
    site, guard = Hostile(), threading.Lock()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, ValueError):
                self.request.settimeout(TRAP_SECONDS)
                head = b""
                while b"\r\n\r\n" not in head:
                    head += self.request.recv(65536) or b"\r\n\r\n"
                path = head.split(b" ", 2)[1].decode("latin-1")
                host = head.lower().split(b"\r\nhost:", 1)[1].split(b"\r\n", 1)[0].strip().decode().partition(":")[0]
                with guard:
                    site.asked.append(host + path)
                    number = site.asked.count(host + path)
                talk = routes.get(host + path) or routes.get(f"{host}/*")
                if path == "/robots.txt" and host + path not in routes:
                    talk = reply(b"", status="404 Not Found")
                (talk or reply(b"nothing", status="404 Not Found"))(self.request, path, number)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is what this is about."""

    class TlsServer(Server):
        def get_request(self) -> tuple[socket.socket, object]:
            sock, address = super().get_request()
            sock.settimeout(5)
            return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), address

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(folder))
    servers = [Server(("127.0.0.1", 0), Handler), TlsServer(("127.0.0.1", 0), Handler)]
    site.port, site.tls_port = (server.server_address[1] for server in servers)
    threads = [threading.Thread(target=s.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True) for s in servers]
    for thread in threads:
        thread.start()
    try:
        yield site
    finally:
        for server in servers:
            server.shutdown()
            server.socket.close()


def make_certificate(folder: Path, names: tuple[str, ...] = ("selfsigned.example", "excepted.example")) -> list[str]:
    """A certificate that nobody signed, expired since 2021, with its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2021, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = [folder / "certificate.pem", folder / "key.pem"]
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return [str(file) for file in files]


def bombs() -> dict[str, Talk]:
    """Small bodies that become 64 MB, by each coding that we say we take."""
    packed = gzip.compress(BLANKS, 1)
    return {
        "gzip": coded("gzip", packed),
        "twice": coded("gzip, gzip", gzip.compress(packed)),
        "deflate": coded("deflate", zlib.compress(BLANKS, 1)),
        "br": coded("br", brotli.compress(BLANKS, quality=4)),
        "zstd": coded("zstd", zstandard.compress(BLANKS)),
        "wide": coded("zstd", zstandard.ZstdCompressor(compression_params=_WIDE).compress(BLANKS)),
    }


# A window of 128 MB, which a reader would have to hold.
_WIDE = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
