"""Who calls: an active session and its account, read from the database at every request."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias
from uuid import UUID

from authgql.accounts.models import Account
from authgql.core.clock import Clock
from authgql.core.crowd import AT_ONCE, Crowd
from authgql.core.database import dialect
from authgql.core.rows import Rows
from authgql.core.statements import Statement
from authgql.sessions.models import Session

Found: TypeAlias = tuple[Sequence[Any], Sequence[Any]]


class Living:
    """Finds the sessions that requests come in, those of one moment in one statement."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._sessions, self._accounts = Rows(Session), Rows(Account)

    async def find(self, session_id: UUID, account_id: UUID) -> Session | None:
        """Return an active session with its account; each caller gets objects of their own."""
        found = await self._crowd.ask(session_id)
        if found is None:
            return None
        session, account = self._sessions.build(found[0]), self._accounts.build(found[1])
        if session.account_id != account_id or session.logged_out_at or account.locked_at:
            return None
        if session.expires_at <= self._clock.now():
            return None
        session.__dict__["_account"] = account  # where Tortoise keeps it, past its look at every assignment
        return session

    @cached_property
    def _crowd(self) -> Crowd[UUID, Found]:
        return Crowd(self._read, at_once=AT_ONCE[dialect()])

    async def _read(self, session_ids: Sequence[UUID]) -> Mapping[UUID, Found]:
        width = len(self._sessions.columns)
        rows = await self._statement.rows(ids=session_ids)
        found = [(self._sessions.typed(row[:width]), self._accounts.typed(row[width:])) for row in rows]
        at = self._sessions.columns.index("id")
        return {session[at]: (session, account) for session, account in found}

    @cached_property
    def _statement(self) -> Statement:
        columns = f"{self._sessions.select('s')}, {self._accounts.select('a')}"
        joined = "sessions s JOIN accounts a ON a.id = s.account_id"
        return Statement(f"SELECT {columns} FROM {joined} WHERE s.id = ANY(:ids)")  # noqa: S608 -- our own words
