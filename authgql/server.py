"""The server takes connections until it is told to stop, answers what it took, and exits 0."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
import uvloop

from authgql.app import create_app
from authgql.settings import Settings

GRACE_SECONDS = 30
KEEP_ALIVE_SECONDS = 30


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
    """Serve until SIGTERM or SIGINT; raises what keeps the server from starting."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, host, port, announce))


async def _serve(settings: Settings, host: str, port: int, announce: Callable[[], None]) -> None:
    app = create_app(settings)
    routes = app.state.routes

    def drain() -> None:
        routes.draining = True

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",  # run here, so that what keeps it from starting is told in one line
        http="httptools",
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
        await server.serve()
