"""In development no mail leaves the machine: each is kept as a file that only its owner can read."""

import asyncio
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Final

from authgql.core.secrets import new_id

KEPT: Final = 200

READABLE: Final = policy.default.clone(utf8=True)  # names and subjects as people write them

# The only names that are ever joined to the directory: an id from a URL can reach no other file.
MAIL_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class MailSummary:
    """A line of the mailbox's list; `sent_at` is the mail's own Date, None when it has no readable one."""

    id: str
    sender: str
    to: str
    subject: str
    sent_at: datetime | None


class DevelopmentMailbox:
    """A mail transport that delivers into `directory` and keeps the newest 200 messages.

    The directory is made (0700) with the first mail; several processes may share it.
    """

    def __init__(self, *, directory: Path) -> None:
        self._directory = directory

    async def deliver(self, message: EmailMessage) -> None:
        """Keep `message`; it is there in full or not at all. Raises OSError when it cannot be written."""
        await asyncio.to_thread(self._write, message)

    async def list(self) -> list[MailSummary]:
        """Summarise what is kept, newest delivery first."""
        return await asyncio.to_thread(lambda: list(self._summaries()))

    async def get(self, mail_id: str) -> EmailMessage | None:
        """Read one mail by its id from `list`; None for a mail that is gone and for what is no id at all."""
        if MAIL_ID.fullmatch(mail_id) is None:
            return None
        return await asyncio.to_thread(self._read, mail_id)

    def _write(self, message: EmailMessage) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = str(new_id())
        unfinished = self._directory / f".{name}.tmp"
        try:
            # Mails carry links that take over accounts, so other users of the machine must not read them.
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(message.as_bytes(policy=READABLE))
            unfinished.replace(self._path(name))
        finally:
            unfinished.unlink(missing_ok=True)
        for forgotten in self._ids()[KEPT:]:
            self._path(forgotten).unlink(missing_ok=True)

    def _summaries(self) -> Iterator[MailSummary]:
        for mail_id in self._ids():
            message = self._read(mail_id)
            if message is not None:  # another process may have forgotten it in between
                yield _summary(mail_id, message)

    def _read(self, mail_id: str) -> EmailMessage | None:
        try:
            data = self._path(mail_id).read_bytes()
        except FileNotFoundError:
            return None
        return BytesParser(EmailMessage, policy=READABLE).parsebytes(data)

    def _ids(self) -> Sequence[str]:
        # Version 7 identifiers begin with the time, so that the order of names is that of delivery.
        names = (path.stem for path in self._directory.glob("*.eml"))
        return sorted((name for name in names if MAIL_ID.fullmatch(name)), reverse=True)

    def _path(self, mail_id: str) -> Path:
        return self._directory / f"{mail_id}.eml"


def sent_at(message: EmailMessage) -> datetime | None:
    """Read the mail's Date header; None when it is absent or unreadable."""
    return getattr(message["Date"], "datetime", None)


def _summary(mail_id: str, message: EmailMessage) -> MailSummary:
    return MailSummary(
        id=mail_id,
        sender=str(message["From"] or ""),
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        sent_at=sent_at(message),
    )
