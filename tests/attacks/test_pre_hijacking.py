"""Whoever registers with somebody else's address gains nothing for the day its owner comes."""

import pytest
from support.accounts import (
    NEW_PASSWORD,
    account,
    login,
    register,
    request_reset,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import PASSWORD, Application, SignedIn
from support.documents import ME
from support.links import token_on

VICTIM = "victim@example.com"
EVES = "eve@example.com"


@pytest.fixture
async def eve(app: Application) -> SignedIn:
    """An attacker, signed in to an account that has the victim's address."""
    assert (await register(app, "victim", VICTIM))["__typename"] == "RegisterSuccess"
    return await app.login("victim")


async def take_back(app: Application) -> None:
    """Do what the address's owner does: a password reset."""
    await request_reset(app, VICTIM)
    token = await token_on(app, "reset-password", VICTIM)
    assert (await reset_password(app, token, NEW_PASSWORD))["__typename"] == "PasswordReset"


async def test_the_owners_reset_ends_the_attackers_sessions_tokens_and_password(
    app: Application, eve: SignedIn
) -> None:
    another = await app.login("victim")
    await take_back(app)
    for one in (eve, another):
        assert (await app.gql(ME, token=one.access)).only is None
        assert (await app.refresh(one.refresh))["__typename"] == "InvalidToken"
    assert (await login(app, "victim", PASSWORD))["__typename"] == "InvalidCredentials"
    row = await account(app, "victim")
    assert (row["email"], row["pending_email"]) == (VICTIM, None)
    assert row["email_verified_at"] is not None


async def test_an_attackers_refreshed_session_dies_too(app: Application, eve: SignedIn) -> None:
    renewed = (await app.refresh(eve.refresh))["tokens"]
    await take_back(app)
    assert (await app.gql(ME, token=renewed["accessToken"])).only is None
    assert (await app.refresh(renewed["refreshToken"]))["__typename"] == "InvalidToken"


async def test_an_address_that_the_attacker_left_pending_dies_with_the_owners_reset(
    app: Application, eve: SignedIn
) -> None:
    await update_profile(app, eve.access, email=EVES)
    token = await app.mail.token_for(EVES)
    await take_back(app)
    assert (await verify_email(app, token))["__typename"] == "InvalidToken"
    assert (await account(app, "victim"))["email"] == VICTIM


async def test_a_session_opened_while_the_owner_resets_does_not_outlive_it(
    app: Application, eve: SignedIn
) -> None:
    await request_reset(app, VICTIM)
    token = await token_on(app, "reset-password", VICTIM)
    late = await app.login("victim")
    await reset_password(app, token, NEW_PASSWORD)
    for one in (eve, late):
        assert (await app.gql(ME, token=one.access)).only is None


async def test_the_attackers_own_reset_link_goes_to_the_owner_alone(app: Application, eve: SignedIn) -> None:
    await app.mail.wait_for(VICTIM)
    await update_profile(app, eve.access, email=EVES)
    await request_reset(app, EVES)
    await request_reset(app, VICTIM)
    await app.mail.wait_for(VICTIM, 3)
    await app.mail.wait_for(EVES)
    assert [mail["Subject"] for mail in app.mail.to(EVES)] == ["Confirm your new e-mail address"]


async def test_a_pending_address_keeps_its_owner_from_nothing(app: Application) -> None:
    eve = await app.signed_up("eve")
    await update_profile(app, eve.access, email=VICTIM)
    eves = await app.mail.token_for(VICTIM)
    assert (await register(app, "victim", VICTIM))["__typename"] == "RegisterSuccess"
    owners = await app.mail.token_for(VICTIM, 2)
    assert (await verify_email(app, eves))["__typename"] == "InvalidToken"
    assert (await verify_email(app, owners))["__typename"] == "VerifyEmailSuccess"
    row = await account(app, "eve")
    assert (row["email"], row["email_verified_at"]) == (EVES, None)


async def test_the_attackers_old_link_does_not_prove_an_address_that_was_given_up(app: Application) -> None:
    eve = await app.signed_up("eve")
    old = await app.mail.token_for(EVES)
    await update_profile(app, eve.access, email="other@example.com")
    await verify_email(app, await app.mail.token_for("other@example.com"))
    assert (await verify_email(app, old))["__typename"] == "InvalidToken"
    assert (await register(app, "newcomer", EVES))["__typename"] == "RegisterSuccess"
    assert (await account(app, "newcomer"))["email_verified_at"] is None
