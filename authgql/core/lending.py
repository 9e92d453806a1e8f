"""Connections pass from one borrower to the next at once, and through the pool's reset every second."""

import asyncio
from typing import Any, Final

import asyncpg

AT_HAND_SECONDS: Final = 1.0


class Lending:
    """Lends connections of an asyncpg pool.

    Taking one out of the pool and giving it back costs two to three times what a statement does: a timer, a
    task, and a reset on the server. So what somebody has just done with is kept at hand for the next, and
    everything at hand goes back to the pool once a second. A connection on which anything failed, or which is
    inside a transaction still, goes back at once.
    """

    def __init__(self, pool: asyncpg.Pool, *, timeout: float) -> None:
        self._pool: Any = pool  # asyncpg has no types
        self._timeout = timeout
        self._places = asyncio.Semaphore(pool.get_max_size())  # who waits, waits here and not at the pool
        self._at_hand: list[Any] = []
        self._timer: asyncio.TimerHandle | None = None
        self._returning: asyncio.Future[Any]  # referred to, so that it is not collected half done

    async def take(self) -> Any:  # noqa: ANN401 -- asyncpg's connection, which has no types
        """Borrow a connection; raises TimeoutError if there is none in time."""
        if self._at_hand and not self._places.locked():
            return await self._take()
        async with asyncio.timeout(self._timeout):
            return await self._take()

    async def give(self, connection: Any, *, clean: bool) -> None:  # noqa: ANN401 -- the same
        """Take a connection back; `clean` says that everything asked of it was answered."""
        try:
            if clean and _is_idle(connection):
                self._keep(connection)
            else:
                await self._pool.release(connection)
        finally:
            self._places.release()

    def in_use(self) -> int:
        """Return how many connections somebody has."""
        return int(self._pool.get_size() - self._pool.get_idle_size()) - len(self._at_hand)

    async def end(self) -> None:
        """Give everything at hand back, so that the pool can be closed."""
        if self._timer:
            self._timer.cancel()
        self._go_back()
        await self._returning

    async def _take(self) -> Any:  # noqa: ANN401 -- the same
        await self._places.acquire()
        try:
            while self._at_hand:
                connection = self._at_hand.pop()
                if _is_idle(connection):
                    return connection
                await self._pool.release(connection)
            return await self._pool.acquire(timeout=self._timeout)
        except BaseException:
            self._places.release()
            raise

    def _keep(self, connection: Any) -> None:  # noqa: ANN401 -- the same
        self._at_hand.append(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AT_HAND_SECONDS, self._go_back)

    def _go_back(self) -> None:
        self._timer = None
        connections, self._at_hand = self._at_hand, []
        releases = [self._pool.release(connection) for connection in connections]
        self._returning = asyncio.gather(*releases, return_exceptions=True)


def _is_idle(connection: Any) -> bool:  # noqa: ANN401 -- the same
    """Tell whether nothing is under way on it; the pool takes back by itself what the server closed."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:
        return False
