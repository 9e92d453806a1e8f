"""A DPoP proof is accepted for one request, from the holder of one key, once (RFC 9449)."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from authgql.core.clock import Clock
from authgql.core.errors import Problem
from authgql.core.replay import Replays
from authgql.core.secrets import ascii_hash
from authgql.tokens.compact import BadJws
from authgql.tokens.jws import SelfSigned, read
from authgql.tokens.nonces import BadNonce, Nonces

TYPE: Final = "dpop+jwt"
SKEW_SECONDS: Final = 60  # how far a client's clock may be off, either way
MAX_JTI_LENGTH: Final = 255
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
PRINTABLE: Final = re.compile(r"[!-~]+")

Claims = Mapping[str, object]


class InvalidProof(Problem):
    """A proof is missing, bad or used; with a `nonce`, the client makes another one with that in it."""

    code = "INVALID_DPOP_PROOF"

    def __init__(self, what: str, *, nonce: str | None = None) -> None:
        super().__init__(f"The DPoP proof {what}")
        self.nonce = nonce  # for the `DPoP-Nonce` header

    @property
    def extensions(self) -> dict[str, str]:
        """The code, and the RFC's own."""
        return {"code": self.code, "reason": self.reason}

    @property
    def reason(self) -> str:
        """The RFC's error code, for programs (sections 5 and 8)."""
        return "invalid_dpop_proof" if self.nonce is None else "use_dpop_nonce"


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A proof in which all is as it should be, but which may have been used before."""

    thumbprint: str
    jti: str
    issued_at: int


class Proofs:
    """Verifies proofs as section 4.3 has it."""

    def __init__(
        self, *, clock: Clock, public_url: str, replays: Replays, nonces: Nonces, require_nonce: bool
    ) -> None:
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._replays = replays
        self._nonces = nonces
        self._require_nonce = require_nonce

    def check(self, headers: Sequence[str], *, method: str, path: str, access_token: str | None) -> Proof:
        """Return what proves the thumbprint of a key (RFC 7638), to be spent, or raise `InvalidProof`.

        `headers` are the request's `DPoP` headers, all of them; `access_token` is what it shows as one,
        good or not; `path` is below the public URL, or a whole URL. Whether the token is bound to that
        very key is for the caller to compare.
        """
        signed = _signed(headers)
        claims = signed.payload
        _check_method(claims, method)
        self._check_target(claims, path)
        _check_access_token(claims, access_token)
        self._check_nonce(claims)
        issued_at = self._check_time(claims)
        return Proof(thumbprint=signed.thumbprint, jti=_jti(claims), issued_at=issued_at)

    async def spend(self, proof: Proof, *, known: bool = True) -> None:
        """Use a proof up; raises `InvalidProof` for one that was, and `Unavailable` if nobody knows.

        Last: a proof that is refused for anything else fills no memory. `known` is whether its key is
        one that a session is bound to.
        """
        # Remembered for as long as its `iat` would be accepted, also by a node whose clock is behind ours,
        # and under a hash, so that nobody fills the memory with long names or uses up another key's.
        key = f"dpop:{ascii_hash(json.dumps([proof.thumbprint, proof.jti]))}"
        seconds = proof.issued_at + 2 * SKEW_SECONDS + 1 - self._now()
        if not await self._replays.first_time(key, seconds=seconds, known=known):
            raise InvalidProof("was used before (`jti`), or the server has no room for another one now.")

    def _check_target(self, claims: Claims, path: str) -> None:
        # The Host header is the attacker's to choose; our own address is the operator's.
        if _target(claims.get("htu")) != _target(urljoin(f"{self._public_url}/", path.lstrip("/"))):
            raise InvalidProof("is for another address (`htu`).")

    def _check_time(self, claims: Claims) -> int:
        issued_at = claims.get("iat")
        if type(issued_at) is not int:  # True is an int to isinstance
            raise InvalidProof("has no `iat` in whole seconds.")
        if abs(issued_at - self._now()) > SKEW_SECONDS:
            raise InvalidProof(f"has an `iat` more than {SKEW_SECONDS} s from the server's clock.")
        return issued_at

    def _check_nonce(self, claims: Claims) -> None:
        if "nonce" not in claims and not self._require_nonce:
            return
        try:
            self._nonces.verify(claims.get("nonce"))
        except BadNonce:
            raise InvalidProof("needs the server's newest `nonce`.", nonce=self._nonces.current()) from None

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _signed(headers: Sequence[str]) -> SelfSigned:
    if len(headers) != 1:  # of two, one reader would check the first and another the last
        raise InvalidProof("must come in exactly one `DPoP` header.")
    try:
        return read(headers[0], typ=TYPE)
    except BadJws as error:
        raise InvalidProof(str(error)) from error


def _check_method(claims: Claims, method: str) -> None:
    if claims.get("htm") != method:
        raise InvalidProof("is for another method (`htm`).")


def _check_access_token(claims: Claims, access_token: str | None) -> None:
    if access_token is None:
        # All operations share one address: a stolen proof of a query must not serve a stolen refresh token.
        if "ath" in claims:
            raise InvalidProof("is for a request with an access token (`ath`), and there is none.")
    elif not access_token.isascii() or claims.get("ath") != ascii_hash(access_token):
        raise InvalidProof("is not for this access token (`ath`).")


def _jti(claims: Claims) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= MAX_JTI_LENGTH:
        raise InvalidProof(f"has no `jti` of 1 to {MAX_JTI_LENGTH} characters.")
    return jti


def _target(uri: object) -> tuple[str, str | None, int | None, str]:
    """Return what two addresses must have in common: query and fragment count for nothing."""
    # urlsplit drops white space and control characters, so that a strange address would pass for ours.
    if not isinstance(uri, str) or not PRINTABLE.fullmatch(uri):
        raise InvalidProof("has no `htu` that is an address.")
    try:
        parts = urlsplit(uri)
        port = DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        raise InvalidProof("has no `htu` that is an address.") from None
    if parts.username is not None:
        raise InvalidProof("has an `htu` with a user's name in it.")
    return parts.scheme, parts.hostname, port, parts.path or "/"
