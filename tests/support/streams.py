"""A client of server-sent events, speaking to the application in the test's own process."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from support.app import Application
from support.sockets import EVENTS

PATIENCE_SECONDS = 5


@dataclass
class Stream:
    """One answer, as it comes."""

    messages: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    may_write: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    is_over: bool = False

    async def chunk(self) -> str:
        """Return the next piece of the body; empty at its end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message = await self.messages.get()
        self.is_over = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body.decode()

    async def event(self) -> tuple[str, Any]:
        """Return the next event's name and data, skipping comments."""
        while (text := await self.chunk()).startswith(":"):
            pass
        name, data = text.removesuffix("\n\n").split("\n")
        value = data.removeprefix("data: ")
        return name.removeprefix("event: "), json.loads(value) if value else None

    async def next(self) -> dict[str, Any]:
        """Return the next session event."""
        name, data = await self.event()
        assert name == "next", (name, data)
        event: dict[str, Any] = data["data"]["sessionEvents"]
        return event


@asynccontextmanager
async def stream(
    app: Application,
    token: str | None = None,
    *,
    query: str = EVENTS,
    accept: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Stream]:
    """Send an operation, and read the answer as it comes."""
    answer = Stream()
    answer.may_write.set()
    sent = {"accept": accept, "content-type": "application/json", **(headers or {})}
    if token:
        sent["authorization"] = f"Bearer {token}"
    body = [
        {"type": "http.request", "body": b""},
        {"type": "http.request", "body": json.dumps({"query": query}).encode()},
    ]

    async def receive() -> Any:
        if body:
            return body.pop()
        await answer.gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        await answer.may_write.wait()
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        await answer.messages.put(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("id.example.com", 443),
        "state": {},
    }
    task = asyncio.create_task(app.asgi(scope, receive, send))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await answer.messages.get())["type"] == "http.response.start"
        yield answer
    finally:
        answer.may_write.set()
        answer.gone.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task
