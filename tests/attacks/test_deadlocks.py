"""Whatever an account's owner and a stranger ask at once, nobody waits in a circle for the other's rows."""

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

EXPECTED = {"UNAUTHENTICATED"}


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
