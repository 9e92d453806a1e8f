"""Tortoise's SQLite client with write transactions that queue for the file instead of failing on it."""

import asyncio
import sqlite3
from collections.abc import Iterator

from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError


class Transaction(SqliteTransactionWrapper):
    """A transaction that takes the write lock first.

    A deferred BEGIN that later wants to write cannot wait for the lock: SQLite answers "database is
    locked" at once, whatever the busy timeout, because its snapshot may be stale.
    """

    async def begin(self) -> None:
        """Take the write lock, waiting for it up to the busy timeout."""
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error
        except asyncio.CancelledError:
            # BEGIN goes on in the connection's thread; what it begins is undone there in its turn.
            await asyncio.shield(self._connection.rollback())
            raise

    async def execute_script(self, query: str) -> None:
        """Run a script inside this transaction; `executescript` would commit it first."""
        for statement in _statements(query):
            await self.execute_query(statement)


class TransactionContext(SqliteTransactionContext):
    """Tortoise's context, without its lock kept for ever when BEGIN fails or is cancelled."""

    async def __aenter__(self) -> Transaction:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        transaction: Transaction = self.connection
        return transaction


class Client(SqliteClient):
    """The engine's client: one connection for the process, used by one transaction at a time."""

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(Transaction(self), self._lock)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


client_class = Client  # the name by which Tortoise finds an engine's client
