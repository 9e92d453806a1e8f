"""A refresh whose answer is lost on the way signs nobody out: asking again leads to the same chain."""

import asyncio
import json
import socket
from urllib.parse import urlsplit

import pytest
from conftest import StartServer
from support.app import PASSWORD
from support.databases import opened
from support.dialects import on_postgres
from support.documents import LOGIN, ME, REFRESH, REGISTER
from support.process import LiveServer

from authgql.core.database import current

CHAIN = "SELECT generation, spent_at, sealed_successor FROM refresh_tokens ORDER BY generation"


def cut_off(server: LiveServer, token: str) -> None:
    """Ask for a refresh and hang up at once, as a train does in a tunnel."""
    address = urlsplit(server.url)
    body = json.dumps({"query": REFRESH, "variables": {"input": {"refreshToken": token}}}).encode()
    headers = f"host: localhost\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as wire:
        wire.sendall(f"POST /graphql HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body)


async def rows(url: str, query: str) -> list[dict[str, object]]:
    async with opened(url):
        return list(await current().execute_query_dict(query))


async def spent(url: str, generation: int) -> None:
    """Wait until the server has done what nobody waited for."""
    for _ in range(200):
        if (await rows(url, CHAIN))[generation]["spent_at"]:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the refresh was not carried out")


@on_postgres
@pytest.mark.process
async def test_a_client_that_heard_nothing_asks_again_and_stays_signed_in(
    database_url: str, start_server: StartServer
) -> None:
    server = await asyncio.to_thread(start_server, DATABASE_URL=database_url)
    given: object = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    await asyncio.to_thread(server.gql, REGISTER, {"input": given})
    given = {"username": "ada", "password": PASSWORD}
    opened_ = (await asyncio.to_thread(server.gql, LOGIN, {"input": given}))["data"]["login"]
    token, refreshed = opened_["tokens"]["refreshToken"], opened_
    for generation in range(3):
        await asyncio.to_thread(cut_off, server, token)
        await spent(database_url, generation)
        answer = await asyncio.to_thread(server.gql, REFRESH, {"input": {"refreshToken": token}})
        refreshed = answer["data"]["refresh"]
        assert refreshed["__typename"] == "RefreshSuccess"
        assert refreshed["session"]["token"]["refreshedCount"] == generation + 1
        token = refreshed["tokens"]["refreshToken"]
    me = await asyncio.to_thread(server.gql, ME, None, refreshed["tokens"]["accessToken"])
    assert me["data"]["me"]["username"] == "ada"
    chain = await rows(database_url, CHAIN)
    assert [row["generation"] for row in chain] == [0, 1, 2, 3]
    assert [row["spent_at"] is None for row in chain] == [False, False, False, True]
    kinds = [row["kind"] for row in await rows(database_url, "SELECT kind FROM security_events")]
    assert kinds.count("session.refreshed") == 3
    assert not {"session.ended", "token.reused", "refresh.refused"} & set(kinds)
