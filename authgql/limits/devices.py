"""A browser that signed in before is known again for that account, and is nothing more by it.

The cookie says neither who owns it nor that anybody is signed in: each entry is a random name, the
moment it was given, and a signature over these and the account that it was given for.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from authgql.core.clock import Clock
from authgql.core.sealing import Sealer
from authgql.core.secrets import new_nonce

MAX_ACCOUNTS: Final = 8  # on one browser; who signs in to more is forgotten for the one used longest ago
LIFETIME: Final = timedelta(days=400)  # browsers keep no cookie longer (RFC 6265bis section 5.5)
ENTRY: Final = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9]{1,17})\.([0-9a-f]{32})", re.ASCII)
SEPARATOR: Final = "~"
MAX_LENGTH: Final = MAX_ACCOUNTS * 80
PURPOSE: Final = "device"


@dataclass(frozen=True, kw_only=True)
class _Entry:
    name: str
    microseconds: int
    signature: str

    def __str__(self) -> str:
        return f"{self.name}.{self.microseconds}.{self.signature}"


class Devices:
    """Writes and reads device cookies (OWASP, "Slow Down Online Guessing Attacks with Device Cookies")."""

    def __init__(self, *, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer

    def recognise(self, cookie: str | None, account_id: UUID, *, since: datetime) -> str | None:
        """Return the device's name if the cookie was given for this account, at `since` or later.

        None for what is forged, another account's, too old, or from before `since`: whoever learnt an
        earlier password may hold such a cookie.
        """
        oldest = max(_microseconds(since), _microseconds(self._clock.now() - LIFETIME))
        entry = self._find(_entries(cookie), account_id)
        return entry.name if entry and entry.microseconds >= oldest else None

    @staticmethod
    def new_name() -> str:
        """Return 128 random bits to call a device by."""
        return new_nonce()

    def remember(self, cookie: str | None, account_id: UUID, *, name: str | None = None) -> str:
        """Return the cookie with a new entry for this account; others stay.

        The device is called `name` there, or what it was called before.
        """
        entries = _entries(cookie)
        earlier = self._find(entries, account_id)
        others = [entry for entry in entries if entry is not earlier]
        newest = self._entry(name or (earlier.name if earlier else self.new_name()), account_id)
        return SEPARATOR.join(map(str, [newest, *others][:MAX_ACCOUNTS]))

    def _entry(self, name: str, account_id: UUID) -> _Entry:
        moment = _microseconds(self._clock.now())
        signature = self._sealer.sign(_message(name, moment, account_id), purpose=PURPOSE)
        return _Entry(name=name, microseconds=moment, signature=signature.hex())

    def _find(self, entries: Sequence[_Entry], account_id: UUID) -> _Entry | None:
        return next((entry for entry in entries if self._is_for(entry, account_id)), None)

    def _is_for(self, entry: _Entry, account_id: UUID) -> bool:
        message = _message(entry.name, entry.microseconds, account_id)
        return self._sealer.is_signed(message, bytes.fromhex(entry.signature), purpose=PURPOSE)


def _entries(cookie: str | None) -> Sequence[_Entry]:
    """Read what has the shape of entries; a cookie longer than ours could be is not looked at."""
    if not cookie or len(cookie) > MAX_LENGTH:
        return []
    shown = (ENTRY.fullmatch(part) for part in cookie.split(SEPARATOR))
    return [_Entry(name=entry[1], microseconds=int(entry[2]), signature=entry[3]) for entry in shown if entry]


def _message(name: str, microseconds: int, account_id: UUID) -> bytes:
    return f"{name}.{microseconds}.".encode() + account_id.bytes


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
