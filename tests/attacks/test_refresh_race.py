"""However many clients use one refresh token at once, in however many processes: one chain comes of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from conftest import StartServer
from support.app import PASSWORD, Application, together
from support.databases import opened
from support.documents import LOGIN, ME, REFRESH, REGISTER
from support.process import LiveServer

from authgql.core.database import current

LIVE = "SELECT count(*) AS n FROM refresh_tokens WHERE spent_at IS NULL"
CHAIN = "SELECT generation FROM refresh_tokens ORDER BY generation"
KINDS = "SELECT kind FROM security_events"
ROUNDS = 5


@pytest.mark.parametrize("clients", [2, 32])
async def test_clients_of_one_process_all_get_the_same_successor(app: Application, clients: int) -> None:
    ada = await app.signed_up()
    token, results = ada.refresh, []
    for generation in range(1, 4):
        results = await together(*(app.refresh(token) for _ in range(clients)))
        (token,) = {result["tokens"]["refreshToken"] for result in results}
        assert {result["session"]["token"]["refreshedCount"] for result in results} == {generation}
    assert [row["n"] for row in await app.rows(LIVE)] == [1]
    assert len(await app.rows("SELECT id FROM refresh_tokens")) == 4
    assert (await app.events()).count("session.refreshed") == 3
    for result in results:
        assert (await app.gql(ME, token=result["tokens"]["accessToken"])).only is not None


async def test_clients_several_generations_apart_meet_at_the_newest(app: Application) -> None:
    ada = await app.signed_up()
    chain = [ada.refresh]
    for _ in range(3):
        chain.append((await app.refresh(chain[-1]))["tokens"]["refreshToken"])
    results = await together(*(app.refresh(token) for token in chain * 8))
    newest = {result["tokens"]["refreshToken"] for result in results}
    assert len(newest) <= 2  # the one that was newest before, and its successor
    assert (await app.refresh(chain[0]))["tokens"]["refreshToken"] in newest
    assert [row["n"] for row in await app.rows(LIVE)] == [1]


@pytest.mark.process
async def test_clients_of_two_processes_all_get_the_same_successor(
    database_url: str, start_server: StartServer
) -> None:
    shared = {"DATABASE_URL": database_url, "PUBLIC_URL": "http://localhost:9"}
    servers = await asyncio.gather(*(asyncio.to_thread(start_server, **shared) for _ in range(2)))
    given: object = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    await asyncio.to_thread(servers[0].gql, REGISTER, {"input": given})
    given = {"username": "ada", "password": PASSWORD}
    signed_in = (await asyncio.to_thread(servers[1].gql, LOGIN, {"input": given}))["data"]["login"]
    token, results = signed_in["tokens"]["refreshToken"], []
    async with httpx2.AsyncClient(timeout=30) as client:
        for generation in range(1, ROUNDS + 1):
            results = await refreshed_everywhere(client, servers, token)
            (token,) = {result["tokens"]["refreshToken"] for result in results}
            assert {result["session"]["token"]["refreshedCount"] for result in results} == {generation}
    async with opened(database_url):
        assert [row["n"] for row in await current().execute_query_dict(LIVE)] == [1]
        chain = await current().execute_query_dict(CHAIN)
        assert [row["generation"] for row in chain] == list(range(ROUNDS + 1))
        kinds = [row["kind"] for row in await current().execute_query_dict(KINDS)]
        assert kinds.count("session.refreshed") == ROUNDS
        assert not {"session.ended", "token.reused", "refresh.refused"} & set(kinds)
    me = await asyncio.to_thread(servers[0].gql, ME, None, results[-1]["tokens"]["accessToken"])
    assert me["data"]["me"]["username"] == "ada"


async def refreshed_everywhere(
    client: httpx2.AsyncClient, servers: Sequence[LiveServer], token: str
) -> list[Any]:
    """Use a token sixteen times on each server at once."""
    body = {"query": REFRESH, "variables": {"input": {"refreshToken": token}}}
    calls = [client.post(f"{server.url}/graphql", json=body) for server in servers for _ in range(16)]
    responses = await asyncio.gather(*calls)
    assert {response.status_code for response in responses} == {200}
    return [response.json()["data"]["refresh"] for response in responses]
