"""The tokens of sessions that are over go before them, so that no session takes thousands along at once."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from authgql.core.retention import Deletion

DELETION: Final = Deletion("refresh_tokens", over='"session_id" = ANY(:session_ids)')


async def delete_chains(session_ids: Sequence[UUID]) -> None:
    """Delete every refresh token of some sessions."""
    await DELETION.run(session_ids=session_ids)
