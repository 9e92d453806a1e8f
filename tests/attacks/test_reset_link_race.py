"""However many use a link at once, it works once."""

from collections import Counter

from support.accounts import (
    CHANGE_PASSWORD,
    DELETE_ACCOUNT,
    inspect_reset,
    login,
    request_reset,
    reset_password,
    verify_email,
)
from support.app import PASSWORD, Application, together
from support.links import token_on

ADA = "ada@example.com"
PASSWORDS = [f"granite-lantern-omelette-{number}-again" for number in range(16)]


async def reset_token(app: Application) -> str:
    await request_reset(app, ADA)
    return await token_on(app, "reset-password", ADA)


async def who_signs_in(app: Application, passwords: list[str]) -> list[str]:
    results = [await login(app, "ada", password) for password in passwords]
    return [
        password
        for password, result in zip(passwords, results, strict=True)
        if result["__typename"] == "LoginSuccess"
    ]


async def test_one_of_sixteen_resets_at_once_sets_the_password(app: Application) -> None:
    await app.signed_up()
    token = await reset_token(app)
    results = await together(*(reset_password(app, token, password) for password in PASSWORDS))
    kinds = [result["__typename"] for result in results]
    assert Counter(kinds) == {"PasswordReset": 1, "InvalidToken": 15}
    assert await who_signs_in(app, PASSWORDS) == [PASSWORDS[kinds.index("PasswordReset")]]
    events = await app.events()
    assert (events.count("password.reset"), events.count("password_reset.refused")) == (1, 15)
    assert (await inspect_reset(app, token))["__typename"] == "InvalidToken"


async def test_one_of_sixteen_verifications_at_once_proves_the_address(app: Application) -> None:
    await app.register()
    token = await app.mail.token_for(ADA)
    results = await together(*(verify_email(app, token) for _ in range(16)))
    kinds = Counter(result["__typename"] for result in results)
    assert kinds == {"VerifyEmailSuccess": 1, "InvalidToken": 15}
    assert (await app.events()).count("email.verified") == 1


async def test_of_sixteen_requests_at_once_the_newest_link_works(app: Application) -> None:
    await app.register()
    await app.mail.wait_for(ADA)
    results = await together(*(request_reset(app, ADA) for _ in range(16)))
    assert {result["__typename"] for result in results} == {"PasswordResetRequested"}
    assert await app.rows("SELECT * FROM reset_requests") == []
    assert (await app.events()).count("password_reset.requested") == 16
    queued = await app.rows("SELECT * FROM outbox_mails WHERE template='reset_password'")
    token = await token_on(app, "reset-password", ADA, len(queued))
    assert (await inspect_reset(app, token))["__typename"] == "PasswordResetTokenValid"
    assert len(await app.rows("SELECT * FROM one_time_links WHERE purpose='reset_password'")) == 1


async def test_a_reset_and_a_change_at_once_leave_one_password(app: Application) -> None:
    ada = await app.signed_up()
    token = await reset_token(app)
    change = {"currentPassword": PASSWORD, "newPassword": PASSWORDS[0]}
    changed, done = await together(
        app.gql(CHANGE_PASSWORD, {"input": change}, token=ada.access),
        reset_password(app, token, PASSWORDS[1]),
    )
    if changed.codes:  # the reset was first, and ended the session
        assert (changed.codes, done["__typename"]) == (["UNAUTHENTICATED"], "PasswordReset")
    else:
        kinds = (changed.only["__typename"], done["__typename"])
        assert kinds in {("PasswordChanged", "InvalidToken"), ("IncorrectPassword", "PasswordReset")}
    assert len(await who_signs_in(app, PASSWORDS[:2])) == 1


async def test_a_reset_and_a_deletion_at_once_leave_nothing_half_done(app: Application) -> None:
    ada = await app.signed_up()
    token = await reset_token(app)
    deletion, reset = await together(
        app.gql(DELETE_ACCOUNT, {"input": {"password": PASSWORD}}, token=ada.access),
        reset_password(app, token, PASSWORDS[1]),
    )
    if deletion.codes:  # the reset was first, and ended the session
        assert deletion.codes == ["UNAUTHENTICATED"]
        assert reset["__typename"] == "PasswordReset"
        assert await who_signs_in(app, [PASSWORD, PASSWORDS[1]]) == [PASSWORDS[1]]
    else:
        assert deletion.only["__typename"] == "DeleteAccountSuccess"
        assert reset["__typename"] in {"PasswordReset", "InvalidToken"}
        assert await app.rows("SELECT * FROM accounts") == []
        assert await app.rows("SELECT * FROM one_time_links") == []
