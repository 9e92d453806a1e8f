"""An id from outside is a UUID or is nothing."""

from uuid import UUID


def parse_id(value: str) -> UUID | None:
    """Return the UUID that a client's id spells, or None; any other spelling of it is not ours."""
    try:
        parsed = UUID(value)
    except ValueError:
        return None
    return parsed if str(parsed) == value else None
