"""Clients that send slowly, read slowly or not at all, or come in crowds, keep nobody else from an answer."""

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import StartServer
from graphql import get_introspection_query
from support.app import PASSWORD
from support.documents import REGISTER
from support.process import LiveServer, ServerProcesses
from support.raw import CHUNKED, GET, POST, WITH_LENGTH, connect, statuses, talk

from authgql.web.middleware import HEADERS

pytestmark = pytest.mark.process

SHORT = {
    "authgql.wire.connections.SWEEP_SECONDS": 0.1,
    "authgql.wire.protocol.HEAD_SECONDS": 0.5,
    "authgql.wire.protocol.BODY_SECONDS": 1,
    "authgql.wire.protocol.WRITE_SECONDS": 0.5,
    "authgql.wire.protocol.LINGER_SECONDS": 0.5,
    "authgql.web.request.BODY_SECONDS": 0.5,
    "authgql.server.KEEP_ALIVE_SECONDS": 1,
}
UNANSWERED = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose deadlines are seconds, and whose ceilings are low."""
    with ServerProcesses(tmp_path_factory.mktemp("server")) as processes:
        yield processes.start("--dev", patience=SHORT, MAX_CONNECTIONS="60", MAX_CONNECTIONS_PER_CLIENT="0")


@pytest.fixture(autouse=True)
def _unharmed(server: LiveServer) -> Iterator[None]:
    yield
    assert statuses(talk(server, WITH_LENGTH)) == [200]
    deadline = time.monotonic() + 10
    while left := open_connections(server):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    assert server.mistakes() == []


def open_connections(server: LiveServer) -> list[object]:
    here = int(server.url.rpartition(":")[2])
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return [one for one in connections if one.laddr.port == here and one.status == "ESTABLISHED"]


def until_cut(server: LiveServer, first: bytes, drip: bytes = b"", *, every: float = 0.1) -> bytes:
    """Send `first`, then a byte of `drip` again and again; return all that came until the server hung up."""
    heard, sent = b"", 0
    with connect(server) as connection:
        connection.sendall(first)
        connection.settimeout(every)
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            try:
                data = connection.recv(65_536)
            except TimeoutError:
                data = None
            except ConnectionError:
                return heard
            if data == b"":
                return heard
            heard += data or b""
            if sent < len(drip):
                try:
                    connection.sendall(drip[sent : sent + 1])
                except ConnectionError:
                    return heard
                sent += 1
    raise AssertionError(f"still open, after {heard!r}")


@pytest.mark.parametrize(
    ("first", "drip", "expected"),
    [
        (b"", b"", []),
        (b"\r\n", b"\r\n" * 100, []),
        (GET, b"", [408]),
        (b"G", b"ET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 100, [408]),
        (GET + b"\r\n", b"", [200]),
        (GET + b"\r\n", b"\r\n" * 100, [200]),
        (GET + b"\r\n" + GET, b"a" * 100, [200, 408]),
        (POST + b"Content-Length: 1000\r\n\r\n", b" " * 100, [408]),
        (CHUNKED + b"\r\n", b"1\r\n \r\n" * 100, [408]),
        (CHUNKED + b"\r\n5\r\n     \r\n0\r\n", b"X-Trailer: " + b"a" * 100, [408]),
        (UNANSWERED, b" " * 100, [404]),
        (POST + b"Expect: 100-continue\r\nContent-Length: 25\r\n\r\n", b"", [100, 408]),
        (WITH_LENGTH + UNANSWERED, b" " * 100, [200, 404]),
    ],
    ids=[
        "a connection without a byte",
        "empty lines",
        "half a head",
        "a head in single bytes",
        "an idle connection after an answer",
        "empty lines after an answer",
        "half a second head",
        "a body in single bytes",
        "a chunked body in single bytes",
        "a trailer in single bytes",
        "a body in single bytes that nobody reads",
        "a body that waits to be asked for",
        "a second body that nobody reads",
    ],
)
def test_a_client_that_sends_slowly_is_cut_off(
    server: LiveServer, first: bytes, drip: bytes, expected: list[int]
) -> None:
    heard = until_cut(server, first, drip)
    assert statuses(heard) == expected
    if 408 in expected:
        assert b'"code":"BAD_USER_INPUT"' in heard


def test_what_is_refused_before_it_is_a_request_is_json_with_the_headers_that_every_answer_has(
    server: LiveServer,
) -> None:
    for heard in (
        talk(server, b"nonsense\r\n\r\n"),
        until_cut(server, GET),
        talk(server, GET + b"X: " + b"a" * 65_536),
    ):
        head, _, body = heard.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert {name: lines[name] for name in HEADERS} == HEADERS
        assert lines["content-type"] == "application/json; charset=utf-8"
        assert int(lines["content-length"]) == len(body)
        assert len(lines["x-request-id"]) == 32
        assert json.loads(body)["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


def test_a_client_that_does_not_read_its_answers_is_cut_off(server: LiveServer) -> None:
    query = json.dumps({"query": get_introspection_query()}).encode()
    request = POST + b"Content-Length: %d\r\n\r\n" % len(query) + query
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        deadline = time.monotonic() + 10
        try:
            while time.monotonic() < deadline:
                connection.sendall(request)
                time.sleep(0.02)  # fewer than may wait for their turn
        except ConnectionError:
            return
    raise AssertionError("still open")


def test_a_body_that_was_refused_is_not_read_to_its_end(server: LiveServer) -> None:
    with connect(server) as connection:
        connection.sendall(UNANSWERED.replace(b"1000", b"1000000000"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 404")
        with pytest.raises(ConnectionError):
            connection.sendall(b" " * 100_000_000)


def test_requests_that_wait_for_their_turn_are_few(server: LiveServer) -> None:
    heard = talk(server, (GET + b"\r\n") * 2_000, quiet=1)
    assert statuses(heard) == [200]  # the one that was being answered, and then the end
    assert statuses(talk(server, (GET + b"\r\n") * 10)) == [200] * 10


def test_what_follows_a_request_never_speaks_in_its_answers_place(server: LiveServer) -> None:
    heard = talk(server, WITH_LENGTH + b"nonsense\r\n\r\n")
    assert statuses(heard) == [200]
    assert heard.endswith(b'{"data":{"me":null}}')


# ---------------------------------------------------------------- crowds


def test_silent_connections_lock_nobody_out(server: LiveServer) -> None:
    crowd = [connect(server) for _ in range(200)]
    try:
        for number, connection in enumerate(crowd):
            if number % 2:
                try:
                    connection.sendall(POST + b"Content-Length: 1000\r\n\r\n")
                except ConnectionError:
                    continue
        for _ in range(3):
            assert statuses(talk(server, WITH_LENGTH)) == [200]
        assert len(open_connections(server)) <= 60
    finally:
        for connection in crowd:
            connection.close()


def test_one_client_has_only_so_many_connections(start_server: StartServer) -> None:
    server = start_server("--dev", MAX_CONNECTIONS_PER_CLIENT="5")
    mine = [connect(server) for _ in range(5)]
    time.sleep(0.2)
    refused = talk(server, WITH_LENGTH)
    assert statuses(refused) == [503]
    assert b'"code":"SERVICE_UNAVAILABLE"' in refused
    assert b"retry-after: 1\r\n" in refused
    mine.pop().close()
    time.sleep(0.2)
    assert statuses(talk(server, WITH_LENGTH)) == [200]
    for connection in mine:
        connection.close()
    time.sleep(1.2)
    assert '"event":"connections.refused"' in server.log.read_text()


def test_a_trusted_proxy_speaks_for_many(start_server: StartServer) -> None:
    server = start_server("--dev", MAX_CONNECTIONS_PER_CLIENT="5", TRUSTED_PROXIES="127.0.0.0/8")
    mine = [connect(server) for _ in range(10)]
    assert statuses(talk(server, WITH_LENGTH)) == [200]
    for connection in mine:
        connection.close()


def test_a_server_that_can_make_no_room_says_that_it_is_full(
    start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server("--dev", MAX_CONNECTIONS="10")
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    body = json.dumps({"query": REGISTER, "variables": {"input": given}}).encode()
    database = sqlite3.connect(tmp_path / "var" / "authgql.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    busy = [connect(server) for _ in range(10)]
    for connection in busy:  # complete requests, which wait to write into the database
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    time.sleep(0.3)
    refused = talk(server, WITH_LENGTH)
    database.execute("ROLLBACK")
    database.close()
    assert statuses(refused) == [503]
    assert {connection.recv(65_536)[:15] for connection in busy} == {b"HTTP/1.1 200 OK"}
    for connection in busy:
        connection.close()
