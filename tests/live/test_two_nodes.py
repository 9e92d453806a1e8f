"""Two servers that share PostgreSQL and Redis are one to whoever watches from either."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import StartServer
from support.app import PASSWORD, SECRET
from support.dialects import on_postgres
from support.documents import LOGIN, REGISTER, TERMINATE
from support.process import LiveServer
from support.redis import RedisServer
from support.sockets import EVENTS, PROTOCOL
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE_SECONDS = 20

pytestmark = [pytest.mark.process, pytest.mark.redis]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def nodes(start_server: StartServer, database_url: str, redis: RedisServer) -> tuple[LiveServer, LiveServer]:
    """Two of them, with one public URL."""
    shared = {"DATABASE_URL": database_url, "REDIS_URL": redis.url, "PUBLIC_URL": "https://id.example.com"}
    return start_server(SECRET_KEYS=SECRET, **shared), start_server(SECRET_KEYS=SECRET, **shared)


def _signed_in(server: LiveServer) -> tuple[str, str]:
    login = server.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})["data"]["login"]
    return login["tokens"]["accessToken"], login["session"]["id"]


@asynccontextmanager
async def _watching(server: LiveServer, token: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"{server.url.replace('http', 'ws')}/graphql", subprotocols=[PROTOCOL]) as socket:  # type: ignore[list-item]
        payload = {"authorization": f"Bearer {token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": EVENTS}}))
        await asyncio.sleep(0.3)
        yield socket


async def _next(socket: ClientConnection) -> dict[str, Any]:
    message = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS))
    event: dict[str, Any] = message["payload"]["data"]["sessionEvents"]
    return event


def _ready(server: LiveServer) -> tuple[int, str]:
    answer = httpx2.get(f"{server.url}/readyz")
    return answer.status_code, answer.json()["status"]


@on_postgres
async def test_an_end_on_one_node_closes_the_socket_on_the_other_and_redis_away_loses_nothing(
    nodes: tuple[LiveServer, LiveServer], redis: RedisServer
) -> None:
    here, there = nodes
    await asyncio.to_thread(
        here.gql, REGISTER, {"input": {"username": "ada", "email": "ada@example.com", "password": PASSWORD}}
    )
    token, watcher = await asyncio.to_thread(_signed_in, here)
    async with _watching(there, token) as socket:
        other, other_id = await asyncio.to_thread(_signed_in, here)
        assert (await _next(socket))["session"]["id"] == other_id
        assert _ready(there) == (200, "ok")

        redis.stop()
        assert _ready(there) == (503, "bus away")
        await asyncio.to_thread(here.gql, TERMINATE, {"id": other_id}, other)
        ended = await _next(socket)  # from the trail
        assert (ended["kind"], ended["session"]["id"]) == ("ENDED", other_id)

        redis.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while _ready(there) != (200, "ok"):  # noqa: ASYNC110 -- another process' doing
                await asyncio.sleep(0.1)
        await asyncio.to_thread(here.gql, TERMINATE, {"id": watcher}, token)
        last = await _next(socket)
        assert (last["kind"], last["session"]["id"], last["session"]["current"]) == ("ENDED", watcher, True)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE_SECONDS)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == 4401
    for node in nodes:
        assert node.mistakes() == []
