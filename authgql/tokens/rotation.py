"""A refresh token is spent, succeeded, and its session renewed in one moment, or not at all."""

from functools import cached_property
from typing import Final

from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.audit.models import SecurityEventRecord
from authgql.core.clock import Clock
from authgql.core.database import dialect
from authgql.core.rows import Rows
from authgql.core.statements import Statement, Steps
from authgql.sessions.models import Session
from authgql.sessions.renewal import LIVING, RENEWAL, Renewal
from authgql.tokens.models import RefreshToken

SPEND: Final = 'UPDATE "refresh_tokens" SET "spent_at" = :now, "sealed_successor" = :sealed_successor'
UNSPENT: Final = '"refresh_tokens"."id" = :spent_id AND "spent_at" IS NULL'


class Rotation:
    """Puts a successor in a refresh token's place, unless somebody else is quicker."""

    def __init__(self, *, clock: Clock, audit: AuditLog, renewal: Renewal) -> None:
        self._clock = clock
        self._audit = audit
        self._renewal = renewal
        self._sessions, self._tokens = Rows(Session), Rows(RefreshToken)
        self._events = Rows(SecurityEventRecord)

    async def rotate(
        self,
        spent: RefreshToken,
        *,
        successor_hash: str,
        sealed_successor: str,
        key_thumbprint: str | None,
        origin: Origin,
    ) -> Session | None:
        """Return the renewed session; None if the token was spent or the session ended meanwhile."""
        session = spent.session
        successor = self._tokens.new(
            session_id=session.id,
            generation=spent.generation + 1,
            token_hash=successor_hash,
            issued_at=self._clock.now(),
        )
        event = self._audit.entry(
            Event.SESSION_REFRESHED, subject=session.account.pseudonym, origin=origin, session_id=session.id
        )
        values = {
            "spent_id": spent.id,
            "sealed_successor": sealed_successor,
            **self._renewal.values(session, key_thumbprint=key_thumbprint),
            **self._tokens.values(successor, prefix="successor_"),
            **self._events.values(event, prefix="event_"),
        }
        rows = await self._statement.rows(**values)
        if not rows:
            return None
        self._audit.tell(event)
        return self._sessions.read(rows[0])

    @cached_property
    def _statement(self) -> Statement | Steps:
        return self._whole() if dialect() == "postgres" else self._steps()

    def _whole(self) -> Statement:
        # The session first, then its tokens: whoever ends it locks in the same order. What waits for the
        # lock looks at the rows anew (PostgreSQL's manual, 13.2.1), so of several one alone spends.
        return Statement(f"""
WITH held AS MATERIALIZED (SELECT "id" FROM "sessions" WHERE {LIVING} FOR NO KEY UPDATE),
spent AS ({SPEND} FROM held WHERE {UNSPENT} RETURNING "refresh_tokens"."id"),
successor AS ({self._tokens.insertion(prefix="successor_", source="spent")}),
event AS ({self._events.insertion(prefix="event_", source="spent")})
{RENEWAL} FROM spent WHERE s."id" = :session_id RETURNING {self._sessions.select("s")}""")  # noqa: S608 -- our own words

    def _steps(self) -> Steps:
        living = f'EXISTS (SELECT 1 FROM "sessions" WHERE {LIVING})'  # noqa: S608 -- our own words
        columns = ", ".join(f'"{column}"' for column in self._sessions.columns)
        return Steps(
            Statement(f"{SPEND} WHERE {UNSPENT} AND {living}"),
            Statement(self._tokens.insertion(prefix="successor_")),
            Statement(self._events.insertion(prefix="event_")),
            Statement(f'{RENEWAL} WHERE "id" = :session_id RETURNING {columns}'),
        )
