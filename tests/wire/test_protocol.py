"""A connection in front of small applications: what clients do to answers, and what becomes of WebSockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from authgql.server import Server
from authgql.web.request import WHOLE
from authgql.wire import protocol
from authgql.wire.connections import Connections
from authgql.wire.frames import FrameProtocol
from authgql.wire.protocol import HttpProtocol
from authgql.wire.refusals import Refusals

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
LARGE = b"a" * 20_000_000

StartApp = Callable[[ASGIApp], Awaitable[tuple[str, int]]]


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WRITE_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(protocol, name, 0.3)
    monkeypatch.setattr("authgql.wire.connections.SWEEP_SECONDS", 0.1)


@pytest.fixture
def connections() -> Connections:
    return Connections(ceiling=10, per_client=10, trusted_proxies=(), refusals=Refusals({}))


@asynccontextmanager
async def serving(app: ASGIApp, connections: Connections, **options: Any) -> AsyncIterator[tuple[str, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    started = asyncio.Event()
    config = uvicorn.Config(app, lifespan="off", http=HttpProtocol, log_config=None, **options)
    server = Server(
        config,
        connections=connections,
        announce=started.set,
        drain=lambda: None,
        break_off=lambda: None,
        drain_seconds=0,
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await started.wait()
    try:
        yield listener.getsockname()
    finally:
        server.stop()
        server.stop()
        await task


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():  # noqa: ASYNC110 -- the server's state has no event
            await asyncio.sleep(0.02)


async def test_a_client_that_reads_slowly_but_reads_has_its_whole_answer(connections: Connections) -> None:
    async with serving(Response(LARGE), connections) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET + b"Connection: close\r\n\r\n")
        assert (await reader.read()).endswith(LARGE)
        writer.close()
        await until(lambda: not connections.connections)


@pytest.mark.parametrize("head", [GET + b"\r\n", GET + b"Connection: close\r\n\r\n"])
async def test_an_answer_that_nobody_takes_ends_with_its_connection(
    connections: Connections, head: bytes
) -> None:
    async with serving(Response(LARGE), connections) as address:
        with socket.create_connection(address) as client:
            client.sendall(head)
            await until(lambda: len(connections.connections) == 1)
            await until(lambda: not connections.connections)


async def test_a_request_that_waits_to_write_ends_with_its_connection(connections: Connections) -> None:
    async def endless(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while connections.connections:
            await send({"type": "http.response.body", "body": LARGE, "more_body": True})

    async with serving(endless, connections) as address:
        with socket.create_connection(address) as client:
            client.sendall((GET + b"\r\n") * 2)  # of the second uvicorn thinks that it is the one
            await until(lambda: bool(connections.connections))
            await until(lambda: not connections.connections and not connections.tasks)


@pytest.mark.parametrize("pause", [False, True])
async def test_an_application_is_told_whether_a_body_is_there_already(
    connections: Connections, *, pause: bool
) -> None:
    asked = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        told = WHOLE in scope.get("extensions", {})
        while (await receive())["more_body"]:
            pass
        await Response(b"whole" if told else b"in parts")(scope, receive, send)

    async with serving(app, connections) as address:
        reader, writer = await asyncio.open_connection(*address)
        head, body = GET + b"Content-Length: 2\r\nConnection: close\r\n\r\n", b"{}"
        for part in (head, body) if pause else (head + body,):
            writer.write(part)
            await asked.wait()
        answer = await reader.read()
        writer.close()
    assert answer.endswith(b"in parts" if pause else b"whole")


async def test_after_nonsense_nothing_is_read_any_more(connections: Connections) -> None:
    begun, answer = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await answer.wait()
        await Response("the answer")(scope, receive, send)

    async with serving(app, connections) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET + b"\r\n")
        await begun.wait()
        for _ in range(3):
            writer.write(b"nonsense\r\n\r\n" + GET + b"\r\n")
            await asyncio.sleep(0.1)
        answer.set()
        heard = await reader.read()
        writer.close()
    assert heard.count(b"HTTP/1.1 ") == 1
    assert heard.endswith(b"the answer")


class Socket(asyncio.Protocol):
    """Stands for a WebSocket library: takes a connection over from uvicorn, and keeps it."""

    def __init__(self, *, server_state: Connections, **_: object) -> None:
        self._connections = server_state

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")


async def test_a_websocket_counts_as_a_connection_until_it_ends(connections: Connections) -> None:
    asked = GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with serving(Response(), connections, ws=Socket) as address:
        sockets = [await asyncio.open_connection(*address) for _ in range(10)]
        for reader, writer in sockets:
            writer.write(asked)
            assert (await reader.readline()).startswith(b"HTTP/1.1 101")
        await asyncio.sleep(0.5)  # longer than any deadline of those who speak HTTP
        reader, writer = await asyncio.open_connection(*address)
        writer.write(GET + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        writer.close()
        for _, open_socket in sockets:
            assert not open_socket.is_closing()
            open_socket.close()

        async def is_served() -> bool:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET + b"Connection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer.startswith(b"HTTP/1.1 200")

        async with asyncio.timeout(10):
            while not await is_served():  # noqa: ASYNC110 -- the same
                await asyncio.sleep(0.05)


async def test_of_who_does_not_read_what_it_asks_for_nothing_is_read(connections: Connections) -> None:
    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass

    key = (
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
    )
    pings, text = 60_000, b"\x81\x80" + bytes(4)
    flood = (b"\x89\xfd" + bytes(4) + b"x" * 125) * 1_000 + text
    async with serving(app, connections, ws=FrameProtocol) as address:
        reader, writer = await asyncio.open_connection(*address, limit=4_096)
        writer.write(GET + b"Connection: Upgrade\r\n" + key + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        (peer,) = connections.connections
        writer.write(flood * (pings // 1_000))
        held = 0
        for _ in range(40):
            await asyncio.sleep(0.05)
            held = max(held, peer.transport.get_write_buffer_size())
        assert held < 1_000_000
        await reader.readexactly(pings * 127)  # and all of it, once somebody reads
        writer.close()
        await until(lambda: not connections.connections)


# ---------------------------------------------------------------- whose connection it is


class Silent:
    """A connection that says nothing."""

    def __init__(self) -> None:
        self.ended = False

    def check(self, now: float) -> None:
        del now

    def make_room(self) -> None:
        self.ended = True


def admitted(*hosts: str, per_client: int = 1) -> list[bool]:
    connections = Connections(ceiling=100, per_client=per_client, trusted_proxies=(), refusals=Refusals({}))
    return [connections.admit(Silent(), host) for host in hosts]


def test_an_ipv6_network_is_one_client() -> None:
    assert admitted("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1") == [True, False, True]
    assert admitted("fe80::1%eth0", "fe80::2%eth0") == [True, False]


def test_ipv4_in_ipv6s_clothes_is_ipv4() -> None:
    assert admitted("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2") == [True, False, True]


def test_who_has_no_address_is_not_counted() -> None:
    assert admitted("", "", "") == [True, True, True]


def test_no_limit_is_no_limit() -> None:
    assert admitted("192.0.2.1", "192.0.2.1", per_client=0) == [True, True]


def test_the_longest_waiting_one_makes_room() -> None:
    connections = Connections(ceiling=2, per_client=0, trusted_proxies=(), refusals=Refusals({}))
    first, second, third, fourth = (Silent() for _ in range(4))
    connections.admit(first, "")
    connections.admit(second, "")
    connections.wait_for(first)  # its request was answered since
    assert connections.admit(third, "")
    assert (first.ended, second.ended) == (False, True)
    connections.has_come(first)
    connections.has_come(third)
    assert not connections.admit(fourth, "")
    assert (first.ended, third.ended) == (False, False)
