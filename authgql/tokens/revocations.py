"""What is published of ended sessions is signed as tokens are, and cannot be taken for one."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, Final

import jwt
import orjson

from authgql.core.clock import Clock
from authgql.core.secrets import ascii_hash
from authgql.keys.service import SigningKeys
from authgql.sessions.revocations import Revocations

TYPE: Final = "revocations+jwt"
LIFE: Final = timedelta(seconds=60)  # an older copy is no news: somebody may be holding back the newer one
# With the second that caches keep it, and a reader that asks twice a second, that makes two.
KEPT: Final = timedelta(seconds=0.5)
MOST: Final = 32  # pages, of some 200 kB if they are full


class SignedPage:
    """A page with a tag that is the same for the same news; signed once, when first its JWS is wanted."""

    def __init__(self, news: bytes, *, sign: Callable[[], str]) -> None:
        self.tag = ascii_hash(news.decode())
        self._sign = sign

    @cached_property
    def jws(self) -> str:
        """The page as a compact JWS."""
        return self._sign()


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A page that was asked for at a moment, ready or in the making."""

    at: datetime
    page: asyncio.Task[SignedPage]

    def is_fresh(self, now: datetime) -> bool:
        return timedelta() <= now - self.at < KEPT


class RevocationFeed:
    """Signs pages with the key that signs access tokens.

    Anybody may ask, so who asks for the same in the same half second is given the same page. What this
    process ends itself is told at once all the same.
    """

    def __init__(self, *, clock: Clock, keys: SigningKeys, issuer: str, revocations: Revocations) -> None:
        self._clock = clock
        self._keys = keys
        self._issuer = issuer
        self._revocations = revocations
        self._kept: dict[str | None, _Kept] = {}
        revocations.on_news = self._kept.clear

    async def page(self, since: str | None) -> SignedPage:
        """Return the page after a cursor, or the first; raises `BadUserInput`."""
        now = self._clock.now()
        kept = self._kept.get(since)
        if kept is None or not kept.is_fresh(now):
            kept = self._keep(since, now)
        return await asyncio.shield(kept.page)  # who goes away takes it from nobody else

    def _keep(self, since: str | None, now: datetime) -> _Kept:
        # In a context of its own: the first one's request id is not everybody's.
        task = asyncio.get_running_loop().create_task(self._make(since), context=Context())
        kept = _Kept(at=now, page=task)
        self._kept.pop(since, None)
        self._kept[since] = kept
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        task.add_done_callback(partial(self._drop_failed, since, kept))
        return kept

    def _drop_failed(self, since: str | None, kept: _Kept, task: asyncio.Task[SignedPage]) -> None:
        if (task.cancelled() or task.exception()) and self._kept.get(since) is kept:
            del self._kept[since]

    async def _make(self, since: str | None) -> SignedPage:
        page = await self._revocations.page(since)
        news = {
            "revoked": [
                {
                    "sid": str(one.session_id),
                    "jti": str(one.token_id),
                    "exp": int(one.until.timestamp()) + 1,  # a token lives through the second that it names
                }
                for one in page.revoked
            ],
            "next": page.next,
            "more": page.more,
        }
        return SignedPage(orjson.dumps(news), sign=partial(self._sign, news, self._clock.now()))

    def _sign(self, news: dict[str, Any], now: datetime) -> str:
        key = self._keys.current
        claims = {"iss": self._issuer, "iat": now, "exp": now + LIFE, **news}
        headers = {"typ": TYPE, "kid": key.kid}
        return jwt.encode(claims, key.private_key, algorithm=key.algorithm, headers=headers)
