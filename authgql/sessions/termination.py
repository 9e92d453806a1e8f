"""Sessions are ended on purpose: by their owner, one or all of them, or by an administrator."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from authgql.accounts.holding import held
from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.words import moment
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.mail.outbox import Outbox
from authgql.sessions.devices import describe
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.sessions.state import SessionEndReason

BATCH: Final = 100


class Terminations:
    """terminateSession, terminateOtherSessions, terminateAllSessions, `authgql users sign-out`."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        limits: Limits,
        outbox: Outbox,
        accounts: Accounts,
        sessions: Sessions,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._limits = limits
        self._outbox = outbox
        self._accounts = accounts
        self._sessions = sessions

    async def end(
        self, session_id: UUID | None, *, caller: Account, asked_in: Session, origin: Origin
    ) -> Session:
        """End one of the caller's sessions or, for an administrator, anybody's.

        Raises `SessionNotFound` and `RateLimited`.
        """
        # By the session that it is asked in, so that a thief's does not keep the owner from ending it.
        await self._limits.attempt(
            Attempt.TERMINATE_SESSION,
            origin=origin,
            account=str(caller.id),
            known=str(asked_in.id),
            subject=caller.pseudonym,
        )
        anothers = await self._anothers(session_id, caller) if caller.is_admin else None
        if anothers is None:
            return await self._sessions.end(
                session_id, SessionEndReason.TERMINATED, account=caller, origin=origin
            )
        async with transaction():
            # The owner's log tells that it was done; from which address is for the administrator's.
            if await self._sessions.end_living(
                anothers.id, SessionEndReason.TERMINATED_BY_ADMIN, account=anothers.account, origin=None
            ):
                await self._audit.record(
                    Event.SESSION_ENDED_AS_ADMIN,
                    subject=caller.pseudonym,
                    origin=origin,
                    session_id=anothers.id,
                )
        return await self._anothers(session_id, caller) or anothers

    async def end_all(
        self, account: Account, *, origin: Origin, but: UUID | None = None
    ) -> Sequence[Session]:
        """End all of an owner's sessions, except perhaps one, and tell the owner by mail (ASVS 6.3.7)."""
        async with transaction():
            await held(account.id)  # before its sessions, as everybody does: the mail hangs from it
            ended = await self._sessions.end_all(account, SessionEndReason.TERMINATED, origin=origin, but=but)
            if ended:
                await self._tell(account, len(ended), origin)
        return ended

    async def sign_out(self, account: Account) -> int:
        """End every session of an account, for the operator; return how many that were (ASVS 7.4.5)."""
        return len(await self._sessions.end_all(account, SessionEndReason.TERMINATED_BY_ADMIN, origin=None))

    async def sign_out_everybody(self) -> tuple[int, int]:
        """End every session there is; return how many, of how many accounts. Logins meanwhile may stay."""
        ended = accounts = 0
        after: dict[str, UUID] = {}
        while ids := await self._signed_in(after):
            for account in (await self._accounts.get_many(ids)).values():
                count = await self.sign_out(account)
                ended, accounts = ended + count, accounts + bool(count)
            after = {"account_id__gt": ids[-1]}
        return ended, accounts

    async def _signed_in(self, after: dict[str, UUID]) -> list[UUID]:
        some = Session.filter(logged_out_at=None, **after).order_by("account_id").limit(BATCH)
        return list(dict.fromkeys([session.account_id for session in await some.only("id", "account_id")]))

    async def _anothers(self, session_id: UUID | None, caller: Account) -> Session | None:
        found = Session.filter(id=session_id).exclude(account_id=caller.id)
        return await found.select_related("account").first()

    async def _tell(self, account: Account, count: int, origin: Origin) -> None:
        await self._outbox.enqueue(
            "sessions_ended",
            to=account.email,
            context={
                "username": account.username,
                "count": "one session" if count == 1 else f"{count} sessions",
                "at": moment(self._clock.now()),
                "ip_address": origin.ip_address,
                "device": describe(origin.user_agent).name,
            },
            account_id=account.id,
        )
