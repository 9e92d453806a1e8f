import pytest
from support.accounts import (
    CHANGE_PASSWORD,
    NEW_PASSWORD,
    WRONG_PASSWORD,
    account,
    change_password,
    inspect_reset,
    login,
    newest_event,
    request_reset,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import IPHONE, PASSWORD, Application, together
from support.documents import ME
from support.mail import text_of


async def test_the_new_password_is_in_force_and_every_other_session_ends(app: Application) -> None:
    ada = await app.signed_up()
    phone, tablet = await app.login(user_agent=IPHONE), await app.login()
    assert await change_password(app, ada.access) == {"__typename": "PasswordChanged", "endedSessions": 2}
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    assert (await app.refresh(ada.refresh))["__typename"] == "RefreshSuccess"
    for ended in (phone, tablet):
        assert (await app.gql(ME, token=ended.access)).only is None
        assert (await app.refresh(ended.refresh))["__typename"] == "InvalidToken"
    reasons = await app.rows("SELECT end_reason FROM sessions WHERE logged_out_at IS NOT NULL")
    assert [row["end_reason"] for row in reasons] == ["PASSWORD_CHANGED"] * 2
    assert (await login(app, "ada"))["__typename"] == "InvalidCredentials"
    await app.login(password=NEW_PASSWORD)


async def test_the_change_stands_in_the_trail_and_in_a_mail(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(5)
    await change_password(app, ada.access)
    row, event = await account(app), await newest_event(app)
    assert (event["kind"], event["subject"]) == ("password.changed", row["pseudonym"])
    assert str(event["session_id"]) == ada.session_id
    changed, created = (str(row[column]) for column in ("password_changed_at", "created_at"))
    assert changed > created
    mail = text_of(await app.mail.wait_for("ada@example.com", 2))
    assert "127.0.0.1" in mail
    assert "Firefox on Linux" in mail
    assert "#token=" not in mail


@pytest.mark.parametrize("wrong", [WRONG_PASSWORD, "", f"{PASSWORD}\0", PASSWORD.upper(), "x" * 10_000])
async def test_a_wrong_password_changes_nothing(app: Application, wrong: str) -> None:
    ada = await app.signed_up()
    phone = await app.login()
    result = await change_password(app, ada.access, current=wrong)
    assert (result["__typename"], result["code"]) == ("IncorrectPassword", "INCORRECT_PASSWORD")
    row, event = await account(app), await newest_event(app)
    assert (event["kind"], event["subject"]) == ("password.refused", row["pseudonym"])
    assert event["detail"] == "The password was asked for and not given: incorrect password."
    assert (await app.gql(ME, token=phone.access)).only["username"] == "ada"
    await app.login()


@pytest.mark.parametrize("weak", ["short", "password1", "ada@example.com", f"{PASSWORD}\0", "x" * 257])
async def test_a_weak_new_password_changes_nothing(app: Application, weak: str) -> None:
    ada = await app.signed_up()
    result = await change_password(app, ada.access, new=weak)
    assert (result["__typename"], result["code"]) == ("WeakPassword", "WEAK_PASSWORD")
    assert result["message"]
    assert "password.changed" not in await app.events()
    await app.login()


async def test_how_weak_the_new_one_is_is_told_to_the_owner_alone(app: Application) -> None:
    ada = await app.signed_up()
    result = await change_password(app, ada.access, current=WRONG_PASSWORD, new="short")
    assert result["__typename"] == "IncorrectPassword"


async def test_nobody_changes_nothing(app: Application) -> None:
    await app.register()
    given = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD}
    assert (await app.gql(CHANGE_PASSWORD, {"input": given})).codes == ["UNAUTHENTICATED"]
    await app.login()


async def test_a_reset_link_dies_with_the_old_password(app: Application) -> None:
    ada = await app.signed_up()
    await request_reset(app, "ada@example.com")
    token = await app.mail.token_for("ada@example.com", 2)
    await change_password(app, ada.access)
    assert (await inspect_reset(app, token))["__typename"] == "InvalidToken"
    assert (await reset_password(app, token))["__typename"] == "InvalidToken"
    await app.login(password=NEW_PASSWORD)


async def test_a_pending_address_dies_with_the_old_password(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="eve@example.com")
    token = await app.mail.token_for("eve@example.com")
    await change_password(app, ada.access)
    assert (await verify_email(app, token))["__typename"] == "InvalidToken"
    row = await account(app)
    assert (row["email"], row["pending_email"]) == ("ada@example.com", None)


async def test_of_changes_at_once_one_succeeds_and_the_others_gave_the_old_password(app: Application) -> None:
    sessions = [await app.signed_up(), await app.login(), await app.login(), await app.login()]
    answers = await together(
        *(
            app.gql(
                CHANGE_PASSWORD,
                {"input": {"currentPassword": PASSWORD, "newPassword": f"{NEW_PASSWORD}-{number}"}},
                token=session.access,
            )
            for number, session in enumerate(sessions)
        )
    )
    kinds = [answer.body["data"] and answer.only["__typename"] for answer in answers]
    assert kinds.count("PasswordChanged") == 1
    assert set(kinds) <= {"PasswordChanged", "IncorrectPassword", None}
    await app.login(password=f"{NEW_PASSWORD}-{kinds.index('PasswordChanged')}")
    assert (await app.events()).count("password.changed") == 1


async def test_an_address_asked_for_while_the_password_changes_is_abandoned_too(app: Application) -> None:
    ada = await app.signed_up()
    accounts = app.system.services.accounts
    read_before = await accounts.by_username("ada")
    assert read_before is not None
    await update_profile(app, ada.access, email="eve@example.com")
    assert await accounts.set_password(read_before, read_before.password_hash)
    token = await app.mail.token_for("eve@example.com")
    assert (await verify_email(app, token))["__typename"] == "InvalidToken"
    row = await account(app)
    assert (row["email"], row["pending_email"]) == ("ada@example.com", None)
