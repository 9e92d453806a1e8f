"""Bytes that are no good WebSocket frames close the connection with a code; who does not read is cut off."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_MESSAGE: Final = 64 * 1024
MAX_FRAGMENTS: Final = 64
PING_SECONDS: Final = 20
STALL_SECONDS: Final = 20
CLOSE_SECONDS: Final = 5


class FrameProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, without its tracebacks, its unbounded fragments, and its patience with who never reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- uvicorn's own
        super().__init__(*args, **kwargs)
        self._stall: asyncio.TimerHandle | None = None
        self.close_timeout = CLOSE_SECONDS

    def pause_writing(self) -> None:
        """Note that the peer does not read what is sent, and read nothing either: pings are answered."""
        super().pause_writing()
        self._stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)
        self._read_only_from_readers()

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._reads()
        if not self.read_paused:  # by uvicorn, until the application has taken the last message
            self.transport.resume_reading()

    async def receive(self) -> Any:  # noqa: ANN401 -- uvicorn's own
        """Hand a message to the application, after which uvicorn would read on."""
        message = await super().receive()
        self._read_only_from_readers()
        return message

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is gone."""
        self._reads()
        super().connection_lost(exc)

    def handle_cont(self, event: Any) -> None:  # noqa: ANN401 -- websockets' frame
        """Take a fragment; empty ones cost the sender next to nothing, and us a place in a list."""
        super().handle_cont(event)
        if len(self.frames) >= MAX_FRAGMENTS:
            self._fail(1009, "too many fragments")

    def send_receive_event_to_app(self) -> None:
        """Pass a message on, if it is text that can be read; uvicorn would write a traceback."""
        try:
            if self.curr_msg_data_type == "text":
                b"".join(self.frames).decode()
        except UnicodeDecodeError:
            self._fail(1007, "not UTF-8")
        else:
            super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        """Cut the connection of a peer that did not answer a ping."""
        super().keepalive_timeout()
        self.transport.abort()

    async def send(self, message: Any) -> None:  # noqa: ANN401 -- uvicorn's own
        """Send, or close: behind whatever the peer has not read, and not waiting for it to."""
        closes = message["type"] == "websocket.close"
        if closes:
            self.writable.set()
        await super().send(message)
        if closes and self.close_timer:
            self._read_only_from_readers()
            self.close_timer.cancel()
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def _read_only_from_readers(self) -> None:
        if self._stall and not self.transport.is_closing():
            self.transport.pause_reading()

    def _reads(self) -> None:
        if self._stall:
            self._stall.cancel()
            self._stall = None

    def _fail(self, code: int, reason: str) -> None:
        self.frames = []
        self.conn.fail(code, reason)
        self.handle_parser_exception()
