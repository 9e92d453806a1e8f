"""A real SMTP server that keeps what it is sent."""

import asyncio
import re
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from support.ports import free_port

PATIENCE_SECONDS = 10


class MailServer:
    """Listens on a free loopback port. `refuse` makes it turn mails away, as a server in trouble does."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.refuse: str | None = None
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._controller.port}"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail in (aiosmtpd calls this from its own thread)."""
        if self.refuse:
            return self.refuse
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append(message)
        return "250 OK"

    def forget(self) -> None:
        self.received.clear()
        self.refuse = None

    def to(self, address: str) -> list[EmailMessage]:
        return [message for message in list(self.received) if message["To"] == address]

    async def wait_for(self, address: str, count: int = 1) -> EmailMessage:
        """Return the newest mail to an address once there are so many."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.to(address)) < count:
            assert time.monotonic() < deadline, f"{len(self.to(address))} of {count} mails to {address} came"
            await asyncio.sleep(0.01)
        return self.to(address)[-1]

    async def token_for(self, address: str, count: int = 1) -> str:
        """Return the token of the link in the newest mail to an address."""
        found = re.search(r"#token=([A-Za-z0-9_-]+)", text_of(await self.wait_for(address, count)))
        assert found, "no link in the mail"
        return found[1]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
