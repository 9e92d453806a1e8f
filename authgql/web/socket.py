"""One WebSocket: what the client may say when, and what closes it (`graphql-transport-ws`)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from authgql.core.database import is_unavailable
from authgql.core.errors import Unavailable
from authgql.gate.context import Context
from authgql.sessions.changes import TooSlow
from authgql.web.errors import code_of, request_error
from authgql.web.messages import Close, Init, Message, Payload, Ping, Pong, Subscribe, read_message, write
from authgql.web.request import GraphQLRequest
from authgql.web.subscriptions import Refused, Subscriptions

INIT_SECONDS: Final = 10
SEND_SECONDS: Final = 10
FAREWELL_SECONDS: Final = 0.5  # for the session's own end to be read before the socket is closed
MAX_SUBSCRIPTIONS: Final = 20

log = structlog.get_logger(__name__)


class Socket:
    """Talks with one client, until either has had enough."""

    def __init__(
        self,
        websocket: WebSocket,
        *,
        admit: Callable[[Payload], Awaitable[Context]],
        subscriptions: Subscriptions,
        request_id: str,
    ) -> None:
        self._websocket = websocket
        self._admit = admit
        self._subscriptions = subscriptions
        self._request_id = request_id
        self._context: Context | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._leaving: asyncio.Task[None] | None = None
        self._closing: Close | None = None

    async def serve(self) -> Close | None:
        """Serve the client; return how the socket is to be closed, None if the client is gone."""
        self._limit = asyncio.timeout(INIT_SECONDS)
        try:
            async with self._limit:
                while True:
                    await self._take(await self._read())
        except WebSocketDisconnect:
            return None
        except Close as close:
            return close
        except Exception as error:  # noqa: BLE001 -- each becomes a code
            if self._limit.expired():
                return self._closing or Close(4408, "Connection initialisation timeout")
            return self._failed(error)
        finally:
            await self._clear()

    async def _read(self) -> Message:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        return read_message(event.get("text"))

    async def _take(self, message: Message) -> None:
        match message:
            case Init(payload):
                await self._begin(payload)
            case Ping():
                await self._send(write("pong"))
            case Pong():
                pass
            case Subscribe(operation, request):
                await self._subscribe(operation, request)
            case _:
                if task := self._running.pop(message.id, None):
                    task.cancel()

    async def _begin(self, payload: Payload) -> None:
        if self._context:
            raise Close(4429, "Too many initialisation requests")
        self._context = await self._admit(payload)
        self._limit.reschedule(None)
        await self._send(write("connection_ack"))
        watch = self._context.watch
        assert watch  # noqa: S101 -- whoever is admitted watches
        watch.on_end = self._say_farewell
        if watch.has_ended:
            self._say_farewell()

    async def _subscribe(self, operation: str, request: GraphQLRequest) -> None:
        if self._context is None:
            raise Close(4401, "Unauthorized")
        if operation in self._running:
            raise Close(4409, f"Subscriber for {operation} already exists")
        if len(self._running) >= MAX_SUBSCRIPTIONS:
            message = f"A socket carries at most {MAX_SUBSCRIPTIONS} subscriptions at once."
            await self._refuse(operation, Refused(request_error(message, "RATE_LIMITED")["errors"]))
            return
        work = self._operate(operation, request, self._context)
        task = self._running[operation] = asyncio.create_task(work, name="subscription")
        task.add_done_callback(partial(self._forget, operation))

    async def _operate(self, operation: str, request: GraphQLRequest, context: Context) -> None:
        try:
            try:
                await self._follow(operation, request, context)
            except Refused as refused:
                await self._refuse(operation, refused)  # which may find that the client does not read
        except TooSlow:
            self._close(_too_slow())
        except Close as close:
            self._close(close)
        except Exception as error:  # noqa: BLE001 -- each becomes a code
            self._close(self._failed(error))

    def _forget(self, operation: str, task: asyncio.Task[None]) -> None:
        if self._running.get(operation) is task:  # its id may be another's by now
            del self._running[operation]

    async def _follow(self, operation: str, request: GraphQLRequest, context: Context) -> None:
        document = self._subscriptions.document(request, request_id=self._request_id)
        context = replace(context)
        await context.look_again()
        if context.caller is None or context.caller.session is None:
            raise Close(4401, "Unauthorized")
        context.services.sessions.saw(context.caller.session)
        results = await self._subscriptions.begin(document, request, context, request_id=self._request_id)
        try:
            async for result in results:
                await self._send(write("next", id=operation, payload=result))
        finally:
            await results.aclose()
        # No `complete`: it is the session that has ended. A client that has nothing left to follow would
        # close the socket itself, and not learn from the code that it is signed out.

    async def _refuse(self, operation: str, refused: Refused) -> None:
        if Unavailable.code in code_of(refused.errors):  # clients come again for that code, not for an error
            self._close(Close(1013, Unavailable.code))
            return
        await self._send(write("error", id=operation, payload=refused.errors))

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._websocket.send_text(text)
        except TimeoutError:
            raise _too_slow() from None
        except WebSocketDisconnect:
            return  # the reader is told as well

    def _say_farewell(self) -> None:
        self._leaving = asyncio.create_task(self._leave(), name="farewell")

    async def _leave(self) -> None:
        if self._running:
            await asyncio.wait(self._running.values(), timeout=FAREWELL_SECONDS)
        self._close(Close(4401, "The session has ended"))

    def _close(self, close: Close) -> None:
        """Have the reader stop, and the socket closed; the first reason counts."""
        if self._closing is None:
            self._closing = close
            with suppress(RuntimeError):  # it has stopped already
                self._limit.reschedule(asyncio.get_running_loop().time())

    async def _clear(self) -> None:
        tasks = [*self._running.values(), *([self._leaving] if self._leaving else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._context and self._context.watch:
            self._context.watch.close()

    def _failed(self, error: Exception) -> Close:
        if isinstance(error, Unavailable) or is_unavailable(error):
            log.warning("unavailable", error=type(error).__name__)
            return Close(1013, Unavailable.code)
        log.error("socket.failed", exc_info=error)
        return Close(1011, f"INTERNAL_SERVER_ERROR {self._request_id}")


def _too_slow() -> Close:
    return Close(1013, "Too slow")
