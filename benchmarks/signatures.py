"""What signatures cost within one process: both algorithms, with and without the tokens remembered."""

import asyncio
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any, Final, cast
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authgql.core.clock import Clock
from authgql.core.replay import MemoryReplays
from authgql.core.sealing import Sealer
from authgql.core.secrets import ascii_hash, new_id
from authgql.keys.algorithms import generate, public_jwk
from authgql.keys.service import Key, SigningKeys
from authgql.sessions.models import Session
from authgql.tokens.access import AccessTokens
from authgql.tokens.dpop import Proofs
from authgql.tokens.nonces import Nonces

TIMES: Final = 1_000
ROUNDS: Final = 5
URL: Final = "https://id.example.com"


class OneKey:
    """Stands for the signing keys, of which one is enough here."""

    def __init__(self, algorithm: str, clock: Clock) -> None:
        private_key = generate(algorithm)
        jwk = public_jwk(private_key, algorithm)
        now = clock.now()
        self.current = Key(
            kid=jwk["kid"],
            algorithm=algorithm,
            private_key=private_key,
            public_jwk=jwk,
            created_at=now,
            signs_from=now,
        )

    def get(self, kid: str) -> Key | None:
        """Return the key."""
        return self.current if kid == self.current.kid else None


def costs() -> dict[str, float]:
    """Return microseconds by what was done."""
    measured: dict[str, float] = {}
    for algorithm in ("ES256", "EdDSA"):
        access, session = _access(algorithm)
        forgetful, _ = _access(algorithm, remembered=0, keys=access._keys)  # noqa: SLF001 -- the same key
        token = access.sign(session)
        measured[f"{algorithm}: sign"] = _each(partial(access.sign, session))
        measured[f"{algorithm}: verify"] = _each(partial(forgetful.verify, token))
        measured[f"{algorithm}: verify, remembered"] = _each(partial(access.verify, token))
    measured["DPoP: check and spend a proof by ES256"] = asyncio.run(_proofs())
    return measured


def _access(
    algorithm: str, *, remembered: int = 10, keys: SigningKeys | None = None
) -> tuple[AccessTokens, Session]:
    clock = Clock()
    now = clock.now()
    access = AccessTokens(
        clock=clock,
        keys=keys or cast("SigningKeys", OneKey(algorithm, clock)),
        issuer=URL,
        audience="authgql",
        remembered=remembered,
    )
    session = Session(
        id=new_id(),
        token_id=uuid4(),
        token_issued_at=now,
        token_expires_at=now + timedelta(hours=1),
        authenticated_at=now,
    )
    session.account_id = new_id()
    return access, session


def _each(work: Callable[[], object]) -> float:
    return median(_round(work) for _ in range(ROUNDS))


def _round(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(TIMES):
        work()
    return (time.process_time() - began) / TIMES * 1e6


async def _proofs() -> float:
    clock, sealer = Clock(), Sealer(("a-secret-that-only-this-benchmark-knows-0123456789",))
    proofs = Proofs(
        clock=clock,
        public_url=URL,
        replays=MemoryReplays(clock=clock),
        nonces=Nonces(clock=clock, sealer=sealer),
        require_nonce=False,
    )
    made = _made(TIMES * ROUNDS)

    async def verify(proof: str) -> None:
        checked = proofs.check([proof], method="POST", path="/graphql", access_token="token")  # noqa: S106 -- none
        await proofs.spend(checked)

    return median([await _proofs_round(verify, made[at::ROUNDS]) for at in range(ROUNDS)])


async def _proofs_round(verify: Callable[[str], Awaitable[None]], made: list[str]) -> float:
    began = time.process_time()
    for proof in made:
        await verify(proof)
    return (time.process_time() - began) / len(made) * 1e6


def _made(count: int) -> list[str]:
    key = generate_private_key(SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    x, y = (urlsafe_b64encode(part).rstrip(b"=").decode() for part in (point[1:33], point[33:]))
    headers: dict[str, Any] = {"typ": "dpop+jwt", "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}}
    claims = {"htm": "POST", "htu": f"{URL}/graphql", "iat": int(time.time()), "ath": ascii_hash("token")}
    return [
        jwt.encode({**claims, "jti": str(uuid4())}, key, algorithm="ES256", headers=headers)
        for _ in range(count)
    ]
