"""What a client holds of a session: an access token to show, and a refresh token to renew it with."""

from dataclasses import dataclass
from datetime import datetime

from authgql.core.clock import Clock
from authgql.sessions.models import Session
from authgql.tokens.access import AccessTokens, whole_seconds


@dataclass(frozen=True, kw_only=True)
class TokenPair:
    """An access token with its life in seconds, and a refresh token with the moment it expires."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str | None
    refresh_expires_at: datetime


class Tokens:
    """Makes pairs."""

    def __init__(self, *, clock: Clock, access: AccessTokens) -> None:
        self._clock = clock
        self._access = access

    def pair(self, session: Session, refresh_token: str | None = None) -> TokenPair:
        """Sign the session's access token; without a refresh token beside it the client keeps its own."""
        # Reckoned from the very seconds that are signed as `exp` and compared with it.
        left = whole_seconds(session.token_expires_at) - whole_seconds(self._clock.now())
        return TokenPair(
            access_token=self._access.sign(session),
            token_type="DPoP" if session.key_thumbprint else "Bearer",
            expires_in=max(0, left),
            refresh_token=refresh_token,
            refresh_expires_at=session.expires_at,
        )
