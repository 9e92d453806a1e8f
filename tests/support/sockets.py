"""A client of `graphql-transport-ws`, speaking to the application in the test's own process."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from support.app import Application

PATIENCE_SECONDS = 5
PROTOCOL = "graphql-transport-ws"
EVENTS = "subscription { sessionEvents { id kind at session { id status endReason current } } }"
SINCE = (
    "subscription ($since: DateTime) { sessionEvents(since: $since) { id kind session { id endReason } } }"
)


class Closed(Exception):  # noqa: N818 -- what happened
    """The server closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@dataclass
class Client:
    """One socket."""

    app: Application
    incoming: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    outgoing: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)
    is_gone: bool = False

    def readers(self) -> int:
        """Count the subscriptions that the server has."""
        live = self.app.system.services.live
        return sum(len(watch._readers) for watch in live._all())  # noqa: SLF001 -- no message says it

    async def frame(self, **event: Any) -> None:
        """Send any frame: `text` or `bytes`."""
        await self.incoming.put({"type": "websocket.receive", **event})

    async def say(self, kind: str, **members: Any) -> None:
        """Send a message."""
        await self.frame(text=json.dumps({"type": kind, **members}))

    async def hear(self) -> dict[str, Any]:
        """Return the next message; raises `Closed`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            event = await self.outgoing.get()
        if event["type"] == "websocket.close":
            raise Closed(event.get("code", 1000), event.get("reason", ""))
        assert event["type"] == "websocket.send", event
        message: dict[str, Any] = json.loads(event["text"])
        return message

    async def begin(self, token: str | None = None, **payload: str) -> None:
        """Say who we are, and have it acknowledged."""
        shown = {"authorization": f"Bearer {token}"} if token else {}
        await self.say("connection_init", payload={**shown, **payload})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, query: str = EVENTS, *, operation: str = "1", **variables: object) -> None:
        """Subscribe, and wait until the server has."""
        readers = self.readers()
        await self.say("subscribe", id=operation, payload={"query": query, "variables": variables})
        for _ in range(100):  # or until it is refused
            await asyncio.sleep(0.01)
            if self.readers() > readers or not self.outgoing.empty():
                return

    async def next(self) -> dict[str, Any]:
        """Return the next event."""
        message = await self.hear()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        event: dict[str, Any] = message["payload"]["data"]["sessionEvents"]
        return event

    async def closed(self) -> Closed:
        """Wait until the server closes the socket; every message before that is a mistake."""
        try:
            message = await self.hear()
        except Closed as closed:
            return closed
        raise AssertionError(f"not closed: {message}")

    async def is_silent(self, seconds: float = 0.2) -> bool:
        """Tell whether nothing comes."""
        await asyncio.sleep(seconds)
        return self.outgoing.empty()


@asynccontextmanager
async def socket(
    app: Application,
    *,
    headers: Mapping[str, str] | None = None,
    protocols: tuple[str, ...] = (PROTOCOL,),
    address: str = "127.0.0.1",
    may_write: bool = True,
) -> AsyncIterator[Client]:
    """Open a socket; a refused handshake is `Closed` too."""
    client = Client(app)
    if may_write:
        client.may_write.set()

    async def send(event: Any) -> None:
        await client.may_write.wait()
        if client.is_gone:
            raise OSError
        await client.outgoing.put(event)

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": (address, 50_000),
        "server": ("id.example.com", 443),
        "subprotocols": list(protocols),
        "state": {},
    }
    await client.incoming.put({"type": "websocket.connect"})
    task = asyncio.create_task(app.asgi(scope, client.incoming.get, send))
    try:
        if may_write:
            async with asyncio.timeout(PATIENCE_SECONDS):
                event = await client.outgoing.get()
            if event["type"] == "websocket.close":
                raise Closed(event["code"], event.get("reason", ""))
            assert event["type"] == "websocket.accept"
        yield client
    finally:
        await client.incoming.put({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
