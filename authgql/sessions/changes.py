"""A change of a session, and the stream in which one reader reads those of an account."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Generic, TypeVar
from uuid import UUID

from authgql.audit.events import Event
from authgql.sessions.models import Session
from authgql.sessions.state import Ending

QUEUED: Final = 64  # changes that wait for one reader

Shown = TypeVar("Shown")


class Change(Enum):
    """What happened to a session, by the event that says so in the trail."""

    STARTED = Event.SESSION_STARTED
    REFRESHED = Event.SESSION_REFRESHED
    ENDED = Event.SESSION_ENDED


CHANGES: Final = {change.value.kind: change for change in Change}


@dataclass(frozen=True, kw_only=True)
class SessionChange:
    """Something that happened to a session, with its row as it is now."""

    id: UUID
    change: Change
    at: datetime
    session: Session
    ending: Ending | None


class TooSlow(Exception):  # noqa: N818 -- what the reader is
    """A reader did not keep up; what it missed, it finds by beginning anew."""


class Changes(Generic[Shown]):
    """One reader's stream of changes; it ends with the session that it is read in."""

    def __init__(
        self, show: Callable[[SessionChange], Shown], leave: Callable[["Changes[Shown]"], None]
    ) -> None:
        self._show = show
        self._leave = leave
        self._waiting: deque[SessionChange] = deque()
        self._told: set[UUID] = set()
        self._more = asyncio.Event()
        self._is_over = self._is_too_slow = False

    def put(self, change: SessionChange) -> None:
        """Add a change, unless the reader had it, has its last one or does not keep up."""
        if change.id in self._told or self._is_over or self._is_too_slow:
            return
        self._is_too_slow = len(self._waiting) >= QUEUED
        self._waiting.append(change)
        self._more.set()

    def begin(self, past: Sequence[SessionChange]) -> None:
        """Put what happened before in front of what came meanwhile."""
        self._told = {change.id for change in past}
        came = [change for change in self._waiting if change.id not in self._told]
        self._waiting = deque([*past, *came])
        self._more.set()

    def finish(self) -> None:
        """End after what waits."""
        self._is_over = True
        self._more.set()

    def __aiter__(self) -> AsyncIterator[Shown]:
        return self

    async def __anext__(self) -> Shown:
        """Return the next change; raises `TooSlow`."""
        while not self._waiting and not self._is_over:
            self._more.clear()
            await self._more.wait()
        if self._is_too_slow:
            raise TooSlow
        if not self._waiting:
            raise StopAsyncIteration
        return self._show(self._waiting.popleft())

    async def aclose(self) -> None:
        """Read no more."""
        self._leave(self)
