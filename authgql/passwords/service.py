"""A password is chosen well, asked for where it matters, and its change ends the other sessions."""

from collections.abc import Sequence
from functools import partial
from typing import Final, NoReturn
from uuid import UUID

from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.words import moment
from authgql.limits.lockout import MAX_FAILURES, NOBODY, STRANGERS, Lockout
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

STRANGE: Final = "from browsers that have not signed in to it before"
ITS_OWN: Final = "from the browser that they came from"


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
        lockout: Lockout,
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
        self._lockout = lockout
        self._policy = policy

    async def choose(self, password: str, *, personal: Sequence[str]) -> str:
        """Return the hash of a good password; raises `WeakPassword` and `RateLimited`."""
        self._policy.check(password, personal=personal)
        return await self._hashing.hash(password)

    async def confirm(self, account: Account, password: str, *, origin: Origin, session_id: UUID) -> None:
        """Ask a signed-in owner for the password; raises `IncorrectPassword` and `RateLimited`."""
        await self._limits.attempt(
            Attempt.CONFIRM_PASSWORD,
            origin=origin,
            account=str(account.id),
            known=str(session_id),
            subject=account.pseudonym,
        )
        try:
            await self.verify(account, password, source=str(session_id))
        except Mismatch:
            await self._refuse(account, origin, session_id)
        if not await self._lockout.passed(account.id, str(session_id)):
            await self._refuse(account, origin, session_id)

    async def verify(self, account: Account | None, password: str, *, source: str) -> None:
        """Raise `Mismatch` for a wrong password, and for any if it is disabled; `RateLimited`.

        It is the same work for nobody's account, and for a password that is disabled.
        """
        disabled = await self._lockout.is_disabled(account.id if account else NOBODY, source)
        await self._hashing.verify(password, account.password_hash if account and not disabled else None)

    async def failed(self, account: Account | None, *, source: str, origin: Origin) -> None:
        """Count a wrong password, in the caller's transaction, and tell the owner if it was one too many."""
        account_id = account.id if account else NOBODY
        await self._accounts.held(account_id)  # before the count, as everybody does who writes of an account
        if await self._lockout.failed(account_id, source) and account:
            where = STRANGE if source == STRANGERS else ITS_OWN
            await self._audit.record(
                Event.PASSWORD_DISABLED, subject=account.pseudonym, origin=origin, reason=where
            )
            await self._tell("password_disabled", account, origin, source=where, failures=str(MAX_FAILURES))

    async def enable(self, account: Account) -> bool:
        """Take passwords again for an account; false if they were taken everywhere."""
        async with transaction():
            done = await self._lockout.forget(account.id)
            if done:
                await self._audit.record(Event.PASSWORD_ENABLED, subject=account.pseudonym)
        return done

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
            await self._lockout.forget(account.id)
            ended = await self._sessions.end_all(account, reason, origin=origin, but=but)
            await self._audit.record(event, subject=account.pseudonym, origin=origin, session_id=but)
            await self._tell("password_changed", account, origin)
        return len(ended)

    async def _tell(self, template: str, account: Account, origin: Origin, **more: str) -> None:
        context = {
            "username": account.username,
            "at": moment(self._clock.now()),
            "ip_address": origin.ip_address,
            "device": describe(origin.user_agent).name,
            **more,
        }
        await self._outbox.enqueue(template, to=account.email, context=context, account_id=account.id)

    async def _refuse(self, account: Account, origin: Origin, session_id: UUID) -> NoReturn:
        await self._audit.refuse(
            Event.PASSWORD_REFUSED,
            IncorrectPassword(),
            subject=account.pseudonym,
            origin=origin,
            session_id=session_id,
            along=partial(self.failed, account, source=str(session_id), origin=origin),
        )


def words_of(account: Account) -> Sequence[str]:
    """Return the account's own words, which its password may not consist of."""
    return [account.username, account.email, account.first_name or "", account.last_name or ""]
