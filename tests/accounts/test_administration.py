"""What operators do to accounts, as the command line asks for it."""

import pytest
from support.accounts import (
    account,
    inspect_reset,
    lock,
    login,
    newest_event,
    request_reset,
    verify_email,
)
from support.app import IPHONE, PASSWORD, Application
from support.documents import ME

from authgql.accounts.errors import EmailTaken, InvalidInput, UsernameTaken
from authgql.accounts.models import Account
from authgql.accounts.service import NewAccount
from authgql.passwords.errors import WeakPassword


async def found(app: Application, username: str = "ada") -> Account:
    one = await app.system.services.accounts.by_username(username)
    assert one is not None
    return one


async def test_a_lock_ends_every_session_and_an_unlock_brings_none_back(app: Application) -> None:
    ada = await app.signed_up()
    await app.login(user_agent=IPHONE)
    services = app.system.services
    one = await found(app)
    assert await services.registration.lock(one)
    assert (await app.gql(ME, token=ada.access)).only is None
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
    ends = await app.rows("SELECT end_reason FROM sessions")
    assert [row["end_reason"] for row in ends] == ["ACCOUNT_LOCKED"] * 2
    assert await services.accounts.unlock(one)
    assert (await newest_event(app))["kind"] == "account.unlocked"
    assert (await app.gql(ME, token=ada.access)).only is None
    await app.login()


async def test_doing_it_twice_does_and_records_it_once(app: Application) -> None:
    await app.register()
    services, one = app.system.services, await found(app)
    assert [await services.registration.lock(one) for _ in range(2)] == [True, False]
    assert [await services.accounts.unlock(one) for _ in range(2)] == [True, False]
    assert [await services.accounts.promote(one) for _ in range(2)] == [True, False]
    assert (await app.events())[2:] == ["account.locked", "account.unlocked", "account.promoted"]
    assert (await newest_event(app))["subject"] == (await account(app))["pseudonym"]


async def test_a_living_link_does_not_open_a_locked_account(app: Application) -> None:
    await app.register()
    verification = await app.mail.token_for("ada@example.com")
    await request_reset(app, "ada@example.com")
    reset = await app.mail.token_for("ada@example.com", 2)
    await lock(app)
    assert (await inspect_reset(app, reset))["__typename"] == "InvalidToken"
    assert (await verify_email(app, verification))["__typename"] == "InvalidToken"


async def test_an_operator_makes_an_account_by_the_same_rules(app: Application) -> None:
    create = app.system.services.registration.create
    await create(NewAccount.of("ada", "ada@example.com"), PASSWORD)
    assert (await login(app, "ada"))["__typename"] == "LoginSuccess"
    event = (await app.rows("SELECT * FROM security_events ORDER BY id LIMIT 1"))[0]
    assert (event["kind"], event["ip_address"]) == ("account.registered", None)
    with pytest.raises(UsernameTaken):
        await create(NewAccount.of("ADA", "other@example.com"), PASSWORD)
    with pytest.raises(EmailTaken):
        await create(NewAccount.of("other", "ADA@example.com"), PASSWORD)
    with pytest.raises(WeakPassword):
        await create(NewAccount.of("other", "other@example.com"), "password")
    with pytest.raises(InvalidInput) as refused:
        NewAccount.of("o", "other")
    assert list(refused.value.fields) == ["username", "email"]
