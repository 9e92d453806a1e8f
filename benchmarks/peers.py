"""The peers on PostgreSQL: the fastest of the field, each reading the database at every request."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from benchmarks.load import Conversation
from benchmarks.scenes import ACTIVE_SESSIONS, FIREFOX, PASSWORD, Repeated
from benchmarks.servers import Server, running

HERE: Final = Path(__file__).parent / "peers"
EMAIL: Final = "reader@example.com"
BETTER_AUTH: Final = "better-auth"
FASTAPI_USERS: Final = "fastapi-users"


def install() -> None:
    """Install both at their pinned versions, unless that was done."""
    better_auth, fastapi_users = HERE / "better_auth", HERE / "fastapi_users"
    if not (better_auth / "node_modules").exists():
        _do(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], better_auth)
    if not (fastapi_users / ".venv").exists():
        _do([sys.executable, "-m", "venv", ".venv"], fastapi_users)
        _do(
            [".venv/bin/pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"],
            fastapi_users,
        )


@contextmanager
def better_auth(directory: Path, database_url: str, *, core: int | None) -> Iterator[Server]:
    """Run better-auth under Node."""
    command = ["node", str(HERE / "better_auth/server.mjs")]
    environment = os.environ | {"NODE_ENV": "production", "DATABASE_URL": _libpq(database_url)}
    with running(command, directory, environment, core) as server:
        yield server


@contextmanager
def fastapi_users(directory: Path, database_url: str, *, core: int | None) -> Iterator[Server]:
    """Run fastapi-users under uvicorn."""
    command = [str(HERE / "fastapi_users/.venv/bin/python"), str(HERE / "fastapi_users/server.py")]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["DATABASE_URL"] = _libpq(database_url)
    with running(command, directory, environment, core) as server:
        yield server


def ask_better_auth(port: int, connections: int) -> Mapping[str, Sequence[Conversation]]:
    """Register somebody with as many sessions as our reader has, and return what to ask."""
    asking = _Asking(port, {"content-type": "application/json", "origin": f"http://127.0.0.1:{port}"})
    given = {"email": EMAIL, "password": PASSWORD}
    asking.post("/api/auth/sign-up/email", orjson.dumps({**given, "name": "reader"}))
    for _ in range(ACTIVE_SESSIONS - 2):  # registering was the first
        asking.post("/api/auth/sign-in/email", orjson.dumps(given))
    answer, _ = asking.post("/api/auth/sign-in/email", orjson.dumps(given))
    cookie = f"cookie: {answer.getheader('set-cookie', '').partition(';')[0]}"
    me = Repeated(_get("/api/auth/get-session", cookie), b'"email":"reader@example.com"')
    listed = Repeated(_get("/api/auth/list-sessions", cookie), b'"expiresAt"', ACTIVE_SESSIONS)
    return {"me": [me] * connections, "sessions(first: 20)": [listed] * connections}


def ask_fastapi_users(port: int, connections: int) -> Mapping[str, Sequence[Conversation]]:
    """Register somebody and return what to ask; it lists no sessions."""
    asking = _Asking(port, {"content-type": "application/json"})
    asking.post("/auth/register", orjson.dumps({"email": EMAIL, "password": PASSWORD}))
    asking.headers["content-type"] = "application/x-www-form-urlencoded"
    _, body = asking.post("/auth/login", urlencode({"username": EMAIL, "password": PASSWORD}).encode())
    bearer = f"authorization: Bearer {body['access_token']}"
    return {"me": [Repeated(_get("/users/me", bearer), b'"email":"reader@example.com"')] * connections}


class _Asking:
    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port = port
        self.headers = headers

    def post(self, path: str, body: bytes) -> tuple[http.client.HTTPResponse, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("POST", path, body, self.headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{path}: {answer.status} {read.decode(errors='replace')}")
        return answer, orjson.loads(read)


def _get(path: str, header: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: 127.0.0.1", f"user-agent: {FIREFOX}", header]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _libpq(url: str) -> str:
    return url.replace("postgres://", "postgresql://", 1)


def _do(command: Sequence[str], directory: Path) -> None:
    subprocess.run(command, cwd=directory, check=True)  # noqa: S603 -- ours
