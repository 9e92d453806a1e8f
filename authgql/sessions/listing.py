"""An account's sessions are read a page at a time, by one statement, as cheap at the end as at the start."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final
from uuid import UUID

from authgql.accounts.models import Account
from authgql.core.clock import Clock
from authgql.core.cursors import Cursors, Page
from authgql.core.rows import Rows
from authgql.core.statements import Statement
from authgql.sessions.models import Session
from authgql.sessions.state import SessionStatus

OF_STATUS: Final[Mapping[SessionStatus | None, str]] = {
    status: f'FROM "sessions" s WHERE s."account_id" = :account_id{condition}'
    for status, condition in (
        (None, ""),
        (SessionStatus.ACTIVE, ' AND s."logged_out_at" IS NULL AND s."expires_at" > :now'),
        (SessionStatus.ENDED, ' AND (s."logged_out_at" IS NOT NULL OR s."expires_at" <= :now)'),
    )
}
COUNTS: Final = {status: Statement(f"SELECT count(*) {where}") for status, where in OF_STATUS.items()}
NEWEST: Final = UUID(int=2**128 - 1)  # newer than any: a first page begins there


class Listing:
    """Lists, counts and finds sessions, ended ones too, for those who may see them."""

    def __init__(self, *, clock: Clock, cursors: Cursors) -> None:
        self._clock = clock
        self._cursors = cursors
        self._rows = Rows(Session)

    async def page(
        self, account: Account, *, status: SessionStatus | None, first: int, after: str | None
    ) -> Page[Session]:
        """Return an account's sessions, newest first; raises `BadUserInput`."""
        wanted = self._cursors.slice(first=first, after=after, owner=account.id)
        rows = await self._pages[status].rows(
            account_id=account.id,
            now=self._clock.now(),
            before=wanted.before or NEWEST,
            limit=wanted.limit + 1,
        )
        sessions = [self._rows.read(row) for row in rows]
        return self._cursors.page(sessions, wanted=wanted, owner=account.id, key=lambda row: row.id)

    async def count(self, account: Account, *, status: SessionStatus | None) -> int:
        """Count an account's sessions."""
        ((count,),) = await COUNTS[status].rows(account_id=account.id, now=self._clock.now())
        return int(count)

    async def get_many(self, session_ids: Sequence[UUID], *, account: Account) -> dict[UUID, Session]:
        """Find several of an account's own sessions, in one statement; others' are not found."""
        owned = {} if account.is_admin else {"account_id": account.id}
        rows = await Session.filter(id__in=session_ids, **owned)
        return {row.id: row for row in rows}

    @cached_property
    def _pages(self) -> Mapping[SessionStatus | None, Statement]:
        columns, order = self._rows.select("s"), 'ORDER BY s."id" DESC LIMIT :limit'
        return {
            status: Statement(f'SELECT {columns} {where} AND s."id" < :before {order}')
            for status, where in OF_STATUS.items()
        }
