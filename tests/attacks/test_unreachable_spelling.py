"""An address registered in a spelling that no mail reaches would keep its owner out for good."""

import pytest
from support.accounts import NEW_PASSWORD, login, register, request_reset, reset_password
from support.app import Application

VICTIM = "victim@example.com"


@pytest.mark.parametrize("spelling", ["victim@e\ufe0fxample.com", "victim@\u24d4xample\u3002com"])
async def test_whatever_the_spelling_its_owner_gets_the_mail_and_the_account(
    app: Application, spelling: str
) -> None:
    assert (await register(app, "eve", spelling))["__typename"] == "RegisterSuccess"
    assert (await register(app, "victim", VICTIM))["__typename"] == "EmailTaken"
    await request_reset(app, VICTIM)
    token = await app.mail.token_for(VICTIM, 2)
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"
    assert (await login(app, VICTIM, NEW_PASSWORD))["__typename"] == "LoginSuccess"
