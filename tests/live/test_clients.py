"""The clients that people use hear of everything, also what happened while the server was away."""

import asyncio
import json
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import StartServer
from support.app import PASSWORD
from support.documents import LOGIN, REGISTER, TERMINATE
from support.node import SCRIPTS
from support.process import LiveServer

PATIENCE_SECONDS = 30
SOCKETS = ("graphql-ws", "urql", "apollo")
RECONNECTING = (*SOCKETS, "graphql-sse")
CLIENTS = (*RECONNECTING, "urql-sse")

Said = dict[str, list[dict[str, Any]]]


class Listeners:
    """What each client said so far."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output
        self.said: Said = defaultdict(list)

    async def until(self, everybody: Callable[[Said], bool]) -> None:
        """Listen until enough was said."""
        while not everybody(self.said):
            try:
                line = await asyncio.wait_for(self._output.readline(), PATIENCE_SECONDS)
            except TimeoutError:
                line = b""
            assert line, f"nothing more was said: {dict(self.said)}"
            told = json.loads(line)
            self.said[told.pop("client")].append(told)


@asynccontextmanager
async def _listening(server: LiveServer, token: str) -> AsyncIterator[Listeners]:
    since = datetime.now(UTC).isoformat()
    process = await asyncio.create_subprocess_exec(
        "node", SCRIPTS / "live.mjs", f"{server.url}/graphql", token, since, stdout=PIPE
    )
    assert process.stdout
    try:
        yield Listeners(process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _signed_in(server: LiveServer) -> tuple[str, str]:
    login = server.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})["data"]["login"]
    return login["tokens"]["accessToken"], login["session"]["id"]


def _heard(kind: str, session_id: str, *clients: str) -> Callable[[Said], bool]:
    event = {"kind": kind, "session": session_id}
    return lambda said: all(event in said[client] for client in clients)


def _closed(said: Said) -> bool:
    return all({"code": 4401} in said[client] for client in SOCKETS)


@pytest.mark.node
@pytest.mark.process
async def test_no_end_is_missed_across_a_restart_and_ones_own_closes_the_socket(
    start_server: StartServer,
) -> None:
    server = start_server("--dev")
    port = urlsplit(server.url).port
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    server.gql(REGISTER, {"input": given})
    token, here = _signed_in(server)
    _, there = _signed_in(server)
    async with _listening(server, token) as listeners:
        await listeners.until(_heard("STARTED", here, *CLIENTS))
        _, third = _signed_in(server)
        await listeners.until(_heard("STARTED", third, *CLIENTS))
        assert server.stop() == 0

        elsewhere = start_server("--dev", PUBLIC_URL=server.url)
        elsewhere.gql(TERMINATE, {"id": there}, token=token)
        elsewhere.stop()
        again = start_server("--dev", port=port)
        await listeners.until(_heard("ENDED", there, *RECONNECTING))

        again.gql(TERMINATE, {"id": here}, token=token)
        await listeners.until(_heard("ENDED", here, *RECONNECTING))
        await listeners.until(lambda said: _closed(said) and {"error": 4401} in said["graphql-ws"])
        said = listeners.said
    assert {"me": "ada"} in said["urql"]
    assert {"me": "ada"} in said["apollo"]
    assert {"code": 1012} in said["graphql-ws"]
    assert server.mistakes() == []
