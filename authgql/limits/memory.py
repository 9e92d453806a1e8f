"""The counts of a single process: exact, in bounded memory, and never swept all at once."""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import Final, TypeAlias

from limits.aio.storage import MemoryStorage

from authgql.core.clock import Clock

CAPACITY: Final = 100_000  # keys of each length of window
SWEPT: Final = 2  # with each attempt; more than one, so that what has expired does not pile up


Windows: TypeAlias = "OrderedDict[str, array[float]]"


class MemoryWindows(MemoryStorage):
    """Moving windows for the library `limits`.

    Its own `MemoryStorage` walks over all its keys after each attempt, so that a flood of names stops the
    event loop. Here the keys of one length of window stand in the order in which they were last asked for,
    refused or not: the front expires first, and is forgotten first when there are too many.
    """

    def __init__(self, *, clock: Clock, capacity: int = CAPACITY) -> None:
        super().__init__()
        self._clock = clock
        self._capacity = capacity
        self._windows: dict[int, Windows] = {}

    # Nothing is awaited between looking and counting, so that attempts at once are counted one by one.
    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count an attempt, unless that would be more than `limit` within the last `expiry` seconds."""
        now = self._clock.now().timestamp()
        windows = self._windows.setdefault(expiry, OrderedDict())
        times = windows.get(key, array("d"))
        del times[: bisect_right(times, now - expiry)]
        if len(times) + amount > limit:
            return False
        times.extend([now] * amount)
        windows[key] = times
        windows.move_to_end(key)
        self._make_room(windows, now - expiry)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 -- the library's signature
        """Return the time of the oldest attempt in the window, and how many there are."""
        now = self._clock.now().timestamp()
        windows = self._windows.get(expiry, OrderedDict())
        times = windows.get(key, array("d"))
        if times:
            windows.move_to_end(key)
        oldest = bisect_right(times, now - expiry)
        return (times[oldest], len(times) - oldest) if oldest < len(times) else (now, 0)

    def _make_room(self, windows: Windows, expired: float) -> None:
        for _ in range(SWEPT):
            oldest = next(iter(windows))
            if windows[oldest][-1] <= expired or len(windows) > self._capacity:
                del windows[oldest]
