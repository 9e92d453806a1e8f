"""Whoever follows an account hears of each of its events once, soon, and even if the bus lost the message.

The trail is what counts. The bus only says where to look at once; every few seconds, and whenever the bus
may have lost something, the trail itself is read again, with an overlap: rows become visible in another
order than their ids have, because transactions take their time and clocks differ.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import orjson
import structlog

from authgql.audit.models import SecurityEventRecord
from authgql.core.bus import Bus
from authgql.core.secrets import earlier_id, new_id

OVERLAP_SECONDS: Final = 60
SUBJECTS_AT_ONCE: Final = 10_000  # both databases take a little over 32,000 parameters
COLUMNS: Final = ("id", "kind", "at", "subject", "session_id")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row of the trail, as much as the bus carries of it: no address, no agent, no sentence."""

    id: UUID
    kind: str
    at: datetime
    subject: UUID
    session_id: UUID

    @classmethod
    def of(cls, row: SecurityEventRecord) -> Self | None:
        """Return a row's entry, if it happened to a session of somebody."""
        if row.subject is None or row.session_id is None:
            return None
        return cls(id=row.id, kind=row.kind, at=row.at, subject=row.subject, session_id=row.session_id)

    def message(self) -> bytes:
        """Return what goes over the bus."""
        return orjson.dumps({name: str(getattr(self, name)) for name in COLUMNS})

    @classmethod
    def read(cls, message: bytes) -> Self:
        """Read a message; raises ValueError, KeyError or TypeError for what is none."""
        told = orjson.loads(message)
        return cls(
            id=UUID(str(told["id"])),
            kind=str(told["kind"]),
            at=datetime.fromisoformat(str(told["at"])),
            subject=UUID(str(told["subject"])),
            session_id=UUID(str(told["session_id"])),
        )


class Feed:
    """Follows the trail for the subjects that somebody follows now."""

    def __init__(self, *, bus: Bus, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        self._followers: Counter[UUID] = Counter()
        self._seen: dict[UUID, set[UUID]] = {}  # by subject; also those not yet settled
        self._settled: set[UUID] = set()
        self._complete_from = earlier_id(new_id(), seconds=OVERLAP_SECONDS)
        self.on_entry: Callable[[Entry], None] = _ignore
        bus.listen(self._hear)

    async def follow(self, subject: UUID) -> Sequence[Entry]:
        """Hear of a subject's events from now on; return those of the last minute, which will not come again.

        Each call is undone by one of `unfollow`, also when it was cancelled or raised.
        """
        self._followers[subject] += 1
        self._seen.setdefault(subject, set())
        recent = await self._read([subject])
        if subject in self._settled:  # somebody else may not have heard of them yet
            for entry in recent:
                self._take(entry)
        else:
            self._seen[subject].update(entry.id for entry in recent)
            self._settled.add(subject)
        return recent

    def unfollow(self, subject: UUID) -> None:
        """Follow a subject no longer, once nobody does."""
        self._followers[subject] -= 1
        if not self._followers[subject]:
            del self._followers[subject], self._seen[subject]
            self._settled.discard(subject)

    async def catch_up(self) -> None:
        """Read what the bus may have lost; one statement for all subjects."""
        started = new_id()
        subjects = sorted(self._settled)
        for at in range(0, len(subjects), SUBJECTS_AT_ONCE):
            for entry in await self._read(subjects[at : at + SUBJECTS_AT_ONCE]):
                self._take(entry)
        self._complete_from = earlier_id(started, seconds=OVERLAP_SECONDS)
        for seen in self._seen.values():
            seen.difference_update([event_id for event_id in seen if event_id < self._complete_from])

    async def since(self, subject: UUID, first: UUID, *, limit: int) -> Sequence[Entry]:
        """Return a subject's events from an id on, newest first, at most so many."""
        rows = self._rows(subject=subject, id__gte=first).order_by("-id").limit(limit)
        return [Entry(**row) for row in await rows.values(*COLUMNS)]

    async def _read(self, subjects: Sequence[UUID]) -> list[Entry]:
        rows = self._rows(subject__in=subjects, id__gte=self._complete_from).order_by("id")
        return [Entry(**row) for row in await rows.values(*COLUMNS)]

    def _rows(self, **conditions: Any) -> Any:  # noqa: ANN401 -- Tortoise's query set, of dictionaries
        return SecurityEventRecord.filter(kind__in=self._kinds, session_id__not_isnull=True, **conditions)

    def _hear(self, message: bytes) -> None:
        if not self._followers:
            return
        try:
            entry = Entry.read(message)
        except (ValueError, KeyError, TypeError):
            log.warning("bus.unreadable", bytes=len(message))
            return
        if entry.kind in self._kinds:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        seen = self._seen.get(entry.subject)
        # What is older than the overlap was read from the trail long ago: Redis is back, and late.
        if seen is None or entry.id in seen or entry.id < self._complete_from:
            return
        seen.add(entry.id)
        self.on_entry(entry)


def _ignore(_: Entry) -> None:
    """Stand in for the one consumer until there is one."""
