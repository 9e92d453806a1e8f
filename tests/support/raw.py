"""HTTP in bytes, for what no client library sends."""

import re
import socket

from support.process import LiveServer

BODY = b'{"query":"{ me { id } }"}'
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WITH_LENGTH = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


def connect(server: LiveServer) -> socket.socket:
    port = int(server.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def talk(server: LiveServer, *parts: bytes, quiet: float = 0.3) -> bytes:
    """Send bytes and return all that comes until the server is quiet or hangs up."""
    heard = b""
    with connect(server) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            connection.settimeout(quiet)
            while data := connection.recv(65_536):
                heard += data
        except (TimeoutError, ConnectionError):
            pass
    return heard


def statuses(heard: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)]
