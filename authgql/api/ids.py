"""An id from outside is a UUID or is nothing."""

from uuid import UUID


def parse_id(value: object) -> UUID | None:
    """Return the UUID that a client's id spells, or None; any other spelling of it is not ours."""
    if not isinstance(value, str):
        return None
    try:
        parsed = UUID(value)
    except ValueError:
        return None
    return parsed if str(parsed) == value else None
