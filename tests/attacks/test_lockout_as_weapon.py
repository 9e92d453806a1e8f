"""Guessing keeps strangers out and never the owner, and tells nobody whether there is one."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from conftest import MakeApp
from support.accounts import NEW_PASSWORD, WRONG_PASSWORD, login, request_reset, reset_password
from support.app import Application
from support.dialects import no_database
from support.documents import LOGIN

from authgql.limits.lockout import MAX_FAILURES
from authgql.limits.policy import POLICIES, Attempt

NETWORKS = 6
LET_THROUGH = POLICIES[Attempt.LOGIN].account[0].amount


@asynccontextmanager
async def botnet(app: Application) -> AsyncIterator[list[Application]]:
    """Several networks, none of which has signed in to anything."""
    async with AsyncExitStack() as stack:
        addresses = [f"198.51.100.{number}" for number in range(NETWORKS)]
        yield [await stack.enter_async_context(app.called_from(address)) for address in addresses]


async def hammer(bots: list[Application], name: str = "ada") -> list[str]:
    """Guess for a minute, more often than is let through."""
    tries = (LET_THROUGH // NETWORKS + 1) * bots
    answers = [(await login(bot, name, WRONG_PASSWORD))["__typename"] for bot in tries]
    bots[0].clock.advance(60)
    return answers


async def test_the_owner_gets_in_from_a_browser_that_did_before_however_long_it_lasts(
    make_app: MakeApp,
) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    await app.login()
    app.clock.advance(60)  # that first one was a stranger's
    async with botnet(app) as bots:
        for _ in range(5):
            answers = await hammer(bots)
            assert answers.count("InvalidCredentials") == LET_THROUGH
            assert answers.count("RateLimited") == NETWORKS
            await app.login()  # though strangers are at their limit, and then beyond the hundredth failure
    events = await app.events()
    assert (events.count("password.disabled"), events.count("login.refused")) == (1, 5 * LET_THROUGH)
    assert 5 * LET_THROUGH > MAX_FAILURES


async def test_a_reset_lets_the_owner_in_with_a_new_browser_while_it_goes_on(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    async with botnet(app) as bots, app.called_from("203.0.113.9") as owner:
        for _ in range(4):
            await hammer(bots)
        assert (await login(owner, "ada"))["__typename"] == "InvalidCredentials"
        await request_reset(owner, "ada@example.com")
        token = await app.mail.token_for("ada@example.com", 3)  # after one to verify, and one of warning
        assert (await reset_password(owner, token))["__typename"] == "PasswordReset"
        for bot in bots * LET_THROUGH:
            if (await login(bot, "ada", WRONG_PASSWORD))["__typename"] == "RateLimited":
                break
        assert (await login(owner, "ada", NEW_PASSWORD))["__typename"] == "LoginSuccess"


@no_database
async def test_an_account_that_does_not_exist_is_limited_and_disabled_alike(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    app.client.cookies.clear()
    async with botnet(app) as bots:
        for _ in range(4):
            assert await hammer(bots) == await hammer(bots, "nobody")
        known, unknown = [
            (await bots[0].client.post("/graphql", json={"query": LOGIN, "variables": attempt(name)})).text
            for name in ("ada", "nobody")
        ]
    assert known == unknown


@no_database
@pytest.mark.parametrize("whose", ["another account's", "forged"])
async def test_no_other_device_cookie_counts_as_the_accounts(make_app: MakeApp, whose: str) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    async with app.called_from("198.51.100.1") as eve:
        if whose == "forged":
            forged = f"{'A' * 22}.{10**15}.{'0' * 32}"
            eve.client.cookies.set("__Host-authgql-device", forged, domain="id.example.com")
        else:
            await eve.register("eve")
            await eve.login("eve")
        answers = [
            (await login(eve, "ada", WRONG_PASSWORD))["__typename"]
            for _ in range(POLICIES[Attempt.LOGIN].both[0].amount + 1)
        ]
    assert answers[-1] == "RateLimited"
    assert (await app.rows("SELECT DISTINCT detail FROM security_events WHERE kind='limit.reached'"))[0][
        "detail"
    ].endswith("login, both.")


def attempt(name: str) -> dict[str, object]:
    return {"input": {"username": name, "password": WRONG_PASSWORD}}
