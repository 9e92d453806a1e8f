"""An e-mail address changes to what was asked for last, by somebody who still may ask."""

import pytest
from support.accounts import (
    NEW_PASSWORD,
    account,
    change_password,
    lock,
    request_reset,
    resend,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import Application, SignedIn, together
from support.links import token_on

A, B, C = "ada@example.com", "b@example.com", "c@example.com"


@pytest.fixture
async def ada(app: Application) -> SignedIn:
    """Somebody whose address is proved."""
    ada = await app.signed_up()
    assert (await verify_email(app, await app.mail.token_for(A)))["__typename"] == "VerifyEmailSuccess"
    return ada


async def ask_for(app: Application, ada: SignedIn, address: str, count: int = 1) -> str:
    result = await update_profile(app, ada.access, email=address)
    assert result["user"]["pendingEmail"] == address
    return await app.mail.token_for(address, count)


async def reset_through(app: Application, address: str) -> None:
    await request_reset(app, address)
    token = await token_on(app, "reset-password", address)
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"


async def test_a_change_to_another_address_kills_the_first_ones_link(app: Application, ada: SignedIn) -> None:
    to_b, to_c = await ask_for(app, ada, B), await ask_for(app, ada, C)
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"
    assert (await account(app))["email"] == A
    assert (await verify_email(app, to_c))["__typename"] == "VerifyEmailSuccess"
    row = await account(app)
    assert (row["email"], row["email_key"], row["pending_email"]) == (C, C, None)


async def test_a_change_back_and_forth_kills_the_older_link_to_the_same_address(
    app: Application, ada: SignedIn
) -> None:
    older = await ask_for(app, ada, B)
    await ask_for(app, ada, C)
    newer = await ask_for(app, ada, B, count=2)
    assert (await verify_email(app, older))["__typename"] == "InvalidToken"
    assert (await verify_email(app, newer))["__typename"] == "VerifyEmailSuccess"


async def test_asking_again_kills_the_older_link(app: Application, ada: SignedIn) -> None:
    older = await ask_for(app, ada, B)
    assert (await resend(app, ada.access))["email"] == B
    newer = await app.mail.token_for(B, 2)
    assert (await verify_email(app, older))["__typename"] == "InvalidToken"
    assert (await verify_email(app, newer))["__typename"] == "VerifyEmailSuccess"


async def test_the_address_in_force_cancels_a_pending_one(app: Application, ada: SignedIn) -> None:
    to_b = await ask_for(app, ada, B)
    result = await update_profile(app, ada.access, email=A)
    assert result["user"]["pendingEmail"] is None
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"
    assert (await account(app))["email"] == A


@pytest.mark.parametrize("how", ["change", "reset"])
async def test_a_pending_change_dies_with_the_password_that_allowed_it(
    app: Application, ada: SignedIn, how: str
) -> None:
    to_b = await ask_for(app, ada, B)
    if how == "change":
        assert (await change_password(app, ada.access))["__typename"] == "PasswordChanged"
    else:
        await reset_through(app, A)
    assert (await account(app))["pending_email"] is None
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"
    assert (await account(app))["email"] == A


@pytest.mark.parametrize("how", ["change", "reset"])
async def test_a_pending_change_and_a_new_password_at_once_agree(
    app: Application, ada: SignedIn, how: str
) -> None:
    await request_reset(app, A)
    reset = await token_on(app, "reset-password", A)
    to_b = await ask_for(app, ada, B)
    taking_back = change_password(app, ada.access) if how == "change" else reset_password(app, reset)
    results = await together(verify_email(app, to_b), taking_back)
    kinds = {result["__typename"] for result in results}
    row = await account(app)
    assert row["pending_email"] is None
    assert (row["email"] == B) is ("VerifyEmailSuccess" in kinds)
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"


async def test_a_second_change_and_the_first_ones_proof_at_once_agree(
    app: Application, ada: SignedIn
) -> None:
    to_b = await ask_for(app, ada, B)
    proved, asked = await together(verify_email(app, to_b), update_profile(app, ada.access, email=C))
    assert asked["__typename"] == "UpdateProfileSuccess"
    assert proved["__typename"] in {"VerifyEmailSuccess", "InvalidToken"}
    row = await account(app)
    assert row["email"] == (B if proved["__typename"] == "VerifyEmailSuccess" else A)
    assert row["pending_email"] == C
    assert (await verify_email(app, await app.mail.token_for(C)))["__typename"] == "VerifyEmailSuccess"


async def test_a_proof_cannot_be_asked_for_the_old_address_after_the_change(
    app: Application, ada: SignedIn
) -> None:
    await request_reset(app, A)
    reset = await token_on(app, "reset-password", A)
    await verify_email(app, await ask_for(app, ada, B))
    assert (await reset_password(app, reset))["__typename"] == "InvalidToken"
    await app.mail.wait_for(A, 3)
    await request_reset(app, A)
    await request_reset(app, B)
    await token_on(app, "reset-password", B)
    assert len(app.mail.to(A)) == 4  # the proof, that another was asked for, the reset link, the change


async def test_the_old_address_is_told_while_it_can_still_take_back(app: Application, ada: SignedIn) -> None:
    to_b = await ask_for(app, ada, B)
    mail = await app.mail.wait_for(A, 2)
    assert mail["Subject"] == "A new e-mail address was asked for"
    await reset_through(app, A)
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"
    await app.login(password=NEW_PASSWORD)


async def test_a_change_of_a_locked_account_waits_for_ever(app: Application, ada: SignedIn) -> None:
    to_b = await ask_for(app, ada, B)
    await lock(app)
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"
    assert (await account(app))["email"] == A


async def test_an_expired_change_changes_nothing(app: Application, ada: SignedIn) -> None:
    to_b = await ask_for(app, ada, B)
    app.clock.advance(days=1)
    assert (await verify_email(app, to_b))["__typename"] == "InvalidToken"
    assert (await account(app))["email"] == A


async def test_a_stranger_with_a_session_of_long_ago_cannot_ask(app: Application, ada: SignedIn) -> None:
    app.clock.advance(601)
    renewed = (await app.refresh(ada.refresh))["tokens"]["accessToken"]
    result = await update_profile(app, renewed, email=B)
    assert result["__typename"] == "ReauthenticationRequired"
    assert (await account(app))["pending_email"] is None
    assert app.mail.to(B) == []
