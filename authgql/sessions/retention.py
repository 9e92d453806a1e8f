"""Sessions that are over lose their address, and later go altogether."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from authgql.core.database import transaction
from authgql.core.retention import Deletion, Truncation, in_batches
from authgql.core.statements import Statement
from authgql.limits.devices import LIFETIME

AT_ONCE: Final = 100  # each may have some thousand refresh tokens
ADDRESSES: Final = Truncation(
    "sessions",
    old='"logged_out_at" <= :before',
    order='ORDER BY "logged_out_at" LIMIT :limit FOR UPDATE SKIP LOCKED',
)
# A disowned device is a stranger for as long as its cookie could say otherwise.
OVER: Final = Statement("""
SELECT "id" FROM "sessions"
WHERE "logged_out_at" <= :before AND ("disavowed_at" IS NULL OR "disavowed_at" <= :forgotten)
ORDER BY "logged_out_at" LIMIT :limit
""")
DELETION: Final = Deletion("sessions", over='"id" = ANY(:ids)')


async def truncate_addresses(before: datetime) -> int:
    """Make networks of the addresses of sessions that ended before a moment; return how many."""
    return await in_batches(lambda: _truncate_some(before))


async def some_over(before: datetime, *, now: datetime) -> Sequence[UUID]:
    """Return some sessions, the longest ended first, that ended before a moment and may go."""
    rows = await OVER.rows(before=before, forgotten=now - LIFETIME, limit=AT_ONCE)
    return [row_id for (row_id,) in rows]


async def delete(session_ids: Sequence[UUID]) -> int:
    """Delete sessions that are over; return how many."""
    return await DELETION.run(ids=session_ids)


async def _truncate_some(before: datetime) -> int:
    async with transaction():
        return len(await ADDRESSES.batch(before=before))
