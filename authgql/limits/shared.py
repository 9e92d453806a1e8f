"""The counts that several nodes share, in Redis: all nodes together let through what one would."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from limits.aio.storage import RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from authgql.core.clock import Clock
from authgql.core.errors import Unavailable

ROUNDING: Final = 0.001  # seconds: Lua returns times with fewer digits than it was given


class SharedWindows(RedisStorage):
    """Moving windows for the library `limits`, by this server's clock.

    Its methods raise `Unavailable` while Redis does not answer as it should.
    """

    bridge: RedispyBridge

    def __init__(self, redis: Redis, *, clock: Clock) -> None:
        super().__init__(
            "async+redis://",
            implementation="redispy",
            key_prefix="authgql:limits",
            connection_pool=redis.connection_pool,  # type: ignore[arg-type]  # documented, not typed
        )
        self._clock = clock

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count an attempt, unless that would be more than `limit` within the last `expiry` seconds."""
        now = self._clock.now().timestamp()
        keys = [self.bridge.prefixed_key(key)]
        with _asking():
            return bool(await self.bridge.lua_acquire_moving_window(keys, [now, limit, expiry, amount]))

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return the time of the oldest attempt in the window, and how many there are."""
        now = self._clock.now().timestamp()
        keys = [self.bridge.prefixed_key(key)]
        with _asking():
            found = await self.bridge.lua_moving_window(keys, [now - expiry, limit])
        return (float(found[0]) + ROUNDING, found[1]) if found else (now, 0)


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable from error
