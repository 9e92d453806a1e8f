"""How long an ended session's socket stays open, and what an idle one costs: `python -m benchmarks.live`.

One real server on a PostgreSQL of its own, 1,000 sockets of 1,000 sessions (ten for each account), each with
a subscription. Then sessions are ended over HTTP, one after the other, and each is timed from the moment that
the request is sent to the moment that its socket is closed with 4401, on the client's side.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import httpx2
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benchmarks.servers import PATIENCE_SECONDS, Server, authgql, migrate, postgres

PASSWORD: Final = "violet-harbour-umbrella-27"  # noqa: S105 -- opens nothing else
PER_ACCOUNT: Final = 10
AT_ONCE: Final = 10
SIGNED_OUT: Final = 4401
SETTLING_SECONDS: Final = 5
SETTINGS: Final = {
    "PASSWORD_HASH_PROFILE": "testing",
    "MAX_CONNECTIONS": "5000",
    "MAX_CONNECTIONS_PER_CLIENT": "0",
    "MAX_LIVE_PER_CLIENT": "5000",
}
REGISTER: Final = "mutation ($i: RegisterInput!) { register(input: $i) { __typename } }"
LOGIN: Final = """mutation ($i: LoginInput!) {
  login(input: $i) { ... on LoginSuccess { session { id } tokens { accessToken } } }
}"""
LOGOUT: Final = "mutation { logout { __typename } }"
LIVE: Final = "subscription { sessionEvents { kind session { id endReason } } }"


class Client:
    """What a thousand people do."""

    def __init__(self, http: httpx2.AsyncClient, port: int) -> None:
        self._http = http
        self._port = port
        self._busy = asyncio.Semaphore(AT_ONCE)

    async def ask(self, query: str, variables: object = None, token: str = "") -> Any:  # noqa: ANN401 -- JSON
        """Run an operation, a few at a time."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        async with self._busy:
            answer = await self._http.post("/graphql", json=body, headers=headers)
        (value,) = answer.json()["data"].values()
        return value

    async def sign_up(self, number: int) -> list[str]:
        """Register somebody and sign them in on every device; return the tokens."""
        name = f"user{number}"
        given = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        await self.ask(REGISTER, {"i": given})
        login = {"i": {"username": name, "password": PASSWORD}}
        logins = [await self.ask(LOGIN, login) for _ in range(PER_ACCOUNT)]
        return [login["tokens"]["accessToken"] for login in logins]

    async def watch(self, token: str) -> ClientConnection:
        """Open a socket with a subscription."""
        async with self._busy:
            url = f"ws://127.0.0.1:{self._port}/graphql"
            protocol = Subprotocol("graphql-transport-ws")
            socket = await connect(url, subprotocols=[protocol], compression=None, ping_interval=None)
            await socket.send(_message("connection_init", payload={"authorization": f"Bearer {token}"}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            await socket.send(_message("subscribe", id="1", payload={"query": LIVE}))
        return socket

    async def end(self, token: str, socket: ClientConnection) -> float:
        """End a session; return the seconds until its socket was closed."""
        closed = asyncio.create_task(_closed(socket))
        started = time.perf_counter()
        await self.ask(LOGOUT, token=token)
        return await closed - started


async def _closed(socket: ClientConnection) -> float:
    while True:
        try:
            await socket.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != SIGNED_OUT:
                raise
            return time.perf_counter()


def _message(kind: str, **members: object) -> str:
    return json.dumps({"type": kind, **members})


async def _measure(server: Server, sockets: int, ended: int) -> tuple[float, Sequence[float]]:
    process = psutil.Process(server.process.pid)
    base = f"http://127.0.0.1:{server.port}"
    async with httpx2.AsyncClient(base_url=base, timeout=PATIENCE_SECONDS) as http:
        client = Client(http, server.port)
        people = await asyncio.gather(*map(client.sign_up, range(sockets // PER_ACCOUNT)))
        first, *tokens = itertools.chain.from_iterable(people)
        await client.watch(first)  # what the first one loads, the others do not
        await asyncio.sleep(SETTLING_SECONDS)
        before = process.memory_info().rss
        watching = await asyncio.gather(*map(client.watch, tokens))
        await asyncio.sleep(SETTLING_SECONDS)
        each = (process.memory_info().rss - before) / len(watching)
        pairs = list(zip(tokens, watching, strict=True))[:ended]
        return each, [await client.end(token, socket) for token, socket in pairs]


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--ended", type=int, default=500)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="authgql-live-") as directory, postgres() as url:
        migrate(Path(directory), url)
        with authgql(Path(directory), url, core=None, **SETTINGS) as server:
            each, seconds = asyncio.run(_measure(server, given.sockets, given.ended))
    cuts = quantiles(seconds, n=100)
    print(f"Python {sys.version.split()[0]}, {given.sockets} sockets, {given.ended} sessions ended")
    print(f"an idle socket with a subscription: {each / 1024:.1f} KiB")
    print(f"from logout to the closed socket: p50 {cuts[49] * 1000:.0f} ms, p99 {cuts[98] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
