"""Nobody tries anything worth guessing more often than the table in `policy.py` allows."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog
from limits import RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter

from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.errors import Refusal, Unavailable
from authgql.core.networks import network
from authgql.core.secrets import fingerprint
from authgql.limits.memory import MemoryWindows
from authgql.limits.policy import POLICIES, Attempt, Policy, Rule

if TYPE_CHECKING:
    from authgql.limits.shared import SharedWindows

ONCE_A_MINUTE: Final = RateLimitItemPerMinute(1)
PAUSE_SECONDS: Final = 1  # before a store that did not answer is asked again

log = structlog.get_logger(__name__)


class RateLimited(Refusal):
    """`retry_after` is in whole seconds."""

    code = "RATE_LIMITED"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__(f"Too many attempts. Try again in {retry_after} s.")
        self.retry_after = retry_after

    @property
    def extensions(self) -> Mapping[str, str | int]:
        """Say when to try again also where the answer has no room for a `RateLimited`."""
        return {**super().extensions, "retryAfter": self.retry_after}


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What holds an attempt up, and for how many seconds."""

    by: Rule
    seconds: float


class Limits:
    """Counts attempts, whether they succeed or not: a success clears nobody's failures.

    An attempt that is refused counts for nothing, so that whoever waits as told gets through. Each process
    counts for itself, unless a Redis counts for all.
    """

    def __init__(
        self, *, clock: Clock, audit: AuditLog, enabled: bool, shared: "SharedWindows | None", factor: int
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._enabled = enabled
        self._factor = factor
        self._own = MovingWindowRateLimiter(MemoryWindows(clock=clock))
        self._shared = MovingWindowRateLimiter(shared) if shared else None
        self._asked_again_at = 0.0

    async def attempt(
        self,
        attempt: Attempt,
        *,
        origin: Origin,
        account: str | None = None,
        known: str | None = None,
        subject: UUID | None = None,
    ) -> None:
        """Count one attempt at an account, whatever names it; raise `RateLimited`.

        `known` names the browser or session that the account knows the attempt to come from; `subject` is
        whose trail tells of a refusal. Passwords are not tried while the store of the counts is away:
        `Unavailable`.
        """
        if not self._enabled:
            return
        policy = POLICIES[attempt]
        rules = policy.rules(
            name=attempt.value,
            account=fingerprint(account) if account else None,
            known=known,
            network=network(origin.ip_address),
            factor=self._factor,
        )
        held = await self._count(policy, rules)
        if held is None:
            return
        # Evidence once a minute is enough: a flood must not fill the trail that it is refused by.
        if await self._own.hit(ONCE_A_MINUTE, "evidence", *held.by.key):
            await self._audit.record(
                Event.RATE_LIMITED,
                subject=subject,
                origin=origin,
                reason=f"{attempt.value}, {held.by.scope}",
            )
        raise RateLimited(retry_after=max(1, math.ceil(held.seconds)))

    async def overloaded(self) -> None:
        """Leave evidence, once a minute, that this process had no room for what was asked."""
        if await self._own.hit(ONCE_A_MINUTE, "overloaded"):
            await self._audit.record(Event.OVERLOADED)

    async def _count(self, policy: Policy, rules: Sequence[Rule]) -> _Held | None:
        if self._shared is None:
            return await self._count_in(self._own, rules)
        now = asyncio.get_running_loop().time()
        try:
            if now >= self._asked_again_at:
                return await self._count_in(self._shared, rules)
        except Unavailable as error:
            self._asked_again_at = asyncio.get_running_loop().time() + PAUSE_SECONDS
            log.warning("limits.store_away", error=type(error.__cause__).__name__)
        if policy.password:
            raise Unavailable
        return await self._count_in(self._own, rules)

    async def _count_in(self, windows: MovingWindowRateLimiter, rules: Sequence[Rule]) -> _Held | None:
        """Count an attempt towards every figure, or towards none if one of them holds it up."""
        waits = await asyncio.gather(*(self._wait(windows, rule) for rule in rules))
        held = [_Held(by=rule, seconds=wait) for rule, wait in zip(rules, waits, strict=True) if wait]
        if held:
            return max(held, key=attrgetter("seconds"))
        for rule in rules:
            if not await windows.hit(rule.figure, *rule.key):  # others were quicker
                return _Held(by=rule, seconds=await self._wait(windows, rule))
        return None

    async def _wait(self, windows: MovingWindowRateLimiter, rule: Rule) -> float:
        """Return after how many seconds a figure would let an attempt through; 0 for now."""
        stats = await windows.get_window_stats(rule.figure, *rule.key)
        return 0.0 if stats.remaining > 0 else stats.reset_time - self._clock.now().timestamp()
