from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from conftest import MakeApp
from support.accounts import (
    NEW_PASSWORD,
    account,
    inspect_reset,
    lock,
    login,
    newest_event,
    request_reset,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import IPHONE, Application
from support.documents import ME
from support.mail import text_of

FORGED = "agl_" + "A" * 43
LINKS = "SELECT * FROM one_time_links WHERE purpose='reset_password'"


async def mailed_token(app: Application, address: str = "ada@example.com", count: int = 2) -> str:
    assert (await request_reset(app, address))["__typename"] == "PasswordResetRequested"
    return await app.mail.token_for("ada@example.com", count)


async def test_a_link_in_the_mail_sets_the_password_anew(app: Application) -> None:
    await app.register()
    token = await mailed_token(app)
    valid = await inspect_reset(app, token)
    assert valid == {
        "__typename": "PasswordResetTokenValid",
        "expiresAt": (app.clock.now() + timedelta(minutes=30)).isoformat(),
    }
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"
    assert (await login(app, "ada"))["__typename"] == "InvalidCredentials"
    await app.login(password=NEW_PASSWORD)


@pytest.mark.parametrize("spelling", ["ADA@Example.com", "\uff41da@example.com"])
async def test_the_mail_goes_to_the_accounts_own_address_however_it_was_asked_for(
    app: Application, spelling: str
) -> None:
    await app.register()
    await mailed_token(app, spelling)
    assert app.mail.to(spelling) == []
    event = await newest_event(app)
    assert (event["kind"], event["subject"]) == (
        "password_reset.requested",
        (await account(app))["pseudonym"],
    )


async def test_the_mail_says_who_asked_and_until_when(app: Application) -> None:
    await app.register()
    await mailed_token(app)
    text = text_of(await app.mail.wait_for("ada@example.com", 2))
    for said in ("ada", "127.0.0.1", "Firefox on Linux", "30 minutes"):
        assert said in text
    assert "https://id.example.com/account/reset-password#token=agl_" in text


async def test_every_session_ends_and_nobody_is_signed_in(app: Application) -> None:
    ada = await app.signed_up()
    phone = await app.login(user_agent=IPHONE)
    token = await mailed_token(app)
    result = await reset_password(app, token)
    assert set(result) == {"__typename", "message"}
    for ended in (ada, phone):
        assert (await app.gql(ME, token=ended.access)).only is None
    rows = await app.rows("SELECT end_reason FROM sessions")
    assert [row["end_reason"] for row in rows] == ["PASSWORD_RESET"] * 2
    assert (await app.events())[-3:] == ["session.ended", "session.ended", "password.reset"]


async def test_a_reset_proves_the_mailbox(app: Application) -> None:
    await app.register()
    await reset_password(app, await mailed_token(app))
    assert (await account(app))["email_verified_at"] is not None


async def test_a_reset_leaves_an_earlier_proof_as_it_was(app: Application) -> None:
    await app.register()
    await verify_email(app, await app.mail.token_for("ada@example.com"))
    proved = (await account(app))["email_verified_at"]
    app.clock.advance(60)
    await reset_password(app, await mailed_token(app))
    assert (await account(app))["email_verified_at"] == proved


async def test_a_reset_abandons_a_pending_address(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="eve@example.com")
    verification = await app.mail.token_for("eve@example.com")
    await app.mail.wait_for("ada@example.com", 2)
    await reset_password(app, await mailed_token(app, count=3))
    assert (await verify_email(app, verification))["__typename"] == "InvalidToken"
    assert (await account(app))["pending_email"] is None


async def test_the_owner_is_told_of_the_reset(app: Application) -> None:
    await app.register()
    await reset_password(app, await mailed_token(app))
    mail = await app.mail.wait_for("ada@example.com", 3)
    assert "password" in mail["Subject"].lower()


@pytest.mark.parametrize("email", ["", "ada", "ada@", " ada@example.com", "ada\0@example.com"])
async def test_what_is_no_address_is_invalid_input(app: Application, email: str) -> None:
    result = await request_reset(app, email)
    assert (result["__typename"], result["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert [field["path"] for field in result["fields"]] == ["email"]
    assert await app.rows("SELECT * FROM outbox_mails") == []


async def test_an_address_left_out_is_bad_user_input(app: Application) -> None:
    answer = await app.gql("mutation { requestPasswordReset(email: null) { __typename } }")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]


async def test_known_and_unknown_addresses_get_one_answer(app: Application) -> None:
    await app.register()
    known, unknown = await request_reset(app, "ada@example.com"), await request_reset(app, "no@example.com")
    assert known == unknown
    event = await newest_event(app)
    assert (event["kind"], event["subject"]) == ("password_reset.requested", None)
    assert len(await app.rows(LINKS)) == 1


async def test_an_operator_who_reveals_accounts_has_unknown_addresses_told(make_app: MakeApp) -> None:
    app = await make_app(reveal_accounts=True)
    await app.register()
    result = await request_reset(app, "no@example.com")
    assert (result["__typename"], result["code"]) == ("EmailNotFound", "EMAIL_NOT_FOUND")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "password_reset.refused",
        "A password reset was refused: email not found.",
    )
    assert (await request_reset(app, "ada@example.com"))["__typename"] == "PasswordResetRequested"


async def test_a_pending_address_gets_no_reset_mail(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="new@example.com")
    assert (await request_reset(app, "new@example.com"))["__typename"] == "PasswordResetRequested"
    assert await app.rows(LINKS) == []


async def test_a_locked_account_is_sent_nothing_and_its_link_is_dead(app: Application) -> None:
    await app.register()
    token = await mailed_token(app)
    await lock(app)
    assert (await request_reset(app, "ada@example.com"))["__typename"] == "PasswordResetRequested"
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 2
    assert (await inspect_reset(app, token))["__typename"] == "InvalidToken"
    assert (await reset_password(app, token))["__typename"] == "InvalidToken"


@pytest.mark.parametrize("ask", [inspect_reset, reset_password])
@pytest.mark.parametrize(
    "worth", ["forged", "spent", "superseded", "expired", "of another purpose", "no token"]
)
async def test_a_worthless_token_gets_one_answer_and_leaves_evidence(
    app: Application, ask: Callable[[Application, str], Awaitable[Any]], worth: str
) -> None:
    await app.register()
    verification = await app.mail.token_for("ada@example.com")
    token = await mailed_token(app)
    if worth == "spent":
        await reset_password(app, token)
    elif worth == "superseded":
        await mailed_token(app, count=3)
    elif worth == "expired":
        app.clock.advance(1800)
    token = {"forged": FORGED, "no token": "\0", "of another purpose": verification}.get(worth, token)
    result = await ask(app, token)
    assert (result["__typename"], result["code"]) == ("InvalidToken", "INVALID_TOKEN")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "password_reset.refused",
        "A password reset was refused: invalid token.",
    )
    assert "agl_" not in str(event)


async def test_a_link_works_until_the_second_it_expires(app: Application) -> None:
    await app.register()
    token = await mailed_token(app)
    app.clock.advance(1799)
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"


async def test_the_operator_says_how_long_a_link_works(make_app: MakeApp) -> None:
    app = await make_app(password_reset_ttl=60)
    await app.register()
    token = await mailed_token(app)
    app.clock.advance(60)
    assert (await inspect_reset(app, token))["__typename"] == "InvalidToken"


async def test_a_link_is_spent_by_success_alone(app: Application) -> None:
    await app.register()
    token = await mailed_token(app)
    for _ in range(2):
        result = await reset_password(app, token, "short")
        assert (result["__typename"], result["code"]) == ("WeakPassword", "WEAK_PASSWORD")
    assert (await inspect_reset(app, token))["__typename"] == "PasswordResetTokenValid"
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"
    assert await app.rows(LINKS) == []


async def test_the_link_is_stored_as_a_hash_alone(app: Application) -> None:
    await app.register()
    token = await mailed_token(app)
    (link,) = await app.rows(LINKS)
    assert token.removeprefix("agl_") not in str(link)
    assert len(link["token_hash"]) == 64
