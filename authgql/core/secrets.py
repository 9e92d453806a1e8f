"""Everything that must not be guessed is made here, and only its hash is ever stored."""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID, uuid4

import uuid_utils
from uuid_utils.compat import uuid7

TOKEN_BYTES: Final = 32  # 256 random bits
TIME_SHIFT: Final = 80  # a UUIDv7 begins with 48 bits of milliseconds
LAST_MILLISECOND: Final = 2**48 - 1


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562): sortable by creation, unique, but no secret."""
    return uuid7()


def new_name() -> str:
    """Return the 32 hexadecimal digits of a UUIDv7: a request's name, at a third of `new_id`'s price."""
    return uuid_utils.uuid7().hex


def first_id_at(moment: datetime) -> UUID:
    """Return the least UUIDv7 that may have been made at a moment or later, to the millisecond."""
    return _least_id(int(moment.timestamp() * 1000))


def time_of(identifier: UUID) -> datetime:
    """Return when a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> TIME_SHIFT) / 1000, UTC)


def earlier_id(identifier: UUID, *, seconds: float) -> UUID:
    """Return a bound: every UUIDv7 that was made at most so long before this one is greater or the same."""
    return _least_id((identifier.int >> TIME_SHIFT) - int(seconds * 1000))


def _least_id(milliseconds: int) -> UUID:
    return UUID(int=min(max(milliseconds, 0), LAST_MILLISECOND) << TIME_SHIFT)


def new_pseudonym() -> UUID:
    """Return a UUIDv4: random through and through, so that it says nothing of when it was made."""
    return uuid4()


def new_token(prefix: str) -> str:
    """Return `prefix` and 256 random bits in base64url; secret scanners find it by the prefix."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def new_nonce() -> str:
    """Return 128 random bits in base64url, for a page's Content-Security-Policy."""
    return secrets.token_urlsafe(16)


def is_same(one: str, other: str) -> bool:
    """Compare two secrets in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(one.encode(), other.encode())


def fingerprint(token: str) -> str:
    """Return the SHA-256 of a token of at least 112 random bits, in hex (ASVS 6.5.2)."""
    return hashlib.sha256(token.encode()).hexdigest()


def hex_digest(text: str, algorithm: Literal["md5", "sha1", "sha256"]) -> str:
    """Return a hash of public text in hex: a name for it, which protects nothing."""
    return hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest()


def ascii_hash(text: str) -> str:
    """Return the SHA-256 of ASCII text in base64url: 43 characters, without padding, as JOSE writes it."""
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def thumbprint(members: Mapping[str, str]) -> str:
    """Return the SHA-256 thumbprint of a public key, given its required JWK members alone (RFC 7638)."""
    return ascii_hash(json.dumps(members, sort_keys=True, separators=(",", ":")))
