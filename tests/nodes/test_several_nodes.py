"""Two nodes of two workers each, behind a load balancer, are one server."""

import asyncio
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import pytest
from conftest import StartServer
from support.app import PASSWORD
from support.balancer import balancer
from support.databases import PostgresServer
from support.documents import LOGIN, LOGOUT, ME, REFRESH, REGISTER, TERMINATE, TERMINATE_OTHERS
from support.mail import MailServer
from support.ports import free_port
from support.process import AUTHGQL, LiveServer, environment

from authgql.limits.policy import POLICIES, Attempt

pytestmark = [pytest.mark.process, pytest.mark.redis]

HEAD: Final = (
    "POST /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    "content-type: application/json\r\naccept: application/json\r\ncontent-length: {length}\r\n"
)
PATIENCE_SECONDS: Final = 60
ROUNDS: Final = 17
CLIENTS: Final = 6
LOGINS: Final = 10  # in each round of each client; all of them are ended: 1,020 in all


class Cluster:
    """Speaks to whichever node comes next: no connection is used twice.

    It does so by hand, because a client library would cost more than the four servers together.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    async def gql(self, query: str, variables: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """Return the only field's value."""
        body = orjson.dumps({"query": query, "variables": variables})
        head = HEAD.format(length=len(body))
        if token:
            head += f"authorization: Bearer {token}\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(head.encode() + b"\r\n" + body)
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, _, content = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        answer = orjson.loads(content)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        return value

    async def register(self, name: str) -> None:
        given = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        assert (await self.gql(REGISTER, {"input": given}))["__typename"] == "RegisterSuccess"

    async def login(self, name: str) -> Any:
        return await self.gql(LOGIN, {"input": {"username": name, "password": PASSWORD}})

    async def is_nobody(self, token: str) -> bool:
        """Tell whether a token opens nothing on the node whose turn it is."""
        return await self.gql(ME, token=token) is None


@pytest.fixture
def postgres_url(postgres: PostgresServer, postgres_template: str) -> str:
    postgres.empty(postgres_template)
    return postgres_template


@asynccontextmanager
async def cluster(start_server: StartServer, **settings: str) -> AsyncIterator[Cluster]:
    port = free_port()
    url = f"http://localhost:{port}"
    nodes = [
        await asyncio.to_thread(start_server, "--workers", "2", PUBLIC_URL=url, **settings) for _ in range(2)
    ]
    targets = [int(node.url.rpartition(":")[2]) for node in nodes]
    async with balancer(port, targets):
        yield Cluster(port)
    for node in nodes:
        assert await asyncio.to_thread(node.stop) == 0
        assert node.mistakes() == []


async def test_a_token_that_was_ended_anywhere_opens_nothing_anywhere(
    start_server: StartServer, postgres_url: str, redis_url: str, mail_server: MailServer
) -> None:
    mail_server.forget()
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "SMTP_URL": mail_server.url}
    ended = Counter[str]()

    async def live(name: str) -> None:
        await nodes.register(name)
        first = await nodes.login(name)
        token, refresh_token = first["tokens"]["accessToken"], first["tokens"]["refreshToken"]
        for _ in range(ROUNDS):
            logins = await asyncio.gather(*(nodes.login(name) for _ in range(LOGINS)))
            one, two, *rest = [login["tokens"]["accessToken"] for login in logins]
            answer = await nodes.gql(TERMINATE, {"id": logins[0]["session"]["id"]}, token)
            assert answer["__typename"] == "SessionTerminated"
            assert all(await asyncio.gather(*(nodes.is_nobody(one) for _ in range(4))))
            assert (await nodes.gql(LOGOUT, token=two))["__typename"] == "LogoutSuccess"
            assert all(await asyncio.gather(*(nodes.is_nobody(two) for _ in range(4))))
            answer = await nodes.gql(REFRESH, {"input": {"refreshToken": refresh_token}})
            token, refresh_token = answer["tokens"]["accessToken"], answer["tokens"]["refreshToken"]
            assert (await nodes.gql(TERMINATE_OTHERS, token=token))["count"] == len(rest)
            assert all(await asyncio.gather(*map(nodes.is_nobody, rest)))
            assert (await nodes.gql(ME, token=token))["username"] == name
            ended[name] += LOGINS

    async with cluster(start_server, **settings) as nodes:
        await asyncio.gather(*(live(f"client-{number}") for number in range(CLIENTS)))
        for number in range(CLIENTS):
            await mail_server.wait_for(f"client-{number}@example.com")
        await asyncio.sleep(1)  # in which no mail comes twice
    assert ended.total() == ROUNDS * CLIENTS * LOGINS == 1_020
    sent = Counter(mail["Message-ID"] for mail in mail_server.received)
    assert max(sent.values()) == 1


async def test_limits_hold_in_sum(start_server: StartServer, postgres_url: str, redis_url: str) -> None:
    policy = POLICIES[Attempt.LOGIN]
    limit = min(figure.amount for figure in (*policy.both, *policy.account, *policy.network))
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "RATE_LIMITS": "true"}
    async with cluster(start_server, **settings) as nodes:
        await nodes.register("ada")
        wrong = {"input": {"username": "ada", "password": "not-the-password"}}
        attempts = limit * 4
        answers = await asyncio.gather(*(nodes.gql(LOGIN, wrong) for _ in range(attempts)))
    kinds = Counter(answer["__typename"] for answer in answers)
    assert kinds == {"InvalidCredentials": limit, "RateLimited": attempts - limit}


async def test_of_several_nodes_one_seals_each_part_of_the_trail(
    start_server: StartServer, postgres_url: str, redis_url: str
) -> None:
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "PUBLIC_URL": "https://id.example.com"}
    quickly = {"SETTLING_SECONDS": 4.0, "SLICE_SECONDS": 0.5, "ROUND_SECONDS": 0.1}
    patience = {f"authgql.audit.chain.{name}": seconds for name, seconds in quickly.items()}
    nodes = [await asyncio.to_thread(start_server, patience=patience, **settings) for _ in range(3)]
    for number, node in enumerate(nodes * 3):
        given = {"username": f"user-{number}", "email": f"user-{number}@example.com", "password": PASSWORD}
        await asyncio.to_thread(node.gql, REGISTER, {"input": given})
        await asyncio.sleep(0.3)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(sealed := sealed_by(nodes)) < 3 or sum(sealed.values()) < 18:  # noqa: ASYNC110 -- other processes'
            await asyncio.sleep(0.1)
    assert [await asyncio.to_thread(node.stop) for node in nodes] == [0, 0, 0]
    assert sealed_by(nodes) == sealed
    assert sorted(sealed) == list(range(1, len(sealed) + 1))
    assert f"Blocks: {len(sealed)}. Events in them: {sum(sealed.values())}." in await asyncio.to_thread(
        verified, **settings
    )


def verified(**settings: str) -> str:
    """Return what `authgql audit verify` says."""
    surroundings = environment("https://id.example.com", **settings)
    said = subprocess.run([AUTHGQL, "audit", "verify"], env=surroundings, capture_output=True, check=True)  # noqa: S603 -- our own program
    return said.stdout.decode()


def sealed_by(nodes: list[LiveServer]) -> dict[int, int]:
    """Return how many events are in each block by its number, as the nodes' logs tell; each is told once."""
    lines = [
        orjson.loads(line) for node in nodes for line in node.log.read_text().splitlines() if "audit." in line
    ]
    assert {line["event"] for line in lines} <= {"audit.sealed"}
    numbers = [line["number"] for line in lines]
    assert len(numbers) == len(set(numbers))
    return {line["number"]: line["events"] for line in lines}
