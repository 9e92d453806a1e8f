"""Everything but the web: what is built once, and how it is opened, runs and is closed again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from authgql.audit.chain import Chain
from authgql.core.bus import Bus
from authgql.core.clock import Clock
from authgql.core.database import Database
from authgql.core.loops import Loops
from authgql.core.migrations import migrate, pending
from authgql.core.replay import MemoryReplays, Replays
from authgql.gate.context import Services
from authgql.janitor import Janitor
from authgql.keys.service import SigningKeys
from authgql.limits.service import Limits
from authgql.mail.mailbox import DevelopmentMailbox
from authgql.passwords.hashing import Hashing
from authgql.sessions.activity import Activity
from authgql.sessions.devices import describe
from authgql.sessions.location import Locator
from authgql.settings import Settings
from authgql.tokens.access import AccessTokens
from authgql.tokens.binding import Binding
from authgql.tokens.dpop import Proofs
from authgql.tokens.revocations import RevocationFeed

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from authgql.limits.shared import SharedWindows

ROOMS: Final = ("accounts", "sessions", "tokens", "links", "recovery", "mail", "audit", "keys", "limits")
MODELS: Final = tuple(f"authgql.{room}.models" for room in ROOMS)
MAILBOX: Final = Path("var/mailbox")
WARM_UP_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class SchemaBehind(Exception):  # noqa: N818 -- what is the matter
    """The database lacks migrations that this code needs."""


class Shared(NamedTuple):
    """What all nodes have in common; without a Redis there is only one."""

    redis: "Redis | None"
    bus: Bus
    replays: Replays
    windows: "SharedWindows | None"


def sharing(url: str, clock: Clock) -> Shared:
    """Make what nodes share through a Redis, or one process keeps to itself."""
    if not url:
        return Shared(None, Bus(), MemoryReplays(clock=clock), None)
    from authgql.core.redis import RedisBus, RedisReplays, connect  # noqa: PLC0415 -- see there
    from authgql.limits.shared import SharedWindows  # noqa: PLC0415 -- the same library's

    redis = connect(url)
    return Shared(redis, RedisBus(redis), RedisReplays(redis=redis), SharedWindows(redis, clock=clock))


@dataclass(frozen=True, kw_only=True)
class System:
    """Everything but the web."""

    settings: Settings
    database: Database
    bus: Bus
    keys: SigningKeys
    access: AccessTokens
    limits: Limits
    proofs: Proofs
    binding: Binding
    revocations: RevocationFeed
    services: Services
    loops: Loops
    chain: Chain
    janitor: Janitor
    hashing: Hashing
    locator: Locator
    activity: Activity
    mailbox: DevelopmentMailbox | None
    redis: "Redis | None"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open what must be open, and close it again."""
        await self.database.open()
        try:
            async with self.bus.running():
                yield
        finally:
            self.hashing.close()
            self.locator.close()
            await self.database.close()
            if self.redis:
                await self.redis.aclose()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run as a server does; raises `SchemaBehind`, unless in development, where it migrates."""
        async with self.running():
            if self.settings.development:
                await migrate(self.database.config)
            await self.require_current_schema()
            await self.keys.prepare()
            describe(WARM_UP_AGENT)  # reads the patterns, which takes longer than any one answer may
            self.loops.start()
            try:
                yield
            finally:
                await self.loops.stop()
                await self.activity.flush()

    async def require_current_schema(self) -> None:
        """Raise `SchemaBehind` if migrations are missing."""
        if missing := await pending(self.database.config):
            raise SchemaBehind(f"The database lacks {len(missing)} migration(s). Run `authgql migrate`.")
