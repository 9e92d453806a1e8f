"""A new deployment knows nobody: there is no account to begin with whose password everybody knows."""

import pytest
from support.accounts import login
from support.app import Application


async def test_a_new_deployment_has_no_accounts(app: Application) -> None:
    assert await app.rows("SELECT id FROM accounts") == []


@pytest.mark.parametrize("name", ["admin", "root", "administrator", "authgql", "test", "admin@example.com"])
async def test_no_usual_name_signs_in(app: Application, name: str) -> None:
    for password in (name, "password", "changeme", "admin", "authgql", "12345678"):
        assert (await login(app, name, password))["__typename"] == "InvalidCredentials"
