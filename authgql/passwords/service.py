"""A password is chosen well, asked for where it matters, and its change ends the other sessions."""

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.words import moment
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.links.service import Links, Purpose
from authgql.mail.outbox import Outbox
from authgql.passwords.errors import IncorrectPassword
from authgql.passwords.hashing import Hashing, Mismatch
from authgql.passwords.policy import PasswordPolicy
from authgql.sessions.devices import describe
from authgql.sessions.service import Sessions
from authgql.sessions.state import SessionEndReason


class Passwords:
    """Chooses, confirms and replaces passwords."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        limits: Limits,
        accounts: Accounts,
        sessions: Sessions,
        links: Links,
        outbox: Outbox,
        hashing: Hashing,
        policy: PasswordPolicy,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._limits = limits
        self._accounts = accounts
        self._sessions = sessions
        self._links = links
        self._outbox = outbox
        self._hashing = hashing
        self._policy = policy

    async def choose(self, password: str, *, personal: Sequence[str]) -> str:
        """Return the hash of a good password; raises `WeakPassword` and `RateLimited`."""
        self._policy.check(password, personal=personal)
        return await self._hashing.hash(password)

    async def confirm(self, account: Account, password: str, *, origin: Origin, session_id: UUID) -> None:
        """Ask a signed-in owner for the password; raises `IncorrectPassword` and `RateLimited`."""
        await self._limits.attempt(
            Attempt.CONFIRM_PASSWORD, origin=origin, account=str(account.id), known=str(session_id)
        )
        try:
            await self._hashing.verify(password, account.password_hash)
        except Mismatch:
            await self._refuse(account, origin, session_id)

    async def change(
        self, account: Account, *, current: str, new: str, origin: Origin, session_id: UUID
    ) -> int:
        """Replace the password and end all sessions but this one; return how many that were.

        Raises `IncorrectPassword`, `WeakPassword` and `RateLimited`.
        """
        await self.confirm(account, current, origin=origin, session_id=session_id)
        password_hash = await self.choose(new, personal=words_of(account))
        ended = await self._replace(
            account,
            password_hash,
            SessionEndReason.PASSWORD_CHANGED,
            Event.PASSWORD_CHANGED,
            origin,
            but=session_id,
        )
        if ended is None:  # changed from elsewhere since: `current` is no longer that
            await self._refuse(account, origin, session_id)
        return ended

    async def reset(self, account: Account, password_hash: str, *, origin: Origin) -> bool:
        """Set the password and end every session, in the caller's transaction."""
        ended = await self._replace(
            account, password_hash, SessionEndReason.PASSWORD_RESET, Event.PASSWORD_RESET, origin
        )
        return ended is not None

    async def _replace(
        self,
        account: Account,
        password_hash: str,
        reason: SessionEndReason,
        event: Event,
        origin: Origin,
        *,
        but: UUID | None = None,
    ) -> int | None:
        async with transaction():
            if not await self._accounts.set_password(account, password_hash):
                return None
            await self._links.revoke(Purpose.RESET_PASSWORD, account_id=account.id)
            ended = await self._sessions.end_all(account, reason, origin=origin, but=but)
            await self._audit.record(event, subject=account.pseudonym, origin=origin, session_id=but)
            await self._tell(account, origin)
        return len(ended)

    async def _tell(self, account: Account, origin: Origin) -> None:
        await self._outbox.enqueue(
            "password_changed",
            to=account.email,
            context={
                "username": account.username,
                "at": moment(self._clock.now()),
                "ip_address": origin.ip_address,
                "device": describe(origin.user_agent).name,
            },
            account_id=account.id,
        )

    async def _refuse(self, account: Account, origin: Origin, session_id: UUID) -> NoReturn:
        await self._audit.refuse(
            Event.PASSWORD_REFUSED,
            IncorrectPassword(),
            subject=account.pseudonym,
            origin=origin,
            session_id=session_id,
        )


def words_of(account: Account) -> Sequence[str]:
    """Return the account's own words, which its password may not consist of."""
    return [account.username, account.email, account.first_name or "", account.last_name or ""]
