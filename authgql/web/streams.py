"""A subscription over server-sent events: one POST, answered for as long as there are events.

The "distinct connections mode" of https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any, Final

import orjson
import structlog
from graphql import DocumentNode
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from authgql.core.database import is_unavailable
from authgql.core.errors import Unavailable
from authgql.gate.context import Context
from authgql.sessions.changes import TooSlow
from authgql.web.errors import code_of, request_error
from authgql.web.places import NoPlace, Places
from authgql.web.request import EVENT_STREAM, RESPONSE_JSON, GraphQLRequest
from authgql.web.responses import json_response
from authgql.web.subscriptions import Refused, Results, Subscriptions

HEARTBEAT_SECONDS: Final = 15
HEADERS: Final = {
    "content-type": f"{EVENT_STREAM}; charset=utf-8",
    "vary": "accept",
    "x-accel-buffering": "no",  # or nginx would keep the events to itself
}


log = structlog.get_logger(__name__)


class Streams:
    """Answers with streams, until the server stops."""

    def __init__(self, *, subscriptions: Subscriptions, places: Places) -> None:
        self._subscriptions = subscriptions
        self._places = places
        self._open: set[EventStream] = set()

    async def respond(
        self, document: DocumentNode, wanted: GraphQLRequest, context: Context, *, request_id: str
    ) -> Response:
        """Begin a stream."""
        resources = AsyncExitStack()
        try:
            results = await self._begin(resources, document, wanted, context, request_id)
        except BaseException as error:  # noqa: BLE001 -- raised again unless it is an answer
            await resources.aclose()
            return _turned_away(error)
        stream = EventStream(results, resources)
        self._open.add(stream)
        resources.callback(self._open.discard, stream)
        return stream

    async def _begin(
        self,
        resources: AsyncExitStack,
        document: DocumentNode,
        wanted: GraphQLRequest,
        context: Context,
        request_id: str,
    ) -> Results:
        place = resources.enter_context(self._places.place(context.origin.ip_address))
        if context.caller and context.caller.session:
            place.give_to(context.caller.account.id)
            live = context.services.live
            context.watch = await live.watch(context.caller.account, context.caller.session)
            resources.callback(context.watch.close)
            if context.watch.has_ended:
                context.caller = None
        results = await self._subscriptions.begin(document, wanted, context, request_id=request_id)
        resources.push_async_callback(results.aclose)
        return results

    def stop(self) -> None:
        """Break off every stream, so that its client connects again: elsewhere, or here when we are back."""
        for stream in self._open:
            stream.stop()


class EventStream(Response):
    """One answer."""

    def __init__(self, results: Results, resources: AsyncExitStack) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self.resources = resources
        self._results = results
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End without saying `complete`."""
        self._stopped.set()

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        """Send the events; the client's going away ends it as well."""
        async with self.resources:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            work = [self._send_all(send), _disconnected(receive), self._stopped.wait()]
            tasks = [asyncio.create_task(each, name="stream") for each in work]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await send({"type": "http.response.body", "body": b""})

    async def _send_all(self, send: Send) -> None:
        await send(_chunk(":\n\n"))  # so that the client knows at once that it is connected
        with suppress(TooSlow):  # which ends without `complete`, too
            async for event in _with_heartbeats(self._results):
                await send(_chunk(_event("next", event) if event else ":\n\n"))
            await send(_chunk(_event("complete", None)))


async def _with_heartbeats(results: Results) -> AsyncIterator[dict[str, Any] | None]:
    """Return the results, and None whenever there was none for a while; raises `TooSlow`."""
    while True:
        upcoming = asyncio.ensure_future(anext(results))
        try:
            while not (await asyncio.wait([upcoming], timeout=HEARTBEAT_SECONDS))[0]:
                yield None
            yield upcoming.result()
        except StopAsyncIteration:
            return
        finally:
            upcoming.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(kind: str, body: dict[str, Any] | None) -> str:
    data = orjson.dumps(body, default=str).decode() if body else ""
    return f"event: {kind}\ndata: {data}\n\n"  # line feeds alone: urql splits at "\n\n"


def _chunk(text: str) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}


def _turned_away(error: BaseException) -> Response:
    """Answer what never began, or raise the error again.

    An error of a field is a stream of one result, one of the request is 400.
    """
    match error:
        case NoPlace():
            return json_response(request_error(str(error), "RATE_LIMITED"), 429, {"retry-after": "5"})
        case Refused(errors=errors) if Unavailable.code in code_of(errors):
            return json_response({"errors": errors}, 503)
        case Refused(errors=errors) if any("path" in each for each in errors):
            result = {"errors": errors, "data": None}
            return Response(_event("next", result) + _event("complete", None), 200, HEADERS)
        case Refused(errors=errors):
            content_type = {"content-type": f"{RESPONSE_JSON}; charset=utf-8"}
            return Response(orjson.dumps({"errors": errors}), 400, content_type)
    if not is_unavailable(error):
        raise error
    log.warning("unavailable", error=type(error).__name__)
    return json_response(request_error(Unavailable().message, Unavailable.code), 503)
