"""Every mail in the outbox is delivered or, after days of trying, given up in plain sight."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import orjson
import structlog
from email_validator import validate_email

from authgql.core.clock import Clock
from authgql.core.sealing import CannotOpen, Sealer
from authgql.mail.models import OutboxMail
from authgql.mail.templates import Templates

BATCH: Final = 20
LEASE: Final = timedelta(seconds=120)  # longer than a delivery may take, so that no second node repeats it
SMTP_SECONDS: Final = 60  # for a whole delivery; aiosmtplib would count anew at each command
MAX_ATTEMPTS: Final = 12
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=6)

log = structlog.get_logger(__name__)


class Transport(Protocol):
    """Whatever takes a finished message to its recipient, or raises."""

    async def deliver(self, message: EmailMessage) -> None:
        """Deliver, or raise `aiosmtplib.SMTPException` or `OSError`."""
        ...


class SmtpTransport:
    """Delivers to a mail server given as `smtp://user:password@host:port?starttls=true` or `smtps://…`.

    With `starttls=true` a server that offers none is refused, never used in the clear (ASVS 12.3.1).
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        implicit = parts.scheme == "smtps"
        self._options = {
            "hostname": parts.hostname or "localhost",
            "port": parts.port or (465 if implicit else 587),
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
            "use_tls": implicit,
            "start_tls": _demands_starttls(parts.query) and not implicit,
        }

    async def deliver(self, message: EmailMessage) -> None:
        """Hand the message over; raises `aiosmtplib.SMTPException` or `OSError`."""
        async with asyncio.timeout(SMTP_SECONDS):
            await aiosmtplib.send(message, **self._options)  # type: ignore[arg-type]


class Delivery:
    """Takes mails out of the outbox, one lease at a time, on however many nodes."""

    def __init__(
        self, *, clock: Clock, sealer: Sealer, templates: Templates, transport: Transport, sender: str
    ) -> None:
        self._clock = clock
        self._sealer = sealer
        self._templates = templates
        self._transport = transport
        self._sender = sender

    async def run_once(self) -> None:
        """Try every mail that is due."""
        while due := await OutboxMail.filter(due_at__lte=self._clock.now()).order_by("due_at").limit(BATCH):
            for mail in due:
                if await self._lease(mail):
                    await self._attempt(mail)

    async def _lease(self, mail: OutboxMail) -> bool:
        """Claim a mail; of several nodes one succeeds, and a crash gives it back when the lease ends."""
        mine = OutboxMail.filter(id=mail.id, due_at=mail.due_at)
        mail.attempts += 1
        return await mine.update(due_at=self._clock.now() + LEASE, attempts=mail.attempts) == 1

    async def _attempt(self, mail: OutboxMail) -> None:
        if mail.useless_after and mail.useless_after <= self._clock.now():
            await self._give_up(mail, "expired")
            return
        try:
            await self._transport.deliver(self._compose(mail))
        except CannotOpen:
            await self._give_up(mail, "sealed under a lost key")
        except Exception as error:  # noqa: BLE001 -- one mail that cannot be written must not hold up the others
            await self._put_off(mail, error)
        else:
            await OutboxMail.filter(id=mail.id).update(
                due_at=None, sealed_content=None, sent_at=self._clock.now()
            )
            log.info("mail.sent", mail=str(mail.id), template=mail.template, attempts=mail.attempts)

    async def _put_off(self, mail: OutboxMail, error: Exception) -> None:
        if mail.attempts >= MAX_ATTEMPTS:
            await self._give_up(mail, type(error).__name__)
            return
        wait = min(FIRST_WAIT * 3 ** (mail.attempts - 1), LONGEST_WAIT)
        await OutboxMail.filter(id=mail.id).update(due_at=self._clock.now() + wait)
        log.warning(
            "mail.put_off", mail=str(mail.id), error=type(error).__name__, seconds=wait.total_seconds()
        )

    async def _give_up(self, mail: OutboxMail, reason: str) -> None:
        now = self._clock.now()
        await OutboxMail.filter(id=mail.id).update(due_at=None, sealed_content=None, abandoned_at=now)
        log.error("mail.abandoned", mail=str(mail.id), template=mail.template, reason=reason)

    def _compose(self, mail: OutboxMail) -> EmailMessage:
        content = orjson.loads(self._sealer.open(mail.sealed_content or "", place=f"mail:{mail.id}"))
        context: Mapping[str, str] = content["context"]
        rendered = self._templates.render(mail.template, context)
        message = EmailMessage()
        message["From"], message["To"] = self._sender, _routable(content["to"])
        message["Subject"] = rendered.subject
        message["Date"] = mail.created_at
        # The same at each attempt, so that a recipient's server can drop a repetition.
        message["Message-ID"] = f"<{mail.id}@{_domain(self._sender)}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        message.set_content(rendered.text)
        message.add_alternative(rendered.html, subtype="html")
        return message


def _demands_starttls(query: str) -> bool:
    # Whatever does not plainly say no means yes: a misspelt "yes" must not send a password in the clear.
    return parse_qs(query.lower(), keep_blank_values=True).get("starttls", ["false"])[-1] != "false"


def _routable(address: str) -> str:
    """Return an address as DNS and servers without SMTPUTF8 take it, where it can be written so."""
    if address.isascii():
        return address
    checked = validate_email(address, check_deliverability=False)
    return checked.ascii_email or checked.normalized


def _domain(sender: str) -> str:
    return sender.rpartition("@")[2].strip("> ") or "localhost"
