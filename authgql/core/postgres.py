"""Tortoise's asyncpg client: fit for poolers, and leaving nothing behind when a transaction cannot begin."""

from typing import Any

import asyncpg
import structlog
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContextPooled
from tortoise.connection import get_connections

log = structlog.get_logger(__name__)


class TransactionContext(TransactionContextPooled):
    """Tortoise's context, giving its connection back to the pool when BEGIN fails or is cancelled.

    Nor does the task that failed keep believing that it is inside the transaction.
    """

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool = self.client._parent._pool  # noqa: SLF001 -- Tortoise's own context reaches for it too
        connection = await pool.acquire()
        self.client._connection = connection  # noqa: SLF001 -- the same
        try:
            await self.client.begin()
        except BaseException:
            await pool.release(connection)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client


class Client(AsyncpgDBClient):
    """The engine's client: a pool of connections, each used by one transaction at a time."""

    async def create_pool(self, **options: Any) -> asyncpg.Pool:  # noqa: ANN401 -- asyncpg's own options
        """Connect; through a pooler, keep no statement prepared beyond its transaction.

        The next may be on another server (PgBouncer in transaction mode), which does not know the statement,
        or knows another of that name. `statement_cache_size` in the URL decides without looking.
        """
        unprepared = {**options, "statement_cache_size": 0}
        if "statement_cache_size" not in options and await self._meets_a_pooler(unprepared):
            log.info("database.pooler", statement_cache_size=0)
            options = unprepared
        return await super().create_pool(**options)

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
