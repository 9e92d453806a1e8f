"""Work that recurs goes on for as long as the server runs, whatever one round of it runs into."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from authgql.core.database import is_unavailable

log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class Loop:
    """One recurring job: `work` runs at the start, then every `interval` seconds or when woken."""

    name: str
    interval: float
    work: Callable[[], Awaitable[object]]
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def wake(self) -> None:
        """Have the work done now rather than later."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; a failed round is logged and the next one tried in its time."""
        while True:
            self._woken.clear()
            await self._round()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.interval)

    async def _round(self) -> None:
        try:
            await self.work()
        except Exception as error:
            away = is_unavailable(error)
            log.warning("loop.failed", loop=self.name, error=type(error).__name__, exc_info=not away)


class Loops:
    """Starts and stops the loops together."""

    def __init__(self, loops: Sequence[Loop]) -> None:
        self._loops = loops
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every loop on the running event loop."""
        self._tasks = [asyncio.create_task(loop.run(), name=loop.name) for loop in self._loops]

    async def stop(self) -> None:
        """Cancel every loop and wait until it is gone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
