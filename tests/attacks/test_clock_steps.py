"""A clock that is set, or differs between nodes, signs nobody out and makes no token that is never good."""

import pytest
from conftest import MakeApp
from support.app import PASSWORD, Application, SignedIn
from support.dialects import no_database
from support.documents import LOGIN, ME, REFRESH
from support.tokens import claims_of

HOUR = 3_600
LIFE = 600
LIVING = "SELECT count(*) AS n FROM sessions WHERE logged_out_at IS NULL"
FORKS = "SELECT count(*) AS n FROM refresh_tokens WHERE spent_at IS NULL"

pytestmark = no_database


async def renewed(app: Application, token: str) -> SignedIn:
    """Refresh, and hold the new access token against the clock."""
    result = (await app.gql(REFRESH, {"input": {"refreshToken": token}})).only
    assert result["__typename"] == "RefreshSuccess", result
    tokens = result["tokens"]
    check(app, tokens["accessToken"], tokens["expiresIn"])
    return SignedIn(tokens["accessToken"], tokens["refreshToken"], result["session"]["id"], "")


def check(app: Application, access: str, expires_in: int) -> None:
    """Assert that a token's life is what it says, positive, and no longer than the setting."""
    claims, now = claims_of(access), int(app.clock.now().timestamp())
    assert 0 < claims["exp"] - claims["iat"] <= LIFE
    assert expires_in == claims["exp"] - now > 0


async def login(app: Application) -> SignedIn:
    result = (await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})).only
    tokens = result["tokens"]
    check(app, tokens["accessToken"], tokens["expiresIn"])
    return SignedIn(tokens["accessToken"], tokens["refreshToken"], result["session"]["id"], "")


async def is_ada(app: Application, token: str) -> bool:
    me = (await app.gql(ME, token=token)).only
    return me is not None and me["username"] == "ada"


@pytest.mark.parametrize("step", [-HOUR, -61, -60, -5, 5, 60, LIFE, HOUR])
async def test_a_clock_that_is_set_ends_no_session(app: Application, step: int) -> None:
    await app.register()
    open_ = [await login(app) for _ in range(3)]
    app.clock.advance(step)
    for ada in open_:
        # Signed too far ahead, or expired: one refresh later all is well.
        assert await is_ada(app, ada.access) == (-60 <= step < LIFE)
        assert await is_ada(app, (await renewed(app, ada.refresh)).access)
    assert await is_ada(app, (await login(app)).access)
    await app.run_loop("timeouts")
    assert [row["n"] for row in await app.rows(LIVING)] == [4]
    assert "token.reused" not in await app.events()


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_a_clock_that_is_set_back_to_right_ends_no_session(app: Application, step: int) -> None:
    await app.register()
    ada = await login(app)
    app.clock.advance(step)
    ada = await renewed(app, ada.refresh)
    app.clock.advance(-step)
    assert await is_ada(app, (await renewed(app, ada.refresh)).access)
    assert [row["n"] for row in await app.rows(LIVING)] == [1]


async def test_two_nodes_five_seconds_apart_serve_one_session(app: Application) -> None:
    await app.register()
    ada, ahead = await login(app), False
    for _ in range(20):
        app.clock.advance(-5 if ahead else 5)  # the other node's turn
        ahead = not ahead
        assert await is_ada(app, ada.access)
        after, repeated = await renewed(app, ada.refresh), await renewed(app, ada.refresh)
        assert repeated.refresh == after.refresh
        ada = after
    assert [row["n"] for row in await app.rows(FORKS)] == [1]
    assert [row["n"] for row in await app.rows(LIVING)] == [1]


async def test_a_lost_answer_is_repeated_by_a_node_whose_clock_is_behind(app: Application) -> None:
    await app.register()
    ada = await login(app)
    app.clock.advance(5)
    after = await renewed(app, ada.refresh)
    app.clock.advance(-5)
    assert (await renewed(app, ada.refresh)).refresh == after.refresh
    app.clock.advance(15)
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
    assert "token.reused" in await app.events()  # the defence itself went on


async def test_a_node_whose_clock_is_behind_the_first_keys_maker_signs(app: Application) -> None:
    await app.register()
    app.clock.advance(-5)
    assert await is_ada(app, (await login(app)).access)


async def test_however_the_clock_moves_every_new_token_is_good_for_what_it_says(app: Application) -> None:
    await app.register()
    ada = await login(app)
    for number in range(60):
        app.clock.advance(number * 7919 % 7201 - HOUR + number / 7)  # up to an hour either way
        ada = await renewed(app, ada.refresh)
        assert await is_ada(app, ada.access)
    assert [row["n"] for row in await app.rows(LIVING)] == [1]


async def test_the_last_token_of_a_session_ends_with_it(make_app: MakeApp) -> None:
    app = await make_app(session_max_age=HOUR)
    await app.register()
    ada = await login(app)
    app.clock.advance(HOUR - 100)
    ada = await renewed(app, ada.refresh)
    assert claims_of(ada.access)["exp"] - claims_of(ada.access)["iat"] in {100, 101}
    app.clock.advance(98)
    assert await is_ada(app, ada.access)
    app.clock.advance(2)
    assert not await is_ada(app, ada.access)
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
