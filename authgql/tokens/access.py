"""An access token names a session, and proves nothing unless this server signed it for this purpose."""

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
from authgql.tokens.compact import BadJws, CompactJws, parse, write

TYPE: Final = "at+jwt"  # RFC 9068 section 2.1
SCOPE: Final = "account"
SKEW_SECONDS: Final = 60  # how far another node's clock may be ahead
LAST_MOMENT: Final = 2**53  # JSON's readers agree on whole numbers below it (RFC 8259 section 6)
CLAIMS: Final[Mapping[str, type]] = {  # all of them required, and of exactly these types
    "iss": str,
    "aud": str,
    "sub": str,
    "sid": str,
    "jti": str,
    "iat": int,
    "exp": int,
    "auth_time": int,
    "amr": list,
    "scope": str,
}
REMEMBERED: Final = 4096  # verified tokens, of about 2 KiB each


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
            "iat": whole_seconds(session.token_issued_at),
            "exp": whole_seconds(session.token_expires_at),
            "auth_time": whole_seconds(session.authenticated_at),
            "amr": ["pwd"],
            "scope": SCOPE,
        }
        if session.key_thumbprint:
            claims["cnf"] = {"jkt": session.key_thumbprint}  # RFC 9449 section 6.1
        key = self._keys.current
        algorithm = jwt.get_algorithm_by_name(key.algorithm)
        header = {"typ": TYPE, "alg": key.algorithm, "kid": key.kid}
        return write(header, claims, lambda signing_input: algorithm.sign(signing_input, key.private_key))

    def verify(self, token: str) -> AccessClaims:
        """Return what a token proves, or raise `BadAccessToken`; the session is not looked up here."""
        name = fingerprint(token)
        key, claims = self._recalled(name) or self._read(token)
        self._check_times(claims.signed)
        self._remember(name, key, claims)
        return claims

    def _recalled(self, name: str) -> tuple[Key, AccessClaims] | None:
        remembered = self._verified.get(name)
        if remembered is None:
            return None
        key, _ = remembered
        return remembered if self._keys.get(key.kid) is key else None  # unless its key was retired

    def _remember(self, name: str, key: Key, claims: AccessClaims) -> None:
        self._verified[name] = key, claims
        self._verified.move_to_end(name)
        if len(self._verified) > self._remembered:
            self._verified.popitem(last=False)

    def _read(self, token: str) -> tuple[Key, AccessClaims]:
        try:
            jws = parse(token)
            key = self._signer(jws)
            claims = jws.payload()
            self._check(claims)
            return key, AccessClaims(
                account_id=UUID(str(claims["sub"])),
                session_id=UUID(str(claims["sid"])),
                token_id=UUID(str(claims["jti"])),
                signed=MappingProxyType(claims),
            )
        except (BadJws, ValueError) as error:
            raise BadAccessToken from error

    def _signer(self, jws: CompactJws) -> Key:
        kid = jws.header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        # The key decides the algorithm, the header never does (RFC 8725 section 3.1); and a header with
        # anything in it that we do not write ourselves (`jwk`, `jku`, `x5u`, `crit`, `b64` …) is not ours.
        if key is None or jws.header != {"typ": TYPE, "alg": key.algorithm, "kid": key.kid}:
            raise BadAccessToken
        algorithm = jwt.get_algorithm_by_name(key.algorithm)
        if not algorithm.verify(jws.signing_input, key.private_key.public_key(), jws.signature):
            raise BadAccessToken
        return key

    def _check(self, claims: Mapping[str, Any]) -> None:
        if any(type(claims.get(name)) is not kind for name, kind in CLAIMS.items()) or "nbf" in claims:
            raise BadAccessToken
        if (claims["iss"], claims["aud"]) != (self._issuer, self._audience):
            raise BadAccessToken

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = whole_seconds(self._clock.now())
        if not now < claims["exp"] < LAST_MOMENT or not 0 <= claims["iat"] <= now + SKEW_SECONDS:
            raise BadAccessToken


def whole_seconds(moment: datetime) -> int:
    """Return a moment as tokens have it (RFC 7519 section 2), its fraction cut off."""
    return int(moment.timestamp())
