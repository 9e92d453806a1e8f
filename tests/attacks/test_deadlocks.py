"""Whatever an account's owner and a stranger ask at once, nobody waits in a circle for the other's rows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from support.accounts import (
    CHANGE_PASSWORD,
    DELETE_ACCOUNT,
    DISAVOW,
    NEW_PASSWORD,
    REQUEST_RESET,
    RESEND,
    RESET_PASSWORD,
    UPDATE_PROFILE,
    VERIFY_EMAIL,
    request_reset,
    update_profile,
)
from support.app import PASSWORD, Application, ManualClock, together
from support.databases import somebody_waits
from support.dialects import on_postgres
from support.links import token_on

EXPECTED = {"UNAUTHENTICATED"}
LOCK = " FOR NO KEY UPDATE NOWAIT"


@asynccontextmanager
async def kept(database_url: str, rows: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Lock rows, as another node might; what is yielded checks that whoever waits for them has no others."""
    connection = await asyncpg.connect(database_url)

    async def free(others: str) -> None:
        await somebody_waits(connection)
        await connection.execute(others + LOCK)

    try:
        async with connection.transaction():
            await connection.execute(rows + LOCK)
            yield free
    finally:
        await connection.close()


@pytest.mark.parametrize("last", [CHANGE_PASSWORD, DELETE_ACCOUNT])
async def test_everything_at_once_is_answered(app: Application, last: str) -> None:
    sessions = [await app.signed_up(), *[await app.login() for _ in range(5)]]
    await update_profile(app, sessions[0].access, email="new@example.com")
    await request_reset(app, "ada@example.com")
    reset = await app.mail.token_for("ada@example.com", 3)
    verification = await app.mail.token_for("new@example.com")
    final = {"input": {"password": PASSWORD}}
    if last == CHANGE_PASSWORD:
        final = {"input": {"currentPassword": PASSWORD, "newPassword": f"{NEW_PASSWORD}!"}}
    answers = await together(
        app.gql(RESEND, token=sessions[1].access),
        app.gql(REQUEST_RESET, {"email": "ada@example.com"}),
        app.gql(RESET_PASSWORD, {"input": {"token": reset, "newPassword": NEW_PASSWORD}}),
        app.gql(VERIFY_EMAIL, {"token": verification}),
        app.gql(last, final, token=sessions[0].access),
        app.gql(UPDATE_PROFILE, {"input": {"username": "countess"}}, token=sessions[2].access),
        app.gql(UPDATE_PROFILE, {"input": {"email": "newer@example.com"}}, token=sessions[3].access),
        app.gql("mutation { terminateAllSessions { __typename } }", token=sessions[4].access),
        app.gql("mutation { terminateOtherSessions { __typename } }", token=sessions[5].access),
        *(app.refresh(session.refresh) for session in sessions),
        app.gql(RESEND, token=sessions[1].access),
        app.gql(REQUEST_RESET, {"email": "ada@example.com"}),
    )
    codes = {code for answer in answers if hasattr(answer, "codes") for code in answer.codes}
    assert codes <= EXPECTED


@on_postgres
async def test_a_deletion_that_waits_for_a_newer_session_holds_no_older_one(
    app: Application, database_url: str
) -> None:
    older, _ = await app.signed_up(), await app.login()
    async with kept(database_url, "SELECT id FROM sessions ORDER BY id DESC LIMIT 1") as free:
        asked = asyncio.create_task(
            app.gql(DELETE_ACCOUNT, {"input": {"password": PASSWORD}}, token=older.access)
        )
        await free("SELECT id FROM sessions ORDER BY id LIMIT 1")
    assert (await asked).only["__typename"] == "DeleteAccountSuccess"


@on_postgres
async def test_a_disavowal_that_waits_for_a_newer_session_holds_no_older_one(
    app: Application, database_url: str
) -> None:
    await app.signed_up()
    async with app.elsewhere() as stranger:
        await stranger.login()
        token = await token_on(app, "disavow", "ada@example.com")
        await stranger.login()
    async with kept(database_url, "SELECT id FROM sessions ORDER BY id DESC LIMIT 1") as free:
        asked = asyncio.create_task(app.gql(DISAVOW, {"token": token}))
        await free("SELECT id FROM sessions ORDER BY id LIMIT 2")
    assert (await asked).only["__typename"] == "SessionTerminated"


@on_postgres
@pytest.mark.parametrize("field", ["terminateAllSessions", "terminateOtherSessions"])
async def test_who_ends_several_sessions_and_waits_for_the_account_holds_none_of_them(
    app: Application, database_url: str, field: str
) -> None:
    ada, _ = await app.signed_up(), await app.login()
    async with kept(database_url, "SELECT id FROM accounts") as free:
        asked = asyncio.create_task(app.gql(f"mutation {{ {field} {{ __typename }} }}", token=ada.access))
        await free("SELECT id FROM sessions")
    assert (await asked).only["__typename"] == "SessionsTerminated"


@on_postgres
async def test_a_spent_token_that_waits_for_the_account_holds_no_session(
    app: Application, database_url: str, clock: ManualClock
) -> None:
    ada = await app.signed_up()
    await app.refresh(ada.refresh)
    clock.advance(60)
    async with kept(database_url, "SELECT id FROM accounts") as free:
        asked = asyncio.create_task(app.refresh(ada.refresh))
        await free("SELECT id FROM sessions")
    assert (await asked)["__typename"] == "InvalidToken"


@on_postgres
async def test_forgetting_what_spent_tokens_read_waits_for_no_deletion(
    app: Application, database_url: str, clock: ManualClock
) -> None:
    for ada in [await app.signed_up(), await app.login()]:
        await app.refresh(ada.refresh)
    readable = "SELECT id FROM refresh_tokens WHERE sealed_successor IS NOT NULL"
    async with kept(database_url, f"{readable} LIMIT 1"), asyncio.timeout(10):
        clock.advance(60)
        await app.run_loop("refresh-grace")
        assert len(await app.rows(readable)) == 1
    await app.run_loop("refresh-grace")
    assert await app.rows(readable) == []
