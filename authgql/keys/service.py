"""Tokens are signed with a key that no database dump gives away, and that anybody can verify against.

A key is published first, signs later and is retired last: whoever caches the published set knows a key
before its first token arrives, and keeps it until its last token has expired.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

import orjson

from authgql.audit.events import Event
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import exclusive
from authgql.core.sealing import Sealer
from authgql.keys.algorithms import PrivateKey, from_pem, generate, public_jwk, to_pem
from authgql.keys.models import SigningKey

JWKS_CACHE: Final = timedelta(seconds=300)  # how long others may cache the published set
LEAD: Final = JWKS_CACHE + timedelta(seconds=60)  # from a key's publication to its first signature
SKEW: Final = timedelta(seconds=60)


class KeyState(Enum):
    """Where a key is in its life."""

    PUBLISHED = "published"
    SIGNING = "signing"
    VERIFYING = "verifying"


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key ready for use."""

    kid: str
    algorithm: str
    private_key: PrivateKey
    public_jwk: Mapping[str, Any]
    created_at: datetime
    signs_from: datetime


class UnknownKey(Exception):  # noqa: N818 -- what it is
    """No key of this id is in use."""


class SigningKeys:
    """The keys as this process knows them; `load` brings it up to date with the database."""

    def __init__(
        self,
        *,
        clock: Clock,
        sealer: Sealer,
        audit: AuditLog,
        algorithm: str,
        max_age: timedelta,
        token_life: timedelta,
    ) -> None:
        self._clock = clock
        self._sealer = sealer
        self._audit = audit
        self._algorithm = algorithm
        self._max_age = max_age
        self._token_life = token_life
        self._keys: dict[str, Key] = {}
        self._tending = asyncio.Lock()

    @property
    def current(self) -> Key:
        """The key that signs: the newest of those whose time has come.

        None has come where the clock is behind that of the node which made the first key: then the oldest.
        """
        now = self._clock.now()
        ready = [key for key in self._keys.values() if key.signs_from <= now]
        if ready:
            return max(ready, key=_age)
        if not self._keys:
            raise RuntimeError("signing keys are used before they were loaded")
        return min(self._keys.values(), key=_age)

    def get(self, kid: str) -> Key | None:
        """Return the key of this id, if its tokens are to be accepted."""
        return self._keys.get(kid)

    def jwks(self) -> dict[str, Any]:
        """Return the public halves as a JWK Set (RFC 7517)."""
        return {"keys": [dict(key.public_jwk) for key in self._keys.values()]}

    def states(self) -> Sequence[tuple[Key, KeyState]]:
        """Return every key in use with its state, oldest first."""
        return [(key, self._state(key)) for key in sorted(self._keys.values(), key=_age)]

    async def prepare(self) -> None:
        """Load the keys, making the first one if there is none; raises `CannotOpen` for a wrong secret."""
        async with exclusive("signing-keys"):
            if not await SigningKey.filter(retired_at=None).exists():
                await self._add(signs_from=self._clock.now())
        await self.load()

    async def load(self) -> None:
        """Take over the keys that are in the database now."""
        rows = await SigningKey.filter(retired_at=None).order_by("signs_from", "kid")
        self._keys = {row.kid: self._keys.get(row.kid) or self._open(row) for row in rows}

    async def rotate(self) -> Key:
        """Publish a new key; it signs once every cache has had the time to learn of it."""
        async with exclusive("signing-keys"):
            kid = await self._publish(signs_from=self._clock.now() + LEAD)
        await self.load()
        return self._keys[kid]

    async def retire(self, kid: str) -> None:
        """Refuse a key's tokens from now on, on every node within seconds; raises `UnknownKey`.

        If no other key could sign, a new one does at once.
        """
        if not await self._retire(kid):
            raise UnknownKey(f"No key {kid} is in use. `authgql keys list` shows those that are.")
        await self.load()

    async def rotate_if_due(self) -> None:
        """Publish a successor of a key that is too old, unless another node was quicker."""
        async with exclusive("signing-keys"):
            await self.load()
            if self._is_due():
                await self._publish(signs_from=self._clock.now() + LEAD)
        await self.load()

    async def tend(self) -> None:
        """Rotate by age, retire what has nothing left to verify, and seal anew under a newer secret."""
        async with self._tending:  # an older look at the table must not replace a newer one
            await self._tend()

    async def _tend(self) -> None:
        await self.load()
        if not self._keys:
            await self.prepare()
        if self._is_due():
            await self.rotate_if_due()
        if done := self._done():
            for kid in done:
                await self._retire(kid)
            await self.load()
        await self._reseal()

    def _is_due(self) -> bool:
        newest = max(self._keys.values(), key=_age)
        too_old = self._clock.now() - newest.created_at >= self._max_age
        return too_old or newest.algorithm != self._algorithm

    def _done(self) -> list[str]:
        """Return the keys whose last token has expired."""
        over = self._clock.now() - self._token_life - SKEW
        successors = [key for key in self._keys.values() if key.signs_from <= over]
        last = max(successors, key=_age, default=None)
        return [key.kid for key in self._keys.values() if last and _age(key) < _age(last)]

    def _state(self, key: Key) -> KeyState:
        if key.signs_from > self._clock.now():
            return KeyState.PUBLISHED
        return KeyState.SIGNING if key is self.current else KeyState.VERIFYING

    async def _retire(self, kid: str) -> bool:
        now = self._clock.now()
        async with exclusive("signing-keys"):
            if not await SigningKey.filter(kid=kid, retired_at=None).update(retired_at=now):
                return False
            await self._audit.record(Event.SIGNING_KEY_RETIRED)
            if not await SigningKey.filter(retired_at=None, signs_from__lte=now).exists():
                await self._publish(signs_from=now)
        return True

    async def _publish(self, *, signs_from: datetime) -> str:
        await self._audit.record(Event.SIGNING_KEY_ADDED)
        return await self._add(signs_from=signs_from)

    async def _add(self, *, signs_from: datetime) -> str:
        private_key = generate(self._algorithm)
        jwk = public_jwk(private_key, self._algorithm)
        kid: str = jwk["kid"]
        await SigningKey.create(
            kid=kid,
            algorithm=self._algorithm,
            public_jwk=orjson.dumps(jwk).decode(),
            sealed_private_key=self._sealer.seal(to_pem(private_key), place=_place(kid)),
            created_at=self._clock.now(),
            signs_from=signs_from,
        )
        return kid

    async def _reseal(self) -> None:
        for row in await SigningKey.filter(retired_at=None):
            if not self._sealer.is_newest(row.sealed_private_key):
                pem = self._sealer.open(row.sealed_private_key, place=_place(row.kid))
                sealed = self._sealer.seal(pem, place=_place(row.kid))
                await SigningKey.filter(kid=row.kid).update(sealed_private_key=sealed)

    def _open(self, row: SigningKey) -> Key:
        return Key(
            kid=row.kid,
            algorithm=row.algorithm,
            private_key=from_pem(self._sealer.open(row.sealed_private_key, place=_place(row.kid))),
            public_jwk=orjson.loads(row.public_jwk),
            created_at=row.created_at,
            signs_from=row.signs_from,
        )


def _age(key: Key) -> tuple[datetime, str]:
    return key.signs_from, key.kid


def _place(kid: str) -> str:
    return f"signing-key:{kid}"
