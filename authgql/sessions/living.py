"""Who calls: an active session and its account, read from the database at every request."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID

import orjson

from authgql.accounts.models import Account
from authgql.core.clock import Clock
from authgql.core.crowd import Crowd
from authgql.core.database import current
from authgql.core.rows import Rows
from authgql.sessions.models import Session

CHOICES: Final = {
    "postgres": "= ANY($1)",
    "sqlite": "IN (SELECT value FROM json_each(?))",
}

Found: TypeAlias = tuple[Sequence[Any], Sequence[Any]]


class Living:
    """Finds the sessions that requests come in, those of one moment in one statement."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._sessions, self._accounts = Rows(Session), Rows(Account)
        self._crowd: Crowd[UUID, Found] = Crowd(self._read)
        self._statement = ""

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

    async def _read(self, session_ids: Sequence[UUID]) -> Mapping[UUID, Found]:
        database, width = current(), len(self._sessions.columns)
        kind = database.capabilities.dialect
        ids = session_ids if kind == "postgres" else orjson.dumps(session_ids).decode()
        _, rows = await database.execute_query(self._statement or self._state(kind), [ids])
        found: list[Found] = [(row[:width], row[width:]) for row in map(tuple, rows)]
        if kind == "sqlite":
            found = [(self._sessions.from_sqlite(one), self._accounts.from_sqlite(two)) for one, two in found]
        at = self._sessions.columns.index("id")
        return {session[at]: (session, account) for session, account in found}

    def _state(self, kind: str) -> str:
        columns = f"{self._sessions.select('s')}, {self._accounts.select('a')}"
        where = f"a.id = s.account_id WHERE s.id {CHOICES[kind]}"
        self._statement = f"SELECT {columns} FROM sessions s JOIN accounts a ON {where}"  # noqa: S608 -- our own words
        return self._statement
