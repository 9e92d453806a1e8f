"""What several nodes share, in Redis or Valkey: their messages, and the memory of what was used.

Whoever has none does not import this: the library takes 5 MiB and a tenth of the time to start.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from authgql.core.bus import Bus
from authgql.core.errors import Unavailable

PATIENCE_SECONDS: Final = 2.0
CHANNEL: Final = "authgql:events"
QUEUED: Final = 10_000  # messages of a few hundred bytes
RETRY_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 5.0  # a line without a word for so long is asked for a sign of life

AWAY: Final = (RedisConnectionError, RedisTimeoutError, OSError)
"""What a call raises while Redis cannot be reached, or does not answer within `PATIENCE_SECONDS`."""

log = structlog.get_logger(__name__)


def connect(url: str) -> Redis:
    """Return a client with a pool of its own; it connects at its first command and again after each loss."""
    return Redis.from_url(url, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS)


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
        try:
            await self._redis.ping()
        except AWAY as error:
            raise Unavailable from error

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


class RedisReplays:
    """The memory that several nodes share: of one key, used on any of them, there is one first time."""

    def __init__(self, *, redis: Redis) -> None:
        self._redis = redis

    async def first_time(self, key: str, *, seconds: int, known: bool = True) -> bool:  # noqa: ARG002 -- Redis has room for both
        """See `Replays`. Without an answer nothing was used for the first time (ASVS 16.5.3)."""
        try:
            return bool(await self._redis.set(f"authgql:used:{key}", b"", nx=True, ex=seconds))
        except OutOfMemoryError:
            log.warning("replays.full")
            return False
        except (RedisError, OSError) as error:
            log.warning("replays.away", error=type(error).__name__)
            raise Unavailable from error
