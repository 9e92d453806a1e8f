"""What one process says reaches all that listen, on every node, soon but not surely.

A message is a hint that something was committed. One that is lost on the way (Redis away, a crash before it
was sent) must be found by its readers in what was committed: see `audit/feed.py`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Listener = Callable[[bytes], None]


class Bus:
    """Carries messages within one process."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have every message from now on given to a function that neither blocks nor raises."""
        self._listeners.append(listener)

    def on_gap(self, callback: Callable[[], None]) -> None:
        """Have a function called whenever messages may have been lost; none is on the way to oneself."""

    def publish(self, message: bytes) -> None:
        """Send a message, without waiting and without ever raising."""
        for listener in self._listeners:
            listener(message)

    async def ping(self) -> None:
        """Ask for a sign of life; raises `Unavailable`."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Carry messages for as long as the context is open."""
        yield
