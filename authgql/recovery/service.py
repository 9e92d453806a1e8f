"""Whoever owns the mailbox can set the password anew and disown a sign-in, and learns of nobody else."""

from typing import Final, NoReturn

from authgql.accounts.errors import InvalidInput
from authgql.accounts.identifiers import EmailAddress, NotAcceptable
from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.links.service import InvalidToken, Link, Links, Purpose
from authgql.passwords.service import Passwords, words_of
from authgql.recovery.errors import EmailNotFound
from authgql.recovery.requests import ResetRequests
from authgql.sessions.known_devices import disown, find_login
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.sessions.state import SessionEndReason

NOT_DISOWNED: Final = (
    "This link is not valid, or no longer. Look through your sessions, end those that you do not know, and "
    "change your password."
)


class Recovery:
    """requestPasswordReset, passwordResetToken, resetPassword, disavowSession."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        limits: Limits,
        links: Links,
        requests: ResetRequests,
        accounts: Accounts,
        sessions: Sessions,
        passwords: Passwords,
        reveal_accounts: bool,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._limits = limits
        self._links = links
        self._requests = requests
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._reveal = reveal_accounts

    async def request_reset(self, email: str, *, origin: Origin) -> None:
        """Have a reset link sent, if the address has an account; nothing here depends on whether it has.

        Raises `InvalidInput` and `RateLimited`, and `EmailNotFound` where accounts are revealed.
        """
        address = _address(email)
        await self._limits.attempt(Attempt.RESET_REQUEST, origin=origin, account=address.key)
        if self._reveal:
            await self._refuse_unknown(address, origin)
        await self._requests.keep(address.given, origin=origin)

    async def inspect(self, token: str, *, origin: Origin) -> Link:
        """Find what a reset token is good for, without spending it; raises `InvalidToken`, `RateLimited`."""
        await self._limits.attempt(Attempt.USE_LINK, origin=origin)
        link, account = await self._find(token)
        if link is None or account is None:
            await self._refuse(account, origin)
        return link

    async def reset(self, token: str, new_password: str, *, origin: Origin) -> Account:
        """Set the password, end every session, and take the mailbox for proved; signs nobody in.

        Returns whose it is. Raises `InvalidToken`, `WeakPassword` (the link stays good), `RateLimited`.
        """
        await self._limits.attempt(Attempt.USE_LINK, origin=origin)
        link, account = await self._find(token)
        if link is None or account is None:
            await self._refuse(account, origin)
        password_hash = await self._passwords.choose(new_password, personal=words_of(account))
        async with transaction():
            await self._accounts.held(account.id)
            done = await self._links.spend(link, token)
            if done:
                done = await self._passwords.reset(account, password_hash, origin=origin)
            if done:
                await self._accounts.prove(account, address=link.email)
        if not done:
            await self._refuse(account, origin)
        return account

    async def disavow(self, token: str, *, origin: Origin) -> Session:
        """End a session that the owner says is somebody else's, with all others of that device.

        Returns that session, with its first end if it had ended before. Whoever signed in knew the password:
        a link to set it anew is mailed, and what the intruder may have begun, a change of the address,
        is called off. Raises `InvalidToken` and `RateLimited`.
        """
        await self._limits.attempt(Attempt.DISAVOW, origin=origin)
        link, account = await self._find(token, Purpose.DISAVOW_SESSION)
        session = None
        if link and account:
            async with transaction():
                held = await self._accounts.held(account.id)
                spent = held and await self._links.spend(link, token)
                session = await self._disown(link, held, origin) if held and spent else None
        if session is None:
            await self._refuse(account, origin, Event.DISAVOWAL_REFUSED, InvalidToken(NOT_DISOWNED))
        return session

    async def _disown(self, link: Link, account: Account, origin: Origin) -> Session | None:
        login = await find_login(link.target_id, account_id=account.id)
        if login is None:  # its row has been deleted since, as old ones are
            return None
        # Before the note, which locks this one: everybody locks the newest first.
        ended = await self._sessions.end_all(
            account, SessionEndReason.DISAVOWED, origin=origin, device_id=login.device_id
        )
        session = await disown(login, at=self._clock.now())
        await self._audit.record(
            Event.DEVICE_DISOWNED, subject=account.pseudonym, origin=origin, session_id=session.id
        )
        await self._accounts.abandon_change(account)
        if account.email == link.email:  # else this mailbox is the account's no more
            await self._requests.send_link(account, origin)
        return next((one for one in ended if one.id == session.id), session)

    async def _find(
        self, token: str, purpose: Purpose = Purpose.RESET_PASSWORD
    ) -> tuple[Link | None, Account | None]:
        link = await self._links.find(purpose, token)
        account = await self._accounts.get(link.account_id) if link else None
        return (None, account) if account and account.locked_at else (link, account)

    async def _refuse_unknown(self, address: EmailAddress, origin: Origin) -> None:
        account = await self._accounts.find(address.given)
        if account is None or account.locked_at:
            await self._audit.refuse(Event.PASSWORD_RESET_REFUSED, EmailNotFound(), origin=origin)

    async def _refuse(
        self,
        account: Account | None,
        origin: Origin,
        event: Event = Event.PASSWORD_RESET_REFUSED,
        refusal: InvalidToken | None = None,
    ) -> NoReturn:
        subject = account.pseudonym if account else None
        await self._audit.refuse(event, refusal or InvalidToken(), subject=subject, origin=origin)


def _address(email: str) -> EmailAddress:
    try:
        return EmailAddress.of(email)
    except NotAcceptable as error:
        raise InvalidInput({"email": str(error)}) from None
