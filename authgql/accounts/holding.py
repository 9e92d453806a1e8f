"""Whoever changes an account, its links or its sessions holds its row first: nobody waits in a circle."""

from uuid import UUID

from authgql.accounts.models import Account


async def held(account_id: UUID) -> Account | None:
    """Return an account as it is, and stays until the caller's transaction ends; None if it was erased."""
    return await Account.filter(id=account_id).select_for_update(no_key=True).first()
