"""Nobody changes, adds or removes an old event unnoticed, not even who can write to the database.

A loop seals settled events in blocks, each of which names the digest of the one before. Only the newest
block has a MAC, by a key that is not in the database; the one before loses its own at that moment. So a
chain that was written anew, or cut off, has no head that verifies.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from authgql.audit.blocks import (
    FIRST,
    LAST,
    ChainBroken,
    Wrong,
    check,
    check_pruned,
    count,
    delete,
    digest_of,
    read,
)
from authgql.audit.log import LONGEST_REQUEST
from authgql.audit.models import AuditBlock
from authgql.core.clock import Clock
from authgql.core.database import exclusive
from authgql.core.sealing import Sealer
from authgql.core.secrets import first_id_at

# So much later than its id says, at most, an event is visible to all: transactions take time, clocks differ.
SETTLING_SECONDS: Final = LONGEST_REQUEST.total_seconds() + 300
SLICE_SECONDS: Final = 300  # blocks end at the same moments on all nodes, so that these do not multiply them
ROUND_SECONDS: Final = 60
PURPOSE: Final = "audit-head"
PAGE: Final = 500
DUE: Final = 5_000  # blocks whose events are deleted after one walk through all of them
MAC: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What was found to be as it was sealed, and how many events are newer."""

    events: int
    pruned: int
    head: AuditBlock | None
    unsealed: int

    def __str__(self) -> str:
        """Say it in two lines."""
        if self.head is None:
            return f"Nothing is sealed yet. Events: {self.unsealed:,}."
        gone = f" (events deleted by age: the first {self.pruned:,})" if self.pruned else ""
        return (
            f"Whole. Blocks: {self.head.number:,}{gone}. Events in them: {self.events:,}. "
            f"Newer events, not sealed yet: {self.unsealed:,}.\n"
            f"Head: {self.head.digest}, sealed {self.head.sealed_at:%Y-%m-%d %H:%M:%S} UTC."
        )


class Chain:
    """Seals the trail, checks it, and deletes what is too old without breaking it."""

    def __init__(self, *, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer
        self._seen: AuditBlock | None = None  # the newest head that this process knows of

    async def seal(self) -> None:
        """Seal all that has settled; a head that does not verify is not built upon, and is told each time."""
        settled = first_id_at(self._settled())
        try:
            while await self._seal_until(settled):
                pass
        except ChainBroken as broken:
            log.error("audit.broken", reason=str(broken))  # noqa: TRY400 -- the reason says it all

    async def prune(self, before: datetime) -> int:
        """Delete the events of blocks that end before a moment; return how many. The blocks stay."""
        deleted = 0
        try:
            while due := await self._due(first_id_at(before)):
                for block in due:
                    deleted += await self._prune_one(block)
        except ChainBroken as broken:  # evidence: to be looked at, not to be deleted
            log.error("audit.broken", reason=str(broken))  # noqa: TRY400 -- the same
        return deleted

    async def verify(self, *, noted: str = "") -> Whole:
        """Check every block and event, in bounded memory; raises `ChainBroken`, which names the wrong blocks.

        `noted` is the digest of a head of earlier days, which has to be in the chain.
        """
        head = await self._head()
        events, found, wrong = 0, not noted, Wrong()
        async for block in _blocks(head):
            found = found or block.digest == noted
            try:
                events += await self._check(block)
            except ChainBroken as broken:  # of others we want to know, too
                wrong.add(block, broken)
        wrong.tell()
        if not found:
            raise ChainBroken("No block has that digest: the chain was cut off, or is another one.")
        return Whole(
            events=events,
            pruned=head.pruned if head else 0,
            head=head,
            unsealed=await count(head.ends if head else FIRST, LAST),
        )

    async def _seal_until(self, settled: UUID) -> bool:
        """Seal one block; tell whether there is more to seal."""
        head = await self._head()
        if head:
            await self._renew(head)
        part = await read(head.ends if head else FIRST, settled)
        if not part.events:
            return False
        block = AuditBlock(
            number=head.number + 1 if head else 1,
            begins=head.ends if head else FIRST,
            ends=part.ends,
            events=part.events,
            content=part.content,
            pruned=head.pruned if head else 0,
            sealed_at=self._clock.now(),
        )
        block.digest = digest_of(block, head.digest if head else "")
        block.mac = self._mac(block)
        async with exclusive("audit-chain"):
            if not await self._is_still(head):
                return False  # another node was quicker
            await AuditBlock.filter(number=block.number - 1).update(mac=None)
            await AuditBlock.bulk_create([block])
        self._seen = block
        log.info("audit.sealed", number=block.number, digest=block.digest, events=block.events)
        return part.ends != settled

    async def _due(self, end: UUID) -> list[AuditBlock]:
        """Return some of the blocks that end before an id and have their events, the oldest first.

        A row of a block is believed once the head's MAC is known to cover it: its own digests are anybody's
        to write, and what is pruned by it is signed for good.
        """
        head = await self._head()
        if head is None or not await AuditBlock.exists(number=head.pruned + 1, ends__lte=end):
            return []
        wanted = range(head.pruned + 1, head.pruned + 1 + DUE)
        return [block async for block in _blocks(head) if block.number in wanted and block.ends <= end]

    async def _prune_one(self, block: AuditBlock) -> int:
        """Delete a block's events, if it is the next whose are to go; return how many."""
        await check(block)
        async with exclusive("audit-chain"):
            head = await self._head()
            if head is None or head.pruned + 1 != block.number:
                return 0  # another node was quicker
            await delete(block)
            head.pruned += 1
            await AuditBlock.filter(number=head.number).update(pruned=head.pruned, mac=self._mac(head))
        return block.events

    async def _check(self, block: AuditBlock) -> int:
        """Check the events of a block, and return how many there are; none if they were deleted by age."""
        try:
            await check(block)
        except ChainBroken:
            head = await self._head()  # as it is now: a janitor may be at work
            if head is None or block.number > head.pruned:
                raise
            await check_pruned(block)
            return 0
        return block.events

    async def _head(self) -> AuditBlock | None:
        """Return the newest block; raises `ChainBroken` if it was not sealed with one of our keys."""
        seen = self._seen
        if seen and not await AuditBlock.exists(number=seen.number, digest=seen.digest):
            raise ChainBroken(f"Block {seen.number}, which was there before, is gone or another.")
        newest = await AuditBlock.all().order_by("-number").limit(2)
        if not newest:
            return None
        head, previous = newest[0], newest[1].digest if len(newest) > 1 else ""
        mac = bytes.fromhex(head.mac) if head.mac and MAC.fullmatch(head.mac) else b""
        signed = self._sealer.is_signed(_signed(head), mac, purpose=PURPOSE)
        if not signed or head.digest != digest_of(head, previous):
            raise ChainBroken(f"Block {head.number}, the newest, was not sealed with any of SECRET_KEYS.")
        self._seen = head
        return head

    async def _is_still(self, head: AuditBlock | None) -> bool:
        """Tell whether this is the newest block as it was, in the transaction of whoever changes it."""
        now = await self._head()
        return (now and now.mac) == (head and head.mac)

    async def _renew(self, head: AuditBlock) -> None:
        """Sign the head with the newest key, so that older ones can go."""
        mac = self._mac(head)
        if mac != head.mac:
            await AuditBlock.filter(number=head.number, mac=head.mac).update(mac=mac)
            head.mac = mac

    def _mac(self, block: AuditBlock) -> str:
        return self._sealer.sign(_signed(block), purpose=PURPOSE).hex()

    def _settled(self) -> datetime:
        moment = self._clock.now() - timedelta(seconds=SETTLING_SECONDS)
        return moment - timedelta(seconds=moment.timestamp() % SLICE_SECONDS)


async def _blocks(head: AuditBlock | None) -> AsyncIterator[AuditBlock]:
    """Go through the blocks up to the head, each of which has to follow from the one before.

    Raises `ChainBroken`; that they lead to the head is known at the end.
    """
    if head is None:
        return
    number, digest, ends = 0, "", FIRST
    while (
        some := await AuditBlock.filter(number__gt=number, number__lte=head.number)
        .order_by("number")
        .limit(PAGE)
    ):
        for block in some:
            if block.number != number + 1:
                raise ChainBroken(f"Block {number + 1} is missing.")
            if block.begins != ends or block.digest != digest_of(block, digest):
                raise ChainBroken(f"Block {block.number} is not the one that was sealed.")
            yield block
            number, digest, ends = block.number, block.digest, block.ends
    if digest != head.digest:
        raise ChainBroken("The blocks do not lead to the newest one.")


def _signed(block: AuditBlock) -> bytes:
    return f"{block.digest} {block.pruned}".encode()
