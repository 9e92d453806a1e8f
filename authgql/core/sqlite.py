"""Tortoise's SQLite client with write transactions that queue for the file, though not without end."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from tortoise.backends.base.client import ConnectionWrapper
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

QUEUE_SECONDS: Final = 10  # as long as SQLite itself waits for another process


class Borrowed(ConnectionWrapper[Any]):
    """The connection for one statement; raises TimeoutError if others have it for too long."""

    async def __aenter__(self) -> Any:  # noqa: ANN401 -- aiosqlite's connection
        await self.ensure_connection()  # first, or a failure would keep the lock
        await _take(self._lock)
        return self.connection


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
        await _take(self._trxlock)
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

    async def create_connection(self, with_db: bool) -> None:
        """Open the file, and remember which it was."""
        await super().create_connection(with_db)
        self._file = await asyncio.to_thread(_identity, self.filename)

    async def ping(self) -> None:
        """Read the file; raises OSError if the path names another by now, into which nothing is written."""
        await self.execute_query("SELECT count(*) FROM sqlite_master")
        if await asyncio.to_thread(_identity, self.filename) != self._file:
            raise FileNotFoundError(f"{self.filename} is another file than the one that is open")

    def in_use(self) -> int:
        """Return 1 while somebody has the connection."""
        return int(self._lock.locked())

    def acquire_connection(self) -> Borrowed:
        """Borrow the connection for one statement."""
        return Borrowed(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(Transaction(self), self._lock)


async def _take(lock: asyncio.Lock) -> None:
    async with asyncio.timeout(QUEUE_SECONDS):
        await lock.acquire()


def _identity(path: str) -> tuple[int, int]:
    file = os.stat(path)  # noqa: PTH116 -- in a thread, of a name that Tortoise keeps as a string
    return file.st_dev, file.st_ino


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


client_class = Client  # the name by which Tortoise finds an engine's client
