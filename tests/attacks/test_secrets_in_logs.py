"""No log shows a secret, however talkative it is set and whatever went wrong."""

import pytest
from support.accounts import (
    CHANGE_PASSWORD,
    WRONG_PASSWORD,
    change_password,
    login,
    request_reset,
    reset_password,
)
from support.app import PASSWORD, SECRET, Application
from support.dialects import on_sqlite
from support.documents import LOGIN, REFRESH
from support.links import token_on

FIRST, SECOND, WRONG = (f"canary-{word}-umbrella-27" for word in ("violet", "granite", "omelette"))
ADA = "ada@example.com"


async def test_even_the_statements_of_a_debug_log_hold_no_secret(
    app: Application, every_log: pytest.LogCaptureFixture
) -> None:
    await app.register(password=FIRST)
    ada = await app.login(password=FIRST)
    renewed = (await app.refresh(ada.refresh))["tokens"]
    await login(app, "ada", WRONG)
    await change_password(app, ada.access, current=FIRST, new=SECOND)
    await request_reset(app, ADA)
    reset, verify = await token_on(app, "reset-password", ADA), await token_on(app, "verify-email", ADA)
    await reset_password(app, reset, FIRST)
    logged = every_log.text
    assert 'INSERT INTO "outbox_mails"' in logged
    issued = (ada.access, ada.refresh, renewed["accessToken"], renewed["refreshToken"], reset, verify)
    for secret in (FIRST, SECOND, WRONG, SECRET, *issued):
        assert secret not in logged
        assert secret[-40:] not in logged


@pytest.mark.parametrize(
    "query",
    [
        f'mutation {{ login(input: {{username: "ada", password: "{WRONG}"',
        f'mutation {{ login(input: {{username: "ada", password: "{WRONG}", more: 1}}) {{ __typename }} }}',
        f'{{ user(username: "{WRONG}", password: "{WRONG}") {{ id }} }}',
        f"{{ me {{ {WRONG.replace('-', '_')} }} }}",
    ],
)
async def test_a_request_that_cannot_run_is_not_logged_with_its_secrets(
    app: Application, as_served: pytest.CaptureFixture[str], query: str
) -> None:
    assert (await app.gql(query)).codes
    given = {"username": "ada", "password": WRONG, "more": 1}
    assert (await app.gql(LOGIN, {"input": given})).codes == ["BAD_USER_INPUT"]
    logged = "".join(as_served.readouterr())
    assert "/graphql" in logged
    assert WRONG not in logged.replace("_", "-")


@on_sqlite
async def test_the_traceback_of_our_own_mistake_shows_no_secret(
    app: Application, as_served: pytest.CaptureFixture[str]
) -> None:
    ada = await app.signed_up()
    await app.rows("DROP TABLE security_events")
    change = {"input": {"currentPassword": PASSWORD, "newPassword": SECOND}}
    answers = [
        await app.gql(LOGIN, {"input": {"username": "ada", "password": WRONG_PASSWORD}}),
        await app.gql(REFRESH, {"input": {"refreshToken": ada.refresh}}),
        await app.gql(CHANGE_PASSWORD, change, token=ada.access),
    ]
    assert [answer.codes for answer in answers] == [["INTERNAL_SERVER_ERROR"]] * 3
    logged = "".join(as_served.readouterr())
    assert logged.count("Traceback") >= 3
    for answer in answers:
        assert answer.body["errors"][0]["extensions"]["requestId"] in logged
    for secret in (PASSWORD, SECOND, WRONG_PASSWORD, ada.access, ada.refresh):
        assert secret not in logged
        assert secret not in str([answer.body for answer in answers])
