"""Whatever an account's owner and a stranger ask at once, nobody waits in a circle for the other's rows."""

import asyncio

import asyncpg
import pytest
from support.accounts import (
    CHANGE_PASSWORD,
    DELETE_ACCOUNT,
    NEW_PASSWORD,
    REQUEST_RESET,
    RESEND,
    RESET_PASSWORD,
    UPDATE_PROFILE,
    VERIFY_EMAIL,
    request_reset,
    update_profile,
)
from support.app import PASSWORD, Application, together
from support.dialects import on_postgres

EXPECTED = {"UNAUTHENTICATED"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


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
    older, newer = await app.signed_up(), await app.login()
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        hold = "SELECT id FROM sessions WHERE id = $1 FOR NO KEY UPDATE NOWAIT"
        await connection.execute(hold, newer.session_id)
        asked = asyncio.create_task(
            app.gql(DELETE_ACCOUNT, {"input": {"password": PASSWORD}}, token=older.access)
        )
        async with asyncio.timeout(10):
            while not await connection.fetchval(WAITING):  # noqa: ASYNC110 -- PostgreSQL's, not ours
                await asyncio.sleep(0.01)
        await connection.execute(hold, older.session_id)
    await connection.close()
    assert (await asked).only["__typename"] == "DeleteAccountSuccess"
