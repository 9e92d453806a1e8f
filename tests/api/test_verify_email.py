from collections.abc import Mapping

import pytest
from conftest import MakeApp
from support.accounts import (
    RESEND,
    account,
    lock,
    login,
    newest_event,
    register,
    request_reset,
    resend,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import Application, together

PRIVATE = """
mutation Verify($token: String!) {
  verifyEmail(token: $token) {
    ... on VerifyEmailSuccess { user { username firstName email emailVerified pendingEmail } }
  }
}
"""
FORGED = "agl_" + "A" * 43


async def refused(app: Application, token: str) -> Mapping[str, object]:
    result = await verify_email(app, token)
    assert (result["__typename"], result["code"]) == ("InvalidToken", "INVALID_TOKEN")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "email.verification_refused",
        "A link to confirm an address was refused: invalid token.",
    )
    assert "agl_" not in str(event)
    return event


async def test_a_link_in_the_mail_proves_the_address(app: Application) -> None:
    user = await app.register()
    result = await verify_email(app, await app.mail.token_for("ada@example.com"))
    assert result == {
        "__typename": "VerifyEmailSuccess",
        "user": {"id": user["id"], "username": "ada"},
    }
    row, event = await account(app), await newest_event(app)
    assert row["email_verified_at"] is not None
    assert (event["kind"], event["subject"]) == ("email.verified", row["pseudonym"])


async def test_a_proof_signs_nobody_in(app: Application) -> None:
    await app.register()
    answer = await app.gql(PRIVATE, {"token": await app.mail.token_for("ada@example.com")})
    assert "set-cookie" not in answer.headers
    assert await app.rows("SELECT * FROM sessions") == []


async def test_to_nobody_the_account_shows_its_public_fields_alone(app: Application) -> None:
    await app.register()
    answer = await app.gql(PRIVATE, {"token": await app.mail.token_for("ada@example.com")})
    assert answer.codes == ["UNAUTHENTICATED"] * 3
    user = answer.body["data"]["verifyEmail"]["user"]
    assert user["username"] == "ada"
    assert (user["email"], user["emailVerified"], user["pendingEmail"]) == (None, None, None)
    assert (await account(app))["email_verified_at"] is not None


async def test_to_somebody_else_the_account_shows_its_public_fields_alone(app: Application) -> None:
    eve = await app.signed_up("eve")
    await app.register()
    answer = await app.gql(PRIVATE, {"token": await app.mail.token_for("ada@example.com")}, token=eve.access)
    assert answer.codes == ["FORBIDDEN"] * 3
    assert [error["path"][-1] for error in answer.body["errors"]] == [
        "email",
        "emailVerified",
        "pendingEmail",
    ]


async def test_the_owner_sees_the_proof_at_once(app: Application) -> None:
    ada = await app.signed_up()
    answer = await app.gql(PRIVATE, {"token": await app.mail.token_for("ada@example.com")}, token=ada.access)
    assert answer.only["user"] == {
        "username": "ada",
        "firstName": None,
        "email": "ada@example.com",
        "emailVerified": True,
        "pendingEmail": None,
    }


async def test_the_owner_sees_the_new_address_at_once(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="new@example.com")
    answer = await app.gql(PRIVATE, {"token": await app.mail.token_for("new@example.com")}, token=ada.access)
    user = answer.only["user"]
    assert (user["email"], user["emailVerified"], user["pendingEmail"]) == ("new@example.com", True, None)


@pytest.mark.parametrize("token", [FORGED, "", "\0", "agl_", "x" * 5000, "agr_" + "A" * 43, f"{FORGED}\n"])
async def test_an_unknown_token_proves_nothing(app: Application, token: str) -> None:
    await app.register()
    event = await refused(app, token)
    assert event["subject"] is None
    assert (await account(app))["email_verified_at"] is None


async def test_a_link_proves_once(app: Application) -> None:
    await app.register()
    token = await app.mail.token_for("ada@example.com")
    await verify_email(app, token)
    proved = (await account(app))["email_verified_at"]
    app.clock.advance(1)
    await refused(app, token)
    assert (await account(app))["email_verified_at"] == proved


async def test_a_link_proves_once_however_many_act_on_it(app: Application) -> None:
    await app.register()
    token = await app.mail.token_for("ada@example.com")
    results = await together(*(verify_email(app, token) for _ in range(8)))
    kinds = sorted(result["__typename"] for result in results)
    assert kinds == [*["InvalidToken"] * 7, "VerifyEmailSuccess"]
    assert (await app.events()).count("email.verified") == 1


async def test_a_link_works_until_the_second_it_expires(make_app: MakeApp) -> None:
    app = await make_app(email_verification_ttl=60)
    await app.register("ada")
    await app.register("grace")
    ada, grace = [await app.mail.token_for(f"{name}@example.com") for name in ("ada", "grace")]
    app.clock.advance(59)
    assert (await verify_email(app, ada))["__typename"] == "VerifyEmailSuccess"
    app.clock.advance(1)
    await refused(app, grace)


async def test_the_link_for_a_reset_proves_nothing_by_itself(app: Application) -> None:
    await app.register()
    await request_reset(app, "ada@example.com")
    await refused(app, await app.mail.token_for("ada@example.com", 2))
    assert (await account(app))["email_verified_at"] is None


async def test_a_locked_account_proves_nothing(app: Application) -> None:
    await app.register()
    token = await app.mail.token_for("ada@example.com")
    await lock(app)
    await refused(app, token)
    assert (await account(app))["email_verified_at"] is None


async def test_proving_an_address_that_somebody_registered_since_is_refused(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="shared@example.com")
    token = await app.mail.token_for("shared@example.com")
    assert (await register(app, "grace", "Shared@example.com"))["__typename"] == "RegisterSuccess"
    event = await refused(app, token)
    row = await account(app)
    assert event["subject"] == row["pseudonym"]
    assert (row["email"], row["email_verified_at"]) == ("ada@example.com", None)


async def test_of_two_who_asked_for_an_address_the_first_to_prove_it_has_it(app: Application) -> None:
    tokens = []
    for count, name in enumerate(("ada", "grace"), start=1):
        person = await app.signed_up(name)
        await update_profile(app, person.access, email="shared@example.com")
        tokens.append(await app.mail.token_for("shared@example.com", count))
    results = await together(*(verify_email(app, token) for token in tokens))
    assert sorted(result["__typename"] for result in results) == ["InvalidToken", "VerifyEmailSuccess"]
    owners = await app.rows("SELECT username FROM accounts WHERE email=$1", "shared@example.com")
    assert len(owners) == 1


async def test_a_reset_link_to_the_old_address_dies_with_the_change(app: Application) -> None:
    ada = await app.signed_up()
    await request_reset(app, "ada@example.com")
    reset = await app.mail.token_for("ada@example.com", 2)
    await update_profile(app, ada.access, email="new@example.com")
    await verify_email(app, await app.mail.token_for("new@example.com"))
    assert (await reset_password(app, reset))["__typename"] == "InvalidToken"
    assert (await login(app, "ada"))["__typename"] == "LoginSuccess"


async def test_asking_again_sends_a_new_link_and_voids_the_old_one(app: Application) -> None:
    ada = await app.signed_up()
    old = await app.mail.token_for("ada@example.com")
    assert await resend(app, ada.access) == {
        "__typename": "EmailVerificationSent",
        "email": "ada@example.com",
    }
    assert (await newest_event(app))["kind"] == "email.verification_sent"
    new = await app.mail.token_for("ada@example.com", 2)
    await refused(app, old)
    assert (await verify_email(app, new))["__typename"] == "VerifyEmailSuccess"


async def test_asking_again_goes_to_the_pending_address(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="new@example.com")
    assert (await resend(app, ada.access))["email"] == "new@example.com"
    token = await app.mail.token_for("new@example.com", 2)
    assert (await verify_email(app, token))["__typename"] == "VerifyEmailSuccess"


async def test_asking_again_for_what_is_proved_sends_nothing(app: Application) -> None:
    ada = await app.signed_up()
    await verify_email(app, await app.mail.token_for("ada@example.com"))
    before = await app.events()
    assert await resend(app, ada.access) == {
        "__typename": "EmailVerificationSent",
        "email": "ada@example.com",
    }
    assert await app.events() == before
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 1


async def test_nobody_asks_again(app: Application) -> None:
    assert (await app.gql(RESEND)).codes == ["UNAUTHENTICATED"]
