"""What a block of the trail says, and whether it is still true."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from authgql.audit.models import AuditBlock
from authgql.core.digests import Digest
from authgql.core.secrets import time_of
from authgql.core.statements import Statement

FIRST: Final = UUID(int=0)  # where the first block begins
LAST: Final = UUID(int=2**128 - 1)
LARGEST: Final = 2_000  # events in a block: few enough to be deleted in one short transaction
PAGE: Final = 1_000
NAMED: Final = 10  # wrong blocks that are told by number
# Address and agent are left out on purpose: they are erased with the account, or truncated by age.
EVENTS: Final = Statement("""
SELECT "id", "kind", "at", "subject", "session_id", "detail" FROM "security_events"
WHERE "id" >= :begins AND "id" < :ends ORDER BY "id" LIMIT :limit OFFSET :offset
""")
COUNT: Final = Statement('SELECT count(*) FROM "security_events" WHERE "id" >= :begins AND "id" < :ends')
DELETE: Final = Statement('DELETE FROM "security_events" WHERE "id" >= :begins AND "id" < :ends')
BEYOND: Final = Statement("""
SELECT "id" FROM "security_events" WHERE "id" >= :begins AND "id" < :ends ORDER BY "id" LIMIT 1 OFFSET :limit
""")


class ChainBroken(Exception):  # noqa: N818 -- what happened
    """The trail is not what was sealed; the message says where."""


class Wrong:
    """The blocks that were found wrong: the first in words, some more by number."""

    def __init__(self) -> None:
        self._first: ChainBroken | None = None
        self._more: list[int] = []
        self._count = 0

    def add(self, block: AuditBlock, broken: ChainBroken) -> None:
        """Note what is wrong with a block."""
        if self._first is None:
            self._first = broken
            return
        self._count += 1
        if len(self._more) < NAMED:
            self._more.append(block.number)

    def tell(self) -> None:
        """Raise `ChainBroken` if there were any."""
        if self._first is None:
            return
        if not self._count:
            raise self._first
        numbers = ", ".join(map(str, self._more)) + (" …" if self._count > NAMED else "")
        raise ChainBroken(f"{self._first} Other blocks that are wrong: {self._count} ({numbers}).")


class Part(NamedTuple):
    """Some of the trail: the digest of its events, how many they are, and where it ends."""

    content: str
    events: int
    ends: UUID


async def read(begins: UUID, ends: UUID) -> Part:
    """Read the events from one id on and before another, at most as many as a block holds."""
    beyond = await BEYOND.rows(begins=begins, ends=ends, limit=LARGEST)
    if beyond:
        ends = _id(beyond[0][0])
    digest, events = Digest("authgql/audit-events"), 0
    while rows := await EVENTS.rows(begins=begins, ends=ends, limit=PAGE, offset=events):
        for row in rows:
            digest.add(*_plain(row))
        events += len(rows)
    return Part(content=digest.hex(), events=events, ends=ends)


async def count(begins: UUID, ends: UUID) -> int:
    """Count the events from one id on and before another."""
    ((events,),) = await COUNT.rows(begins=begins, ends=ends)
    return int(events)


async def check(block: AuditBlock) -> None:
    """Raise `ChainBroken` if the events of a block are not those that were sealed."""
    found = await count(block.begins, block.ends)
    if found < block.events:
        raise ChainBroken(f"{_place(block)}: events missing: {block.events - found}.")
    if found > block.events:
        raise ChainBroken(f"{_place(block)}: events added: {found - block.events}.")
    if (await read(block.begins, block.ends)).content != block.content:
        raise ChainBroken(f"{_place(block)}: an event was changed, or replaced.")


async def check_pruned(block: AuditBlock) -> None:
    """Raise `ChainBroken` if a block whose events were deleted by age has some again."""
    if found := await count(block.begins, block.ends):
        raise ChainBroken(f"{_place(block)}, deleted by age: events added: {found}.")


async def delete(block: AuditBlock) -> None:
    """Delete the events of a block."""
    await DELETE.count(begins=block.begins, ends=block.ends)


def digest_of(block: AuditBlock, previous: str) -> str:
    """Return the digest that a block has after the block with the digest `previous`."""
    digest = Digest("authgql/audit-block")
    digest.add(previous, block.number, block.begins, block.ends, block.events, block.content, block.sealed_at)
    return digest.hex()


def _place(block: AuditBlock) -> str:
    since, until = (f"{time_of(bound):%Y-%m-%d %H:%M:%S}" for bound in (block.begins, block.ends))
    return f"Block {block.number} ({since} to {until} UTC)"


def _id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:  # SQLite keeps any text there
        raise ChainBroken(f"An event has an id that is none: {str(value)[:64]!r}.") from None


def _plain(row: Sequence[Any]) -> Sequence[Any]:
    """Make of what SQLite keeps as text what PostgreSQL brings."""
    row_id, kind, at, *rest = row
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:  # somebody wrote there what is no time, and so changed it
            at = str(at)
    return row_id, kind, at, *rest
