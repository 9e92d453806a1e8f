"""`lastSeenAt` follows every request without any request waiting for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.sessions.models import Session

LONGEST_LAG: Final = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """How long a session may go unused, and how long it may last."""

    idle: timedelta
    absolute: timedelta

    @property
    def lag(self) -> timedelta:
        """How far `lastSeenAt` may stay behind: a minute, or a tenth of the idle timeout."""
        return min(LONGEST_LAG, self.idle / 10)


class Activity:
    """Remembers which sessions were used, and writes it down in one go."""

    def __init__(self, *, clock: Clock, timeouts: Timeouts) -> None:
        self._clock = clock
        self._idle, self._lag = timeouts.idle, timeouts.lag
        self._seen: dict[UUID, tuple[datetime, datetime]] = {}

    def saw(self, session: Session, now: datetime) -> None:
        """Note that a session is in use."""
        if now - session.last_seen_at >= self._lag:
            expires_at = min(now + self._idle, session.absolute_expires_at)
            self._seen[session.id] = (now, expires_at)

    async def flush(self) -> None:
        """Write down what was noted; a session that ended or timed out meanwhile stays as it is.

        What cannot be written is kept for the next time.
        """
        seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            await self._write(seen)
        except BaseException:
            self._seen = seen | self._seen
            raise

    async def _write(self, seen: Mapping[UUID, tuple[datetime, datetime]]) -> None:
        async with transaction():
            # Newest first, as whoever ends them locks them: two orders would be a deadlock.
            for session_id, (at, expires_at) in sorted(seen.items(), reverse=True):
                alive = Session.filter(
                    id=session_id, logged_out_at=None, last_seen_at__lt=at, expires_at__gt=self._clock.now()
                )
                await alive.update(last_seen_at=at, expires_at=expires_at)
