"""A device is known by the logins it made, until its owner says that one of them was somebody else's."""

from datetime import datetime
from typing import Final
from uuid import UUID

from authgql.core.statements import Statement
from authgql.sessions.models import Session

DISAVOWED: Final = Statement("""
SELECT 1 FROM "sessions"
WHERE "account_id" = :account_id AND "device_id" = :device_id AND "disavowed_at" IS NOT NULL LIMIT 1
""")


async def is_disowned(device_id: str, *, account_id: UUID) -> bool:
    """Tell whether the owner disavowed a login from this device."""
    return bool(await DISAVOWED.rows(account_id=account_id, device_id=device_id))


async def find_login(session_id: UUID, *, account_id: UUID) -> Session | None:
    """Find a login of the account by its session; None if its row is gone by now."""
    return await Session.get_or_none(id=session_id, account_id=account_id)


async def disown(login: Session, *, at: datetime) -> Session:
    """Note that the owner disavowed a login, and with it the device; return it as it is then."""
    await Session.filter(id=login.id).update(disavowed_at=at)
    return await Session.get(id=login.id)
