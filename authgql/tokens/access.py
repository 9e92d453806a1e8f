"""An access token names a session, and proves nothing unless this server signed it for this purpose."""

import re
from calendar import timegm
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import jwt

from authgql.core.clock import Clock
from authgql.core.secrets import fingerprint
from authgql.keys.service import Key, SigningKeys
from authgql.sessions.models import Session

TYPE: Final = "at+jwt"  # RFC 9068 section 2.1
MAX_LENGTH: Final = 4096
COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
SCOPE: Final = "account"
SKEW_SECONDS: Final = 60  # how far another node's clock may be ahead
REMEMBERED: Final = 4096  # verified tokens, of about 2 KiB each
REQUIRED: Final = ("iss", "aud", "sub", "sid", "jti", "iat", "exp", "auth_time", "amr", "scope")


class BadAccessToken(Exception):  # noqa: N818 -- what it is
    """Not a token that this server signed, or no longer one to accept."""


@dataclass(frozen=True, kw_only=True)
class AccessClaims:
    """What an accepted token says: which session of which account, and all of it as it was signed."""

    account_id: UUID
    session_id: UUID
    token_id: UUID
    signed: Mapping[str, Any]


class AccessTokens:
    """Signs and verifies JWTs (RFC 7519, 8725, 9068).

    A signature is verified once: of the tokens used last it is remembered which key signed what. That
    key must still be in use and the times right at every use; a session's state is never remembered.
    """

    def __init__(
        self, *, clock: Clock, keys: SigningKeys, issuer: str, audience: str, remembered: int = REMEMBERED
    ) -> None:
        self._clock = clock
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._remembered = remembered
        self._verified: OrderedDict[str, tuple[Key, AccessClaims]] = OrderedDict()

    def sign(self, session: Session) -> str:
        """Sign the session's newest access token, as its row describes it."""
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(session.account_id),
            "sid": str(session.id),
            "jti": str(session.token_id),
            "iat": _seconds(session.token_issued_at),
            "exp": _seconds(session.token_expires_at),
            "auth_time": _seconds(session.authenticated_at),
            "amr": ["pwd"],
            "scope": SCOPE,
        }
        if session.key_thumbprint:
            claims["cnf"] = {"jkt": session.key_thumbprint}  # RFC 9449 section 6.1
        key = self._keys.current
        headers = {"typ": TYPE, "kid": key.kid}
        return jwt.encode(claims, key.private_key, algorithm=key.algorithm, headers=headers)

    def verify(self, token: str) -> AccessClaims:
        """Return what a token proves, or raise `BadAccessToken`; the session is not looked up here."""
        if len(token) > MAX_LENGTH or not COMPACT.fullmatch(token):
            raise BadAccessToken
        name = fingerprint(token)
        claims = self._recalled(name)
        if claims is not None:
            self._check_times(claims.signed)
            return claims
        key, claims = self._read(token)
        self._check_times(claims.signed)
        self._verified[name] = key, claims
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)
        return claims

    def _recalled(self, name: str) -> AccessClaims | None:
        key, claims = self._verified.get(name, (None, None))
        if key is None or self._keys.get(key.kid) is not key:  # unknown, or its key was retired
            return None
        self._verified.move_to_end(name)
        return claims

    def _read(self, token: str) -> tuple[Key, AccessClaims]:
        try:
            key, claims = self._decode(token)
            self._check(claims)
            return key, AccessClaims(
                account_id=UUID(claims["sub"]),
                session_id=UUID(claims["sid"]),
                token_id=UUID(claims["jti"]),
                signed=MappingProxyType(claims),
            )
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise BadAccessToken from error

    def _decode(self, token: str) -> tuple[Key, dict[str, Any]]:
        header = jwt.get_unverified_header(token)
        key = self._keys.get(header["kid"])
        # The key decides the algorithm, the header never does (RFC 8725 section 3.1).
        if key is None or header.get("typ") != TYPE or header["alg"] != key.algorithm or "crit" in header:
            raise BadAccessToken
        return key, jwt.decode(
            token,
            key.private_key.public_key(),
            algorithms=[key.algorithm],
            audience=self._audience,
            issuer=self._issuer,
            # The times are checked at every use, against the one clock and as integers.
            options={
                "require": list(REQUIRED),
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )

    def _check(self, claims: dict[str, Any]) -> None:
        if type(claims["exp"]) is not int or type(claims["iat"]) is not int or "nbf" in claims:
            raise BadAccessToken
        if type(claims["sid"]) is not str:  # PyJWT looks at `sub` and `jti` alone
            raise BadAccessToken
        if claims["aud"] != self._audience:
            raise BadAccessToken

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = int(self._clock.now().timestamp())
        if claims["exp"] <= now or claims["iat"] > now + SKEW_SECONDS:
            raise BadAccessToken


def _seconds(moment: datetime) -> int:
    return timegm(moment.utctimetuple())
