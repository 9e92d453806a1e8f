"""An e-mail address counts as proved once its mailbox's owner has acted on a link sent there."""

from datetime import datetime
from typing import Any

from tortoise.exceptions import IntegrityError

from authgql.accounts.holding import held
from authgql.accounts.identifiers import EmailAddress
from authgql.accounts.models import Account
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.words import moment, span
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.links.service import InvalidToken, Link, Links, Purpose
from authgql.mail.outbox import Outbox


class Verification:
    """Sends the links that prove addresses, and acts on them."""

    def __init__(
        self, *, clock: Clock, audit: AuditLog, links: Links, outbox: Outbox, limits: Limits
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._links = links
        self._outbox = outbox
        self._limits = limits

    async def send(self, account: Account, *, address: str) -> None:
        """Send a link to an address that is the account's, or is to become it."""
        url, expires_at = await self._links.issue(Purpose.VERIFY_EMAIL, account_id=account.id, email=address)
        await self._outbox.enqueue(
            "verify_email" if address == account.email else "verify_new_email",
            to=address,
            context={
                "username": account.username,
                "link": url,
                "valid_for": span(self._links.lifetime(Purpose.VERIFY_EMAIL)),
            },
            account_id=account.id,
            useless_after=expires_at,
        )
        await self._audit.record(Event.EMAIL_VERIFICATION_SENT, subject=account.pseudonym)

    async def resend(self, account: Account, *, origin: Origin) -> str:
        """Send the link again, if a proof is due; return the address. Raises `RateLimited`."""
        attempt, subject = self._limits.attempt, account.pseudonym
        await attempt(Attempt.RESEND_VERIFICATION, origin=origin, account=str(account.id), subject=subject)
        if due := _unproved(account):
            key = EmailAddress.of(due).key
            await attempt(Attempt.VERIFICATION_MAIL, origin=origin, account=key, subject=subject)
        async with transaction():
            current = await held(account.id)
            address = _unproved(current) if current else None
            if current and address:
                await self.send(current, address=address)
        return address or account.email

    async def verify(self, token: str, *, origin: Origin) -> Account:
        """Prove an address by its link, and return the account; raises `InvalidToken`, `RateLimited`."""
        await self._limits.attempt(Attempt.USE_LINK, origin=origin)
        link = await self._links.find(Purpose.VERIFY_EMAIL, token)
        account = await Account.get_or_none(id=link.account_id, locked_at=None) if link else None
        if link is None or account is None or not await self._prove(account, link, token, origin):
            subject = account.pseudonym if account else None
            await self._audit.refuse(
                Event.EMAIL_VERIFICATION_REFUSED, InvalidToken(), subject=subject, origin=origin
            )
        return account

    async def abandon_change(self, account: Account) -> None:
        """Forget a pending address: its link is worthless."""
        if account.pending_email:
            await self._links.revoke(Purpose.VERIFY_EMAIL, account_id=account.id)

    async def _prove(self, account: Account, link: Link, token: str, origin: Origin) -> bool:
        try:
            async with transaction():
                await held(account.id)
                if not await self._links.spend(link, token):
                    return False
                return await self._take_over(account, link.email, origin)
        except IntegrityError:  # somebody else registered the address since
            return False

    async def _take_over(self, account: Account, address: str, origin: Origin) -> bool:
        now = self._clock.now()
        if address == account.email:
            event, changes = Event.EMAIL_VERIFIED, _verified(now)
            asked = Account.filter(id=account.id, email=address)
        else:
            key = EmailAddress.of(address).key
            event = Event.EMAIL_CHANGED
            changes = _verified(now) | {"email": address, "email_key": key, "pending_email": None}
            asked = Account.filter(id=account.id, pending_email=address)
            await self._links.revoke(Purpose.RESET_PASSWORD, account_id=account.id)
        if await asked.update(**changes) == 0:
            return False
        if event is Event.EMAIL_CHANGED:
            await self._tell_both(account, address, now)
        account.update_from_dict(changes)
        await self._audit.record(event, subject=account.pseudonym, origin=origin)
        return True

    async def _tell_both(self, account: Account, address: str, now: datetime) -> None:
        """Tell the old mailbox, whose last news this is, and the new one (ASVS 6.3.7)."""
        for mailbox in (account.email, address):
            await self._outbox.enqueue(
                "email_changed",
                to=mailbox,
                context={"username": account.username, "new_email": address, "at": moment(now)},
                account_id=account.id,
            )


def _verified(now: datetime) -> dict[str, Any]:
    return {"email_verified_at": now}


def _unproved(account: Account) -> str | None:
    return account.pending_email or (None if account.email_verified_at else account.email)
