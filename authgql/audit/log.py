"""Every security event becomes a row of the trail, and a refusal leaves its row behind whatever follows."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final, NoReturn
from uuid import UUID

import structlog

from authgql.audit.events import Event, Origin
from authgql.audit.feed import Entry
from authgql.audit.models import SecurityEventRecord
from authgql.audit.once import OnceAMinute
from authgql.core.bus import Bus
from authgql.core.clock import Clock
from authgql.core.cursors import Cursors, Page
from authgql.core.database import after_commit, in_a_transaction, transaction
from authgql.core.errors import Problem
from authgql.core.networks import network
from authgql.core.rows import Rows
from authgql.core.secrets import first_id_at

LONGEST_REQUEST: Final = timedelta(minutes=10)

log = structlog.get_logger("authgql.security")


class AuditLog:
    """Writes the trail, and reads one subject's part of it."""

    def __init__(self, *, clock: Clock, bus: Bus, cursors: Cursors) -> None:
        self._clock = clock
        self._bus = bus
        self._cursors = cursors
        self._once = OnceAMinute(clock=clock)
        self._rows = Rows(SecurityEventRecord)
        self.on_event: Callable[[str], None] = _not_counted  # called with the kind, once it is safe on disk

    async def record(
        self,
        event: Event,
        *,
        subject: UUID | None = None,
        origin: Origin | None = None,
        session_id: UUID | None = None,
        reason: str = "",
    ) -> None:
        """Add one row, in the caller's transaction if there is one."""
        await self.record_all(event, subject=subject, origin=origin, session_ids=[session_id], reason=reason)

    async def record_all(
        self,
        event: Event,
        *,
        session_ids: list[UUID] | list[UUID | None],
        subject: UUID | None,
        origin: Origin | None,
        reason: str = "",
    ) -> None:
        """Add a row for each of several sessions, in one statement."""
        rows = [
            self.entry(event, subject=subject, origin=origin, session_id=session_id, reason=reason)
            for session_id in session_ids
        ]
        if len(rows) == 1:
            await self._rows.insert(rows[0])
        elif rows:
            await SecurityEventRecord.bulk_create(rows)
        for row in rows:
            after_commit(partial(self.tell, row))

    def entry(
        self,
        event: Event,
        *,
        subject: UUID | None,
        origin: Origin | None,
        session_id: UUID | None,
        reason: str = "",
    ) -> SecurityEventRecord:
        """Make a row for a statement that inserts it with what happened; `tell` it once that is committed."""
        return self._rows.new(
            kind=event.kind,
            at=self._clock.now(),
            subject=subject,
            session_id=session_id,
            ip_address=origin.ip_address if origin else None,
            user_agent=origin.user_agent if origin else None,
            detail=event.sentence.format(reason=reason),
        )

    async def refuse(
        self,
        event: Event,
        refusal: Problem,
        *,
        subject: UUID | None = None,
        origin: Origin | None = None,
        session_id: UUID | None = None,
        along: Callable[[], Awaitable[None]] | None = None,
    ) -> NoReturn:
        """Commit the evidence by itself, then raise the refusal; `along` is committed with the evidence.

        Inside a transaction the raise would roll the evidence back, so none may be open.
        """
        if in_a_transaction():
            raise AssertionError("a refusal inside a transaction would erase its own evidence")
        reason = _words(type(refusal).__name__)
        async with transaction():
            if along:
                await along()
            await self.record(event, subject=subject, origin=origin, session_id=session_id, reason=reason)
        raise refusal

    async def refuse_often(
        self, event: Event, refusal: Problem, *, origin: Origin, subject: UUID | None = None
    ) -> NoReturn:
        """Raise a refusal that anybody can cause without end: its evidence is one row a minute.

        That is a row for each client network, in each subject's log: nobody's flood hides what is done to
        another, or by another.
        """
        key = (event, network(origin.ip_address), subject)
        if not self._once.is_due(key):
            raise refusal
        try:
            await self.refuse(event, refusal, subject=subject, origin=origin)
        except BaseException as error:
            if error is not refusal:
                self._once.forget(key)
            raise

    async def page(self, *, subject: UUID, first: int, after: str | None) -> Page[SecurityEventRecord]:
        """Return one subject's events, newest first; raises `BadUserInput`."""
        wanted = self._cursors.slice(first=first, after=after, owner=subject)
        older = {"id__lt": wanted.before} if wanted.before else {}
        rows = (
            await SecurityEventRecord.filter(subject=subject, **older).order_by("-id").limit(wanted.limit + 1)
        )
        return self._cursors.page(rows, wanted=wanted, owner=subject, key=lambda row: row.id)

    def tell(self, row: SecurityEventRecord) -> None:
        """Tell the metrics, the log and the bus of a row that is safe on disk."""
        self.on_event(row.kind)
        log.info(
            row.kind,
            event_id=str(row.id),
            subject=_str(row.subject),
            session=_str(row.session_id),
            ip=row.ip_address,
        )
        if entry := Entry.of(row):
            self._bus.publish(entry.message())

    async def forget(self, subject: UUID) -> None:
        """Strip a subject's events of addresses and agents; the pseudonym then leads to nobody."""
        await SecurityEventRecord.filter(subject=subject).update(ip_address=None, user_agent=None)

    async def forget_late(self) -> None:
        """Strip what requests that were under way wrote of subjects after these were forgotten."""
        recent = SecurityEventRecord.filter(id__gte=first_id_at(self._clock.now() - LONGEST_REQUEST))
        erased = await recent.filter(kind=Event.ACCOUNT_DELETED.kind).only("id", "subject")
        if erased:
            late = SecurityEventRecord.filter(subject__in=[row.subject for row in erased])
            await late.filter(ip_address__isnull=False).update(ip_address=None, user_agent=None)


def _not_counted(_: str) -> None:
    """Stand for a listener where there is none: the command line's commands have no metrics."""


def _str(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _words(name: str) -> str:
    """`InvalidCredentials` in words: "invalid credentials"."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
