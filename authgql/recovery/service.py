"""Whoever owns the mailbox can set a forgotten password anew, and learns nothing about other accounts."""

from typing import NoReturn

from authgql.accounts.errors import InvalidInput
from authgql.accounts.identifiers import EmailAddress, NotAcceptable
from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.database import transaction
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.links.service import InvalidToken, Link, Links, Purpose
from authgql.passwords.service import Passwords, words_of
from authgql.recovery.errors import EmailNotFound
from authgql.recovery.requests import ResetRequests


class Recovery:
    """requestPasswordReset, passwordResetToken, resetPassword."""

    def __init__(
        self,
        *,
        audit: AuditLog,
        limits: Limits,
        links: Links,
        requests: ResetRequests,
        accounts: Accounts,
        passwords: Passwords,
        reveal_accounts: bool,
    ) -> None:
        self._audit = audit
        self._limits = limits
        self._links = links
        self._requests = requests
        self._accounts = accounts
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

    async def _find(self, token: str) -> tuple[Link | None, Account | None]:
        link = await self._links.find(Purpose.RESET_PASSWORD, token)
        account = await self._accounts.get(link.account_id) if link else None
        return (None, account) if account and account.locked_at else (link, account)

    async def _refuse_unknown(self, address: EmailAddress, origin: Origin) -> None:
        account = await self._accounts.find(address.given)
        if account is None or account.locked_at:
            await self._audit.refuse(Event.PASSWORD_RESET_REFUSED, EmailNotFound(), origin=origin)

    async def _refuse(self, account: Account | None, origin: Origin) -> NoReturn:
        subject = account.pseudonym if account else None
        await self._audit.refuse(Event.PASSWORD_RESET_REFUSED, InvalidToken(), subject=subject, origin=origin)


def _address(email: str) -> EmailAddress:
    try:
        return EmailAddress.of(email)
    except NotAcceptable as error:
        raise InvalidInput({"email": str(error)}) from None
