"""The links in mails, told apart by the page that they lead to."""

import asyncio
import re
import time

from support.app import Application
from support.mail import PATIENCE_SECONDS, text_of


async def token_on(app: Application, page: str, address: str, count: int = 1) -> str:
    """Return the newest token for `page`, say `reset-password`, once an address got so many of them."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found := _tokens(app, page, address)) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} links for {page} came to {address}"
        await asyncio.sleep(0.01)
    return found[-1]


def _tokens(app: Application, page: str, address: str) -> list[str]:
    link = re.compile(rf"/account/{page}#token=([A-Za-z0-9_-]+)")
    return [token for mail in app.mail.to(address) for token in link.findall(text_of(mail))]
