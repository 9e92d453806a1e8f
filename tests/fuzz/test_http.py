"""Whatever is sent to the port, the answer is HTTP that says what it is, and the server goes on."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.process import LiveServer, ServerProcesses
from support.raw import BODY, CHUNKED, GET, POST, WITH_LENGTH, connect, statuses, talk

from authgql.web.middleware import HEADERS

pytestmark = pytest.mark.process

LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
quickly = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

WORDS = (
    b"GET POST HEAD OPTIONS PUT TRACE CONNECT QUERY /graphql / * /oauth/introspect http:// HTTP/1.1 HTTP/1.0 "
    b"HTTP/2.0 Host:a Content-Length:25 Content-Length:0 Transfer-Encoding:chunked Connection:close "
    b"Connection:upgrade Upgrade:websocket Expect:100-continue Content-Type:application/json : % %00 ? #"
).split()
TOKENS = st.sampled_from(
    [*WORDS, b" ", b"\r\n", b"\n", b"\r\n\r\n", b"0\r\n\r\n", b"19\r\n", b"\0", b"\xff", BODY]
)
WHOLE = st.sampled_from(
    [WITH_LENGTH, GET + b"\r\n", CHUNKED + b"\r\n19\r\n" + BODY + b"\r\n0\r\n\r\n", POST + b"\r\n"]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A request of which a few bytes were cut out, doubled or replaced."""
    request = draw(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(request)))
        end = min(len(request), start + draw(st.integers(0, 12)))
        kept = draw(st.sampled_from([b"", request[start:end] * 2])) or draw(TOKENS | st.binary(max_size=4))
        request = request[:start] + kept + request[end:]
    return request


BYTES = st.binary(max_size=300) | st.lists(TOKENS, max_size=12).map(b"".join) | damaged()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with ServerProcesses(tmp_path_factory.mktemp("server")) as processes:
        yield processes.start("--dev", LOG_FORMAT="json")


@pytest.fixture(autouse=True)
def _unharmed(server: LiveServer) -> Iterator[None]:
    yield
    assert statuses(talk(server, WITH_LENGTH)) == [200]
    assert server.mistakes() == []


def answers(server: LiveServer, sent: bytes) -> bytes:
    """Send bytes, then a good last request; return what comes until the server hangs up or is silent."""
    heard = b""
    with connect(server) as connection, suppress(TimeoutError, ConnectionError):
        connection.settimeout(0.1)
        connection.sendall(sent + LAST)
        while data := connection.recv(65_536):
            heard += data
    return heard


def check(heard: bytes) -> None:
    """Read answers one after another as a client does, each by its own length."""
    while heard:
        head, separator, rest = heard.partition(b"\r\n\r\n")
        assert separator, heard
        status = re.match(rb"HTTP/1\.1 ([1-4]\d\d) [A-Za-z -]+(?:\r\n|$)", head)
        assert status, head
        if status[1] == b"100":
            heard = rest
            continue
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert {name: lines[name] for name in ("x-content-type-options", "cache-control")} == {
            name: HEADERS[name] for name in ("x-content-type-options", "cache-control")
        }
        length = int(lines["content-length"])
        body, heard = rest[:length], rest[length:]
        if body.startswith(b"HTTP/1.1"):  # the answer to a HEAD has the length of the body that it leaves out
            heard = body + heard
        elif body:
            json.loads(body)


def test_any_bytes_on_the_wire_are_answered_in_http(server: LiveServer) -> None:
    @quickly
    @given(BYTES)
    def example(sent: bytes) -> None:
        check(answers(server, sent))

    example()


NAMES = st.sampled_from(
    """
    accept accept-encoding authorization connection content-encoding content-type cookie dpop forwarded origin
    range referer sec-fetch-site sec-fetch-dest te x-forwarded-for x-http-method-override if-none-match
    access-control-request-method access-control-request-headers
    """.split()  # noqa: SIM905 -- many words in few lines
)
LATIN = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
VALUES = LATIN | st.sampled_from(
    """*/*|application/json|text/html|gzip|gzip, deflate, br|null|close|Bearer x|DPoP x|Basic Og==|text/plain|
    multipart/form-data; boundary=x|application/json; charset=utf-16|same-origin|127.0.0.1|for=[::1]|
    application/graphql-response+json;q=2|a=b; a=c; =|__Host-authgql-access=x|bytes=0-,0-,0-,0-,0-,0-|
    """.split("|")  # noqa: SIM905 -- the same
)
PATHS = st.sampled_from(
    """
    /graphql /graphql/ /GRAPHQL //graphql /graphql?query={me{id}} /.well-known/jwks.json /healthz /readyz
    /account/verify-email /account/../graphql /dev/mailbox /dev/mailbox/x /dev/mailbox/..%2fx/html
    /graphiql/page.js /graphiql/..%2f..%2fpage.js /oauth/introspect /metrics /%00 /%ff%fe /*
    """.split()  # noqa: SIM905 -- the same
) | st.text(st.sampled_from("/.%0aA~;?=&-_"), max_size=20).map("/{}".format)
METHODS = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
BODIES = st.binary(max_size=60) | st.sampled_from(
    [
        BODY,
        b"{}",
        b"[]",
        b"null",
        b"\xef\xbb\xbf{}",
        b'{"query":1}',
        b"token=x",
        b"[" * 20_000,
        b"\x1f\x8b\x08",
    ]
)


def test_any_request_is_answered(server: LiveServer) -> None:
    @quickly
    @given(METHODS, PATHS, st.lists(st.tuples(NAMES, VALUES), max_size=5), BODIES)
    def example(method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value.strip()}" for name, value in headers]
        heard = answers(server, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        first = statuses(heard)[:1]
        assert first
        assert first[0] < 500

    example()
