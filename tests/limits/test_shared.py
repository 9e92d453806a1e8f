"""Several nodes on one Redis let through, all together, what one would; and what happens while it is away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from conftest import MakeApp
from support.accounts import (
    WRONG_PASSWORD,
    change_password,
    login,
    reauthenticate,
    register,
    request_reset,
    resend,
    update_profile,
    verify_email,
)
from support.app import FIREFOX, PASSWORD, Application, together
from support.dialects import no_database
from support.documents import LOGIN, ME, SESSIONS
from support.redis import RedisServer

from authgql.audit.events import Origin
from authgql.core.redis import connect
from authgql.limits.policy import POLICIES, Attempt, Policy, rates
from authgql.limits.service import PAUSE_SECONDS, Limits, RateLimited
from authgql.limits.shared import SharedWindows

pytestmark = [pytest.mark.redis, no_database]
FEW = 3


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
async def app(make_app: MakeApp, redis_url: str) -> Application:
    return await make_app(rate_limits=True, redis_url=redis_url)


@pytest.fixture
async def other_node(app: Application, redis_url: str) -> AsyncIterator[Limits]:
    """The limits of another process; only its database is the first one's."""
    async with connect(redis_url) as redis:
        audit, shared = app.system.services.audit, SharedWindows(redis, clock=app.clock)
        yield Limits(clock=app.clock, audit=audit, enabled=True, shared=shared, factor=1)


def allow_few(monkeypatch: pytest.MonkeyPatch, attempt: Attempt = Attempt.LOGIN) -> None:
    monkeypatch.setitem(POLICIES, attempt, Policy(account=rates(f"{FEW}/minute"), password=True))


async def guess(app: Application, name: str = "ada") -> str:
    kind: str = (await login(app, name, WRONG_PASSWORD))["__typename"]
    return kind


async def test_two_nodes_count_together(
    app: Application, other_node: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = Origin(ip_address="127.0.0.1", user_agent=FIREFOX)
    await app.register()
    app.client.cookies.clear()
    allow_few(monkeypatch)
    ada = await app.system.services.accounts.by_username("ada")
    assert ada is not None
    assert await guess(app) == "InvalidCredentials"
    await other_node.attempt(Attempt.LOGIN, origin=origin, account=str(ada.id))
    assert await guess(app) == "InvalidCredentials"
    assert await guess(app) == "RateLimited"
    with pytest.raises(RateLimited):
        await other_node.attempt(Attempt.LOGIN, origin=origin, account=str(ada.id))


async def test_attempts_at_once_are_counted_one_by_one_by_all_nodes(
    app: Application, other_node: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch)
    origin = Origin(ip_address="127.0.0.1", user_agent=FIREFOX)

    async def attempt() -> bool:
        try:
            await other_node.attempt(Attempt.LOGIN, origin=origin, account="nobody")
        except RateLimited:
            return False
        return True

    async def guessed() -> bool:
        return await guess(app, "nobody") == "InvalidCredentials"

    assert sum(await together(*(call() for _ in range(10) for call in (attempt, guessed)))) == FEW


async def test_the_wait_is_true_and_outlives_the_node_that_counted(
    app: Application, other_node: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch)
    origin = Origin(ip_address="127.0.0.1", user_agent=FIREFOX)
    for _ in range(FEW):
        assert await guess(app, "nobody") == "InvalidCredentials"
        app.clock.advance(10)
    with pytest.raises(RateLimited) as refused:
        await other_node.attempt(Attempt.LOGIN, origin=origin, account="nobody")
    assert 30 <= refused.value.retry_after <= 31
    app.clock.advance(refused.value.retry_after - 2)
    assert await guess(app, "nobody") == "RateLimited"
    app.clock.advance(2)
    assert await guess(app, "nobody") == "InvalidCredentials"


async def test_the_counts_expire_in_the_store_by_themselves(app: Application, redis_url: str) -> None:
    await guess(app)
    async with connect(redis_url) as client:
        keys = [key async for key in client.scan_iter("authgql:limits:*")]
        assert len(keys) == 4  # for both, for the account, its network, and all
        assert all([0 < await client.ttl(key) <= 60 for key in keys])


async def test_while_the_store_is_away_no_password_is_tried_and_nothing_else_stops(
    make_app: MakeApp, own_redis: RedisServer
) -> None:
    app = await make_app(rate_limits=True, redis_url=own_redis.url)
    ada = await app.signed_up()
    own_redis.stop()
    answer = await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})
    assert (answer.status, answer.codes) == (503, ["SERVICE_UNAVAILABLE"])
    for call in (reauthenticate(app, ada.access), change_password(app, ada.access)):
        with pytest.raises(AssertionError, match="SERVICE_UNAVAILABLE"):
            await call
    assert "login.refused" not in await app.events()
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    assert (await app.gql(SESSIONS, token=ada.access)).only["nodes"]
    assert (await app.refresh(ada.refresh))["__typename"] == "RefreshSuccess"
    for result in (
        await register(app, "grace", "grace@example.com"),
        await request_reset(app, "ada@example.com"),
        await resend(app, ada.access),
        await update_profile(app, ada.access, firstName="Ada"),
        await verify_email(app, "agl_" + "A" * 43),
    ):
        assert result["__typename"] != "RateLimited"
    for _ in range(POLICIES[Attempt.RESEND_VERIFICATION].account[0].amount):
        result = await resend(app, ada.access)
    assert result["__typename"] == "RateLimited"  # counted by this node meanwhile


async def test_a_store_that_came_back_is_used_again(make_app: MakeApp, own_redis: RedisServer) -> None:
    app = await make_app(rate_limits=True, redis_url=own_redis.url)
    await app.register()
    own_redis.stop()
    assert (await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})).status == 503
    own_redis.start()
    await asyncio.sleep(PAUSE_SECONDS)
    assert (await login(app, "ada"))["__typename"] == "LoginSuccess"


async def test_a_store_that_hangs_holds_up_a_few_attempts_and_not_each(
    make_app: MakeApp, own_redis: RedisServer
) -> None:
    app = await make_app(rate_limits=True, redis_url=own_redis.url)
    os.kill(own_redis.process.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):  # a deadline of two seconds for each would take a minute
            for _ in range(30):
                answer = await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})
                assert (answer.status, answer.codes) == (503, ["SERVICE_UNAVAILABLE"])
    finally:
        os.kill(own_redis.process.pid, signal.SIGCONT)
