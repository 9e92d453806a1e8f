"""How many SQL statements an operation costs, whatever the tables hold (BEGIN and COMMIT are not counted)."""

import pytest
from support.app import PASSWORD, Application
from support.documents import LOGIN, LOGOUT, ME, REFRESH, SESSIONS, TERMINATE_OTHERS

from authgql.core.database import dialect


@pytest.mark.parametrize("others", [0, 25])
async def test_the_operations_of_every_day_cost_little(app: Application, others: int) -> None:
    ada = await app.signed_up()
    for _ in range(others):
        await app.login()
    assert await _cost(app, ME, token=ada.access) == 1
    assert await _cost(app, "{ currentSession { id token { id } } }", token=ada.access) == 1
    assert await _cost(app, SESSIONS, token=ada.access) == 2
    assert await _cost(app, "{ me { sessions { nodes { id } } } }", token=ada.access) == 2
    assert await _cost(app, "{ securityLog { nodes { kind } } }", token=ada.access) == 2
    signing_in = await _cost(app, LOGIN, {"input": {"username": "ada", "password": PASSWORD}})
    assert signing_in == (6 if dialect() == "postgres" else 8)
    renewing = await _cost(app, REFRESH, {"input": {"refreshToken": ada.refresh}})
    assert renewing == (2 if dialect() == "postgres" else 5)
    assert await _cost(app, LOGOUT, token=ada.access) <= 7


async def test_ending_many_sessions_costs_no_more_than_ending_one(app: Application) -> None:
    ada = await app.signed_up()
    costs = set()
    for others in (1, 20):
        for _ in range(others):
            await app.login()
        costs.add(await _cost(app, TERMINATE_OTHERS, token=ada.access))
    assert len(costs) == 1


async def _cost(
    app: Application, document: str, variables: dict[str, object] | None = None, token: str | None = None
) -> int:
    with app.counting() as statements:
        answer = await app.gql(document, variables, token=token)
    assert "errors" not in answer.body
    return len(statements)
