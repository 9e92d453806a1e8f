"""A link in a mail works once, for one purpose, until it expires or a newer one takes its place."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from authgql.core.clock import Clock
from authgql.core.errors import Refusal
from authgql.core.retention import Deletion
from authgql.core.secrets import fingerprint, new_token
from authgql.links.models import OneTimeLink

TOKEN: Final = re.compile(r"agl_[A-Za-z0-9_-]{43}", re.ASCII)

KEPT: Final = timedelta(days=1)  # after its time: how many mails an owner got within the hour is counted here
FORGOTTEN: Final = Deletion("one_time_links", over='"expires_at" <= :before ORDER BY "expires_at"')


class Purpose(Enum):
    """What a link is for, and the path of the page that acts on it."""

    def __init__(self, name: str, path: str) -> None:
        self.purpose = name
        self.path = path

    VERIFY_EMAIL = "verify_email", "/account/verify-email"
    RESET_PASSWORD = "reset_password", "/account/reset-password"
    DISAVOW_SESSION = "disavow_session", "/account/disavow"


class InvalidToken(Refusal):
    """Unknown, spent, superseded and expired tokens get this one answer."""

    code = "INVALID_TOKEN"

    def __init__(self, message: str = "This link is not valid, or no longer. Ask for a new one.") -> None:
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link as found: whose and about what it is, the address it was sent to, and until when it works."""

    id: UUID
    account_id: UUID
    target_id: UUID
    email: str
    expires_at: datetime


class Links:
    """Issues, finds and spends single-use links."""

    def __init__(self, *, clock: Clock, public_url: str, lifetimes: dict[Purpose, timedelta]) -> None:
        self._clock = clock
        self._public_url = public_url
        self._lifetimes = lifetimes

    def lifetime(self, purpose: Purpose) -> timedelta:
        """Tell how long a link for this purpose works."""
        return self._lifetimes[purpose]

    async def issue(
        self, purpose: Purpose, *, account_id: UUID, email: str, target_id: UUID | None = None
    ) -> tuple[str, datetime]:
        """Make the only link for this purpose, of the account or of `target_id`; return its URL and expiry.

        The token stands in the fragment, which browsers send to no server and no log.
        """
        token, now = new_token("agl_"), self._clock.now()
        link = OneTimeLink(
            account_id=account_id,
            target_id=target_id or account_id,
            purpose=purpose.purpose,
            token_hash=fingerprint(token),
            email=email,
            issued_at=now,
            expires_at=now + self._lifetimes[purpose],
        )
        await OneTimeLink.bulk_create(
            [link],
            on_conflict=["target_id", "purpose"],
            update_fields=["token_hash", "email", "issued_at", "expires_at", "spent_at"],
        )
        return f"{self._public_url}{purpose.path}#token={token}", link.expires_at

    async def find(self, purpose: Purpose, token: str) -> Link | None:
        """Find a living link without spending it."""
        if not TOKEN.fullmatch(token):
            return None
        row = await OneTimeLink.get_or_none(
            token_hash=fingerprint(token), purpose=purpose.purpose, spent_at=None
        )
        if row is None or row.expires_at <= self._clock.now():
            return None
        return Link(
            id=row.id,
            account_id=row.account_id,
            target_id=row.target_id,
            email=row.email,
            expires_at=row.expires_at,
        )

    async def spend(self, link: Link, token: str) -> bool:
        """Spend a link; of several at once, the database lets one through. False for all others."""
        now = self._clock.now()
        row = OneTimeLink.filter(id=link.id, token_hash=fingerprint(token), spent_at=None, expires_at__gt=now)
        return await row.update(spent_at=now) == 1

    async def forget_expired(self, *, account_id: UUID) -> None:
        """Delete an account's links that are too old to work: those about sessions would pile up."""
        await OneTimeLink.filter(account_id=account_id, expires_at__lte=self._clock.now()).delete()

    async def forget(self) -> int:
        """Delete everybody's links that expired a day ago, used or not; return how many."""
        return await FORGOTTEN.run(before=self._clock.now() - KEPT)

    async def revoke(self, *purposes: Purpose, account_id: UUID) -> None:
        """Make the account's links for these purposes worthless."""
        wanted = [purpose.purpose for purpose in purposes]
        await OneTimeLink.filter(account_id=account_id, purpose__in=wanted).delete()
