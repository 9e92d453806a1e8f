"""Whoever verifies tokens offline can learn which sessions were ended, and misses none of them.

Readers come back with a cursor. A transaction that began before a reader looked may commit afterwards, so
the cursor stands before the oldest transaction that was still open: what is behind it never changes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from tortoise.expressions import Q

from authgql.core.clock import Clock
from authgql.core.database import after_commit, current, dialect
from authgql.core.errors import BadUserInput
from authgql.sessions.models import Revocation, Session

PAGE: Final = 1_000
CURSOR: Final = re.compile(
    r"([0-9]{1,18})(?:\.([0-9]{1,18})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))?", re.ASCII
)

# SQLite has one writer at a time; PostgreSQL numbers its transactions, and knows which are still open.
NEXT: Final = 'SELECT COALESCE(MAX("position"), 0) + 1 AS "number" FROM "revocations"'
HERE: Final = {"sqlite": NEXT, "postgres": 'SELECT pg_current_xact_id()::text::bigint AS "number"'}
SETTLED: Final = {
    "sqlite": NEXT,
    "postgres": 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS "number"',
}


@dataclass(frozen=True, kw_only=True)
class Revoked:
    """A session that ended, its newest access token, and when the last of its tokens expires."""

    session_id: UUID
    token_id: UUID
    until: datetime


@dataclass(frozen=True, kw_only=True)
class RevocationPage:
    """Some revocations; `next` is where to go on, at once if there are `more`."""

    revoked: Sequence[Revoked]
    next: str
    more: bool


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """`settled`: nothing new appears before it. In mid-list also the last row that was read."""

    settled: int
    position: int | None = None
    row_id: UUID | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what a page gave as `next`; raises `BadUserInput`."""
        match = CURSOR.fullmatch(text)
        if match is None:
            raise BadUserInput("`since` must be the `next` of an earlier answer, or be left out.")
        settled, position, row_id = match.groups()
        if position is None:
            return cls(settled=int(settled))
        return cls(settled=int(settled), position=int(position), row_id=UUID(row_id))

    def __str__(self) -> str:
        """Write it as `read` reads it."""
        last = "" if self.position is None else f".{self.position}.{self.row_id}"
        return f"{self.settled}{last}"


class Revocations:
    """Remembers ended sessions for as long as a token of theirs would be good elsewhere."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self.on_news: Callable[[], None] = _nobody_listens  # called when what was added is safe on disk

    async def add(self, ended: Sequence[Session]) -> None:
        """Remember those whose newest token has not expired, in the transaction that ends them."""
        alive = [session for session in ended if session.token_expires_at > self._clock.now()]
        if not alive:
            return
        position = await _number(HERE)
        await Revocation.bulk_create(
            Revocation(
                position=position,
                session_id=session.id,
                token_id=session.token_id,
                matters_until=session.token_expires_at,
            )
            for session in alive
        )
        after_commit(self.on_news)

    async def page(self, since: str | None) -> RevocationPage:
        """Return what was revoked after a cursor, or all that still matters; raises `BadUserInput`."""
        cursor = Cursor.read(since) if since is not None else Cursor(settled=0)
        settled = await _number(SETTLED)
        if cursor.settled > settled:  # of another database, or of this one before it was restored
            cursor = Cursor(settled=0)
        rows = await self._after(cursor)
        settled = settled if cursor.position is None else cursor.settled
        if len(rows) > PAGE:
            last = rows[PAGE - 1]
            onward = Cursor(settled=settled, position=last.position, row_id=last.id)
            return RevocationPage(revoked=[_of(row) for row in rows[:PAGE]], next=str(onward), more=True)
        # Without news the cursor stays: the same question then has the same answer, which caches can keep.
        onward = Cursor(settled=settled) if rows or since is None else cursor
        overdue = await self._overdue()
        return RevocationPage(revoked=[_of(row) for row in rows] + overdue, next=str(onward), more=False)

    async def forget(self) -> None:
        """Drop what no longer matters, but for the newest: SQLite counts on from its position."""
        newest = await _number(SETTLED) - 1
        await Revocation.filter(matters_until__lte=self._clock.now(), position__lt=newest).delete()

    async def _after(self, cursor: Cursor) -> list[Revocation]:
        query = Revocation.filter(matters_until__gt=self._clock.now())
        if cursor.position is None:
            query = query.filter(position__gte=cursor.settled)
        else:
            same = Q(position=cursor.position, id__gt=cursor.row_id)
            query = query.filter(same | Q(position__gt=cursor.position), position__gte=cursor.position)
        return await query.order_by("position", "id").limit(PAGE + 1)

    async def _overdue(self) -> list[Revoked]:
        """Return sessions whose timeout fell and whose end nobody has recorded yet."""
        now = self._clock.now()
        due = Session.filter(logged_out_at=None, expires_at__lte=now, token_expires_at__gt=now)
        return [
            Revoked(session_id=row.id, token_id=row.token_id, until=row.token_expires_at)
            for row in await due.order_by("expires_at").limit(PAGE)
        ]


def _nobody_listens() -> None:
    """Stand for a listener where there is none: the command line's commands publish nothing."""


def _of(row: Revocation) -> Revoked:
    return Revoked(session_id=row.session_id, token_id=row.token_id, until=row.matters_until)


async def _number(queries: dict[str, str]) -> int:
    (row,) = await current().execute_query_dict(queries[dialect()])
    return int(row["number"])
