"""What may be used once is recognised when it comes again, or is refused."""

from heapq import heappop, heappush
from math import ceil
from typing import Final, Protocol

import structlog

from authgql.core.clock import Clock

CAPACITY: Final = 100_000  # about 17 MB of hashes

log = structlog.get_logger(__name__)


class Replays(Protocol):
    """Remembers keys for a while; several nodes share one such memory."""

    async def first_time(self, key: str, *, seconds: int, known: bool = True) -> bool:
        """Remember a key, of a hash's length, for so long; tell whether it was not remembered before.

        `known` is whether it comes from somebody who is known here, for whom there is room while
        strangers flood. Raises `Unavailable` if the memory is away.
        """
        ...


class MemoryReplays:
    """The memory of a single process: bounded, and never forgetting early."""

    def __init__(self, *, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._seen: set[str] = set()
        self._expiring: dict[int, list[str]] = {}  # by second, since the epoch: a third less than one by one
        self._seconds: list[int] = []  # a heap: the first to expire comes first
        self._was_full = False

    # Nothing is awaited between looking and remembering, so that of two at once only one is the first.
    async def first_time(self, key: str, *, seconds: int, known: bool = True) -> bool:
        """See `Replays`. When full, nothing is new: a flood must not wash a used key out of the memory.

        A key is remembered to the end of the second in which its time is over. For strangers it is full at
        half of what it holds.
        """
        now = self._clock.now().timestamp()
        self._forget(now)
        if key in self._seen or self._is_full(self._capacity if known else self._capacity // 2):
            return False
        self._seen.add(key)
        expiry = ceil(now + seconds)
        if expiry not in self._expiring:
            self._expiring[expiry] = []
            heappush(self._seconds, expiry)
        self._expiring[expiry].append(key)
        return True

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0] <= now:
            self._seen.difference_update(self._expiring.pop(heappop(self._seconds)))

    def _is_full(self, capacity: int) -> bool:
        is_full = len(self._seen) >= capacity
        if is_full and not self._was_full:  # one line for a flood, not one for each of its drops
            log.warning("replays.full", capacity=capacity)
        self._was_full = is_full
        return is_full
