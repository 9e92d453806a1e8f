"""What one process says reaches all that listen, on every node, soon but not surely.

A message is a hint that something was committed. One that is lost on the way (Redis away, a crash before it
was sent) must be found by its readers in what was committed: see `audit/feed.py`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from authgql.core.redis import AWAY

CHANNEL: Final = "authgql:events"
QUEUED: Final = 10_000  # messages of a few hundred bytes
RETRY_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 5.0  # a line without a word for so long is asked for a sign of life

Listener = Callable[[bytes], None]

log = structlog.get_logger(__name__)


class Bus:
    """Carries messages within one process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have every message from now on given to a function that neither blocks nor raises."""
        self._listeners.append(listener)

    def on_gap(self, callback: Callable[[], None]) -> None:
        """Have a function called whenever messages may have been lost; none is on the way to oneself."""

    def publish(self, message: bytes) -> None:
        """Send a message, without waiting and without ever raising."""
        for listener in self._listeners:
            listener(message)

    async def ping(self) -> None:
        """Ask for a sign of life; raises one of `redis.AWAY`."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Carry messages for as long as the context is open."""
        yield


class RedisBus(Bus):
    """Carries messages between nodes by Redis' publish/subscribe, and within this one without it.

    What a node says to itself comes back to it through Redis as well: listeners know it by then.
    """

    def __init__(self, redis: Redis) -> None:
        super().__init__()
        self._redis = redis
        self._gaps: list[Callable[[], None]] = []
        self._outgoing: deque[bytes] = deque(maxlen=QUEUED)
        self._waiting = asyncio.Event()
        self._closing = False

    def on_gap(self, callback: Callable[[], None]) -> None:
        """See `Bus`."""
        self._gaps.append(callback)

    def publish(self, message: bytes) -> None:
        """See `Bus`; while Redis is away the oldest messages give way to the newest."""
        super().publish(message)
        self._outgoing.append(message)
        self._waiting.set()

    async def ping(self) -> None:
        """See `Bus`."""
        await self._redis.ping()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """See `Bus`; what is not sent when the context closes is tried once more."""
        tasks = [asyncio.create_task(work(), name="bus") for work in (self._send_all, self._read_all)]
        try:
            yield
        finally:
            self._closing = True  # a cancellation can be lost where a timeout falls at the same moment
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(*AWAY):
                await self._send_queued()

    async def _send_all(self) -> None:
        while not self._closing:
            await self._waiting.wait()
            self._waiting.clear()
            try:
                await self._send_queued()
            except AWAY as error:
                log.warning("bus.away", error=type(error).__name__)
                self._waiting.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _send_queued(self) -> None:
        while self._outgoing:
            message = self._outgoing[0]
            await self._redis.publish(CHANNEL, message)
            if self._outgoing and self._outgoing[0] is message:  # a flood may have pushed it out meanwhile
                self._outgoing.popleft()

    async def _read_all(self) -> None:
        while not self._closing:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    await self._read(channel)
            except AWAY as error:
                log.warning("bus.away", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, channel: PubSub) -> None:
        awaits_pong = False
        while not self._closing:
            message = await channel.get_message(timeout=QUIET_SECONDS)
            awaits_pong = await self._hear(message, channel, awaits_pong=awaits_pong)

    async def _hear(self, message: dict[str, Any] | None, channel: PubSub, *, awaits_pong: bool) -> bool:
        """Take a message, or silence; tell whether a sign of life is waited for."""
        if message is None:
            if awaits_pong:  # a line that was cut without a word looks like a quiet one
                raise TimeoutError
            await channel.ping()
            return True
        if message["type"] == "subscribe":
            for callback in self._gaps:
                callback()
        elif message["type"] == "message":
            super().publish(message["data"])
        return False
