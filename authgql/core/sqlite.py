"""Tortoise's SQLite client with write transactions that queue for the file, though not without end."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias

from tortoise.backends.base.client import ConnectionWrapper
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    translate_exceptions,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

QUEUE_SECONDS: Final = 10  # as long as SQLite itself waits for another process

Steps: TypeAlias = Sequence[tuple[str, Sequence[object]]]
Outcome: TypeAlias = tuple[int, Sequence[Sequence[Any]]]
Work: TypeAlias = Callable[[sqlite3.Connection, Steps], Outcome]


class Turns(asyncio.Lock):
    """A lock that is not waited for without end: raises TimeoutError."""

    _waiting = 0

    async def acquire(self) -> Literal[True]:
        """Take it, at once if nobody has it or waits for it: a timer costs more than the lock."""
        if not self._waiting and not self.locked():
            return await super().acquire()
        self._waiting += 1
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                return await super().acquire()
        finally:
            self._waiting -= 1


class Borrowed(ConnectionWrapper[Any]):
    """The connection for one statement."""

    async def __aenter__(self) -> Any:  # noqa: ANN401 -- aiosqlite's connection
        await self.ensure_connection()  # first, or a failure would keep the lock
        await self._lock.acquire()
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

    @translate_exceptions
    async def run(self, steps: Steps) -> Outcome:
        """Run statements inside this transaction: see `Client.run`."""
        async with self.acquire_connection() as connection:
            return await _at_once(connection, _each, steps)

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

    def __init__(self, file_path: str, **pragmas: Any) -> None:  # noqa: ANN401 -- Tortoise's
        super().__init__(file_path, **pragmas)
        self._lock = Turns()

    async def create_connection(self, with_db: bool) -> None:
        """Open the file, and remember which it was."""
        await super().create_connection(with_db)
        self._file = await asyncio.to_thread(_identity, self.filename)

    async def ping(self) -> None:
        """Read the file; raises OSError if the path names another by now, into which nothing is written."""
        await self.execute_query("SELECT count(*) FROM sqlite_master")
        if await asyncio.to_thread(_identity, self.filename) != self._file:
            raise FileNotFoundError(f"{self.filename} is another file than the one that is open")

    @translate_exceptions
    async def run(self, steps: Steps) -> Outcome:
        """Run a statement, or several as one transaction, without coming back to the loop in between.

        Returns how many rows the last one was about, and those that it brought. A statement that is about no
        row is the last: of several, nothing is then written.
        """
        async with self.acquire_connection() as connection:
            return await _at_once(connection, _together if len(steps) > 1 else _each, steps)

    def in_use(self) -> int:
        """Return 1 while somebody has the connection."""
        return int(self._lock.locked())

    def acquire_connection(self) -> Borrowed:
        """Borrow the connection for one statement."""
        return Borrowed(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(Transaction(self), self._lock)


async def _at_once(connection: Any, work: Work, steps: Steps) -> Outcome:  # noqa: ANN401 -- aiosqlite's
    """Have the connection's thread do all of it: to come and go costs more than most statements do."""
    outcome: Outcome = await connection._execute(work, connection._conn, steps)  # noqa: SLF001 -- its own methods take one
    return outcome


def _together(connection: sqlite3.Connection, steps: Steps) -> Outcome:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        outcome = _each(connection, steps)
        if not outcome[0]:
            connection.rollback()
    return outcome


def _each(connection: sqlite3.Connection, steps: Steps) -> Outcome:
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples
    count, rows = 0, []
    for statement, values in steps:
        rows = cursor.execute(statement, values).fetchall()
        count = max(cursor.rowcount, 0) or len(rows)
        if not count:
            break
    return count, rows


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
