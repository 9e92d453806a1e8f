"""Connections, and transactions that either happened or did not."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

import asyncpg
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.context import TortoiseContext, require_context, set_global_context
from tortoise.exceptions import DBConnectionError, OperationalError
from tortoise.transactions import in_transaction

from authgql.core.errors import Unavailable

APP: Final = "models"  # the one app label that all models live under
POOL_SIZE: Final = 10
CONNECT_SECONDS: Final = 5
STATEMENT_SECONDS: Final = 15
MIGRATION_SECONDS: Final = (
    86_400  # an index of a large table takes its time, and so does who migrates before us
)
# What SQLite's write-ahead log keeps when it begins anew (it does at some 4 MiB): to write over what is there
# costs a third less than to have a file grow again, whose new length has to be safe on disk as well.
JOURNAL_BYTES: Final = 64 * 2**20
ACQUIRE_SECONDS: Final = 5  # for a connection out of the pool, when all are in use

_after_commit: ContextVar[list[Callable[[], None]] | None] = ContextVar("after_commit", default=None)


def database_config(
    url: str, models: Sequence[str], *, statement_seconds: float = STATEMENT_SECONDS
) -> dict[str, Any]:
    """Return Tortoise's configuration for a `sqlite://PATH` or `postgres://…` URL.

    The connection is named for its dialect, because Tortoise caches the SQL it compiles by that name.
    """
    dialect = "sqlite" if url.startswith("sqlite:") else "postgres"
    connection = _sqlite(url) if dialect == "sqlite" else _postgres(url, statement_seconds)
    return {
        "connections": {dialect: connection},
        "apps": {APP: {"models": [*models, "aerich.models"], "default_connection": dialect}},
        "use_tz": True,
        "timezone": "UTC",
    }


class Database:
    """The process's connection to its database."""

    def __init__(
        self, *, url: str, models: Sequence[str], statement_seconds: float = STATEMENT_SECONDS
    ) -> None:
        self.config = database_config(url, models, statement_seconds=statement_seconds)
        self._context = TortoiseContext()

    async def open(self) -> None:
        """Connect. Raises what the driver raises when the database is away: see `is_unavailable`."""
        for connection in self.config["connections"].values():
            if path := connection["credentials"].get("file_path"):
                await asyncio.to_thread(_make_private, Path(path))
        set_global_context(self._context)  # requests run in other tasks than the one that opens
        try:
            await self._context.init(config=self.config)
            await self.ping()
        except BaseException:
            await self.close()
            raise

    async def ping(self) -> None:
        """Ask the database whether it can work; raises what `is_unavailable` knows if it cannot."""
        await current().ping()

    def connections_in_use(self) -> int:
        """Return how many connections somebody has at this moment."""
        in_use: int = current().in_use()
        return in_use

    async def close(self) -> None:
        """Close every connection; aiosqlite's thread would keep the process alive."""
        await self._context.close_connections()


def current() -> Any:  # noqa: ANN401 -- Tortoise's client, or its transaction: no common protocol
    """Return the connection to run a statement on: the open transaction's, if there is one."""
    context = require_context()
    return context.connections.get(str(context.default_connection))


def dialect() -> str:
    """Return `sqlite` or `postgres`."""
    name: str = current().capabilities.dialect
    return name


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Open a transaction, or join the one that is open; nothing raises on purpose inside one."""
    if in_a_transaction():
        yield
        return
    callbacks: list[Callable[[], None]] = []
    async with in_transaction():
        token = _after_commit.set(callbacks)
        try:
            yield
        finally:
            _after_commit.reset(token)
    for callback in callbacks:
        callback()


@asynccontextmanager
async def exclusive(name: str) -> AsyncIterator[None]:
    """Open a transaction that no other process has open under the same name."""
    async with transaction():
        if dialect() == "postgres":
            await current().execute_query("SELECT pg_advisory_xact_lock(hashtext($1))", [f"authgql:{name}"])
        yield


def in_a_transaction() -> bool:
    """Tell whether the caller stands inside `transaction()`."""
    return _after_commit.get() is not None


def after_commit(callback: Callable[[], None]) -> None:
    """Call back once the open transaction is safe on disk; never, if it rolls back."""
    callbacks = _after_commit.get()
    if callbacks is None:
        callback()
    else:
        callbacks.append(callback)


def is_unavailable(error: BaseException | None) -> bool:
    """Tell whether an exception, or one behind it, means that the database is away or full."""
    while error is not None:
        if isinstance(error, _AWAY) or (isinstance(error, _MAYBE_AWAY) and _says_away(str(error))):
            return True
        error = error.__cause__ or error.__context__
    return False


_AWAY = (
    Unavailable,  # said by whoever noticed it
    OSError,  # refused, reset, no such socket, no space; TimeoutError is one too
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,  # a connection that was closed under our hands
    asyncpg.InternalClientError,  # one that the server has given up and whose end is not yet read
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement cancelled
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
_MAYBE_AWAY = (sqlite3.OperationalError, sqlite3.DatabaseError, OperationalError)


def _says_away(message: str) -> bool:
    signs = ("locked", "unable to open", "disk", "readonly", "full", "malformed", "not a database")
    return any(sign in message for sign in signs)


def _make_private(file: Path) -> None:
    """Make the database's file, if there is none, for nobody else on the machine to read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)


def _sqlite(url: str) -> dict[str, Any]:
    path = url.removeprefix("sqlite://").removeprefix("sqlite:")
    credentials = {"file_path": path, "busy_timeout": 10_000, "journal_size_limit": JOURNAL_BYTES}
    return {"engine": "authgql.core.sqlite", "credentials": credentials}


def _postgres(url: str, statement_seconds: float) -> dict[str, Any]:
    config = expand_db_url(url.replace("postgresql://", "postgres://", 1))
    given = config["credentials"]
    defaults = {"maxsize": POOL_SIZE, "timeout": CONNECT_SECONDS}
    deadlines = {
        name: float(given.get(name, seconds))
        for name, seconds in (("command_timeout", statement_seconds), ("acquire_timeout", ACQUIRE_SECONDS))
    }
    return {"engine": "authgql.core.postgres", "credentials": defaults | _encrypted(given) | deadlines}


def _encrypted(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read libpq's `sslmode` as asyncpg's `ssl`; `verify-full` trusts the machine's authorities."""
    credentials = dict(given)
    mode = credentials.pop("sslmode", None)
    return credentials | ({"ssl": True if mode == "verify-full" else mode} if mode else {})
