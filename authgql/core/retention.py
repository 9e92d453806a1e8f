"""What is over goes a few rows at a time, so that nobody waits for it, however much there is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson

from authgql.core.database import dialect
from authgql.core.networks import neighbourhood
from authgql.core.statements import Statement

BATCH: Final = 500
# What somebody has locked is left for the next time: who waits for nobody is in no circle of waiting.
DELETE: Final = """
DELETE FROM "{table}" WHERE "id" IN (
SELECT "id" FROM "{table}" WHERE {over} LIMIT :limit FOR UPDATE SKIP LOCKED)
"""
# An address is told from the network that it became by the slash of the latter.
WHOLE: Final = 'SELECT "id", "ip_address" FROM "{table}" WHERE {old} AND "ip_address" NOT LIKE \'%/%\' '
TRUNCATE: Final = 'UPDATE "{table}" AS t SET "ip_address" = n.value FROM {networks} n WHERE t."id" = {id}'
PAIRS: Final = {
    "sqlite": {"networks": "json_each(:networks)", "id": "n.key"},
    "postgres": {
        "networks": "jsonb_each_text(CAST(:networks AS jsonb))",
        "id": "CAST(n.key AS uuid) AND t.id = ANY(:ids)",
    },
}


async def in_batches(work: Callable[[], Awaitable[int]]) -> int:
    """Repeat until nothing is left to do; return how much was done."""
    total = 0
    while done := await work():
        total += done
    return total


class Deletion:
    """Deletes rows of one table for which `over` holds (it may go on with ORDER BY), in bounded batches."""

    def __init__(self, table: str, *, over: str) -> None:
        self._statement = Statement(DELETE.format(table=table, over=over))

    async def run(self, **values: object) -> int:
        """Delete all there are; return how many these were. Each batch is a transaction of its own."""
        return await in_batches(lambda: self._statement.count(limit=BATCH, **values))


class Truncation:
    """Makes networks of the addresses in one table's rows for which `old` holds.

    `order` says in which order, and perhaps which locks to pass by.
    """

    def __init__(self, table: str, *, old: str, order: str) -> None:
        self._whole = Statement(WHOLE.format(table=table, old=old) + order)
        self._truncate = {
            name: Statement(TRUNCATE.format(table=table, **pairs)) for name, pairs in PAIRS.items()
        }

    async def batch(self, **values: object) -> Sequence[Any]:
        """Truncate some, in the caller's transaction; return their ids."""
        rows = await self._whole.rows(limit=BATCH, **values)
        ids = [row_id for row_id, _ in rows]
        if rows:
            networks = {str(row_id): neighbourhood(address) for row_id, address in rows}
            await self._truncate[dialect()].count(ids=ids, networks=orjson.dumps(networks).decode())
        return ids
