"""Long lists are read a page at a time, from cursors that nobody else can make or move elsewhere."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from authgql.core.errors import BadUserInput
from authgql.core.sealing import Sealer

MAX_PAGE: Final = 100

Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """Some rows of a list, newest first; `cursor` writes the place of one, which costs a signature."""

    rows: Sequence[Row]
    cursor: Callable[[Row], str]
    has_next: bool
    has_previous: bool

    @property
    def cursors(self) -> Sequence[str]:
        """The cursors of all rows, written now."""
        return [self.cursor(row) for row in self.rows]

    @property
    def start(self) -> str | None:
        """The first row's cursor, if there is one."""
        return self.cursor(self.rows[0]) if self.rows else None

    @property
    def end(self) -> str | None:
        """The last row's cursor, if there is one."""
        return self.cursor(self.rows[-1]) if self.rows else None


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Which page: `limit` rows older than the row `before` (None: from the newest)."""

    limit: int
    before: UUID | None


class Cursors:
    """Signs and reads the cursors of one kind of list."""

    def __init__(self, *, sealer: Sealer, purpose: str) -> None:
        self._sealer = sealer
        self._purpose = f"cursor/{purpose}"

    def slice(self, *, first: int, after: str | None, owner: UUID) -> Slice:
        """Check a client's page request; raise `BadUserInput` for a wrong number or a forged cursor."""
        if not 1 <= first <= MAX_PAGE:
            raise BadUserInput(f"`first` must be from 1 to {MAX_PAGE}.")
        return Slice(limit=first, before=None if after is None else self._read(after, owner))

    def page(
        self, rows: Sequence[Row], *, wanted: Slice, owner: UUID, key: Callable[[Row], UUID]
    ) -> Page[Row]:
        """Make a page of what was fetched: `wanted.limit` rows and, where there are more, one beyond."""
        return Page(
            rows=rows[: wanted.limit],
            cursor=lambda row: self._write(key(row), owner),
            has_next=len(rows) > wanted.limit,
            has_previous=wanted.before is not None,
        )

    def _write(self, position: UUID, owner: UUID) -> str:
        signature = self._sealer.sign(position.bytes + owner.bytes, purpose=self._purpose)
        return urlsafe_b64encode(position.bytes + signature).decode()

    def _read(self, cursor: str, owner: UUID) -> UUID:
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii"))
        except ValueError:
            raise _forged() from None
        if urlsafe_b64encode(raw).decode() != cursor:  # lax decoders pass over whatever they do not know
            raise _forged()
        position, signature = raw[:16], raw[16:]
        if not self._sealer.is_signed(position + owner.bytes, signature, purpose=self._purpose):
            raise _forged()
        return UUID(bytes=position)


def _forged() -> BadUserInput:
    return BadUserInput("`after` must be a cursor from an earlier page of this list.")
