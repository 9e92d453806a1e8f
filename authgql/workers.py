"""Several processes answer at one address; one that dies is followed by another, and all stop together."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Final

import structlog
import uvloop

from authgql.core.telemetry import configure_logging
from authgql.server import bound, serve_on, signals_to
from authgql.settings import Settings

RETRY_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)
spawn = get_context("spawn")  # a fork would share the parent's connections and threads


class WorkerEnded(Exception):  # noqa: N818 -- says what happened
    """A worker ended before it answered its first request, and without saying why."""


@dataclass(eq=False, kw_only=True)
class Worker:
    """A server process; it says None when it is ready, and what stopped it if something did."""

    process: SpawnProcess
    word: Connection

    async def started(self) -> None:
        """Wait until it answers requests; raises what kept it from starting."""
        await _readable(self.word.fileno())
        try:
            error = self.word.recv()
        except EOFError:
            error = WorkerEnded("A worker ended at its start; its log says why.")
        if error:
            raise error

    async def ended(self) -> None:
        """Wait until it is gone."""
        await _readable(self.process.sentinel)
        self.process.join()

    def reason(self) -> str:
        """Return why it is gone, as far as it could say so."""
        with suppress(EOFError):
            if self.word.poll() and (error := self.word.recv()):
                return _message(error)
        return f"exit status {self.process.exitcode}"


class Workers:
    """Keeps as many workers at work as were asked for."""

    def __init__(self, *, start: Callable[[], Worker], count: int) -> None:
        self._start = start
        self._count = count
        self._workers: list[Worker] = []
        self._stopping = False

    async def run(self, announce: Callable[[], None]) -> None:
        """Work until told to stop; raises what keeps the first workers from starting."""
        with signals_to(self.stop):
            self._workers = [self._start() for _ in range(self._count)]
            try:
                for worker in self._workers:
                    await worker.started()
            except Exception:
                if not self._stopping:
                    self.stop()
                    raise
            else:
                announce()
            finally:
                await asyncio.gather(*map(self._keep, range(self._count)))

    def stop(self) -> None:
        """Have every worker stop as a server does: soon, and told twice at once."""
        self._stopping = True
        for worker in self._workers:
            worker.process.terminate()

    async def _keep(self, place: int) -> None:
        """Have somebody at work in one place for as long as the rest."""
        while True:
            worker = self._workers[place]
            await worker.ended()
            if self._stopping:
                return
            log.error("worker.ended", pid=worker.process.pid, reason=worker.reason())
            await self._replace(place)

    async def _replace(self, place: int) -> None:
        while not self._stopping:
            self._workers[place] = self._start()
            try:
                await self._workers[place].started()
            except Exception as error:  # noqa: BLE001 -- whatever it is may pass: a database that is away
                log.warning("worker.failed", reason=_message(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                log.info("worker.started", pid=self._workers[place].process.pid)
                return


def serve(settings: Settings, *, host: str, port: int, count: int, announce: Callable[[], None]) -> None:
    """Serve with so many processes until SIGTERM or SIGINT; raises what keeps them from starting."""
    with bound(host, port) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Workers(start=partial(_start, settings, listener, count), count=count).run(announce))


def _start(settings: Settings, listener: socket.socket, count: int) -> Worker:
    here, there = spawn.Pipe()
    process = spawn.Process(target=_work, args=(settings, listener, count, there))
    process.start()
    there.close()  # so that a worker that dies is heard
    return Worker(process=process, word=here)


def _work(settings: Settings, listener: socket.socket, count: int, word: Connection) -> None:
    os.setsid()  # Ctrl-C at the terminal is for the parent, which passes it on
    configure_logging(settings.log_format)

    def ready() -> None:
        word.send(None)
        asyncio.get_running_loop().add_reader(word.fileno(), _orphaned, word.fileno())

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_on(settings, listener, ready, processes=count))
    except Exception as error:  # noqa: BLE001 -- the parent tells it to whoever started all this
        word.send(error)


def _orphaned(descriptor: int) -> None:
    """Stop, because the parent is gone: nobody else would say so."""
    log.warning("worker.orphaned")
    asyncio.get_running_loop().remove_reader(descriptor)
    signal.raise_signal(signal.SIGTERM)


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)
