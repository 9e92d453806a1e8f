"""What anybody can cause leaves evidence once a minute: a flood must not fill the trail that tells of it."""

from collections.abc import Hashable
from datetime import datetime, timedelta
from typing import Final

from authgql.core.clock import Clock

MINUTE: Final = timedelta(minutes=1)
CAPACITY: Final = 1_000  # rows a minute in all: who has an IPv6 /48 has 65,536 networks to send from


class OnceAMinute:
    """Remembers, in bounded memory, what is on record since less than a minute ago.

    Each process remembers for itself, whether or not attempts are limited: nobody else watches the trail.
    """

    def __init__(self, *, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._noted: dict[Hashable, datetime] = {}

    def is_due(self, key: Hashable) -> bool:
        """Tell whether this is to be put on record, and remember that it is."""
        now = self._clock.now()
        while self._noted and not self._is_recent(next(iter(self._noted.values())), now):
            del self._noted[next(iter(self._noted))]
        if key in self._noted or len(self._noted) >= self._capacity:
            return False
        self._noted[key] = now
        return True

    def forget(self, key: Hashable) -> None:
        """Have it put on record the next time, for this time it could not be."""
        self._noted.pop(key, None)

    @staticmethod
    def _is_recent(noted: datetime, now: datetime) -> bool:
        return timedelta() <= now - noted < MINUTE  # a clock that was set back silences nobody for longer
