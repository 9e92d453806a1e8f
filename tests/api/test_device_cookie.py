"""A browser that has signed in is known again, by a cookie that does nothing else."""

from http.cookies import SimpleCookie

import pytest
from conftest import MakeApp
from support.accounts import (
    NEW_PASSWORD,
    WRONG_PASSWORD,
    change_password,
    login,
    request_reset,
    reset_password,
)
from support.app import FIREFOX, PASSWORD, Answer, Application
from support.documents import LOGIN, LOGOUT, ME

from authgql.audit.events import Origin

DEVICE = "__Host-authgql-device"
OWN = {"origin": "https://id.example.com"}
FOREIGN = {"origin": "https://evil.example"}


def _device(app: Application) -> str | None:
    return next((cookie.value for cookie in app.client.cookies.jar if cookie.name == DEVICE), None)


async def _sign_in(app: Application, username: str = "ada", **given: object) -> Answer:
    return await app.gql(LOGIN, {"input": {"username": username, "password": PASSWORD, **given}}, headers=OWN)


async def _is_known(app: Application, username: str = "ada", password: str = PASSWORD) -> bool:
    """Ask the service that limits and mails ask."""
    origin = Origin(ip_address="127.0.0.1", user_agent=FIREFOX)
    signed_in = await app.system.services.sign_in.login(
        username, password, origin=origin, device=_device(app)
    )
    return signed_in.known_device


@pytest.mark.parametrize("delivery", ["BODY", "COOKIE"])
async def test_a_login_in_either_delivery_makes_the_browser_known(app: Application, delivery: str) -> None:
    await app.register()
    assert _device(app) is None
    assert not await _is_known(app)
    await _sign_in(app, delivery=delivery)
    assert await _is_known(app)


async def test_the_device_cookie_goes_to_this_host_alone_to_no_script_and_lasts(app: Application) -> None:
    await app.register()
    answer = await _sign_in(app)
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie.key, cookie["path"], cookie["domain"]) == (DEVICE, "/", "")
    assert (cookie["samesite"].lower(), cookie["max-age"]) == ("lax", str(400 * 86_400))
    assert cookie["secure"] is True
    assert cookie["httponly"] is True


async def test_on_plain_http_it_loses_its_prefix_as_the_others_do(make_app: MakeApp) -> None:
    app = await make_app(public_url="http://localhost:8000")
    app.client.base_url = "http://localhost:8000"
    await app.register()
    await app.login()
    (cookie,) = app.client.cookies.jar
    assert (cookie.name, cookie.secure) == ("authgql-device", False)


async def test_it_signs_nobody_in_and_makes_no_request_one_from_cookies(app: Application) -> None:
    await app.register()
    await _sign_in(app)
    assert (await app.gql(ME)).only is None
    foreign = await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}}, headers=FOREIGN)
    assert foreign.only["__typename"] == "LoginSuccess"
    assert "forgery.refused" not in await app.events()


async def test_a_failed_login_sets_nothing(app: Application) -> None:
    await app.register()
    await login(app, "ada", WRONG_PASSWORD)
    await login(app, "nobody", WRONG_PASSWORD)
    assert _device(app) is None


async def test_a_foreign_page_makes_no_browser_known(app: Application) -> None:
    await app.register()
    answer = await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}}, headers=FOREIGN)
    assert answer.only["__typename"] == "LoginSuccess"
    assert "set-cookie" not in answer.headers


async def test_two_accounts_on_one_browser_are_both_known(app: Application) -> None:
    for name in ("ada", "grace"):
        await app.register(name)
        await _sign_in(app, name)
    assert await _is_known(app, "ada")
    assert await _is_known(app, "grace")
    await app.register("eve")
    assert not await _is_known(app, "eve")


async def test_it_outlives_the_session(app: Application) -> None:
    await app.register()
    await _sign_in(app, delivery="COOKIE")
    assert (await app.gql(LOGOUT, headers=OWN)).only["session"]["endReason"] == "LOGGED_OUT"
    assert await _is_known(app)


async def test_another_password_makes_other_browsers_strangers(app: Application) -> None:
    ada = await app.signed_up()
    before = _device(app)
    app.client.cookies.clear()
    app.clock.advance(1)
    await change_password(app, ada.access)
    assert await _is_known(app, password=NEW_PASSWORD)
    assert before is not None
    app.client.cookies.clear()
    app.client.cookies.set(DEVICE, before, domain="id.example.com")
    assert not await _is_known(app, password=NEW_PASSWORD)


async def test_a_reset_makes_the_browser_known_that_proved_the_mailbox(app: Application) -> None:
    await app.register()
    await request_reset(app, "ada@example.com")
    token = await app.mail.token_for("ada@example.com", 2)
    assert _device(app) is None
    assert (await reset_password(app, token))["__typename"] == "PasswordReset"
    assert (await app.gql(ME)).only is None
    assert await _is_known(app, password=NEW_PASSWORD)
