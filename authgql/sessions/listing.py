"""An account's sessions are read a page at a time, by one statement, as cheap at the end as at the start."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from authgql.accounts.models import Account
from authgql.core.clock import Clock
from authgql.core.cursors import Cursors, Page
from authgql.core.database import current
from authgql.core.rows import Rows
from authgql.sessions.models import Session
from authgql.sessions.state import SessionStatus

OF_STATUS: Final[Mapping[SessionStatus | None, str]] = {
    None: "",
    SessionStatus.ACTIVE: " AND s.logged_out_at IS NULL AND s.expires_at > $2",
    SessionStatus.ENDED: " AND (s.logged_out_at IS NOT NULL OR s.expires_at <= $2)",
}


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
        where, values = self._of(account, status)
        if wanted.before:
            values.append(wanted.before)
            where += f" AND s.id < ${len(values)}"
        values.append(wanted.limit + 1)
        database = current()
        rows = await _read(
            database, f"{self._columns} {where} ORDER BY s.id DESC LIMIT ${len(values)}", values
        )
        if _is_sqlite(database):
            rows = [self._rows.from_sqlite(row) for row in rows]
        sessions = [self._rows.build(row) for row in rows]
        return self._cursors.page(sessions, wanted=wanted, owner=account.id, key=lambda row: row.id)

    async def count(self, account: Account, *, status: SessionStatus | None) -> int:
        """Count an account's sessions."""
        where, values = self._of(account, status)
        ((count,),) = await _read(current(), f"count(*) {where}", values)
        return int(count)

    async def get_many(self, session_ids: Sequence[UUID], *, account: Account) -> dict[UUID, Session]:
        """Find several of an account's own sessions, in one statement; others' are not found."""
        owned = {} if account.is_admin else {"account_id": account.id}
        rows = await Session.filter(id__in=session_ids, **owned)
        return {row.id: row for row in rows}

    @cached_property
    def _columns(self) -> str:
        return self._rows.select("s")

    def _of(self, account: Account, status: SessionStatus | None) -> tuple[str, list[Any]]:
        values = [account.id, self._clock.now()] if status else [account.id]
        return f"FROM sessions s WHERE s.account_id = $1{OF_STATUS[status]}", values


async def _read(database: Any, what: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:  # noqa: ANN401 -- Tortoise's client
    statement = f"SELECT {what}"
    if _is_sqlite(database):
        statement = statement.replace("$", "?")
        values = [str(value) if isinstance(value, UUID) else value for value in values]
    _, rows = await database.execute_query(statement, values)
    found: Sequence[Sequence[Any]] = rows
    return found


def _is_sqlite(database: Any) -> bool:  # noqa: ANN401 -- the same
    return bool(database.capabilities.dialect == "sqlite")
