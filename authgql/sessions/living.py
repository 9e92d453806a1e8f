"""Who calls: an active session and its account, read from the database at every request."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from authgql.accounts.models import Account
from authgql.core.clock import Clock
from authgql.core.crowd import Crowd
from authgql.core.database import current, dialect
from authgql.core.rows import Rows
from authgql.sessions.models import Session

CHOICES: Final = {
    "postgres": "= ANY($1)",
    "sqlite": "IN (SELECT value FROM json_each(?))",
}


class Living:
    """Finds the sessions that requests come in, those of one moment in one statement."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._sessions, self._accounts = Rows(Session), Rows(Account)
        self._crowd: Crowd[UUID, Sequence[Any]] = Crowd(self._read)
        self._statements: dict[str, str] = {}

    async def find(self, session_id: UUID, account_id: UUID) -> Session | None:
        """Return an active session with its account; each caller gets objects of their own."""
        values = await self._crowd.ask(session_id)
        if values is None:
            return None
        session, account = self._build(values)
        if session.account_id != account_id or session.logged_out_at or account.locked_at:
            return None
        if session.expires_at <= self._clock.now():
            return None
        session._account = account  # noqa: SLF001 -- where Tortoise keeps it
        return session

    async def _read(self, session_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Any]]:
        kind = dialect()
        ids = session_ids if kind == "postgres" else orjson.dumps(session_ids).decode()
        _, rows = await current().execute_query(self._statement(kind), [ids])
        return {UUID(str(row[0])): tuple(row) for row in rows}

    def _statement(self, kind: str) -> str:
        if kind not in self._statements:
            self._statements[kind] = (
                f"SELECT {self._sessions.select('s')}, {self._accounts.select('a')} FROM sessions s "  # noqa: S608
                f"JOIN accounts a ON a.id = s.account_id WHERE s.id {CHOICES[kind]}"
            )
        return self._statements[kind]

    def _build(self, values: Sequence[Any]) -> tuple[Session, Account]:
        of_session = len(self._sessions.columns)
        if dialect() == "postgres":
            return self._sessions.build(values[:of_session]), self._accounts.build(values[of_session:])
        return (
            self._sessions.build_from_sqlite(values[:of_session]),
            self._accounts.build_from_sqlite(values[of_session:]),
        )
