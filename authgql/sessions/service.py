"""Every login is a session: its owner can see it and end it, and once ended it opens nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tortoise.queryset import QuerySet

from authgql.accounts.models import Account
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.rows import Rows
from authgql.sessions.activity import Activity, Timeouts
from authgql.sessions.devices import MAX_USER_AGENT, describe
from authgql.sessions.errors import SessionNotFound
from authgql.sessions.living import Living
from authgql.sessions.location import Locator
from authgql.sessions.models import Session
from authgql.sessions.renewal import Renewal
from authgql.sessions.revocations import Revocations
from authgql.sessions.state import Ending, SessionEndReason, ending, timeout_reason

EXPIRY_BATCH: Final = 100


class Sessions:
    """Starts, finds, renews and ends sessions."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        activity: Activity,
        locator: Locator,
        revocations: Revocations,
        timeouts: Timeouts,
        token_life: timedelta,
        limit: int,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._activity = activity
        self._locator = locator
        self._revocations = revocations
        self._timeouts = timeouts
        self.renewal = Renewal(clock=clock, timeouts=timeouts, token_life=token_life)
        self._limit = limit
        self._in_use = Living(clock=clock)
        self._rows = Rows(Session)

    def new(
        self, account: Account, *, origin: Origin, device_id: str, key_thumbprint: str | None = None
    ) -> Session:
        """Make a session's row, bound to a key if one is given; `enforce_limit` follows its insertion."""
        now = self._clock.now()
        device, location = describe(origin.user_agent), self._locator.locate(origin.ip_address)
        return self._rows.new(
            account_id=account.id,
            logged_in_at=now,
            authenticated_at=now,
            last_seen_at=now,
            absolute_expires_at=now + self._timeouts.absolute,
            expires_at=now + min(self._timeouts.idle, self._timeouts.absolute),
            ip_address=origin.ip_address,
            city=location.city,
            country=location.country,
            user_agent=origin.user_agent[:MAX_USER_AGENT],
            device_name=device.name,
            device_kind=device.kind.value,
            browser=device.browser,
            os=device.os,
            key_thumbprint=key_thumbprint,
            device_id=device_id,
            **self.renewal.token(now + self._timeouts.absolute),
        )

    async def enforce_limit(self, account: Account, origin: Origin) -> None:
        """End an account's oldest sessions if it has too many, in the transaction that started one."""
        if not self._limit:
            return
        kept = await self._living(account_id=account.id).order_by("-id").limit(self._limit)
        surplus = self._living(account_id=account.id, id__lt=kept[-1].id)
        await self._end(surplus, SessionEndReason.SESSION_LIMIT, account, origin)

    async def find_living(self, session_id: UUID, account_id: UUID) -> Session | None:
        """Return an active session with its account; one statement at most."""
        return await self._in_use.find(session_id, account_id)

    def saw(self, session: Session) -> None:
        """Note that a session is in use."""
        self._activity.saw(session, self._clock.now())

    async def hold_all(self, account: Account) -> Sequence[UUID]:
        """Return which sessions of an account are active; they stay so until the transaction ends."""
        return [session.id for session in await _locked(self._living(account_id=account.id))]

    async def reauthenticated(self, session: Session, *, account: Account, origin: Origin) -> bool:
        """Note that the password was given again just now; False if the session ended meanwhile."""
        changes = {
            "authenticated_at": self._clock.now(),
            **self.renewal.token(session.absolute_expires_at),
        }
        async with transaction():
            if not await self._living(id=session.id).update(**changes):
                return False
            session.update_from_dict(changes)
            await self._audit.record(
                Event.SESSION_REAUTHENTICATED, subject=account.pseudonym, origin=origin, session_id=session.id
            )
        return True

    async def end(
        self, session_id: UUID | None, reason: SessionEndReason, *, account: Account, origin: Origin
    ) -> Session:
        """End one of the account's own sessions; an ended one keeps its first end.

        Raises `SessionNotFound`, also for another account's session.
        """
        await self.end_living(session_id, reason, account=account, origin=origin)
        session = await Session.get_or_none(id=session_id, account_id=account.id)
        if session is None:
            await self._audit.refuse_often(
                Event.TERMINATION_REFUSED, SessionNotFound(), subject=account.pseudonym, origin=origin
            )
        return session

    async def end_living(
        self, session_id: UUID | None, reason: SessionEndReason, *, account: Account, origin: Origin | None
    ) -> bool:
        """End one of the account's own sessions if it is active; tell whether this call did."""
        async with transaction():
            living = self._living(id=session_id, account_id=account.id)
            return bool(await self._end(living, reason, account, origin))

    async def end_all(
        self,
        account: Account,
        reason: SessionEndReason,
        *,
        origin: Origin | None,
        but: UUID | None = None,
        **only: Any,  # noqa: ANN401 -- the columns' own types
    ) -> Sequence[Session]:
        """End every active session of an account, or those alike in `only`; return those that it ended."""
        living = self._living(account_id=account.id, **only)
        async with transaction():
            return await self._end(living.exclude(id=but) if but else living, reason, account, origin)

    async def expire_due(self) -> None:
        """Record the end of sessions whose timeout fell."""
        while due := await self._due():
            async with transaction():
                for session in sorted(due, key=lambda session: session.id, reverse=True):
                    await self._record_timeout(session)

    def ending(self, session: Session) -> Ending | None:
        """Return when and why a session ended, or None while it is active."""
        return self.endings([session])[0]

    def endings(self, sessions: Sequence[Session]) -> Sequence[Ending | None]:
        """Return the same of several, as they are at one moment."""
        now = self._clock.now()
        return [ending(session, now) for session in sessions]

    async def _due(self) -> list[Session]:
        overdue = Session.filter(logged_out_at=None, expires_at__lte=self._clock.now())
        return await overdue.order_by("expires_at").limit(EXPIRY_BATCH).select_related("account")

    async def _record_timeout(self, session: Session) -> None:
        reason = timeout_reason(session)
        same = Session.filter(id=session.id, logged_out_at=None, expires_at=session.expires_at)
        if await same.update(logged_out_at=session.expires_at, end_reason=reason.name):
            await self._revocations.add([session])
            await self._audit.record(
                Event.SESSION_ENDED,
                subject=session.account.pseudonym,
                session_id=session.id,
                reason=reason.value,
            )

    async def _end(
        self, living: QuerySet[Session], reason: SessionEndReason, account: Account, origin: Origin | None
    ) -> list[Session]:
        now = self._clock.now()
        sessions = await _locked(living)
        if not sessions:
            return []
        changes = {"logged_out_at": now, "end_reason": reason.name}
        await Session.filter(id__in=[session.id for session in sessions]).update(**changes)
        await self._revocations.add(sessions)
        await self._audit.record_all(
            Event.SESSION_ENDED,
            session_ids=[session.id for session in sessions],
            subject=account.pseudonym,
            origin=origin,
            reason=reason.value,
        )
        return [session.update_from_dict(changes) for session in sessions]

    def _living(self, **conditions: Any) -> QuerySet[Session]:  # noqa: ANN401 -- the columns' own types
        return Session.filter(logged_out_at=None, expires_at__gt=self._clock.now(), **conditions)


def _locked(living: QuerySet[Session]) -> QuerySet[Session]:
    # Newest first, here as everywhere, so that no two wait for each other for ever.
    return living.order_by("-id").select_for_update(no_key=True)
