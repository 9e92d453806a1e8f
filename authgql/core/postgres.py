"""Tortoise's asyncpg client with transactions that leave nothing behind when they cannot begin."""

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContextPooled
from tortoise.connection import get_connections


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

    def _in_transaction(self) -> TransactionContext:
        return TransactionContext(TransactionWrapper(self), self._pool_init_lock)


client_class = Client  # the name by which Tortoise finds an engine's client
