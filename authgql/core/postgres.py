"""Tortoise's asyncpg client: fit for poolers, waiting for nothing without end, leaving nothing half begun."""

import asyncio
from typing import Any, cast

import asyncpg
import structlog
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import DBConnectionError

from authgql.core.lending import Lending

log = structlog.get_logger(__name__)


class Borrowed(PoolConnectionWrapper[Any]):
    """A connection for one statement; raises TimeoutError if the pool has none for too long."""

    def __init__(self, client: "Client", pool_init_lock: asyncio.Lock) -> None:
        super().__init__(client, pool_init_lock)
        self._lender = client

    async def __aenter__(self) -> Any:  # noqa: ANN401 -- asyncpg's connection, which has no types
        await self.ensure_connection()
        self.connection = await self._lender.lending.take()
        return self.connection

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        await self._lender.lending.give(self.connection, clean=failed is None)


class TransactionContext(TransactionContextPooled):
    """Tortoise's context, giving its connection back to the pool when BEGIN fails or is cancelled.

    Nor does the task that failed keep believing that it is inside the transaction.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        lending = cast("Client", self.client._parent).lending  # noqa: SLF001 -- Tortoise's own does so too
        self.client._connection = connection = await lending.take()  # noqa: SLF001 -- the same
        try:
            await self.client.begin()
        except BaseException:
            await lending.give(connection, clean=False)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        lending = cast("Client", self.client._parent).lending  # noqa: SLF001 -- the same
        clean = False
        try:
            if failed:
                await self.client.rollback()
            else:
                await self.client.commit()
                clean = True
        finally:
            get_connections().reset(self.token)
            await lending.give(self.client._connection, clean=clean)  # noqa: SLF001 -- the same


class Client(AsyncpgDBClient):
    """The engine's client: a pool of connections, each used by one transaction at a time."""

    def __init__(self, *, acquire_timeout: float, **credentials: Any) -> None:  # noqa: ANN401 -- Tortoise's
        super().__init__(**credentials)
        self._acquire_timeout = acquire_timeout
        self.lending: Lending  # there is one once there is a pool

    async def ping(self) -> None:
        """Ask for a sign of life; raises DBConnectionError if it is a standby's, which takes no writes."""
        (row,) = await self.execute_query_dict("SHOW transaction_read_only")
        if row["transaction_read_only"] != "off":
            raise DBConnectionError("The database takes no writes.")

    def in_use(self) -> int:
        """Return how many of the pool's connections somebody has."""
        return self.lending.in_use()

    def acquire_connection(self) -> Borrowed:
        """Borrow a connection for one statement."""
        return Borrowed(self, self._pool_init_lock)

    async def create_pool(self, **options: Any) -> asyncpg.Pool:  # noqa: ANN401 -- asyncpg's own options
        """Connect; through a pooler, keep no statement prepared beyond its transaction.

        The next may be on another server (PgBouncer in transaction mode), which does not know the statement,
        or knows another of that name. `statement_cache_size` in the URL decides without looking.
        """
        unprepared = {**options, "statement_cache_size": 0}
        if "statement_cache_size" not in options and await self._meets_a_pooler(unprepared):
            log.info("database.pooler", statement_cache_size=0)
            options = unprepared
        pool = await super().create_pool(**options)
        self.lending = Lending(pool, timeout=self._acquire_timeout)
        return pool

    async def _close(self) -> None:
        if self._pool:
            await self.lending.end()
        await super()._close()

    async def _meets_a_pooler(self, options: dict[str, Any]) -> bool:
        """Tell whether the process that greeted us is another than the one that answers."""
        async with (
            await super().create_pool(**{**options, "min_size": 1, "max_size": 1}) as pool,
            pool.acquire() as connection,
        ):
            answering = await connection.fetchval("SELECT pg_backend_pid()")
            return bool(answering != connection.get_server_pid())

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(TransactionWrapper(self), self._pool_init_lock)


client_class = Client  # the name by which Tortoise finds an engine's client
