"""Nobody tries anything worth guessing more often than the table in `policy.py` allows."""

import math
import time
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.errors import Refusal
from authgql.core.secrets import fingerprint
from authgql.limits.policy import POLICIES, Attempt

EVIDENCE: Final = RateLimitItemPerMinute(1)


class RateLimited(Refusal):
    """`retry_after` is in whole seconds."""

    code = "RATE_LIMITED"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after} s.")
        self.retry_after = retry_after


class Limits:
    """Counts attempts, whether they succeed or not: a success clears nobody's failures."""

    def __init__(self, *, audit: AuditLog, enabled: bool) -> None:
        self._audit = audit
        self._enabled = enabled
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def attempt(self, attempt: Attempt, *, origin: Origin, account: str | None = None) -> None:
        """Count one attempt, by account (whatever names it) and by network; raise `RateLimited`."""
        if not self._enabled:
            return
        policy = POLICIES[attempt]
        await self._hit(attempt, policy.per_network, network(origin.ip_address), origin)
        if account is not None:
            await self._hit(attempt, policy.per_account, fingerprint(account), origin)

    async def _hit(self, attempt: Attempt, limit: RateLimitItem | None, key: str, origin: Origin) -> None:
        if limit is None or await self._windows.hit(limit, attempt.name, key):
            return
        stats = await self._windows.get_window_stats(limit, attempt.name, key)
        # Evidence once a minute is enough: a flood must not fill the trail that it is refused by.
        if await self._windows.hit(EVIDENCE, "evidence", attempt.name, key):
            await self._audit.record(Event.RATE_LIMITED, origin=origin, reason=attempt.value)
        raise RateLimited(retry_after=max(1, math.ceil(stats.reset_time - time.time())))


def network(address: str) -> str:
    """Return what one client can be expected to hold: an IPv4 address, or an IPv6 /64."""
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        return str(ip_network(f"{ip}/64", strict=False))
    return str(ip)
