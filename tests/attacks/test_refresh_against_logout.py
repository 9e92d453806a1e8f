"""A refresh that races the logout of its session never brings it back to life."""

import asyncio
from typing import Any

import httpx2
import pytest
from conftest import StartServer
from support.app import PASSWORD, Application, together
from support.databases import opened
from support.dialects import on_postgres
from support.documents import LOGIN, LOGOUT, ME, REFRESH, REGISTER

from authgql.core.database import current

ROUNDS = 100
ROUNDS_ON_TWO_NODES = 10
LIVING = "SELECT count(*) AS n FROM sessions WHERE logged_out_at IS NULL"


async def test_whoever_wins_the_session_is_dead_afterwards(app: Application) -> None:
    await app.register()
    renewed = 0
    for number in range(ROUNDS):
        ada = await app.login()
        calls = [app.refresh(ada.refresh), app.gql(LOGOUT, token=ada.access)]
        results = await together(*(reversed(calls) if number % 2 else calls))
        refreshed, logged_out = reversed(results) if number % 2 else results
        assert logged_out.only["__typename"] == "LogoutSuccess"
        tokens = [ada.refresh]
        if refreshed["__typename"] == "RefreshSuccess":
            renewed += 1
            tokens.append(refreshed["tokens"]["refreshToken"])
            assert (await app.gql(ME, token=refreshed["tokens"]["accessToken"])).only is None
        for token in tokens:
            assert (await app.refresh(token))["__typename"] == "InvalidToken"
    assert renewed > 0
    assert [row["n"] for row in await app.rows(LIVING)] == [0]
    assert (await app.events()).count("session.ended") == ROUNDS


@on_postgres
@pytest.mark.process
async def test_nor_where_the_two_reach_different_nodes(database_url: str, start_server: StartServer) -> None:
    shared = {"DATABASE_URL": database_url, "PUBLIC_URL": "http://localhost:9"}
    nodes = await asyncio.gather(*(asyncio.to_thread(start_server, **shared) for _ in range(2)))
    async with httpx2.AsyncClient(timeout=30) as client:

        async def ask(node: int, query: str, token: str | None = None, **given: object) -> Any:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            body = {"query": query, "variables": {"input": given} if given else None}
            url = f"{nodes[node % 2].url}/graphql"
            answer = (await client.post(url, json=body, headers=headers)).json()
            assert "errors" not in answer, answer
            (value,) = answer["data"].values()
            return value

        await ask(0, REGISTER, username="ada", email="ada@example.com", password=PASSWORD)
        renewed = 0
        for number in range(ROUNDS_ON_TWO_NODES):
            tokens = (await ask(number, LOGIN, username="ada", password=PASSWORD))["tokens"]
            refreshed, logged_out = await asyncio.gather(
                ask(number, REFRESH, refreshToken=tokens["refreshToken"]),
                ask(number + 1, LOGOUT, tokens["accessToken"]),
            )
            assert logged_out["__typename"] == "LogoutSuccess"
            left = [tokens]
            if refreshed["__typename"] == "RefreshSuccess":
                renewed += 1
                left.append(refreshed["tokens"])
            for each in left:
                for node in (0, 1):
                    assert await ask(node, ME, each["accessToken"]) is None
                    again = await ask(node, REFRESH, refreshToken=each["refreshToken"])
                    assert again["__typename"] == "InvalidToken"
    assert renewed > 0
    async with opened(database_url):
        assert [row["n"] for row in await current().execute_query_dict(LIVING)] == [0]
        ended = "SELECT count(*) AS n FROM security_events WHERE kind='session.ended'"
        assert [row["n"] for row in await current().execute_query_dict(ended)] == [ROUNDS_ON_TWO_NODES]
