"""One test for each call of the system that is rebuilt here (contract.md, 1): accounts and passwords."""

from conftest import MakeApp
from support.accounts import (
    NEW_PASSWORD,
    WRONG_PASSWORD,
    change_password,
    delete_account,
    inspect_reset,
    login,
    promote,
    register,
    request_reset,
    reset_password,
    update_profile,
)
from support.app import Application
from support.documents import ME

USER = "query User($username: String!) { user(username: $username) { id username } }"


async def test_register_created_or_username_taken_or_email_taken(app: Application) -> None:
    answers = [
        await register(app, "ada", "ada@example.com"),
        await register(app, "ada", "other@example.com"),
        await register(app, "other", "ada@example.com"),
    ]
    assert [answer["__typename"] for answer in answers] == [
        "RegisterSuccess",
        "UsernameTaken",
        "EmailTaken",
    ]


async def test_login_ok_or_one_answer_for_unknown_username_and_wrong_password(app: Application) -> None:
    await app.register()
    answers = [await login(app, "ada"), await login(app, "nobody"), await login(app, "ada", WRONG_PASSWORD)]
    assert [answer["__typename"] for answer in answers] == [
        "LoginSuccess",
        "InvalidCredentials",
        "InvalidCredentials",
    ]


async def test_login_unknown_username_and_wrong_password_distinct_where_revealed(make_app: MakeApp) -> None:
    app = await make_app(reveal_accounts=True)
    await app.register()
    answers = [await login(app, "ada"), await login(app, "nobody"), await login(app, "ada", WRONG_PASSWORD)]
    assert [answer["__typename"] for answer in answers] == [
        "LoginSuccess",
        "UserNotFound",
        "IncorrectPassword",
    ]


async def test_user_details_ok_or_not_found_or_anothers(app: Application) -> None:
    ada, root = await app.signed_up(), await app.signed_up("root")
    await promote(app, "root")
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    assert (await app.gql(USER, {"username": "ada"}, token=ada.access)).only["id"] == ada.user_id
    assert (await app.gql(USER, {"username": "root"}, token=ada.access)).codes == ["FORBIDDEN"]
    assert (await app.gql(USER, {"username": "nobody"}, token=ada.access)).codes == ["FORBIDDEN"]
    assert (await app.gql(USER, {"username": "nobody"}, token=root.access)).codes == ["NOT_FOUND"]


async def test_profile_update_ok_or_unauthorised(app: Application) -> None:
    ada = await app.signed_up()
    user = (await update_profile(app, ada.access, firstName="Ada", lastName="Lovelace"))["user"]
    assert (user["firstName"], user["lastName"]) == ("Ada", "Lovelace")
    document = 'mutation { updateProfile(input: {firstName: "Eve"}) { __typename } }'
    for token in (None, "no.such.token"):
        assert (await app.gql(document, token=token)).codes == ["UNAUTHENTICATED"]
    assert (await app.gql(ME, token=ada.access)).only["firstName"] == "Ada"


async def test_delete_account_erases_it(app: Application) -> None:
    ada = await app.signed_up()
    assert (await delete_account(app, ada.access, WRONG_PASSWORD))["__typename"] == "IncorrectPassword"
    assert (await delete_account(app, ada.access))["userId"] == ada.user_id
    assert (await app.gql(ME, token=ada.access)).only is None
    assert await app.rows("SELECT * FROM accounts") == []
    assert await app.rows("SELECT * FROM sessions") == []


async def test_forgot_password_mail_sent_or_email_required(app: Application) -> None:
    await app.register()
    assert (await request_reset(app, ""))["__typename"] == "InvalidInput"
    assert (await request_reset(app, "nobody@example.com"))["__typename"] == "PasswordResetRequested"
    assert (await request_reset(app, "ada@example.com"))["__typename"] == "PasswordResetRequested"
    assert await app.mail.token_for("ada@example.com", 2)


async def test_forgot_password_email_unknown_where_revealed(make_app: MakeApp) -> None:
    app = await make_app(reveal_accounts=True)
    assert (await request_reset(app, "nobody@example.com"))["__typename"] == "EmailNotFound"


async def test_validate_reset_token_valid_or_invalid(app: Application) -> None:
    await app.register()
    await request_reset(app, "ada@example.com")
    token = await app.mail.token_for("ada@example.com", 2)
    assert (await inspect_reset(app, token))["__typename"] == "PasswordResetTokenValid"
    assert (await inspect_reset(app, token[::-1]))["__typename"] == "InvalidToken"


async def test_update_password_signed_in(app: Application) -> None:
    ada = await app.signed_up()
    assert (await change_password(app, ada.access))["__typename"] == "PasswordChanged"
    await app.login(password=NEW_PASSWORD)


async def test_update_password_by_reset_token(app: Application) -> None:
    await app.register()
    await request_reset(app, "ada@example.com")
    token = await app.mail.token_for("ada@example.com", 2)
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"
    await app.login(password=NEW_PASSWORD)
