"""Connections pass from one borrower to the next at once, and through the pool's reset every second."""

import asyncio
from typing import Any, Final

import asyncpg

AT_HAND_SECONDS: Final = 1.0


class Lending:
    """Lends connections of an asyncpg pool.

    Taking one out of the pool and giving it back costs two to three times what a statement does: a timer, a
    task, and a reset on the server. So what somebody has just done with is kept at hand for the next, unless
    anybody waits at the pool, and everything at hand goes back to the pool once a second. A connection on
    which anything failed, or which is inside a transaction still, goes back at once.
    """

    def __init__(self, pool: asyncpg.Pool, *, timeout: float) -> None:
        self._pool: Any = pool  # asyncpg has no types
        self._timeout = timeout
        self._at_hand: list[Any] = []
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._returning: asyncio.Future[Any]  # referred to, so that it is not collected half done

    async def take(self) -> Any:  # noqa: ANN401 -- asyncpg's connection, which has no types
        """Borrow a connection; raises TimeoutError if there is none in time."""
        while self._at_hand:
            connection = self._at_hand.pop()
            if _is_open(connection):
                return connection
            await self._pool.release(connection)
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=self._timeout)
        finally:
            self._waiting -= 1

    async def give(self, connection: Any, *, clean: bool) -> None:  # noqa: ANN401 -- the same
        """Take a connection back; `clean` says that everything asked of it was answered."""
        if not clean or self._waiting or not _is_open(connection) or connection.is_in_transaction():
            await self._pool.release(connection)
            return
        self._at_hand.append(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AT_HAND_SECONDS, self._go_back)

    def in_use(self) -> int:
        """Return how many connections somebody has."""
        return int(self._pool.get_size() - self._pool.get_idle_size()) - len(self._at_hand)

    async def end(self) -> None:
        """Give everything at hand back, so that the pool can be closed."""
        if self._timer:
            self._timer.cancel()
        self._go_back()
        await self._returning

    def _go_back(self) -> None:
        self._timer = None
        connections, self._at_hand = self._at_hand, []
        releases = [self._pool.release(connection) for connection in connections]
        self._returning = asyncio.gather(*releases, return_exceptions=True)


def _is_open(connection: Any) -> bool:  # noqa: ANN401 -- the same
    """Tell whether a connection still is one; the pool takes back by itself what the server closed."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False
