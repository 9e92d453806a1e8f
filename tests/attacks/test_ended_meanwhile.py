"""A request that waits while its session ends finds nothing left to do, and says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from support.accounts import DELETE_ACCOUNT, REAUTHENTICATE, WRONG_PASSWORD, login
from support.app import PASSWORD, Answer, Application
from support.databases import somebody_waits
from support.dialects import on_postgres
from support.documents import LOGOUT


@asynccontextmanager
async def holding_sessions(database_url: str, statement: str) -> AsyncIterator[asyncpg.Connection]:
    """Lock every session while the body starts a request; once that waits, run a statement and let go."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT id FROM sessions FOR UPDATE")
            yield connection
            await somebody_waits(connection)
            await connection.execute(statement)
    finally:
        await connection.close()


async def _meanwhile(
    database_url: str, statement: str, app: Application, document: str, token: str
) -> Answer:
    variables = {"input": {"password": PASSWORD}}
    async with holding_sessions(database_url, statement):
        asked = asyncio.create_task(app.gql(document, variables, token=token))
        await asyncio.sleep(0)
    return await asked


@on_postgres
async def test_a_logout_that_waited_for_the_deletion_of_the_account_is_unauthenticated(
    app: Application, database_url: str
) -> None:
    ada = await app.signed_up()
    answer = await _meanwhile(database_url, "DELETE FROM accounts", app, LOGOUT, ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]


@on_postgres
async def test_a_reauthentication_that_waited_for_the_end_of_the_session_is_unauthenticated(
    app: Application, database_url: str
) -> None:
    ada = await app.signed_up()
    ended = "UPDATE sessions SET logged_out_at = now(), end_reason = 'TERMINATED'"
    answer = await _meanwhile(database_url, ended, app, REAUTHENTICATE, ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert "session.reauthenticated" not in await app.events()


@on_postgres
async def test_a_deletion_that_waited_for_the_end_of_its_session_deletes_nothing(
    app: Application, database_url: str
) -> None:
    ada = await app.signed_up()
    ended = "UPDATE sessions SET logged_out_at = now(), end_reason = 'TERMINATED'"
    answer = await _meanwhile(database_url, ended, app, DELETE_ACCOUNT, ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert len(await app.rows("SELECT id FROM accounts")) == 1


@on_postgres
async def test_a_deletion_that_waited_for_a_change_of_the_password_deletes_nothing(
    app: Application, database_url: str
) -> None:
    ada = await app.signed_up()
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute("SELECT id FROM accounts FOR UPDATE")
        asked = asyncio.create_task(
            app.gql(DELETE_ACCOUNT, {"input": {"password": PASSWORD}}, token=ada.access)
        )
        await somebody_waits(connection)
        await connection.execute("UPDATE accounts SET password_hash = 'another'")
    await connection.close()
    assert (await asked).codes == ["UNAUTHENTICATED"]
    assert len(await app.rows("SELECT id FROM accounts")) == 1


@on_postgres
@pytest.mark.parametrize(
    "statement",
    ["UPDATE accounts SET password_hash = 'another'", "UPDATE password_failures SET failures = 100"],
    ids=["changed", "disabled"],
)
async def test_a_login_that_waited_while_its_password_ceased_to_be_good_signs_nobody_in(
    app: Application, database_url: str, statement: str
) -> None:
    await app.register()
    await login(app, "ada", WRONG_PASSWORD)
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        await connection.execute("SELECT id FROM accounts FOR UPDATE")
        asked = asyncio.create_task(login(app, "ada", PASSWORD))
        await somebody_waits(connection)
        await connection.execute(statement)
    await connection.close()
    assert (await asked)["__typename"] == "InvalidCredentials"
    assert await app.rows("SELECT id FROM sessions") == []
