"""Every "now" in this server comes from here, aware and in UTC."""

from datetime import UTC, datetime


class Clock:
    """The wall clock; tests put another in its place."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)
