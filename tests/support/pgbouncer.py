"""A real PgBouncer in transaction mode before the tests' PostgreSQL."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from support.ports import free_port

PATIENCE_SECONDS = 20
SERVERS = 3
CONFIG = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 200
server_round_robin = 1
"""


class PgBouncer:
    """Hands each transaction to the next of a few servers; what one prepares, the others do not know."""

    def __init__(self, postgres_url: str) -> None:
        self._there = urlsplit(postgres_url)
        self._port = free_port()
        directory = Path(tempfile.mkdtemp(prefix="authgql-pgbouncer-"))
        directory.chmod(0o755)  # whoever PgBouncer runs as reads it
        self._config = directory / "pgbouncer.ini"
        self._config.write_text(CONFIG.format(server=self._server(), port=self._port, servers=SERVERS))
        self._log = directory / "pgbouncer.log"

    @property
    def url(self) -> str:
        """The database, by way of PgBouncer."""
        user = self._there.username or "postgres"
        return f"postgres://{user}@127.0.0.1:{self._port}{self._there.path}"

    def __enter__(self) -> Self:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 -- a system program
                [_program(), self._config],
                stdout=output,
                stderr=output,
                user=self._user(),
                env={"LC_ALL": "C"},
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._config.parent)

    def _host(self) -> str:
        """Return the server's name, or the directory of its socket."""
        return parse_qs(self._there.query).get("host", [self._there.hostname or "localhost"])[0]

    def _user(self) -> int | None:
        """Return whom to run as: somebody who may open the server's socket, and is not root."""
        if os.geteuid() != 0:
            return None
        directory = Path(self._host())
        return directory.stat().st_uid if directory.is_dir() else pwd.getpwnam("nobody").pw_uid

    def _server(self) -> str:
        return (
            f"host={self._host()} port={self._there.port or 5432} user={self._there.username or 'postgres'}"
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return True
        except OSError:
            return False


def _program() -> str:
    return shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
