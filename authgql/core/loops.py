"""Work that recurs goes on for as long as the server runs, whatever one round of it runs into."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from authgql.core.database import is_unavailable

PATIENCE_SECONDS = 10

log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class Loop:
    """One recurring job: `work` runs at the start, then every `interval` seconds or when woken."""

    name: str
    interval: float
    work: Callable[[], Awaitable[object]]
    _woken: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _finishing: bool = field(default=False, init=False)

    def wake(self) -> None:
        """Have the work done now rather than later."""
        self._woken.set()

    def finish(self) -> None:
        """End after the round that is under way."""
        self._finishing = True
        self.wake()

    async def run(self) -> None:
        """Work until told to finish; a failed round is logged and the next one tried in its time."""
        while not self._finishing:
            self._woken.clear()
            await self._round()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.interval):
                    await self._woken.wait()

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
        """Let every loop finish its round, a mail half sent included; cancel what takes too long."""
        for loop in self._loops:
            loop.finish()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=PATIENCE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
