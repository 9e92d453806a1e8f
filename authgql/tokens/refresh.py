"""A refresh token is used once: its successor takes its place, and a thief's second use ends the session.

Whoever repeats a token within the grace period (another tab, a lost answer) gets the very same newest
token as the others. Only hashes are stored; the successor is sealed under the token that it succeeds.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, NoReturn

from authgql.accounts.holding import held
from authgql.accounts.models import Account
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.audit.models import SecurityEventRecord
from authgql.core.clock import Clock
from authgql.core.database import after_commit, transaction
from authgql.core.rows import Rows, Together
from authgql.core.sealing import Sealer
from authgql.core.secrets import fingerprint, new_token
from authgql.core.statements import Statement
from authgql.core.words import moment
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.links.service import InvalidToken
from authgql.mail.outbox import Outbox
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.sessions.state import SessionEndReason
from authgql.tokens.binding import Binding
from authgql.tokens.lookup import Lookup
from authgql.tokens.models import RefreshToken
from authgql.tokens.rotation import Rotation

PREFIX: Final = "agr_"
SPENT: Final = "This refresh token is not valid, or no longer. Sign in again."
# What somebody has locked is being deleted with its session, in an order of its own: to wait for it could be
# to wait in a circle. Not `IS NOT NULL`: PostgreSQL would expect so many that it reads the whole table.
WIPE: Final = Statement("""
UPDATE "refresh_tokens" SET "sealed_successor" = NULL WHERE "id" IN (
SELECT "id" FROM "refresh_tokens" WHERE "sealed_successor" > '' AND "spent_at" <= :over
FOR UPDATE SKIP LOCKED)
""")
TOKEN: Final = re.compile(PREFIX + "[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """A living session, its account, and its newest refresh token."""

    session: Session
    account: Account
    token: str


class RefreshTokens:
    """The chains of refresh tokens (RFC 9700 section 4.14.2)."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        limits: Limits,
        sessions: Sessions,
        outbox: Outbox,
        binding: Binding,
        grace: timedelta,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._limits = limits
        self._sessions = sessions
        self._outbox = outbox
        self._binding = binding
        self._grace = grace
        self._rows = Rows(RefreshToken)
        self._beginning = Together(session=Session, token=RefreshToken, event=SecurityEventRecord)
        self._lookup = Lookup()
        self._rotation = Rotation(clock=clock, audit=audit, renewal=sessions.renewal)

    async def begin(
        self, account: Account, *, origin: Origin, device_id: str, key_thumbprint: str | None
    ) -> tuple[Session, str]:
        """Start a session and its chain, of an account that the caller's transaction holds."""
        session = self._sessions.new(
            account, origin=origin, device_id=device_id, key_thumbprint=key_thumbprint
        )
        token = new_token(PREFIX)
        first = self._rows.new(
            session_id=session.id, generation=0, token_hash=fingerprint(token), issued_at=self._clock.now()
        )
        event = self._audit.entry(
            Event.SESSION_STARTED, subject=account.pseudonym, origin=origin, session_id=session.id
        )
        await self._beginning.insert(session=session, token=first, event=event)
        after_commit(partial(self._audit.tell, event))
        await self._sessions.enforce_limit(account, origin)
        return session, token

    async def use(self, token: str, *, origin: Origin, proved_key: str | None = None) -> Refreshed:
        """Spend a token for its successor; raises `InvalidToken`, `RateLimited` and `InvalidProof`.

        `proved_key` is the thumbprint of the key whose proof came along; it binds the session.
        """
        row = await self._find(token)
        living = row and not self._sessions.ending(row.session)
        # A token of an ended session, which may be in anybody's hands, uses nothing up for the account.
        owner = row.session.account if row and living else None
        await self._limits.attempt(
            Attempt.REFRESH,
            origin=origin,
            account=str(owner.id) if owner else None,
            subject=owner.pseudonym if owner else None,
        )
        if row is None or not living:
            await self._refuse(row, origin)
        await self._binding.check(row.session, row.session.account, proved_key, origin=origin)
        refreshed = None if row.spent_at else await self._rotate(row, token, origin, proved_key)
        if refreshed is None:
            refreshed = await self._repeat(token, origin, proved_key)
        return refreshed

    async def wipe_successors(self) -> None:
        """Forget what can be read with spent tokens, once their grace is over."""
        await WIPE.count(over=self._clock.now() - self._grace)

    async def _rotate(
        self, row: RefreshToken, token: str, origin: Origin, proved_key: str | None
    ) -> Refreshed | None:
        """Spend the token, unless somebody else is quicker."""
        successor = new_token(PREFIX)
        session = await self._rotation.rotate(
            row,
            successor_hash=fingerprint(successor),
            sealed_successor=Sealer([token]).seal(successor, place=_place(row)),
            key_thumbprint=proved_key,
            origin=origin,
        )
        if session is None:
            return None
        return Refreshed(session=session, account=row.session.account, token=successor)

    async def _repeat(self, token: str, origin: Origin, proved_key: str | None) -> Refreshed:
        """Answer a token that was spent: with the newest one, or with the end of its session."""
        row = await self._find(token)
        if row is None or self._sessions.ending(row.session):
            await self._refuse(row, origin)
        await self._binding.check(row.session, row.session.account, proved_key, origin=origin)
        if row.spent_at and self._clock.now() - row.spent_at >= self._grace:
            await self._end_reused(row, origin)
        newest = await self._newest(row, token)
        if newest is None:
            await self._refuse(row, origin)
        return Refreshed(session=row.session, account=row.session.account, token=newest)

    async def _newest(self, row: RefreshToken, token: str) -> str | None:
        """Follow the chain from a spent token to the one that is not."""
        newest: RefreshToken | None = row
        while newest and newest.sealed_successor:
            token = Sealer([token]).open(newest.sealed_successor, place=_place(newest))
            newest = await self._find(token)
        return token if newest and not newest.spent_at else None

    async def _end_reused(self, row: RefreshToken, origin: Origin) -> NoReturn:
        session, account = row.session, row.session.account
        async with transaction():
            await held(account.id)  # before its session, as everybody does: the mail hangs from it
            if await self._sessions.end_living(
                session.id, SessionEndReason.TOKEN_REUSED, account=account, origin=origin
            ):
                await self._tell(account, session)
        await self._audit.refuse(
            Event.TOKEN_REUSED,
            InvalidToken(SPENT),
            subject=account.pseudonym,
            origin=origin,
            session_id=session.id,
        )

    async def _tell(self, account: Account, session: Session) -> None:
        await self._outbox.enqueue(
            "token_reused",
            to=account.email,
            context={
                "username": account.username,
                "device": session.device_name,
                "at": moment(self._clock.now()),
            },
            account_id=account.id,
        )

    async def _find(self, token: str) -> RefreshToken | None:
        return await self._lookup.find(fingerprint(token)) if TOKEN.fullmatch(token) else None

    async def _refuse(self, row: RefreshToken | None, origin: Origin) -> NoReturn:
        await self._audit.refuse(
            Event.REFRESH_REFUSED,
            InvalidToken(SPENT),
            subject=row.session.account.pseudonym if row else None,
            origin=origin,
            session_id=row.session_id if row else None,
        )


def _place(row: RefreshToken) -> str:
    return f"refresh-token:{row.id}"
