"""A device is known by the logins it made, until its owner says that one of them was somebody else's."""

from datetime import datetime
from uuid import UUID

from authgql.sessions.models import Session


async def is_disowned(device_id: str, *, account_id: UUID) -> bool:
    """Tell whether the owner disavowed a login from this device."""
    disavowed = Session.filter(account_id=account_id, device_id=device_id, disavowed_at__isnull=False)
    return await disavowed.exists()


async def is_first_login(session: Session) -> bool:
    """Tell whether this is the account's first session: whoever registered is no stranger to the account."""
    return not await Session.filter(account_id=session.account_id, id__lt=session.id).exists()


async def disown(session_id: UUID, *, account_id: UUID, at: datetime) -> Session | None:
    """Note that the owner disavowed a login, and with it the device; None if its row is gone by now."""
    if not await Session.filter(id=session_id, account_id=account_id).update(disavowed_at=at):
        return None
    return await Session.get(id=session_id)
