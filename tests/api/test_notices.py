"""Whatever changes how an account is signed in to is told to its owner, once (ASVS 6.3.7)."""

import pytest
from support.accounts import (
    change_password,
    request_reset,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import Application
from support.documents import TERMINATE_ALL, TERMINATE_OTHERS
from support.links import token_on
from support.mail import text_of

ADA = "ada@example.com"
LINKS = ("verify_email", "verify_new_email", "reset_password")


async def notices(app: Application) -> list[str]:
    """Return the templates of the mails that bring news rather than links, oldest first."""
    rows = await app.rows("SELECT template FROM outbox_mails ORDER BY id")
    return [row["template"] for row in rows if row["template"] not in LINKS]


async def test_a_changed_password_is_one_notice(app: Application) -> None:
    ada = await app.signed_up()
    await change_password(app, ada.access)
    assert await notices(app) == ["password_changed"]


async def test_a_reset_password_is_one_notice(app: Application) -> None:
    await app.signed_up()
    await request_reset(app, ADA)
    await reset_password(app, await token_on(app, "reset-password", ADA))
    assert await notices(app) == ["password_changed"]


async def test_a_changed_address_is_one_notice_to_the_old_and_one_to_the_new(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, email="new@example.com")
    assert await notices(app) == ["email_change_requested"]
    await verify_email(app, await app.mail.token_for("new@example.com"))
    assert await notices(app) == ["email_change_requested", "email_changed", "email_changed"]
    for address, count in ((ADA, 3), ("new@example.com", 2)):
        mail = await app.mail.wait_for(address, count)
        assert mail["Subject"] == "Your e-mail address was changed"
        assert "new@example.com" in text_of(mail)


async def test_a_proved_address_that_stays_is_no_news(app: Application) -> None:
    await app.register()
    await verify_email(app, await app.mail.token_for(ADA))
    assert await notices(app) == []


async def test_a_changed_username_is_one_notice(app: Application) -> None:
    ada = await app.signed_up()
    await update_profile(app, ada.access, username="lovelace", firstName="Ada")
    await update_profile(app, ada.access, username="lovelace")
    await update_profile(app, ada.access, firstName="Augusta")
    assert await notices(app) == ["username_changed"]
    text = text_of(await app.mail.wait_for(ADA, 2))
    assert "Hello lovelace" in text
    assert "it was ada before" in text


@pytest.mark.parametrize(
    ("operation", "others", "said"),
    [
        (TERMINATE_ALL, 2, "3 sessions of your account"),
        (TERMINATE_ALL, 0, "one session of your account"),
        (TERMINATE_OTHERS, 2, "2 sessions of your account"),
        (TERMINATE_OTHERS, 0, ""),
    ],
)
async def test_sessions_ended_all_at_once_are_one_notice_if_there_were_any(
    app: Application, operation: str, others: int, said: str
) -> None:
    ada = await app.signed_up()
    for _ in range(others):
        await app.login()
    await app.gql(operation, token=ada.access)
    assert await notices(app) == (["sessions_ended"] if said else [])
    if said:
        text = text_of(await app.mail.wait_for(ADA, 2))
        assert said in text
        assert "127.0.0.1" in text
