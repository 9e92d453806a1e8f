"""A mail is part of the transaction that causes it, and goes out once that is safe on disk."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from authgql.core.clock import Clock
from authgql.core.database import after_commit
from authgql.core.retention import Deletion
from authgql.core.rows import Rows
from authgql.core.sealing import Sealer
from authgql.core.secrets import first_id_at, new_id
from authgql.mail.models import OutboxMail

KEPT: Final = timedelta(days=30)  # for the operator to see what was sent, and what was given up
FORGOTTEN: Final = Deletion("outbox_mails", over='"id" < :before AND "due_at" IS NULL ORDER BY "id"')


class Outbox:
    """Takes mails in; `mail/delivery.py` takes them out."""

    def __init__(self, *, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer
        self._rows = Rows(OutboxMail)
        self.on_mail: Callable[[], None] = lambda: None

    async def enqueue(
        self,
        template: str,
        *,
        to: str,
        context: Mapping[str, str],
        account_id: UUID | None,
        useless_after: datetime | None = None,
    ) -> None:
        """Queue a mail in the caller's transaction; `useless_after` is when its link expires.

        What it says is sealed: a link in a database dump would be as good as in the mailbox.
        """
        mail_id, now = new_id(), self._clock.now()
        content = orjson.dumps({"to": to, "context": dict(context)}).decode()
        mail = self._rows.new(
            id=mail_id,
            account_id=account_id,
            template=template,
            sealed_content=self._sealer.seal(content, place=f"mail:{mail_id}"),
            created_at=now,
            due_at=now,
            useless_after=useless_after,
        )
        await self._rows.insert(mail)
        after_commit(self.on_mail)

    async def forget(self) -> int:
        """Delete what was sent or given up, a month after it was written; return how much."""
        return await FORGOTTEN.run(before=first_id_at(self._clock.now() - KEPT))
