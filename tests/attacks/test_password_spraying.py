"""One password tried with many names is stopped at the network, whichever addresses of it are used."""

from contextlib import AsyncExitStack

from conftest import MakeApp
from support.accounts import WRONG_PASSWORD, login
from support.app import PASSWORD
from support.dialects import no_database

from authgql.limits.policy import POLICIES, Attempt

FIGURE = POLICIES[Attempt.LOGIN].network[0].amount


@no_database
async def test_a_network_tries_no_more_names_than_its_figure(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    answers = [await login(app, f"name{number}", WRONG_PASSWORD) for number in range(FIGURE + 20)]
    kinds = [answer["__typename"] for answer in answers]
    assert kinds == ["InvalidCredentials"] * FIGURE + ["RateLimited"] * 20
    assert (await app.events()).count("login.refused") == FIGURE
    app.clock.advance(answers[-1]["retryAfter"])
    assert (await login(app, "another", WRONG_PASSWORD))["__typename"] == "InvalidCredentials"


@no_database
async def test_the_addresses_of_one_ipv6_network_are_one(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    async with AsyncExitStack() as stack:
        hosts = [
            await stack.enter_async_context(app.called_from(f"2001:db8:1:2::{number:x}"))
            for number in range(10)
        ]
        kinds = [
            (await login(hosts[number % 10], f"name{number}", WRONG_PASSWORD))["__typename"]
            for number in range(FIGURE + 10)
        ]
        elsewhere = await stack.enter_async_context(app.called_from("2001:db8:1:3::1"))
        assert (await login(elsewhere, "name", WRONG_PASSWORD))["__typename"] == "InvalidCredentials"
    assert kinds.count("InvalidCredentials") == FIGURE


@no_database
async def test_the_attackers_own_successes_clear_nothing(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register("ada")
    await app.register("eve")
    app.client.cookies.clear()
    guesses = 0
    for number in range(FIGURE):
        if (await login(app, "ada", WRONG_PASSWORD))["__typename"] == "InvalidCredentials":
            guesses += 1
        if number % 3 == 0:
            await login(app, "eve", PASSWORD)
            app.client.cookies.clear()
    assert guesses == POLICIES[Attempt.LOGIN].both[0].amount
    rows = await app.rows("SELECT failures FROM password_failures")
    assert [row["failures"] for row in rows] == [guesses]
