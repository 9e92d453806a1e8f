"""`me` of a session that is bound to a key: every request comes with a proof of its own (RFC 9449)."""

import time
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

from authgql.core.secrets import ascii_hash
from benchmarks.load import Conversation
from benchmarks.scenes import ME, Client, Repeated, post
from benchmarks.servers import PUBLIC_URL

ALGORITHM: Final = "ES256"


class Proven(Repeated):
    """The same question over and over, each time with the next proof."""

    def __init__(self, key: EllipticCurvePrivateKey, access_token: str) -> None:
        super().__init__(b"", b'"username":"reader"')
        self._key = key
        self._access_token = access_token

    def request(self) -> bytes:
        """Sign, and return the request."""
        shown = proof(self._key, ath=ascii_hash(self._access_token))
        return post(ME, None, f"authorization: DPoP {self._access_token}", f"dpop: {shown}")


def proof(key: EllipticCurvePrivateKey, **claims: str) -> str:
    """Return a proof for a POST to the endpoint."""
    address = {"htm": "POST", "htu": f"{PUBLIC_URL}/graphql"}
    headers = {"typ": "dpop+jwt", "jwk": ECAlgorithm.to_jwk(key.public_key(), as_dict=True)}
    return jwt.encode(
        {"jti": str(uuid4()), "iat": int(time.time()), **address, **claims}, key, ALGORITHM, headers
    )


def ask(port: int, connections: int) -> Sequence[Conversation]:
    """Sign in with a key, on a server that `scenes.prepare` prepared."""
    key = generate_private_key(SECP256R1())
    tokens = Client(port).login("reader", dpop=proof(key))
    return [Proven(key, tokens["accessToken"]) for _ in range(connections)]
