"""A proof that was copied on its way to one node is worth nothing at another, whatever becomes of Redis."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import time
from typing import Any

import httpx2
import pytest
from conftest import MakeApp, StartServer
from support.app import PASSWORD, ManualClock
from support.dialects import no_database, on_postgres
from support.documents import LOGIN, ME, REGISTER
from support.proofs import ProofKey, claims_at
from support.redis import RedisServer

from authgql.core.errors import Unavailable
from authgql.core.redis import RedisReplays, connect
from authgql.core.secrets import ascii_hash

PUBLIC_URL = "http://localhost:9"

pytestmark = pytest.mark.redis


@pytest.fixture
def own_redis(tmp_path: Path) -> RedisServer:
    return RedisServer(tmp_path)


@pytest.fixture
async def replays(redis_url: str) -> AsyncIterator[list[RedisReplays]]:
    """The memories of two nodes."""
    clients = [connect(redis_url) for _ in range(2)]
    yield [RedisReplays(redis=client) for client in clients]
    for client in clients:
        await client.aclose()


def proof(key: ProofKey, access: str) -> str:
    return key.proof(claims_at(int(time()), htu=f"{PUBLIC_URL}/graphql", ath=ascii_hash(access)))


@on_postgres
@pytest.mark.process
async def test_of_sixteen_uses_on_two_nodes_one_is_answered(
    database_url: str, redis_url: str, start_server: StartServer
) -> None:
    shared = {"DATABASE_URL": database_url, "PUBLIC_URL": PUBLIC_URL, "REDIS_URL": redis_url}
    servers = await asyncio.gather(*(asyncio.to_thread(start_server, **shared) for _ in range(2)))
    user: object = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    await asyncio.to_thread(servers[0].gql, REGISTER, {"input": user})
    key, given = ProofKey(), {"input": {"username": "ada", "password": PASSWORD}}
    login = {"dpop": key.proof(claims_at(int(time()), htu=f"{PUBLIC_URL}/graphql"))}
    async with httpx2.AsyncClient(timeout=30) as client:

        async def post(number: int, body: object, headers: dict[str, str]) -> Any:
            url = f"{servers[number % 2].url}/graphql"
            return (await client.post(url, json=body, headers=headers)).json()

        opened = await post(0, {"query": LOGIN, "variables": given}, login)
        access = opened["data"]["login"]["tokens"]["accessToken"]
        for _ in range(3):
            headers = {"dpop": proof(key, access), "authorization": f"DPoP {access}"}
            answers = await asyncio.gather(*(post(number, {"query": ME}, headers) for number in range(16)))
            assert [answer.get("data", {}).get("me") is not None for answer in answers].count(True) == 1
            refused = [answer["errors"][0]["extensions"]["code"] for answer in answers if "errors" in answer]
            assert refused == ["INVALID_DPOP_PROOF"] * 15
        again = await post(1, {"query": LOGIN, "variables": given}, login)
        assert again["errors"][0]["extensions"]["code"] == "INVALID_DPOP_PROOF"


async def test_a_key_is_new_on_one_node_and_once(replays: list[RedisReplays]) -> None:
    for round_ in range(20):
        uses = [node.first_time(f"key-{round_}", seconds=60) for node in replays * 8]
        assert (await asyncio.gather(*uses)).count(True) == 1


async def test_a_key_is_remembered_for_its_seconds(replays: list[RedisReplays], redis_url: str) -> None:
    await replays[0].first_time("key", seconds=121)
    redis = connect(redis_url)
    (name,) = await redis.keys("*")
    assert 119 <= await redis.ttl(name) <= 121
    await redis.aclose()


@no_database
async def test_while_redis_is_away_no_proof_is_good_and_nothing_else_suffers(
    make_app: MakeApp, own_redis: RedisServer, clock: ManualClock
) -> None:
    key = ProofKey()
    with own_redis:
        app = await make_app(redis_url=own_redis.url)
        ada = await app.signed_up()

        def headers() -> dict[str, str]:
            htu, now = "https://id.example.com/graphql", int(clock.now().timestamp())
            return {"dpop": key.proof(claims_at(now, htu=htu))}

        assert (await app.gql(ME, headers=headers())).data == {"me": None}
        own_redis.stop()
        answer = await app.gql(ME, headers=headers())
        assert (answer.status, answer.codes) == (503, ["SERVICE_UNAVAILABLE"])
        assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
        own_redis.start()
        assert (await app.gql(ME, headers=headers())).data == {"me": None}


async def test_a_redis_that_is_full_takes_no_new_proof_and_forgets_no_used_one(
    own_redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with own_redis:
        redis = connect(own_redis.url)
        replays = RedisReplays(redis=redis)
        assert await replays.first_time("used", seconds=60)
        await redis.config_set("maxmemory", "1")
        assert not await replays.first_time("new", seconds=60)
        assert not await replays.first_time("used", seconds=60)
        await redis.aclose()
    written = capsys.readouterr()
    assert "replays.full" in written.out + written.err


async def test_a_redis_that_takes_no_writes_is_away(own_redis: RedisServer) -> None:
    with own_redis:
        redis = connect(own_redis.url)
        await redis.replicaof("127.0.0.1", "1")  # as after a failover that nobody told us of
        with pytest.raises(Unavailable):
            await RedisReplays(redis=redis).first_time("key", seconds=60)
        await redis.aclose()
