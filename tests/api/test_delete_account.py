import re
from uuid import UUID

from support.accounts import (
    DELETE_ACCOUNT,
    WRONG_PASSWORD,
    account,
    delete_account,
    inspect_reset,
    login,
    newest_event,
    register,
    request_reset,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import IPHONE, PASSWORD, Application, together
from support.documents import ME
from support.mail import text_of

REST = ("accounts", "sessions", "refresh_tokens", "one_time_links")


async def test_the_account_and_all_that_hangs_from_it_is_erased(app: Application) -> None:
    ada = await app.signed_up()
    await app.login(user_agent=IPHONE)
    await request_reset(app, "ada@example.com")
    result = await delete_account(app, ada.access)
    assert result == {"__typename": "DeleteAccountSuccess", "userId": ada.user_id}
    for table in REST:
        assert await app.rows(f"SELECT * FROM {table}") == []  # noqa: S608 -- our own names
    assert await app.rows("SELECT * FROM outbox_mails WHERE account_id IS NOT NULL") == []


async def test_every_token_of_a_deleted_account_is_dead(app: Application) -> None:
    ada = await app.signed_up()
    phone = await app.login(user_agent=IPHONE)
    verification = await app.mail.token_for("ada@example.com")
    await request_reset(app, "ada@example.com")
    reset = await app.mail.token_for("ada@example.com", 2)
    await delete_account(app, ada.access)
    for session in (ada, phone):
        assert (await app.gql(ME, token=session.access)).only is None
        assert (await app.refresh(session.refresh))["__typename"] == "InvalidToken"
    assert (await verify_email(app, verification))["__typename"] == "InvalidToken"
    assert (await reset_password(app, reset))["__typename"] == "InvalidToken"
    assert (await inspect_reset(app, reset))["__typename"] == "InvalidToken"
    assert (await login(app, "ada"))["__typename"] == "InvalidCredentials"


async def test_the_trail_keeps_the_events_under_a_pseudonym_alone(app: Application) -> None:
    await register(app, "ada", "ada@example.com", firstName="Ada", lastName="Lovelace")
    ada = await app.login(user_agent=IPHONE)
    await login(app, "ada", WRONG_PASSWORD)
    pseudonym = (await account(app))["pseudonym"]
    await delete_account(app, ada.access)
    events = await app.rows("SELECT * FROM security_events WHERE subject=$1 ORDER BY id", pseudonym)
    assert [event["kind"] for event in events] == [
        "account.registered",
        "email.verification_sent",
        "session.started",
        "login.refused",
        "session.ended",
        "account.deleted",
    ]
    for event in events:
        assert event["ip_address"] is None
        assert event["user_agent"] is None
    trail = str(await app.rows("SELECT * FROM security_events")).lower()
    for personal in ("ada", "lovelace", "example.com", ada.user_id):
        assert re.search(rf"\b{re.escape(personal)}\b", trail) is None
    assert UUID(ada.user_id) != UUID(str(pseudonym))
    assert "the account was deleted" in trail


async def test_others_keep_their_accounts_and_their_events(app: Application) -> None:
    grace = await app.signed_up("grace")
    ada = await app.signed_up()
    await delete_account(app, ada.access)
    assert (await app.gql(ME, token=grace.access)).only["username"] == "grace"
    pseudonym = (await account(app, "grace"))["pseudonym"]
    events = await app.rows(
        "SELECT ip_address FROM security_events WHERE subject=$1 AND kind=$2", pseudonym, "session.started"
    )
    assert [event["ip_address"] for event in events] == ["127.0.0.1"]


async def test_the_owner_is_told_by_mail(app: Application) -> None:
    ada = await app.signed_up()
    await delete_account(app, ada.access)
    assert "ada" in text_of(await app.mail.wait_for("ada@example.com", 2))


async def test_a_wrong_password_deletes_nothing(app: Application) -> None:
    ada = await app.signed_up()
    for wrong in (WRONG_PASSWORD, "", "\0", "x" * 5000):
        result = await delete_account(app, ada.access, wrong)
        assert (result["__typename"], result["code"]) == ("IncorrectPassword", "INCORRECT_PASSWORD")
    row, event = await account(app), await newest_event(app)
    assert (event["kind"], event["subject"]) == ("password.refused", row["pseudonym"])
    assert event["detail"] == "The password was asked for and not given: incorrect password."
    assert (await app.events()).count("password.refused") == 4
    assert str(event["session_id"]) == ada.session_id
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"


async def test_nobody_deletes_nothing(app: Application) -> None:
    await app.register()
    answer = await app.gql(DELETE_ACCOUNT, {"input": {"password": PASSWORD}})
    assert answer.codes == ["UNAUTHENTICATED"]
    assert await account(app)


async def test_name_and_address_are_free_again(app: Application) -> None:
    ada = await app.signed_up()
    await delete_account(app, ada.access)
    again = await app.signed_up()
    assert again.user_id != ada.user_id


async def test_deleting_twice_at_once_erases_once(app: Application) -> None:
    ada = await app.signed_up()
    results = await together(*(delete_account(app, ada.access) for _ in range(6)))
    assert {result["__typename"] for result in results} == {"DeleteAccountSuccess"}
    assert (await app.events()).count("account.deleted") == 1
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 1
    left = await app.rows(
        "SELECT * FROM security_events WHERE ip_address IS NOT NULL AND subject IS NOT NULL"
    )
    assert left == []


async def test_whatever_is_asked_while_an_account_is_deleted_is_answered(app: Application) -> None:
    for _ in range(3):
        ada = await app.signed_up()
        results = await together(
            update_profile(app, ada.access, email="one@example.com"),
            delete_account(app, ada.access),
            *(request_reset(app, "ada@example.com") for _ in range(4)),
        )
        assert results[1]["__typename"] == "DeleteAccountSuccess"


async def test_resending_while_an_account_is_deleted_is_answered_or_unauthenticated(app: Application) -> None:
    ada = await app.signed_up()
    document = "mutation { resendEmailVerification { __typename } }"
    answers = await together(
        delete_account(app, ada.access), *(app.gql(document, token=ada.access) for _ in range(6))
    )
    assert {code for answer in answers[1:] for code in answer.codes} <= {"UNAUTHENTICATED"}
