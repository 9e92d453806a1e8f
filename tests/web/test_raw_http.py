"""The real server, spoken to in bytes: what is no HTTP is refused, and harms nobody else."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.process import LiveServer, ServerProcesses
from support.raw import BODY, CHUNKED, GET, POST, WITH_LENGTH, connect, statuses, talk

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    directory: Path = tmp_path_factory.mktemp("server")
    with ServerProcesses(directory) as processes:
        yield processes.start("--dev", MAX_CONNECTIONS_PER_CLIENT="0")


@pytest.fixture(autouse=True)
def _healthy_afterwards(server: LiveServer) -> Iterator[None]:
    yield
    assert statuses(talk(server, POST + b"Connection: close\r\n" + WITH_LENGTH.removeprefix(POST))) == [200]
    assert server.mistakes() == []


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        POST + b"Content-Length: 25\r\nContent-Length: 25\r\n\r\n" + BODY,
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: +25\r\n\r\n" + BODY,
        POST + b"Content-Length: 0x19\r\n\r\n" + BODY,
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n19\r\n" + BODY + b"\r\n0\r\n\r\n",
        CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n19\r\n" + BODY + b"\r\n0\r\n\r\n",
        CHUNKED.replace(b"1.1", b"1.0") + b"\r\n19\r\n" + BODY + b"\r\n0\r\n\r\n",
        POST + b"Content-Length: 25, 25\r\n\r\n" + BODY,
        CHUNKED + b"\r\nnonsense\r\n",
        CHUNKED + b"\r\n5\nabcde\r\n0\r\n\r\n",
        CHUNKED + b"\r\n-5\r\nabcde\r\n0\r\n\r\n",
        CHUNKED + b"\r\n0x19\r\n" + BODY + b"\r\n0\r\n\r\n",
        CHUNKED + b"\r\n19 \r\n" + BODY + b"\r\n0\r\n\r\n",
        CHUNKED + b"\r\n19\r\n" + BODY + b"0\r\n\r\n",
        CHUNKED + b"\r\n19;a\n" + BODY + b"\r\n0\r\n\r\n",
        CHUNKED + b"\r\nFFFFFFFFFFFFFFFFF1\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        GET + b"Host: evil.example\r\n\r\n",
        GET.replace(b"\r\n", b"\n") + b"\n",
        GET + b"X: a\rY: b\r\n\r\n",
        GET + b"X: a\r\n b\r\n\r\n",
        GET + b"X: a\0b\r\n\r\n",
        GET + b"X\0: a\r\n\r\n",
        GET + b"X Y: a\r\n\r\n",
        GET + b"no header\r\n\r\n",
        GET + b": a\r\n\r\n",
        GET.replace(b"1.1", b"2.0") + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET /h\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"FOO /graphql HTTP/1.1\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"\x00" * 1_000,
        b"\r\n" * 10 + b"nonsense\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_400_and_the_end_of_the_connection(server: LiveServer, request_: bytes) -> None:
    heard = talk(server, request_)
    assert statuses(heard) == [400]
    assert b"connection: close" in heard.lower()


def test_a_smuggled_request_is_never_answered(server: LiveServer) -> None:
    inner = b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    heard = talk(
        server,
        POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(inner)),
        inner,
    )
    assert b'"keys"' not in heard


@pytest.mark.parametrize("method", [b"TRACE", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"HEAD"])
def test_a_method_that_is_not_ours_is_a_405_that_repeats_nothing(server: LiveServer, method: bytes) -> None:
    heard = talk(server, method + b" /graphql HTTP/1.1\r\nHost: localhost\r\nX-Canary: repeated\r\n\r\n")
    assert statuses(heard) == [405]
    assert b"allow: POST" in heard
    assert b"repeated" not in heard


def test_the_server_does_not_say_what_it_is(server: LiveServer) -> None:
    heard = talk(server, GET + b"\r\n").lower()
    assert b"server:" not in heard
    assert b"uvicorn" not in heard


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
        GET + b"".join(b"X-%d: a\r\n" % number for number in range(100_000)) + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz?" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
        CHUNKED + b"\r\n0\r\nX-Trailer: " + b"a" * 1_000_000 + b"\r\n\r\n",
        CHUNKED + b"\r\n1;extension=" + b"a" * 1_000_000 + b"\r\na\r\n0\r\n\r\n",
    ],
    ids=["a long header", "many headers", "a long path", "a long query", "a trailer", "a chunk extension"],
)
def test_what_is_longer_than_any_browser_sends_is_not_read_to_its_end(
    server: LiveServer, head: bytes
) -> None:
    started = time.monotonic()
    heard = talk(server, head)
    assert set(statuses(heard)) <= {400, 431}  # none where the client was still sending
    assert time.monotonic() - started < 5


def test_headers_as_long_as_browsers_send_them_are_taken(server: LiveServer) -> None:
    assert statuses(talk(server, GET + b"Cookie: " + b"a" * 16_000 + b"\r\n\r\n")) == [200]


def test_endless_headers_cost_neither_memory_nor_time(server: LiveServer) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with connect(server) as connection:
        connection.sendall(GET + b"X-Endless: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"a" * 100_000_000)
    assert process.memory_info().rss - before < 10_000_000


def test_a_chunked_body_that_is_too_large_is_a_413(server: LiveServer) -> None:
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    heard = talk(server, CHUNKED + b"\r\n", *[chunk] * 20, b"0\r\n\r\n")
    assert statuses(heard) == [413]
    assert b'"BAD_USER_INPUT"' in heard


def test_a_long_body_is_refused_by_what_comes_and_not_by_what_is_announced(server: LiveServer) -> None:
    heard = talk(server, POST + b"Content-Length: 10000000\r\n\r\n", b" " * 100_000)
    assert statuses(heard) == [413]


@pytest.mark.parametrize(
    "parts",
    [
        [GET[:20]],
        [POST],
        [WITH_LENGTH[:-5]],
        [CHUNKED + b"\r\n5\r\nabc"],
        [POST + b"Content-Length: 60000\r\n\r\n", b"{"],
        [b""],
    ],
)
def test_a_request_that_is_cut_off_is_forgotten(server: LiveServer, parts: list[bytes]) -> None:
    assert talk(server, *parts) == b""


def test_pipelined_requests_are_answered_in_their_order(server: LiveServer) -> None:
    heard = talk(
        server,
        WITH_LENGTH + GET + b"\r\n" + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n" + WITH_LENGTH,
    )
    assert statuses(heard) == [200, 200, 404, 200]
    assert heard.count(b'{"data":{"me":null}}') == 2


def test_a_request_in_single_bytes_is_answered(server: LiveServer) -> None:
    heard = talk(server, *(WITH_LENGTH[n : n + 1] for n in range(len(WITH_LENGTH))))
    assert statuses(heard) == [200]


def test_a_client_that_asks_first_is_told_to_go_on(server: LiveServer) -> None:
    asked = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    assert statuses(talk(server, asked, BODY)) == [100, 200]


def test_an_upgrade_that_is_not_offered_is_an_ordinary_request(server: LiveServer) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: %s\r\n\r\n"
    assert statuses(talk(server, GET + upgrade % b"h2c")) == [200]


def test_an_absolute_address_is_read_for_its_path_alone(server: LiveServer) -> None:
    heard = talk(server, b"GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert statuses(heard) == [200]
    assert b"evil" not in heard


def test_a_path_writes_no_line_into_the_log(server: LiveServer) -> None:
    talk(server, b"GET /%0a%0d%1b[31mforged HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert not [line for line in server.log.read_text().splitlines() if line.startswith(("\x1b", "forged"))]


def test_many_idle_connections_keep_nobody_from_an_answer(server: LiveServer) -> None:
    idle = [connect(server) for _ in range(300)]
    try:
        for connection in idle:
            connection.sendall(GET[:10])
        started = time.monotonic()
        assert statuses(talk(server, WITH_LENGTH)) == [200]
        assert time.monotonic() - started < 2
    finally:
        for connection in idle:
            connection.close()
