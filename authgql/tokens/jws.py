"""A compact JWS that brings its own public key is read only if that very key signed it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from authgql.core.secrets import thumbprint
from authgql.tokens.compact import BadJws, decode, parse

COORDINATE_BYTES: Final = 32  # of both curves; an ES256 signature is two such numbers
SIGN_BIT: Final = 2**255
ED25519_PRIME: Final = 2**255 - 19
ORDER_8: Final = 0x5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # y of a point of order 8
SMALL_ORDER: Final = frozenset({0, 1, ED25519_PRIME - 1, ORDER_8, ED25519_PRIME - ORDER_8})
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 section 6


@dataclass(frozen=True, kw_only=True)
class SelfSigned:
    """What the holder of a key has signed."""

    thumbprint: str
    payload: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """A signature algorithm, and the one kind of key that goes with it (RFC 8725 section 3.1)."""

    kty: str
    crv: str
    coordinates: Sequence[str]
    verify: Callable[[Sequence[bytes], bytes, bytes], None]


def read(compact: str, *, typ: str) -> SelfSigned:
    """Return the payload and whose it is, or raise `BadJws`."""
    jws = parse(compact)
    algorithm = _algorithm(jws.header, typ)
    jwk = _public_jwk(jws.header, algorithm)
    _verify(algorithm, jwk, jws.signature, jws.signing_input)
    return SelfSigned(thumbprint=thumbprint(jwk), payload=jws.payload())


def _algorithm(header: Mapping[str, object], typ: str) -> Algorithm:
    if header.get("typ") != typ:  # a JWT made for anything else proves nothing here (RFC 8725 section 3.11)
        raise BadJws(f"has another `typ` than `{typ}`.")
    if "crit" in header:  # it demands extensions, and we know none (RFC 7515 section 4.1.11)
        raise BadJws("has a `crit` header parameter.")
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise BadJws(f"has another `alg` than {' or '.join(ALGORITHMS)}.")
    return ALGORITHMS[alg]


def _public_jwk(header: Mapping[str, object], algorithm: Algorithm) -> dict[str, str]:
    """Return the members that make the key, and nothing else that came with them."""
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise BadJws("has no `jwk`.")
    if PRIVATE & jwk.keys():  # whoever shows a private key has lost it
        raise BadJws("shows a private key.")
    if (jwk.get("kty"), jwk.get("crv")) != (algorithm.kty, algorithm.crv):
        raise BadJws("has a `jwk` that does not go with its `alg`.")
    members = {name: jwk.get(name) for name in ("crv", "kty", *algorithm.coordinates)}
    return {name: _string(value) for name, value in members.items()}


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise BadJws("has a `jwk` whose members are not strings.")
    return value


def _verify(algorithm: Algorithm, jwk: Mapping[str, str], signature: bytes, message: bytes) -> None:
    coordinates = [decode(jwk[name]) for name in algorithm.coordinates]
    if any(len(coordinate) != COORDINATE_BYTES for coordinate in coordinates):
        raise BadJws("has a `jwk` of the wrong size.")
    try:
        algorithm.verify(coordinates, signature, message)
    except ValueError:
        raise BadJws("has a `jwk` that is no point on its curve.") from None
    except InvalidSignature:
        raise BadJws("is not signed by its `jwk`.") from None


def _verify_es256(coordinates: Sequence[bytes], signature: bytes, message: bytes) -> None:
    x, y = (int.from_bytes(coordinate) for coordinate in coordinates)
    key = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    if len(signature) != 2 * COORDINATE_BYTES:
        raise InvalidSignature
    r, s = int.from_bytes(signature[:COORDINATE_BYTES]), int.from_bytes(signature[COORDINATE_BYTES:])
    key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))


def _verify_eddsa(coordinates: Sequence[bytes], signature: bytes, message: bytes) -> None:
    y = (int.from_bytes(coordinates[0], "little") & SIGN_BIT - 1) % ED25519_PRIME
    if y in SMALL_ORDER:  # anybody can sign for such a key, so it proves nobody
        raise InvalidSignature
    Ed25519PublicKey.from_public_bytes(coordinates[0]).verify(signature, message)


ALGORITHMS: Final = {
    "ES256": Algorithm(kty="EC", crv="P-256", coordinates=("x", "y"), verify=_verify_es256),
    "EdDSA": Algorithm(kty="OKP", crv="Ed25519", coordinates=("x",), verify=_verify_eddsa),
}
