"""Load: keep-alive connections, each of which sends its next request once its last one was answered."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, cast

import uvloop

CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: chunked\r\n", re.IGNORECASE)
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
OK: Final = b"HTTP/1.1 200 "
PATIENCE_SECONDS: Final = 30


class WrongAnswer(Exception):  # noqa: N818 -- what came
    """An answer that is not the one to measure: its time would say nothing."""


class Conversation(Protocol):
    """What one connection says, request by request."""

    def request(self) -> bytes:
        """Return the next request, whole."""
        ...

    def hear(self, body: bytes) -> None:
        """Take the answer's body in, or raise `WrongAnswer`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One round: the time of every answer, in order of length, and how much the processors did for it."""

    latencies: Sequence[float]
    seconds: float
    load_share: float
    server_seconds: float
    beside: Sequence[float] = ()  # what came of the conversations beside those that are measured

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    @property
    def work(self) -> float:
        """Processor time of the server for one answer, in milliseconds."""
        return self.server_seconds / len(self.latencies) * 1000

    def percentile(self, share: float) -> float:
        """Return the time, in milliseconds, within which this share of the answers came."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)] * 1000


class Connection(asyncio.Protocol):
    """One connection; after `deadline` it sends nothing more, so that no answer is left unread."""

    def __init__(self, conversation: Conversation, deadline: float) -> None:
        self.latencies: list[float] = []
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._conversation = conversation
        self._deadline = deadline
        self._received = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        self._send()

    def data_received(self, data: bytes) -> None:
        """Collect an answer; once it is whole, go on."""
        self._received += data
        body = whole_body(self._received)
        if body is None:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent_at)
        try:
            self._take(body)
        except WrongAnswer as error:
            self._finish(error)
            return
        if now < self._deadline:
            self._send()
        else:
            self._finish(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so, unless all was said."""
        self._finish(exc or ConnectionError("the server closed the connection"))

    def _take(self, body: bytes) -> None:
        if not self._received.startswith(OK):
            raise WrongAnswer(self._received.decode(errors="replace"))
        self._received = b""
        self._conversation.hear(body)

    def _send(self) -> None:
        request = self._conversation.request()
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def _finish(self, error: Exception | None) -> None:
        if self.finished.done():
            return
        if error is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(error)
        self._transport.close()


def whole_body(received: bytes) -> bytes | None:
    """Return an answer's body once all of it is there, in its chunks if it came in chunks."""
    head, end_of_head, body = received.partition(b"\r\n\r\n")
    if not end_of_head:
        return None
    if CHUNKED.search(head + b"\r\n"):
        return body if body.endswith(LAST_CHUNK) else None
    length = LENGTH.search(head)
    if length is None:
        raise WrongAnswer(head.decode(errors="replace"))
    return body if len(body) >= int(length[1]) else None


def measure(
    port: int,
    conversations: Sequence[Conversation],
    *,
    seconds: float,
    server_time: Callable[[], float],
    beside: Sequence[Conversation] = (),
) -> Measured:
    """Have every conversation go on for so long at once; raises `WrongAnswer` at the first one.

    `server_time` tells the processor seconds that the server has used; the conversations `beside` are
    held at the same time and counted apart.
    """
    return uvloop.run(_measure(port, conversations, seconds, server_time, beside))


async def _measure(
    port: int,
    conversations: Sequence[Conversation],
    seconds: float,
    server_time: Callable[[], float],
    beside: Sequence[Conversation],
) -> Measured:
    loop = asyncio.get_running_loop()
    worked, busy, began = server_time(), time.process_time(), time.perf_counter()
    connections: list[Connection] = []
    for conversation in (*conversations, *beside):
        opened = partial(Connection, conversation, began + seconds)
        _, connection = await loop.create_connection(opened, "127.0.0.1", port)
        connections.append(connection)
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(connection.finished for connection in connections))
    took = time.perf_counter() - began
    counted, others = connections[: len(conversations)], connections[len(conversations) :]
    return Measured(
        latencies=sorted(latency for connection in counted for latency in connection.latencies),
        seconds=took,
        load_share=(time.process_time() - busy) / took,
        server_seconds=server_time() - worked,
        beside=[latency for connection in others for latency in connection.latencies],
    )
