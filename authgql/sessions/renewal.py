"""A refresh renews its session: a new access token, and the idle timeout from now on."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from authgql.core.clock import Clock
from authgql.core.secrets import new_id
from authgql.sessions.activity import Timeouts
from authgql.sessions.models import Session

LIVING: Final = '"id" = :session_id AND "logged_out_at" IS NULL AND "expires_at" > :now'
# A key, once given, is the session's for good.
RENEWAL: Final = """UPDATE "sessions" AS s SET "refreshed_count" = s."refreshed_count" + 1,
"key_thumbprint" = COALESCE(s."key_thumbprint", :key_thumbprint), "last_seen_at" = :now,
"expires_at" = :expires_at, "token_id" = :token_id, "token_issued_at" = :token_issued_at,
"token_expires_at" = :token_expires_at"""


class Renewal:
    """Reckons what a session is renewed with."""

    def __init__(self, *, clock: Clock, timeouts: Timeouts, token_life: timedelta) -> None:
        self._clock = clock
        self._timeouts = timeouts
        self._token_life = token_life

    def token(self, latest: datetime) -> Mapping[str, Any]:
        """Return the columns of a new access token, which expires at `latest` at the latest."""
        now = self._clock.now()
        expires_at = min(now + self._token_life, latest)
        return {"token_id": new_id(), "token_issued_at": now, "token_expires_at": expires_at}

    def values(self, session: Session, *, key_thumbprint: str | None) -> Mapping[str, Any]:
        """Return the values that `LIVING` and `RENEWAL` name."""
        now = self._clock.now()
        return {
            "session_id": session.id,
            "now": now,
            "key_thumbprint": key_thumbprint,
            "expires_at": min(now + self._timeouts.idle, session.absolute_expires_at),
            **self.token(session.absolute_expires_at),
        }
