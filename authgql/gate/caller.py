"""Who is calling: one typed answer for every kind of credential, asked of the database at each request."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from authgql.accounts.models import Account
from authgql.audit.events import Origin
from authgql.gate.credentials import Credentials
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.tokens.access import AccessClaims, AccessTokens, BadAccessToken
from authgql.tokens.binding import Binding
from authgql.tokens.dpop import Proofs

# RFC 6750 section 2.1, RFC 9449 section 7.1
SCHEMES: Final = ("bearer", "dpop")
CHARACTERS: Final = f"{string.ascii_letters}{string.digits}._~+/=-".encode()

ENDPOINT: Final = "/graphql"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody signed in: an account, in one of its sessions.

    The account that was registered a moment ago sees itself without a session.
    """

    account: Account
    session: Session | None

    def may_see(self, account: Account) -> bool:
        """Tell whether this account's private fields are for the caller's eyes."""
        return account.id == self.account.id or self.account.is_admin


class Callers:
    """Tells callers by what they show."""

    def __init__(
        self, *, access: AccessTokens, sessions: Sessions, limits: Limits, proofs: Proofs, binding: Binding
    ) -> None:
        self._access = access
        self._limits = limits
        self._sessions = sessions
        self._proofs = proofs
        self._binding = binding

    async def prove(
        self, credentials: Credentials, *, origin: Origin, method: str = "POST", address: str = ENDPOINT
    ) -> str | None:
        """Return the thumbprint of the key whose proof came along, if one did.

        `address` is what the proof must be for: a path below the public URL, or a whole URL. A WebSocket
        begins with a GET, which is the `method` of its proofs.

        Raises `InvalidProof`, `RateLimited`, and `Unavailable` if nobody knows whether it was used.
        """
        if not credentials.proofs:
            return None
        proof = self._proofs.check(
            credentials.proofs, method=method, path=address, access_token=credentials.access_token
        )
        # Anybody can make keys, and good proofs with them; a token bound to one was signed here.
        known = self._is_bound(credentials.access_token, proof.thumbprint)
        if not known:
            await self._limits.attempt(Attempt.PROOF, origin=origin)
        await self._proofs.spend(proof, known=known)
        return proof.thumbprint

    async def identify(
        self, access_token: str | None, *, proved_key: str | None, origin: Origin
    ) -> Caller | None:
        """Return who shows this access token; anything malformed is nobody.

        Raises `InvalidProof` for a bound token whose key did not prove itself.
        """
        found = await self._find(access_token) if access_token else None
        if found is None:
            return None
        session, _ = found
        await self._binding.check(session, session.account, proved_key, origin=origin)
        self._sessions.saw(session)
        return Caller(account=session.account, session=session)

    async def inspect(self, access_token: str) -> tuple[Account, Mapping[str, Any]] | None:
        """Return whose token this is and what it says, if it is good now; its session is not used by it."""
        found = await self._find(access_token)
        if found is None:
            return None
        session, claims = found
        # A token that was signed before its session was bound does not say so itself.
        bound = {"cnf": {"jkt": session.key_thumbprint}} if session.key_thumbprint else {}
        return session.account, {**claims.signed, **bound}

    def _is_bound(self, access_token: str | None, thumbprint: str) -> bool:
        try:
            return self._access.verify(access_token or "").signed.get("cnf") == {"jkt": thumbprint}
        except BadAccessToken:
            return False

    async def _find(self, access_token: str) -> tuple[Session, AccessClaims] | None:
        try:
            claims = self._access.verify(access_token)
        except BadAccessToken:
            return None
        session = await self._sessions.find_living(claims.session_id, claims.account_id)
        return (session, claims) if session else None


def bearer(authorization: Sequence[str]) -> str | None:
    """Return the token of an `Authorization` header, given all its values; None if it is malformed."""
    if len(authorization) != 1:
        return None
    scheme, _, token = authorization[0].partition(" ")
    if scheme.lower() not in SCHEMES or token.encode("ascii", "replace").translate(None, CHARACTERS):
        return None
    return token or None
