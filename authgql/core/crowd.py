"""Questions that come while another is being answered go to the database together, in one statement.

Nobody is given an answer that is older than their question: a statement answers those alone who asked
before it began. What is saved is the cost of a statement, not the look at the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from contextvars import Context
from typing import Final, Generic, TypeVar

MOST: Final = 100  # questions in one statement
# Statements under way: a connection that hangs must not make everybody wait, unless there is no other.
AT_ONCE: Final = {"postgres": 2, "sqlite": 1}
TURNS: Final = 2  # of the loop: in the first it reads what has come in, in the second that asks

Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


class Crowd(Generic[Key, Found]):
    """Asks for many at once; `find` answers several keys, leaving out what is not there."""

    def __init__(
        self, find: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Found]]], *, at_once: int
    ) -> None:
        self._find = find
        self._at_once = at_once
        self._waiting: list[tuple[Key, asyncio.Future[Found | None]]] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def ask(self, key: Key) -> Found | None:
        """Return what is found, or raise what `find` raises."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Found | None] = loop.create_future()
        self._waiting.append((key, answer))
        if len(self._waiting) == 1 and len(self._under_way) < self._at_once:
            loop.call_soon(self._go_after, TURNS)  # whoever asks in the same moment comes along
        return await answer

    def _go_after(self, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._go_after, turns - 1)
        else:
            self._go()

    def _go(self) -> None:
        if not self._waiting or len(self._under_way) >= self._at_once:
            return
        asked, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        # In a context of its own: the first one's transaction and request id are not everybody's.
        task = asyncio.get_running_loop().create_task(self._answer(asked), context=Context())
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._go()

    async def _answer(self, asked: Sequence[tuple[Key, asyncio.Future[Found | None]]]) -> None:
        try:
            found = await self._find(list({key for key, _ in asked}))
        except BaseException as error:  # noqa: BLE001 -- theirs to handle who asked
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for key, answer in asked:
            if not answer.done():  # who asked may have gone
                answer.set_result(found.get(key))
