"""Whatever bytes come after a handshake, or instead of one, the server closes in order and goes on."""

import asyncio
import json
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import pytest
from conftest import StartServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.app import PASSWORD
from support.documents import LOGIN, REGISTER
from support.process import LiveServer, ServerProcesses
from support.sockets import EVENTS, PROTOCOL
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from authgql.wire.frames import MAX_FRAGMENTS, MAX_MESSAGE, FrameProtocol

pytestmark = pytest.mark.process

FIN, TEXT, BINARY, CLOSE, PING = 0x80, 0x1, 0x2, 0x8, 0x9
PATIENCE_SECONDS = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all that is sent."""
    with ServerProcesses(tmp_path_factory.mktemp("frames")) as processes:
        yield processes.start("--dev")


def _opened(server: LiveServer, *, method: str = "GET", **headers: str) -> socket.socket:
    at = urlsplit(server.url)
    given = {
        "host": at.netloc,
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": b64encode(b"0123456789abcdef").decode(),
        "sec-websocket-version": "13",
        "sec-websocket-protocol": PROTOCOL,
        **headers,
    }
    connection = socket.create_connection((at.hostname, at.port), PATIENCE_SECONDS)
    lines = [f"{method} /graphql HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def _frame(first: int, payload: bytes) -> bytes:
    """Return a frame of a client, masked with zeros."""
    size = len(payload)
    length = struct.pack("!BQ", 0x80 | 127, size) if size > 125 else bytes([0x80 | size])
    return bytes([first]) + length + bytes(4) + payload


def _rest(connection: socket.socket) -> bytes:
    """Read until the server hangs up."""
    received = b""
    with closing(connection):
        while True:
            try:
                data = connection.recv(65_536)
            except ConnectionResetError:
                return received
            if not data:
                return received
            received += data


def _welcomed(server: LiveServer) -> socket.socket:
    """Open a connection, and wait until it is a WebSocket: what comes earlier belongs to no frame."""
    connection, answer = _opened(server), b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += connection.recv(1)
    assert answer.startswith(b"HTTP/1.1 101")
    return connection


def _close_code(connection: socket.socket, frames: bytes) -> int:
    connection.sendall(frames)
    body = connection.recv(4)
    connection.close()
    assert body[0] == FIN | CLOSE, body
    code: int = struct.unpack("!H", body[2:4])[0]
    return code


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (_frame(FIN | TEXT, b"\xff\xfe"), 1007),
        (_frame(TEXT, b"\xf0\x9f") + _frame(FIN, b"\x98"), 1007),
        (_frame(FIN | TEXT, b"x" * (MAX_MESSAGE + 1)), 1009),
        (_frame(TEXT, b"x" * MAX_MESSAGE) + _frame(FIN, b"x"), 1009),
        (_frame(TEXT, b"") + _frame(0, b"") * MAX_FRAGMENTS, 1009),
        (_frame(FIN | 0x3, b""), 1002),
        (_frame(0xC0 | TEXT, b""), 1002),
        (_frame(PING, b""), 1002),
        (bytes([FIN | TEXT, 2]) + b"{}", 1002),
        (_frame(FIN | BINARY, b"{}"), 4400),
        (_frame(TEXT, b'{"type"') + _frame(FIN, b': "nothing"}'), 4400),
    ],
)
def test_bad_frames_close_with_their_code(server: LiveServer, frames: bytes, code: int) -> None:
    assert _close_code(_welcomed(server), frames) == code


@given(data=st.binary(max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_at_all_leave_a_traceback(server: LiveServer, data: bytes) -> None:
    connection = _welcomed(server)
    connection.sendall(data + _frame(FIN | CLOSE, b""))
    connection.shutdown(socket.SHUT_WR)
    _rest(connection)
    assert server.mistakes() == []


@pytest.mark.parametrize("headers", [{"sec-websocket-version": "12"}, {"sec-websocket-key": "x"}])
def test_a_bad_handshake_is_a_client_error(server: LiveServer, headers: dict[str, str]) -> None:
    answer = _rest(_opened(server, **headers))
    assert answer.startswith(b"HTTP/1.1 4")


def test_a_post_that_asks_for_an_upgrade_is_a_client_error(server: LiveServer) -> None:
    assert _rest(_opened(server, method="POST")).startswith(b"HTTP/1.1 405")
    assert server.mistakes() == []


def test_a_socket_elsewhere_is_refused(server: LiveServer) -> None:
    async def elsewhere() -> None:
        await connect(f"{server.url.replace('http', 'ws')}/nothing", subprotocols=[PROTOCOL])  # type: ignore[list-item]

    with pytest.raises(InvalidStatus) as refused:
        asyncio.run(elsewhere())
    assert refused.value.response.status_code == 403


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that waits for nobody."""
    short = {
        "authgql.wire.frames.STALL_SECONDS": 0.3,
        "authgql.wire.frames.CLOSE_SECONDS": 0.2,
        "authgql.server.PING_SECONDS": 0.2,
    }
    with ServerProcesses(tmp_path_factory.mktemp("hasty")) as processes:
        yield processes.start("--dev", patience=short)


def test_a_peer_that_reads_nothing_is_cut_off(hasty: LiveServer) -> None:
    connection = _welcomed(hasty)
    connection.settimeout(PATIENCE_SECONDS)
    with pytest.raises(ConnectionError):
        connection.sendall(_frame(FIN | PING, b"x" * 125) * 200_000)
    connection.close()


def test_a_peer_that_answers_no_ping_is_cut_off(hasty: LiveServer) -> None:
    assert b"keepalive ping timeout" in _rest(_welcomed(hasty))


def test_a_peer_that_answers_no_close_is_cut_off(hasty: LiveServer) -> None:
    connection = _welcomed(hasty)
    connection.sendall(_frame(FIN | TEXT, b"[]"))
    assert b"Invalid message" in _rest(connection)


def test_a_peer_that_reads_late_gets_all_of_it(server: LiveServer) -> None:
    connection = _welcomed(server)
    pings = 60_000
    sending = threading.Thread(target=connection.sendall, args=(_frame(FIN | PING, b"x" * 125) * pings,))
    sending.start()
    time.sleep(0.3)
    received = 0
    while received < pings * 127:
        received += len(connection.recv(1_000_000))
    sending.join()
    connection.close()


def _token(server: LiveServer) -> str:
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    server.gql(REGISTER, {"input": given})
    login = server.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})["data"]["login"]
    token: str = login["tokens"]["accessToken"]
    return token


async def test_on_sigterm_sockets_are_closed_and_streams_broken_off(
    start_server: StartServer,
) -> None:
    server = start_server("--dev")
    token = await asyncio.to_thread(_token, server)
    sse = {"accept": "text/event-stream", "authorization": f"Bearer {token}"}
    async with (
        connect(f"{server.url.replace('http', 'ws')}/graphql", subprotocols=[PROTOCOL]) as client,  # type: ignore[list-item]
        httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as http,
        http.stream("POST", f"{server.url}/graphql", json={"query": EVENTS}, headers=sse) as answer,
    ):
        await client.send(
            json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        )
        assert json.loads(await client.recv()) == {"type": "connection_ack"}
        started = time.monotonic()
        assert await asyncio.to_thread(server.stop) == 0
        with pytest.raises(ConnectionClosed) as closed:
            await client.recv()
        assert "complete" not in (await answer.aread()).decode()
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 1012
    assert time.monotonic() - started < PATIENCE_SECONDS  # the 30 s of grace were not needed
    assert server.mistakes() == []


async def test_whoever_reads_again_is_read_when_the_application_wants_more() -> None:
    class Transport:
        reading = 0

        def resume_reading(self) -> None:
            self.reading += 1

    transport, protocol = Transport(), FrameProtocol.__new__(FrameProtocol)
    protocol.transport, protocol.writable = cast("Any", transport), asyncio.Event()
    protocol._stall = None  # noqa: SLF001 -- as after nobody stalled
    for waits, reading in ((True, 0), (False, 1)):
        protocol.read_paused = waits
        protocol.resume_writing()
        assert transport.reading == reading
