"""What stands in an address counts for nothing: addresses end up in logs, histories and `Referer` headers."""

from typing import Any

import pytest
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.documents import LOGIN, ME

pytestmark = no_database


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "accessToken", "jwt"])
async def test_a_token_in_the_address_is_nobodys(app: Application, name: str) -> None:
    ada = await app.signed_up()
    for value in (ada.access, f"Bearer {ada.access}"):
        address = {name: value}
        response = await app.client.post("/graphql", params=address, json={"query": ME})
        assert response.json() == {"data": {"me": None}}


async def test_an_operation_in_the_address_is_not_run_nor_mixed_with_the_bodys(app: Application) -> None:
    await app.register()
    given = '{"input": {"username": "ada", "password": "' + PASSWORD + '"}}'
    address = {"query": LOGIN, "variables": given, "operationName": "Login"}
    response = await app.client.post("/graphql", params=address, json={"query": ME})
    assert response.json() == {"data": {"me": None}}
    bodies: list[Any] = [{}, {"variables": {}}]
    for body in bodies:
        assert (await app.client.post("/graphql", params=address, json=body)).status_code == 400
    assert "session.started" not in await app.events()
