"""What is over is kept for as long as the settings say, and then goes by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from authgql.audit import retention as trail
from authgql.audit.chain import Chain
from authgql.core.clock import Clock
from authgql.core.retention import in_batches
from authgql.links.service import Links
from authgql.mail.outbox import Outbox
from authgql.sessions import retention as sessions
from authgql.tokens.retention import delete_chains

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """How many addresses became networks, and how many rows went."""

    truncated: Mapping[str, int]
    deleted: Mapping[str, int]

    def __str__(self) -> str:
        """Say it in two lines."""
        return f"Addresses truncated: {_words(self.truncated)}.\nDeleted: {_words(self.deleted)}."


class Janitor:
    """Goes through every room; harmless on several nodes at once, and goes on where it was stopped.

    The spans say for how long something is kept; 0 stands for ever.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        chain: Chain,
        links: Links,
        outbox: Outbox,
        addresses: timedelta,
        ended_sessions: timedelta,
        events: timedelta,
    ) -> None:
        self._clock = clock
        self._chain = chain
        self._links = links
        self._outbox = outbox
        self._addresses = addresses
        self._ended_sessions = ended_sessions
        self._events = events

    async def clean(self) -> Cleaned:
        """Do all that is due, in many short transactions."""
        truncated = await self._truncate()  # first: whatever else fails, no address is kept for longer
        deleted = {
            "sessions": await self._delete_sessions(),
            "links": await self._links.forget(),
            "mails": await self._outbox.forget(),
            "events": await self._delete_events(),
        }
        cleaned = Cleaned(truncated=truncated, deleted=deleted)
        log.info("janitor.cleaned", truncated=cleaned.truncated, deleted=cleaned.deleted)
        return cleaned

    async def _truncate(self) -> Mapping[str, int]:
        if not self._addresses:
            return {}
        before = self._clock.now() - self._addresses
        return {
            "sessions": await sessions.truncate_addresses(before),
            "events": await trail.truncate_addresses(before),
        }

    async def _delete_sessions(self) -> int:
        return await in_batches(self._delete_some) if self._ended_sessions else 0

    async def _delete_events(self) -> int:
        return await self._chain.prune(self._clock.now() - self._events) if self._events else 0

    async def _delete_some(self) -> int:
        now = self._clock.now()
        over = await sessions.some_over(now - self._ended_sessions, now=now)
        await delete_chains(over)
        return await sessions.delete(over)


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"
