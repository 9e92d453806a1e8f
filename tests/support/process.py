"""Real server processes on free ports."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2

from support.app import SECRET
from support.ports import free_port

AUTHGQL = Path(sys.executable).parent / "authgql"
PATIENCE_SECONDS = 30
MISTAKE = re.compile(r'"level": ?"(error|critical)"|Traceback')


@dataclass
class LiveServer:
    """A server process that answers at `url` and writes its log to `log`."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def gql(self, query: str, variables: dict[str, object] | None = None, token: str | None = None) -> Any:
        """Send an operation and return the body."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        return httpx2.post(f"{self.url}/graphql", json=body, headers=headers, timeout=30).json()

    def mistakes(self) -> list[str]:
        """Return the lines of the log that tell of an error or hold a traceback."""
        return [line for line in self.log.read_text().splitlines() if MISTAKE.search(line)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)


class ServerProcesses:
    """Starts servers in a directory of their own, and ends them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._servers: list[LiveServer] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            if server.process.poll() is None:
                server.process.terminate()
                server.process.wait(PATIENCE_SECONDS)

    def start(
        self,
        *arguments: str,
        port: int | None = None,
        patience: dict[str, float] | None = None,
        **settings: str,
    ) -> LiveServer:
        """Start `authgql serve` and wait until it answers; settings are named as in the environment.

        `patience` shortens deadlines of the server, in seconds by `module.NAME`.
        """
        port = port or free_port()
        log = self._directory / f"server-{port}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 -- our own program
                [*_program(patience or {}), "serve", "--port", str(port), *arguments],
                cwd=self._directory,
                env=environment(f"http://localhost:{port}", **settings),
                stdout=output,
                stderr=output,
            )
        server = LiveServer(url=f"http://localhost:{port}", process=process, log=log)
        self._servers.append(server)
        _wait_until_ready(server)
        return server


def _program(patience: dict[str, float]) -> list[str]:
    if not patience:
        return [str(AUTHGQL)]
    modules = {name.rpartition(".")[0] for name in patience}
    lines = [f"import {module}" for module in sorted(modules)]
    lines += [f"{name} = {seconds}" for name, seconds in patience.items()]
    return [sys.executable, "-c", "\n".join([*lines, "from authgql.cli import main", "main()"])]


def environment(public_url: str, **settings: str) -> dict[str, str]:
    """Return an environment with settings fit for tests."""
    defaults = {
        "PUBLIC_URL": public_url,
        "SECRET_KEYS": SECRET,
        "PASSWORD_HASH_PROFILE": "testing",
        "RATE_LIMITS": "false",
    }
    named = {f"AUTHGQL_{name}": value for name, value in (defaults | settings).items()}
    return {**os.environ, **named}


def _wait_until_ready(server: LiveServer) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert server.process.poll() is None, f"the server ended: {server.log.read_text()}"
        try:
            if httpx2.get(f"{server.url}/readyz").status_code == httpx2.codes.OK:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError(server.log.read_text())
