"""DPoP proofs, good ones and every kind of bad one."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from authgql.tokens.dpop import Proofs

ES256 = ECAlgorithm(ECAlgorithm.SHA256)
EDDSA = OKPAlgorithm()


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def without_nones(members: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True)
class ProofKey:
    """A client's key; `jwk` is what its proofs show of it."""

    private: EllipticCurvePrivateKey | Ed25519PrivateKey = field(
        default_factory=lambda: generate_ec_key(SECP256R1())
    )

    @property
    def alg(self) -> str:
        return "EdDSA" if isinstance(self.private, Ed25519PrivateKey) else "ES256"

    @property
    def jwk(self) -> dict[str, Any]:
        if isinstance(self.private, Ed25519PrivateKey):
            return EDDSA.to_jwk(self.private.public_key(), as_dict=True)
        return ES256.to_jwk(self.private.public_key(), as_dict=True)

    def sign(self, message: bytes) -> bytes:
        if isinstance(self.private, Ed25519PrivateKey):
            return EDDSA.sign(message, self.private)
        return ES256.sign(message, self.private)

    def signed(self, header: bytes, payload: bytes) -> str:
        """Sign any two byte strings at all."""
        message = f"{b64(header)}.{b64(payload)}"
        return f"{message}.{b64(self.sign(message.encode()))}"

    def header(self, **changes: object) -> dict[str, object]:
        """Return a proof's header; None takes a member away."""
        return without_nones({"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk, **changes})

    def proof(self, claims: Mapping[str, object], **header: object) -> str:
        """Sign a proof."""
        return self.signed(json.dumps(self.header(**header)).encode(), json.dumps(claims).encode())


def claims_at(now: int, **changes: object) -> dict[str, object]:
    """Return a proof's claims for `POST https://auth.example/graphql`; None takes one away."""
    htu = "https://auth.example/graphql"
    return without_nones({"jti": str(uuid4()), "htm": "POST", "htu": htu, "iat": now, **changes})


async def verify(
    proofs: Proofs,
    headers: Sequence[str],
    *,
    method: str = "POST",
    path: str = "/graphql",
    access_token: str | None,
) -> str:
    """Check and spend a proof, and return its key's thumbprint."""
    proof = proofs.check(headers, method=method, path=path, access_token=access_token)
    await proofs.spend(proof)
    return proof.thumbprint
