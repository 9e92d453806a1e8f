"""The owner hears of a sign-in that may not be theirs, once, with a link that undoes it (ASVS 6.3.5)."""

from typing import Final

from authgql.accounts.models import Account
from authgql.audit.events import Event
from authgql.audit.log import AuditLog
from authgql.core.words import moment, span
from authgql.links.service import Links, Purpose
from authgql.mail.outbox import Outbox
from authgql.sessions.models import Session
from authgql.signin.history import History

MANY_FAILURES: Final = 5  # more in a row than people who mistype put up with
HOURLY: Final = 5  # mails to one owner: who signs in all day without keeping the device cookie gets no more


class SignInNotices:
    """Writes the mails about new devices, and about sign-ins after many failures."""

    def __init__(self, *, audit: AuditLog, links: Links, outbox: Outbox) -> None:
        self._audit = audit
        self._links = links
        self._outbox = outbox

    async def tell(self, account: Account, session: Session, past: History, *, known_device: bool) -> None:
        """Mail the owner if the session is one to wonder about, in the transaction that starts it.

        Whoever registered is no stranger to the account: its first session is on no new device.
        """
        many = past.refusals >= MANY_FAILURES
        is_new = not known_device and past.signed_in_before
        if not (is_new or many) or past.mails >= HOURLY:
            return
        event = Event.DEVICE_NEW if is_new else Event.SESSION_AFTER_FAILURES
        await self._audit.record(event, subject=account.pseudonym, session_id=session.id)
        template = "new_device" if is_new else "after_failures"
        await self._send(template, account, session, failures=str(past.refusals) if many else "")

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
