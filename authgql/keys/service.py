"""Tokens are signed with a key that no database dump gives away, and that anybody can verify against."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from authgql.core.clock import Clock
from authgql.core.database import exclusive
from authgql.core.sealing import Sealer
from authgql.core.secrets import fingerprint
from authgql.keys.models import SigningKey

ALGORITHM: Final = "ES256"  # one key, one algorithm (RFC 8725 section 3.1)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key ready for use."""

    kid: str
    algorithm: str
    private_key: EllipticCurvePrivateKey
    public_jwk: Mapping[str, Any]


class SigningKeys:
    """The keys as this process knows them; `load` brings it up to date with the database."""

    def __init__(self, *, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer
        self._keys: dict[str, Key] = {}
        self._current: Key | None = None

    @property
    def current(self) -> Key:
        """The key that signs: the newest."""
        if self._current is None:
            raise RuntimeError("signing keys are used before they were loaded")
        return self._current

    def get(self, kid: str) -> Key | None:
        """Return the key of this id, if its tokens are to be accepted."""
        return self._keys.get(kid)

    def jwks(self) -> dict[str, Any]:
        """Return the public halves as a JWK Set (RFC 7517)."""
        return {"keys": [dict(key.public_jwk) for key in self._keys.values()]}

    async def prepare(self) -> None:
        """Load the keys, making the first one if there is none; raises `CannotOpen` for a wrong secret."""
        await self.load()
        if self._current is None:
            async with exclusive("signing-keys"):
                if not await SigningKey.filter(retired_at=None).exists():
                    await self._generate()
            await self.load()

    async def load(self) -> None:
        """Take over the keys that are in the database now."""
        rows = await SigningKey.filter(retired_at=None).order_by("created_at", "kid")
        keys = {row.kid: self._keys.get(row.kid) or self._open(row) for row in rows}
        self._keys = keys
        self._current = next(reversed(keys.values()), None)

    async def _generate(self) -> None:
        private_key = generate_private_key(SECP256R1())
        jwk = ECAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
        kid = _thumbprint(jwk)
        pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        public = {**jwk, "kid": kid, "use": "sig", "alg": ALGORITHM}
        await SigningKey.create(
            kid=kid,
            algorithm=ALGORITHM,
            public_jwk=orjson.dumps(public).decode(),
            sealed_private_key=self._sealer.seal(pem, place=f"signing-key:{kid}"),
            created_at=self._clock.now(),
        )

    def _open(self, row: SigningKey) -> Key:
        pem = self._sealer.open(row.sealed_private_key, place=f"signing-key:{row.kid}")
        private_key = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(private_key, EllipticCurvePrivateKey):
            raise TypeError(f"signing key {row.kid} is not an EC key")
        return Key(
            kid=row.kid,
            algorithm=row.algorithm,
            private_key=private_key,
            public_jwk=orjson.loads(row.public_jwk),
        )


def _thumbprint(jwk: Mapping[str, str]) -> str:
    """Return a key id that follows from the key, after RFC 7638 (its hash in hex, cut to 128 bits)."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return fingerprint(orjson.dumps(members).decode())[:32]
