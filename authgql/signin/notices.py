"""The owner hears of a sign-in that may not be theirs, once, with a link that undoes it (ASVS 6.3.5)."""

from datetime import timedelta
from typing import Final

from authgql.accounts.models import Account
from authgql.audit.events import Event
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.words import moment, span
from authgql.links.service import Links, Purpose
from authgql.mail.outbox import Outbox
from authgql.sessions.known_devices import is_first_login
from authgql.sessions.models import Session

MANY_FAILURES: Final = 5  # more in a row than people who mistype put up with
FAILURES_COUNTED: Final = 100
FAILURES_WITHIN: Final = timedelta(days=1)
HOURLY: Final = 5  # mails to one owner: who signs in all day without keeping the device cookie gets no more


class SignInNotices:
    """Writes the mails about new devices, and about sign-ins after many failures."""

    def __init__(self, *, clock: Clock, audit: AuditLog, links: Links, outbox: Outbox) -> None:
        self._clock = clock
        self._audit = audit
        self._links = links
        self._outbox = outbox

    async def failures(self, account: Account) -> int:
        """Count the attempts that failed, in a day at most, since somebody last signed in; up to 100."""
        return await self._audit.count_since(
            Event.LOGIN_REFUSED,
            last=Event.SESSION_STARTED,
            subject=account.pseudonym,
            within=FAILURES_WITHIN,
            most=FAILURES_COUNTED,
        )

    async def tell(self, account: Account, session: Session, *, known_device: bool, failures: int) -> None:
        """Mail the owner if the session is one to wonder about, in the transaction that starts it."""
        many = failures >= MANY_FAILURES
        is_new = not known_device and not await is_first_login(session)
        if not (is_new or many) or await self._told_enough(account):
            return
        event = Event.DEVICE_NEW if is_new else Event.SESSION_AFTER_FAILURES
        await self._audit.record(event, subject=account.pseudonym, session_id=session.id)
        template = "new_device" if is_new else "after_failures"
        await self._send(template, account, session, failures=str(failures) if many else "")

    async def _told_enough(self, account: Account) -> bool:
        hour_ago = self._clock.now() - timedelta(hours=1)
        sent = await self._links.issued_since(Purpose.DISAVOW_SESSION, account_id=account.id, since=hour_ago)
        return sent >= HOURLY

    async def _send(self, template: str, account: Account, session: Session, *, failures: str) -> None:
        await self._links.forget_expired(account_id=account.id)
        url, expires_at = await self._links.issue(
            Purpose.DISAVOW_SESSION, account_id=account.id, email=account.email, target_id=session.id
        )
        await self._outbox.enqueue(
            template,
            to=account.email,
            context={
                "username": account.username,
                "device": session.device_name,
                "place": ", ".join(part for part in (session.city, session.country) if part) or "not known",
                "ip_address": session.ip_address,
                "at": moment(session.logged_in_at),
                "failures": failures,
                "link": url,
                "valid_for": span(self._links.lifetime(Purpose.DISAVOW_SESSION)),
            },
            account_id=account.id,
            useless_after=expires_at,
        )
