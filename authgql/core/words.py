"""Times and spans as people write them, for mails."""

from datetime import datetime, timedelta


def moment(at: datetime) -> str:
    """Return a moment such as `5 March 2026, 14:07 UTC`."""
    return f"{at:%-d %B %Y, %H:%M} UTC"


def span(length: timedelta) -> str:
    """Return a span such as `24 hours`, in the largest unit that fits it whole."""
    seconds = int(length.total_seconds())
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % size == 0 and seconds >= 2 * size:
            return f"{seconds // size} {name}s"
    return f"{seconds} seconds"
