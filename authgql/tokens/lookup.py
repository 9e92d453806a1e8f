"""A refresh token is found by its hash, with its session and account, at every use."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from authgql.accounts.models import Account
from authgql.core.crowd import AT_ONCE, Crowd
from authgql.core.database import dialect
from authgql.core.rows import Joined
from authgql.core.statements import Statement
from authgql.sessions.models import Session
from authgql.tokens.models import RefreshToken


class Lookup:
    """Finds refresh tokens, those that are used in one moment in one statement."""

    def __init__(self) -> None:
        self._rows = Joined(t=RefreshToken, s=Session, a=Account)

    async def find(self, token_hash: str) -> RefreshToken | None:
        """Return a token whose account is not locked; each caller gets objects of their own."""
        found = await self._crowd.ask(token_hash)
        if found is None:
            return None
        token, session, account = self._rows.read(found)
        token._session, session._account = session, account  # noqa: SLF001 -- where Tortoise keeps them
        row: RefreshToken = token
        return row

    @cached_property
    def _crowd(self) -> Crowd[str, Sequence[Any]]:
        return Crowd(self._read, at_once=AT_ONCE[dialect()])

    async def _read(self, hashes: Sequence[str]) -> Mapping[str, Sequence[Any]]:
        return {found[0]: found[1:] for found in await self._statement.rows(hashes=hashes)}

    @cached_property
    def _statement(self) -> Statement:
        joined = '"refresh_tokens" t JOIN "sessions" s ON s."id" = t."session_id"'
        joined += ' JOIN "accounts" a ON a."id" = s."account_id"'
        where = 't."token_hash" = ANY(:hashes) AND a."locked_at" IS NULL'
        columns = f't."token_hash", {self._rows.columns}'
        return Statement(f"SELECT {columns} FROM {joined} WHERE {where}")  # noqa: S608 -- our own words
