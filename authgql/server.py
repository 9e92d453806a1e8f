"""The server takes connections until it is told to stop, answers what it took, and exits 0."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from authgql.app import create_app
from authgql.settings import Settings

BACKLOG: Final = 2048
MAX_HEAD: Final = 64 * 1024
GRACE_SECONDS = 30
KEEP_ALIVE_SECONDS = 30


class CannotListen(Exception):  # noqa: N818 -- says what happened
    """The address is taken, not this machine's, or not ours to take."""


class Protocol(HttpToolsProtocol):
    """uvicorn's, with a bound on heads, trailers and chunk extensions, which llhttp takes at any length."""

    _unread = 0

    def data_received(self, data: bytes) -> None:
        """Take bytes in, as long as they become headers or a body before long."""
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response(f"A request has at most {MAX_HEAD} bytes before its body.")

    def on_headers_complete(self) -> None:
        """Begin a request."""
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Go on with it."""
        self._unread = 0
        super().on_body(body)


class Server(uvicorn.Server):
    """uvicorn, stopping as operators expect: drain first where asked to, and no signal raised again."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        announce: Callable[[], None],
        drain: Callable[[], None],
        drain_seconds: float,
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._drain = drain
        self._drain_seconds = drain_seconds
        self._told = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT while serving."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        await super().startup(sockets)
        self._announce()

    def stop(self) -> None:
        """Stop soon; told twice, stop at once."""
        if self._told:
            self.should_exit = self.force_exit = True
            return
        self._told = True
        self._drain()
        asyncio.get_running_loop().call_later(self._drain_seconds, self._exit)

    def _exit(self) -> None:
        self.should_exit = True


def serve(settings: Settings, *, host: str, port: int, announce: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raises what keeps the server from starting: `CannotListen`, for one."""
    with _bound(host, port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, announce))


async def _serve(settings: Settings, listener: socket.socket, announce: Callable[[], None]) -> None:
    app = create_app(settings)
    routes = app.state.routes

    def drain() -> None:
        routes.draining = True

    config = uvicorn.Config(
        app,
        lifespan="off",  # run here, so that what keeps it from starting is told in one line
        http=Protocol,
        backlog=BACKLOG,
        ws="none",
        proxy_headers=False,  # would believe any X-Forwarded-For from this machine
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(
        config, announce=announce, drain=drain, drain_seconds=settings.drain_seconds.total_seconds()
    )
    async with app.state.system.serving():
        _settle_garbage()
        await server.serve(sockets=[listener])


def _settle_garbage() -> None:
    """Take what lives as long as the process out of the collector's sight.

    The schema and the libraries are 100,000 objects: a full collection took everybody 70 to 200 ms.
    """
    gc.collect()
    gc.freeze()


def _bound(host: str, port: int) -> socket.socket:
    """Take the address before opening anything; who connects meanwhile is answered once all is ready."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(f"Cannot listen on {host}:{port}: {error.strerror or error}.") from None
    return listener
