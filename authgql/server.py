"""The server takes connections until it is told to stop, answers what it took, and exits 0."""

import asyncio
import gc
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final
from wsgiref.simple_server import WSGIServer

import uvicorn
import uvloop
from prometheus_client import start_http_server

from authgql.app import create_app
from authgql.core.memory import keep_until_asked
from authgql.core.metrics import Metrics
from authgql.settings import Settings
from authgql.web.middleware import security_headers
from authgql.wire.connections import Connections
from authgql.wire.frames import MAX_MESSAGE, PING_SECONDS, FrameProtocol
from authgql.wire.protocol import HttpProtocol
from authgql.wire.refusals import Refusals

BACKLOG: Final = 2048
OTHER_FILES: Final = 100  # the database's connections, mail, logs
GRACE_SECONDS = 30
KEEP_ALIVE_SECONDS = 30


class CannotListen(Exception):  # noqa: N818 -- says what happened
    """The address is taken, not this machine's, or not ours to take."""


class Server(uvicorn.Server):
    """uvicorn, stopping as operators expect: drain first where asked to, and no signal raised again."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        connections: Connections,
        announce: Callable[[], None],
        drain: Callable[[], None],
        break_off: Callable[[], None],
        drain_seconds: float,
    ) -> None:
        super().__init__(config)
        self.server_state = self._connections = connections
        self._announce = announce
        self._drain = drain
        self._break_off = break_off
        self._drain_seconds = drain_seconds
        self._told = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT while serving."""
        with signals_to(self.stop):
            yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and say so."""
        await super().startup(sockets)
        self._announce()

    async def on_tick(self, counter: int) -> bool:
        """End what is late."""
        self._connections.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close sockets (1012) and streams, which would go on for ever, and answer what was accepted."""
        self._break_off()
        await super().shutdown(sockets)

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


@contextmanager
def signals_to(stop: Callable[[], None]) -> Iterator[None]:
    """Have SIGTERM and SIGINT call back on the running loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def serve(settings: Settings, *, host: str, port: int, announce: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; raises what keeps the server from starting: `CannotListen`, for one."""
    with bound(host, port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_on(settings, listener, announce))


async def serve_on(
    settings: Settings, listener: socket.socket, announce: Callable[[], None], *, processes: int = 1
) -> None:
    """Serve at an address that is taken already, as one of so many processes."""
    keep_until_asked()
    _allow_files(settings.max_connections)
    app = create_app(settings)
    routes = app.state.routes

    def drain() -> None:
        routes.draining = True

    config = uvicorn.Config(
        app,
        lifespan="off",  # run here, so that what keeps it from starting is told in one line
        http=HttpProtocol,
        backlog=BACKLOG,
        ws=FrameProtocol,
        ws_max_size=MAX_MESSAGE,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # memory for each socket, and secrets beside what a stranger chose
        proxy_headers=False,  # would believe any X-Forwarded-For from this machine
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    connections = Connections(
        ceiling=settings.max_connections,
        per_client=settings.max_connections_per_client,
        trusted_proxies=settings.trusted_proxies,
        refusals=Refusals(security_headers(settings.strict_transport)),
    )
    server = Server(
        config,
        connections=connections,
        announce=announce,
        drain=drain,
        break_off=app.state.streams.stop,
        drain_seconds=settings.drain_seconds.total_seconds(),
    )
    metrics: Metrics = app.state.metrics
    metrics.gauge("connections", "Connections of clients.", connections.open)
    async with app.state.system.serving():
        _settle_garbage()
        with _exposed(metrics, settings.metrics_address, processes):
            await server.serve(sockets=[listener])


@contextmanager
def _exposed(metrics: Metrics, address: str, processes: int) -> Iterator[None]:
    """Answer Prometheus in a thread; each of several processes takes the next port that is free."""
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    server, thread = _first_free(metrics, host.strip("[]"), range(int(port), int(port) + processes))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _first_free(metrics: Metrics, host: str, ports: range) -> tuple[WSGIServer, Thread]:
    try:
        return start_http_server(ports.start, host, registry=metrics.registry)
    except OSError as error:
        if len(ports) > 1:
            return _first_free(metrics, host, ports[1:])
        raise CannotListen(f"Cannot listen on {host}:{ports.start} for metrics: {error}.") from None


def _allow_files(connections: int) -> None:
    """Let the process have a file descriptor for each connection, as far as the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft < wanted <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _settle_garbage() -> None:
    """Take what lives as long as the process out of the collector's sight.

    The schema and the libraries are 100,000 objects: a full collection took everybody 70 to 200 ms.
    """
    gc.collect()
    gc.freeze()


def bound(host: str, port: int) -> socket.socket:
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
