"""A real Redis server for the tests."""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import redis

from support.ports import free_port

PATIENCE_SECONDS = 20


class RedisServer:
    """A `redis-server` process on a free port, that keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, on the same port as before, and wait until it answers."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no"}
        with (self._directory / f"redis-{self.port}.log").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 -- a system program
                ["redis-server", *(word for name, value in options.items() for word in (f"--{name}", value))],  # noqa: S607 -- wherever it is installed
                cwd=self._directory,
                stdout=output,
                stderr=output,
                env={**os.environ, "LC_ALL": "C"},
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self.process.poll() is None, "redis-server ended"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, as a crash would: what it held is lost."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def empty(self) -> None:
        """Forget everything."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False
