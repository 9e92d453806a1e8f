"""One key, one algorithm (RFC 8725 section 3.1): what the two that are allowed are made of."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from authgql.core.secrets import fingerprint

PrivateKey: TypeAlias = EllipticCurvePrivateKey | Ed25519PrivateKey

GENERATORS: Final[dict[str, Callable[[], PrivateKey]]] = {
    "ES256": lambda: generate_private_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}


def generate(algorithm: str) -> PrivateKey:
    """Make a private key for `ES256` or `EdDSA`."""
    return GENERATORS[algorithm]()


def to_pem(key: PrivateKey) -> str:
    """Write a private key down, in the clear: seal it before it is stored."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def from_pem(pem: str) -> PrivateKey:
    """Read what `to_pem` wrote."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise TypeError("a signing key is an EC key or an Ed25519 key")
    return key


def public_jwk(key: PrivateKey, algorithm: str) -> dict[str, Any]:
    """Return the public half as a JWK (RFC 7517) whose `kid` follows from the key.

    The id is the RFC 7638 thumbprint's input hashed to hex and cut to 128 bits.
    """
    if isinstance(key, Ed25519PrivateKey):
        jwk: dict[str, Any] = dict(OKPAlgorithm.to_jwk(key.public_key(), as_dict=True))
    else:
        jwk = dict(ECAlgorithm.to_jwk(key.public_key(), as_dict=True))
    members: dict[str, Any] = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    kid = fingerprint(orjson.dumps(members).decode())[:32]
    return {**members, "kid": kid, "use": "sig", "alg": algorithm}
