"""A hundred wrong passwords in a row disable the password for those who gave them, until it is set anew."""

import pytest
from support.accounts import (
    NEW_PASSWORD,
    WRONG_PASSWORD,
    change_password,
    delete_account,
    login,
    newest_event,
    reauthenticate,
    request_reset,
    reset_password,
)
from support.app import PASSWORD, Application, together
from support.mail import text_of

from authgql.limits.lockout import MAX_FAILURES

SUBJECT = "Somebody keeps guessing your password"


async def kind(app: Application, password: str = PASSWORD, username: str = "ada") -> str:
    result: str = (await login(app, username, password))["__typename"]
    return result


async def fail(app: Application, times: int, username: str = "ada") -> None:
    for _ in range(times):
        assert await kind(app, WRONG_PASSWORD, username) == "InvalidCredentials"


async def already(app: Application, failures: int) -> None:
    """Have one source failed so often already."""
    await app.rows("UPDATE password_failures SET failures=$1", failures)


async def counted(app: Application) -> list[int]:
    rows = await app.rows("SELECT failures FROM password_failures ORDER BY failures")
    return [row["failures"] for row in rows]


async def as_stranger(app: Application) -> None:
    """Register, and be somebody whose browser never signed in."""
    await app.register()
    app.client.cookies.clear()


async def test_after_a_hundred_failures_the_right_password_is_as_a_wrong_one(
    app: Application,
) -> None:
    await as_stranger(app)
    await fail(app, MAX_FAILURES)
    wrong = await login(app, "ada", WRONG_PASSWORD)
    assert await login(app, "ada") == wrong
    assert wrong["__typename"] == "InvalidCredentials"
    assert await app.rows("SELECT * FROM sessions") == []
    events = await app.events()
    assert (events.count("password.disabled"), events[-1]) == (1, "login.refused")
    assert await counted(app) == [MAX_FAILURES + 2]


async def test_after_ninety_nine_it_is_not_and_a_success_begins_anew(app: Application) -> None:
    await as_stranger(app)
    await fail(app, 1)
    await already(app, MAX_FAILURES - 1)
    assert await kind(app) == "LoginSuccess"
    assert await counted(app) == []
    app.client.cookies.clear()
    await fail(app, 1)
    assert await counted(app) == [1]


async def test_the_owner_is_told_once_by_mail(app: Application) -> None:
    await as_stranger(app)
    await fail(app, 1)
    await already(app, MAX_FAILURES - 2)
    await fail(app, 4)
    mail = await app.mail.wait_for("ada@example.com", 2)
    assert mail["Subject"] == SUBJECT
    assert "100 wrong passwords in a row" in text_of(mail)
    assert "from browsers that have not signed in to it before" in " ".join(text_of(mail).split())
    assert "#token=" not in text_of(mail)
    await app.run_loop("mail")
    assert len(app.mail.to("ada@example.com")) == 2
    event = await app.rows("SELECT * FROM security_events WHERE kind='password.disabled'")
    assert [row["ip_address"] for row in event] == ["127.0.0.1"]


async def test_failures_at_once_are_counted_one_by_one(app: Application) -> None:
    await as_stranger(app)
    await fail(app, 1)
    await already(app, MAX_FAILURES - 10)
    results = await together(*(kind(app, WRONG_PASSWORD) for _ in range(20)))
    assert set(results) == {"InvalidCredentials"}
    assert await counted(app) == [MAX_FAILURES + 10]
    assert (await app.events()).count("password.disabled") == 1


async def test_the_first_failures_at_once_make_one_count(app: Application) -> None:
    await as_stranger(app)
    await together(*(kind(app, WRONG_PASSWORD) for _ in range(10)))
    assert await counted(app) == [10]


async def test_a_password_disabled_while_it_was_being_checked_opens_nothing(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await as_stranger(app)
    await fail(app, 1)
    hashing = app.system.hashing
    original = hashing.verify

    async def meanwhile(password: str, against: str | None) -> None:
        await original(password, against)
        await already(app, MAX_FAILURES)

    monkeypatch.setattr(hashing, "verify", meanwhile)
    assert await kind(app) == "InvalidCredentials"
    assert await app.rows("SELECT * FROM sessions") == []
    assert await counted(app) == [MAX_FAILURES + 1]


async def test_a_browser_that_signed_in_before_gets_in_while_strangers_do_not(app: Application) -> None:
    await app.register()
    await app.login()  # whose client keeps the device cookie
    async with app.called_from("203.0.113.9") as stranger:
        await fail(stranger, 1)
        await already(stranger, MAX_FAILURES)
        assert await kind(stranger) == "InvalidCredentials"
        assert await kind(app) == "LoginSuccess"
        assert await kind(stranger) == "InvalidCredentials"  # that success was not theirs


async def test_a_known_browser_has_a_hundred_failures_of_its_own(app: Application) -> None:
    await app.register()
    await app.login()
    await fail(app, 1)
    await already(app, MAX_FAILURES - 1)
    await fail(app, 1)
    assert await kind(app) == "InvalidCredentials"
    mail = await app.mail.wait_for("ada@example.com", 2)
    assert "from the browser that they came from" in " ".join(text_of(mail).split())
    async with app.called_from("203.0.113.9") as stranger:
        assert await kind(stranger) == "LoginSuccess"


async def test_a_reset_enables_the_password_for_everybody(app: Application) -> None:
    await as_stranger(app)
    await fail(app, 1)
    await already(app, MAX_FAILURES)
    await request_reset(app, "ada@example.com")
    token = await app.mail.token_for("ada@example.com", 2)
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"
    assert await counted(app) == []
    app.client.cookies.clear()
    assert await kind(app, NEW_PASSWORD) == "LoginSuccess"


async def test_the_operator_enables_it_again_as_users_unlock_does(app: Application) -> None:
    await as_stranger(app)
    await fail(app, 1)
    ada = await app.system.services.accounts.by_username("ada")
    assert ada is not None
    assert await app.system.services.passwords.enable(ada) is False
    await fail(app, 1)
    await already(app, MAX_FAILURES)
    assert await app.system.services.passwords.enable(ada) is True
    assert (await newest_event(app))["kind"] == "password.enabled"
    assert await kind(app) == "LoginSuccess"


async def test_who_is_signed_in_can_still_confirm_and_change_the_password(app: Application) -> None:
    ada = await app.signed_up()
    app.client.cookies.clear()
    await fail(app, 1)
    await already(app, MAX_FAILURES)
    assert (await reauthenticate(app, ada.access))["__typename"] == "ReauthenticateSuccess"
    assert (await change_password(app, ada.access))["__typename"] == "PasswordChanged"
    assert await counted(app) == []


async def test_a_session_that_guesses_the_password_loses_it(app: Application) -> None:
    ada, other = await app.signed_up(), await app.login()
    for call in (reauthenticate, delete_account):
        assert (await call(app, ada.access, WRONG_PASSWORD))["__typename"] == "IncorrectPassword"
    assert await counted(app) == [2]
    await already(app, MAX_FAILURES - 1)
    assert (await change_password(app, ada.access, WRONG_PASSWORD))["__typename"] == "IncorrectPassword"
    assert (await newest_event(app))["kind"] == "password.refused"
    for result in (
        await reauthenticate(app, ada.access),
        await change_password(app, ada.access),
        await delete_account(app, ada.access),
    ):
        assert result["__typename"] == "IncorrectPassword"
    assert (await reauthenticate(app, other.access))["__typename"] == "ReauthenticateSuccess"
    assert await kind(app) == "LoginSuccess"


async def test_a_right_password_in_a_session_begins_anew(app: Application) -> None:
    ada = await app.signed_up()
    await reauthenticate(app, ada.access, WRONG_PASSWORD)
    assert await counted(app) == [1]
    await reauthenticate(app, ada.access)
    assert await counted(app) == []


async def test_a_password_disabled_while_it_was_confirmed_confirms_nothing(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await app.signed_up()
    await reauthenticate(app, ada.access, WRONG_PASSWORD)
    hashing = app.system.hashing
    original = hashing.verify

    async def meanwhile(password: str, against: str | None) -> None:
        await original(password, against)
        await already(app, MAX_FAILURES)

    monkeypatch.setattr(hashing, "verify", meanwhile)
    assert (await reauthenticate(app, ada.access))["__typename"] == "IncorrectPassword"


async def test_nobodys_failures_cost_the_same_writing_in_few_rows(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authgql.limits.lockout.NOBODYS_ROWS", 0)
    await fail(app, 2, "nobody")
    await fail(app, 2, "another")
    assert await counted(app) == [4]
    await already(app, MAX_FAILURES - 1)
    await fail(app, 2, "nobody")  # tells nobody by mail
    assert "password.disabled" not in await app.events()


async def test_failures_of_one_account_are_not_anothers(app: Application) -> None:
    await app.register("grace")
    await as_stranger(app)
    await fail(app, 1)
    await already(app, MAX_FAILURES)
    assert await kind(app, username="grace") == "LoginSuccess"


async def test_the_failures_go_with_the_account(app: Application) -> None:
    ada = await app.signed_up()
    app.client.cookies.clear()
    await fail(app, 2)
    assert (await delete_account(app, ada.access))["__typename"] == "DeleteAccountSuccess"
    assert await counted(app) == []
