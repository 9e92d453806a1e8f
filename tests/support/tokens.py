"""Access tokens, taken apart and put together as an attacker would."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson


def encoded(part: bytes) -> str:
    """Return base64url without padding, as JWTs have it."""
    return urlsafe_b64encode(part).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def header_of(token: str) -> dict[str, Any]:
    header: dict[str, Any] = orjson.loads(decoded(token.split(".", maxsplit=1)[0]))
    return header


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = orjson.loads(decoded(token.split(".")[1]))
    return claims
