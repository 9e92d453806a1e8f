"""A flood of names costs little memory, and several nodes let through no more than one."""

from pathlib import Path

import pytest
from conftest import MakeApp, StartServer
from support.accounts import WRONG_PASSWORD, login
from support.app import PASSWORD
from support.dialects import no_database
from support.documents import LOGIN, REGISTER

from authgql.limits.policy import POLICIES, Attempt

LOGINS = POLICIES[Attempt.LOGIN]
FIGURE = LOGINS.both[0].amount


@no_database
async def test_names_that_are_refused_leave_no_counts_behind(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    let_through = LOGINS.network[0].amount
    for number in range(3 * let_through):
        await login(app, f"name{number}", WRONG_PASSWORD)
    windows = app.system.limits._own.storage._windows  # type: ignore[attr-defined]  # noqa: SLF001 -- ours
    assert sum(map(len, windows.values())) <= 2 * let_through + 5  # by both, by account, and a few for all
    assert await app.rows("SELECT * FROM password_failures WHERE account_id IS NOT NULL") == []


@pytest.mark.process
@pytest.mark.redis
def test_two_nodes_let_through_what_one_would(
    start_server: StartServer, redis_url: str, tmp_path: Path
) -> None:
    shared = {"DATABASE_URL": f"sqlite://{tmp_path}/shared.db", "REDIS_URL": redis_url, "RATE_LIMITS": "true"}
    nodes = [start_server("--dev", **shared) for _ in range(2)]
    person = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    assert nodes[0].gql(REGISTER, {"input": person})["data"]["register"]["__typename"] == "RegisterSuccess"
    guess: dict[str, object] = {"input": {"username": "ada", "password": WRONG_PASSWORD}}
    kinds = [
        nodes[number % 2].gql(LOGIN, guess)["data"]["login"]["__typename"] for number in range(FIGURE + 6)
    ]
    assert kinds == ["InvalidCredentials"] * FIGURE + ["RateLimited"] * 6
    nodes[0].stop()
    again = start_server("--dev", **shared)
    assert again.gql(LOGIN, guess)["data"]["login"]["__typename"] == "RateLimited"
