"""A client gets so long to send a request and to take its answer, and no request is read in two ways."""

import asyncio
from enum import Enum, auto
from typing import Any, Final, cast

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from authgql.web.request import WHOLE
from authgql.wire.connections import Connections

HEAD_SECONDS: Final = 10
BODY_SECONDS: Final = 15  # longer than the endpoint's own deadline, which knows the client's media type
WRITE_SECONDS: Final = 60
LINGER_SECONDS: Final = 5
MAX_HEAD: Final = 64 * 1024
MAX_UNWANTED: Final = 1024 * 1024
MAX_PIPELINED: Final = 16
NEVER: Final = float("inf")


class Malformed(Exception):  # noqa: N818 -- says what is the matter
    """A head that llhttp takes and RFC 9112 does not."""


class Reading(Enum):
    """What the next bytes belong to."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's, with deadlines for the client, and bounds on what llhttp takes at any length.

    While a complete request is being answered no deadline runs: that time is ours.
    """

    server_state: Connections

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- uvicorn's own
        super().__init__(*args, **kwargs)
        self._running: RequestResponseCycle | None = None
        self._reading = Reading.NOTHING
        self._refused = self._upgraded = False
        self._due = self._stalled = self._closing = NEVER
        self._unread = self._unwanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, if there is room for it."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._due = self.loop.time() + HEAD_SECONDS
        if not self.server_state.admit(self, self.client[0] if self.client else ""):
            self._refuse(503, "The server has too many connections.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it, and tell the request that is being answered."""
        self.server_state.forget(self)
        super().connection_lost(exc)
        if self._running:  # uvicorn tells the newest one, which may still be queued behind this
            self._running.disconnected = True
            self._running.message_event.set()

    def check(self, now: float) -> None:
        """End the connection if its client is late; `now` is the event loop's time in seconds."""
        if self.transport.is_closing():
            self._closing = min(self._closing, now)
            if self._upgraded:
                self.server_state.forget(self)
            elif now > self._closing + LINGER_SECONDS:
                self.transport.abort()  # the client does not take the rest of its answer
        elif now > self._stalled + WRITE_SECONDS:
            self.transport.abort()
        elif now > self._due and not self._answers():
            self._end()

    def make_room(self) -> None:
        """End the connection for the sake of another."""
        self.transport.close()

    def pause_writing(self) -> None:
        """Note that the client does not take its answer."""
        self._stalled = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does."""
        self._stalled = NEVER
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, as long as they become headers or a body before long."""
        if self._refused:
            return
        self._unread += len(data)
        if self._due == NEVER:  # an idle connection, and bytes that need not begin a request: empty lines
            self._due = self.loop.time() + HEAD_SECONDS
        super().data_received(data)
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            self._refuse(431, f"A request has at most {MAX_HEAD} bytes before its body.")

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; it counts as before."""
        self._upgraded, self._due = True, NEVER
        self.server_state.has_come(self)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        self._reading, self._due = Reading.HEAD, self.loop.time() + HEAD_SECONDS
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin a request, or queue it behind the one that is being answered."""
        self._check_head()
        self._unread = 0
        super().on_headers_complete()
        self._reading, self._due = Reading.BODY, self.loop.time() + BODY_SECONDS
        if len(self.pipeline) > MAX_PIPELINED:
            raise Malformed(f"At most {MAX_PIPELINED} requests may wait for their turn.")

    def on_body(self, body: bytes) -> None:
        """Go on with it; what nobody waits for any more is read so that the client can read the answer."""
        self._unread = 0
        if self._running and self._running.response_complete:
            self._unwanted += len(body)
            if self._unwanted > MAX_UNWANTED:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait no longer for the client."""
        self._reading, self._due = Reading.NOTHING, NEVER
        self.scope["extensions"] = {WHOLE: {}}
        self.server_state.has_come(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the client's next request."""
        super().on_response_complete()
        if self._answers():  # the next one was there already
            return
        self.server_state.wait_for(self)
        if self._reading is Reading.HEAD:
            self._due = self.loop.time() + HEAD_SECONDS

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, msg)

    def _check_head(self) -> None:
        """Refuse what another server may read differently (RFC 9112 sections 3.2 and 6.1)."""
        version, names = self.parser.get_http_version(), [name for name, _ in self.headers]
        if version not in {"1.0", "1.1"}:
            raise Malformed("HTTP/1.1 is spoken here.")
        if names.count(b"host") > 1 or (b"host" not in names and version == "1.1"):
            raise Malformed("A request has one Host.")
        encodings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if encodings and (encodings != [b"chunked"] or version == "1.0" or b"content-length" in names):
            raise Malformed("A body has one length.")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running, self._unwanted = cycle, 0
        super()._start_asgi_task(cycle, app)

    def _answers(self) -> bool:
        """Tell whether a complete request waits for us."""
        running = self._running
        return running is not None and not running.more_body and not running.response_complete

    def _end(self) -> None:
        if self._reading is Reading.NOTHING:
            self.transport.close()
        else:
            self._refuse(408, "The request took too long to come.")

    def _refuse(self, status: int, message: str) -> None:
        """Answer and hang up; what is still due to earlier requests goes first, and alone."""
        self._refused = True
        running = self._running
        if running and self._answers():
            self.pipeline.clear()
            running.keep_alive = False
            return
        # The client would take a second answer to one request for the answer to its next.
        if not (running and running.response_started and self._reading is Reading.BODY):
            refusal = self.server_state.refusals.render(
                status, message, more=self.server_state.default_headers
            )
            self.transport.write(refusal)
        self.transport.close()
