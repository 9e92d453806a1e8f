"""Old events lose their address.

The trail is always truncated from its oldest event on: networks, then addresses. So where to go on is
found by halving, and what is written at each login needs no index for it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from authgql.core.database import exclusive
from authgql.core.retention import Truncation
from authgql.core.secrets import first_id_at
from authgql.core.statements import Statement

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
# In the order of their ids, in which an account that is erased strips its own.
ADDRESSES: Final = Truncation(
    "security_events",
    old='"id" >= :first AND "id" < :before',
    order='ORDER BY "id" LIMIT :limit FOR UPDATE',
)
NEXT_ADDRESS: Final = Statement("""
SELECT "ip_address" FROM "security_events"
WHERE "id" >= :first AND "id" < :before AND "ip_address" IS NOT NULL ORDER BY "id" LIMIT 1
""")


async def truncate_addresses(before: datetime) -> int:
    """Make networks of the addresses in events from before a moment; return how many.

    One process at a time does, a batch for each transaction: another's unfinished batch is never passed by.
    """
    total, end = 0, first_id_at(before)
    first = first_id_at(await _truncated_until(before))
    while True:
        async with exclusive("trail-addresses"):
            done = await ADDRESSES.batch(first=first, before=end)
        if not done:
            return total
        total, first = total + len(done), done[-1]


async def _truncated_until(before: datetime) -> datetime:
    """Return a moment before which no event has a whole address, and soon after which one may."""
    low, high = EPOCH, before
    middle = low
    while high - low > MILLISECOND:
        rows = await NEXT_ADDRESS.rows(first=first_id_at(middle), before=first_id_at(before))
        if rows and "/" in rows[0][0]:
            low = middle
        elif middle == EPOCH:
            break
        else:
            high = middle
        middle = low + (high - low) / 2
    return low
