from datetime import timedelta

import pytest
from conftest import MakeApp
from support.accounts import (
    NEW_PASSWORD,
    WRONG_PASSWORD,
    account,
    change_password,
    lock,
    login,
    newest_event,
    register,
)
from support.app import PASSWORD, Application, together

from authgql.passwords.hashing import Hashing


@pytest.mark.parametrize("name", ["ada", "ADA", "ada@example.com", "ADA@Example.com", "\uff41da@example.com"])
async def test_username_and_address_sign_in_in_any_spelling(app: Application, name: str) -> None:
    await app.register("Ada", "Ada@example.com")
    result = await login(app, name)
    assert result["user"]["email"] == "Ada@example.com"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", WRONG_PASSWORD),
        ("ada", PASSWORD.upper()),
        ("ada", f" {PASSWORD}"),
        ("ada@example.com", WRONG_PASSWORD),
        ("nobody", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("not@an@address", PASSWORD),
        (" ada", PASSWORD),
        ("\uff41da", PASSWORD),
    ],
)
async def test_a_wrong_name_and_a_wrong_password_get_one_answer(
    app: Application, username: str, password: str
) -> None:
    user = await app.register()
    result = await login(app, username, password)
    assert (result["__typename"], result["code"]) == ("InvalidCredentials", "INVALID_CREDENTIALS")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "login.refused",
        "Somebody tried to sign in: invalid credentials.",
    )
    assert event["ip_address"] == "127.0.0.1"
    known = username in {"ada", "ada@example.com"}
    assert event["subject"] == ((await account(app))["pseudonym"] if known else None)
    assert str(event["subject"]) != user["id"]
    assert await app.rows("SELECT * FROM sessions") == []


@pytest.mark.parametrize(
    ("username", "password", "refusal", "words"),
    [
        ("nobody", PASSWORD, "UserNotFound", "user not found"),
        ("nobody@example.com", PASSWORD, "UserNotFound", "user not found"),
        ("ada", WRONG_PASSWORD, "IncorrectPassword", "incorrect password"),
        ("ada@example.com", WRONG_PASSWORD, "IncorrectPassword", "incorrect password"),
    ],
)
async def test_an_operator_who_reveals_accounts_gets_distinct_answers(
    make_app: MakeApp, username: str, password: str, refusal: str, words: str
) -> None:
    app = await make_app(reveal_accounts=True)
    await app.register()
    result = await login(app, username, password)
    assert result["__typename"] == refusal
    assert result["code"] == words.upper().replace(" ", "_")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == ("login.refused", f"Somebody tried to sign in: {words}.")


@pytest.mark.parametrize(("reveal", "refusal"), [(False, "InvalidCredentials"), (True, "IncorrectPassword")])
async def test_a_locked_account_answers_as_a_wrong_password_does(
    make_app: MakeApp, reveal: bool, refusal: str
) -> None:
    app = await make_app(reveal_accounts=reveal)
    await app.register()
    wrong = await login(app, "ada", WRONG_PASSWORD)
    await lock(app)
    assert await login(app, "ada") == wrong
    assert wrong["__typename"] == refusal
    assert (await newest_event(app))["kind"] == "login.refused"
    assert await app.rows("SELECT * FROM sessions") == []


async def test_an_unverified_account_may_sign_in(app: Application) -> None:
    assert (await app.register())["emailVerified"] is False
    await app.login()


@pytest.mark.parametrize(
    ("username", "password", "wrong"),
    [
        ("", PASSWORD, ["username"]),
        ("a" * 255, PASSWORD, ["username"]),
        ("ada\0", PASSWORD, ["username"]),
        ("ada", "", ["password"]),
        ("ada", "x" * 257, ["password"]),
        ("ada", f"{PASSWORD}\0", ["password"]),
        ("", "", ["username", "password"]),
    ],
)
async def test_what_nobody_can_have_is_invalid_input(
    app: Application, username: str, password: str, wrong: list[str]
) -> None:
    await app.register()
    result = await login(app, username, password)
    assert result["__typename"] == "InvalidInput"
    assert [field["path"] for field in result["fields"]] == wrong
    assert "session.started" not in await app.events()


async def test_a_name_of_254_characters_is_an_address_that_nobody_has(app: Application) -> None:
    assert (await login(app, "a" * 242 + "@example.com"))["__typename"] == "InvalidCredentials"


async def test_the_hash_follows_the_operators_profile_at_the_next_login(app: Application) -> None:
    await app.register()
    stronger = Hashing(profile="owasp", workers=1)
    await app.rows("UPDATE accounts SET password_hash=$1", await stronger.hash(PASSWORD))
    stronger.close()
    await app.login()
    assert "$m=8,t=1,p=1$" in (await account(app))["password_hash"]
    await app.login()


async def test_a_hash_that_is_none_lets_nobody_in(app: Application) -> None:
    await app.register()
    await app.rows("UPDATE accounts SET password_hash=$1", "x")
    assert (await login(app, "ada", "x"))["__typename"] == "InvalidCredentials"


async def test_no_login_with_the_old_password_outlives_a_change(app: Application) -> None:
    ada = await app.signed_up()
    results = await together(
        *(login(app, "ada") for _ in range(4)),
        change_password(app, ada.access),
        *(login(app, "ada") for _ in range(4)),
    )
    assert results[4]["__typename"] == "PasswordChanged"
    assert {result["__typename"] for result in results} <= {
        "LoginSuccess",
        "InvalidCredentials",
        "PasswordChanged",
    }
    open_sessions = await app.rows("SELECT id FROM sessions WHERE logged_out_at IS NULL")
    assert [str(row["id"]) for row in open_sessions] == [ada.session_id]
    await app.login(password=NEW_PASSWORD)


async def test_the_moment_of_the_login_is_the_servers(app: Application) -> None:
    await register(app, "ada", "ada@example.com")
    app.clock.advance(hours=3)
    result = await login(app, "ada")
    expected = app.clock.now() + timedelta(days=7)
    assert result["session"]["expiresAt"] == expected.isoformat()


async def test_a_password_of_years_ago_still_signs_in(app: Application) -> None:
    await app.register()
    app.clock.advance(days=1_000)
    assert (await login(app, "ada"))["__typename"] == "LoginSuccess"
