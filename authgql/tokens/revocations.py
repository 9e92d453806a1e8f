"""What is published of ended sessions is signed as tokens are, and cannot be taken for one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import jwt
import orjson

from authgql.core.clock import Clock
from authgql.core.secrets import ascii_hash
from authgql.keys.service import SigningKeys
from authgql.sessions.revocations import Revocations

TYPE: Final = "revocations+jwt"
LIFE: Final = timedelta(seconds=60)  # an older copy is no news: somebody may be holding back the newer one


@dataclass(frozen=True, kw_only=True)
class SignedPage:
    """A page as a compact JWS, and a tag that is the same for the same news."""

    jws: str
    tag: str


class RevocationFeed:
    """Signs pages with the key that signs access tokens."""

    def __init__(self, *, clock: Clock, keys: SigningKeys, issuer: str, revocations: Revocations) -> None:
        self._clock = clock
        self._keys = keys
        self._issuer = issuer
        self._revocations = revocations

    async def page(self, since: str | None) -> SignedPage:
        """Return the page after a cursor, or the first; raises `BadUserInput`."""
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
        return SignedPage(jws=self._sign(news), tag=ascii_hash(orjson.dumps(news).decode()))

    def _sign(self, news: dict[str, Any]) -> str:
        now, key = self._clock.now(), self._keys.current
        claims = {"iss": self._issuer, "iat": now, "exp": now + LIFE, **news}
        headers = {"typ": TYPE, "kid": key.kid}
        return jwt.encode(claims, key.private_key, algorithm=key.algorithm, headers=headers)
