"""Who is calling: one typed answer for every kind of credential, asked of the database at each request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from authgql.accounts.models import Account
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.tokens.access import AccessTokens, BadAccessToken

BEARER: Final = re.compile(r"Bearer ([A-Za-z0-9._~+/=-]+)", re.ASCII | re.IGNORECASE)  # RFC 6750 section 2.1


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

    def __init__(self, *, access: AccessTokens, sessions: Sessions) -> None:
        self._access = access
        self._sessions = sessions

    async def identify(self, access_token: str | None) -> Caller | None:
        """Return who shows this access token; anything malformed is nobody."""
        if access_token is None:
            return None
        try:
            claims = self._access.verify(access_token)
        except BadAccessToken:
            return None
        session = await self._sessions.authenticate(claims.session_id, claims.account_id)
        return Caller(account=session.account, session=session) if session else None

    async def inspect(self, access_token: str) -> tuple[Account, Mapping[str, Any]] | None:
        """Return whose token this is and what it says, if it is good now; its session is not used by it."""
        try:
            claims = self._access.verify(access_token)
        except BadAccessToken:
            return None
        session = await self._sessions.find_living(claims.session_id, claims.account_id)
        return (session.account, claims.signed) if session else None


def bearer(authorization: Sequence[str]) -> str | None:
    """Return the token of an `Authorization` header, given all its values; None if it is malformed."""
    shown = BEARER.fullmatch(authorization[0]) if len(authorization) == 1 else None
    return shown[1] if shown else None
