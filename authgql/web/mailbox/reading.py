"""A message is taken apart into what a person reads, whatever its headers and parts look like."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from authgql.mail.mailbox import MailSummary, sent_at


@dataclass(frozen=True, kw_only=True)
class Line:
    """A mail in the list."""

    id: str
    to: str
    subject: str
    date: str
    moment: str

    @classmethod
    def of(cls, summary: MailSummary) -> "Line":
        """Show a summary; a mail without a subject is still there to be clicked."""
        return cls(
            id=summary.id,
            to=summary.to,
            subject=summary.subject or "(no subject)",
            date=_spoken(summary.sent_at),
            moment=_iso(summary.sent_at),
        )


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A mail as its reader sees it; `text` and `html` are None when the mail has no such part."""

    sender: str
    to: str
    subject: str
    date: str
    moment: str
    text: str | None
    has_html: bool
    source: str

    @classmethod
    def of(cls, message: EmailMessage) -> "Opened":
        """Take a message apart."""
        return cls(
            sender=str(message["From"] or ""),
            to=str(message["To"] or ""),
            subject=str(message["Subject"] or "(no subject)"),
            date=_spoken(sent_at(message)),
            moment=_iso(sent_at(message)),
            text=_part(message, "plain"),
            has_html=html_part(message) is not None,
            source=message.as_bytes().decode(errors="replace"),
        )


def html_part(message: EmailMessage) -> str | None:
    """Return the message's HTML, decoded; None when it has none."""
    return _part(message, "html")


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    return None if part is None else str(part.get_content())


def _spoken(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.day} {moment:%b %Y, %H:%M:%S %Z}".rstrip()


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
