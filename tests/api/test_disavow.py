"""The owner hears of a sign-in on a new device, and one press ends it."""

from collections.abc import AsyncIterator

import pytest
from conftest import MakeApp
from support.accounts import (
    NEW_PASSWORD,
    WRONG_PASSWORD,
    account,
    change_password,
    disavow,
    inspect_reset,
    lock,
    login,
    newest_event,
    update_profile,
    verify_email,
)
from support.app import IPHONE, PASSWORD, Application, SignedIn, together
from support.documents import LOGIN, ME
from support.links import token_on
from support.mail import text_of

from authgql.core.words import moment

ADA = "ada@example.com"
FORGED = "agl_" + "A" * 43
SESSIONS = "SELECT * FROM sessions ORDER BY id"
NOTICES = "SELECT * FROM outbox_mails WHERE template IN ('new_device', 'after_failures')"


@pytest.fixture
async def stranger(app: Application) -> AsyncIterator[Application]:
    """Another browser, at another address."""
    async with app.elsewhere() as other:
        yield other


async def intrusion(app: Application, stranger: Application) -> tuple[SignedIn, SignedIn, str]:
    """Return the owner's login, the stranger's, and the token of the mail about it."""
    ada = await app.signed_up()
    theirs = await stranger.login(user_agent=IPHONE)
    return ada, theirs, await token_on(app, "disavow", ADA)


async def is_signed_in(app: Application, client: SignedIn) -> bool:
    return (await app.gql(ME, token=client.access)).only is not None


async def test_the_first_login_after_registering_is_nobody_s_surprise(app: Application) -> None:
    await app.signed_up()
    assert await app.rows(NOTICES) == []


async def test_a_browser_that_signed_in_before_is_no_news(app: Application) -> None:
    await app.signed_up()
    for _ in range(3):
        await app.login(user_agent=IPHONE)  # an update changes what a browser says of itself
    assert await app.rows(NOTICES) == []


async def test_a_new_device_is_told_with_where_and_when(app: Application, stranger: Application) -> None:
    await app.signed_up()
    await stranger.login(user_agent=IPHONE)
    text = text_of(await app.mail.wait_for(ADA, 2))
    for said in (
        "ada",
        "Mobile Safari on iOS",
        "203.0.113.7",
        "not known",
        moment(app.clock.now()),
        "30 days",
    ):
        assert said in text
    assert "https://id.example.com/account/disavow#token=agl_" in text
    assert "failed" not in text
    assert len(await app.rows(NOTICES)) == 1
    assert (await newest_event(app))["kind"] == "device.new"


async def test_the_same_browser_is_told_of_once(app: Application, stranger: Application) -> None:
    await app.signed_up()
    for _ in range(3):
        await stranger.login(user_agent=IPHONE)
    assert len(await app.rows(NOTICES)) == 1


async def test_one_press_ends_that_session_and_no_other(app: Application, stranger: Application) -> None:
    ada, theirs, token = await intrusion(app, stranger)
    result = await disavow(app, token)
    assert result["__typename"] == "SessionTerminated"
    assert result["session"] == {
        "id": theirs.session_id,
        "status": "ENDED",
        "endReason": "DISAVOWED",
        "loggedOutAt": app.clock.now().isoformat(),
        "device": {"name": "Mobile Safari on iOS"},
    }
    assert not await is_signed_in(app, theirs)
    assert (await app.refresh(theirs.refresh))["__typename"] == "InvalidToken"
    assert await is_signed_in(app, ada)
    events = await app.rows("SELECT kind, detail, session_id FROM security_events ORDER BY id")
    told = [(event["kind"], str(event["session_id"])) for event in events]
    assert ("session.ended", theirs.session_id) in told
    assert ("device.disowned", theirs.session_id) in told
    assert "The session ended: disowned through a mail." in {event["detail"] for event in events}


async def test_every_session_of_that_device_ends(app: Application, stranger: Application) -> None:
    ada, theirs, token = await intrusion(app, stranger)
    again = await stranger.login(user_agent=IPHONE)  # known by now, so that no mail tells of it
    async with app.elsewhere() as third:
        other = await third.login()
    await disavow(app, token)
    seen = [await is_signed_in(app, one) for one in (ada, theirs, again, other)]
    assert seen == [True, False, False, True]


async def test_the_device_is_a_stranger_again(app: Application, stranger: Application) -> None:
    _, _, token = await intrusion(app, stranger)
    await disavow(app, token)
    await stranger.login(user_agent=IPHONE)
    assert len(await app.rows(NOTICES)) == 2
    await app.login()
    assert len(await app.rows(NOTICES)) == 2  # the owner's browser is known as before


async def test_a_device_that_was_disowned_by_mistake_is_known_again_from_its_next_login(
    app: Application, stranger: Application
) -> None:
    _, _, token = await intrusion(app, stranger)
    await disavow(app, token)
    for _ in range(3):
        await stranger.login(user_agent=IPHONE)
    assert len(await app.rows(NOTICES)) == 2


async def test_the_owner_is_sent_a_link_to_choose_a_new_password(
    app: Application, stranger: Application
) -> None:
    _, _, token = await intrusion(app, stranger)
    await disavow(app, token)
    reset = await token_on(app, "reset-password", ADA)
    assert (await inspect_reset(app, reset))["__typename"] == "PasswordResetTokenValid"


async def test_an_address_that_the_intruder_asked_for_is_forgotten(
    app: Application, stranger: Application
) -> None:
    _, theirs, token = await intrusion(app, stranger)
    await update_profile(app, theirs.access, email="eve@example.com")
    proof = await app.mail.token_for("eve@example.com")
    await disavow(app, token)
    assert (await account(app))["pending_email"] is None
    assert (await verify_email(app, proof))["__typename"] == "InvalidToken"


async def test_a_mailbox_that_is_the_account_s_no_more_ends_the_session_and_gets_no_reset_link(
    app: Application, stranger: Application
) -> None:
    _, theirs, token = await intrusion(app, stranger)
    await update_profile(app, theirs.access, email="eve@example.com")
    await verify_email(app, await app.mail.token_for("eve@example.com"))
    assert (await disavow(app, token))["session"]["endReason"] == "DISAVOWED"
    assert await app.rows("SELECT * FROM one_time_links WHERE purpose='reset_password'") == []
    assert await app.rows("SELECT * FROM outbox_mails WHERE template='reset_password'") == []


async def test_a_session_that_has_ended_keeps_its_first_end_and_its_device_is_disowned(
    app: Application, stranger: Application
) -> None:
    _, theirs, token = await intrusion(app, stranger)
    await app.gql("mutation { logout { __typename } }", token=theirs.access)
    assert (await disavow(app, token))["session"]["endReason"] == "LOGGED_OUT"
    (row,) = [row for row in await app.rows(SESSIONS) if str(row["id"]) == theirs.session_id]
    assert row["disavowed_at"] is not None
    await stranger.login(user_agent=IPHONE)
    assert len(await app.rows(NOTICES)) == 2


@pytest.mark.parametrize(
    "worth", ["forged", "spent", "expired", "of another purpose", "no token", "locked", "row gone"]
)
async def test_a_worthless_token_gets_one_answer_and_leaves_evidence(
    app: Application, stranger: Application, worth: str
) -> None:
    await app.register()
    verification = await app.mail.token_for(ADA)
    await app.login()
    theirs = await stranger.login()
    token = await token_on(app, "disavow", ADA)
    if worth == "spent":
        await disavow(app, token)
    elif worth == "expired":
        app.clock.advance(days=30)
    elif worth == "locked":
        await lock(app)
    elif worth == "row gone":
        await app.rows("DELETE FROM sessions WHERE id=$1", theirs.session_id)
    token = {"forged": FORGED, "no token": "\0", "of another purpose": verification}.get(worth, token)
    result = await disavow(app, token)
    assert (result["__typename"], result["code"]) == ("InvalidToken", "INVALID_TOKEN")
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "session.disavowal_refused",
        "A link to disown a sign-in was refused: invalid token.",
    )


async def test_of_sixteen_presses_at_once_one_disowns(app: Application, stranger: Application) -> None:
    _, _, token = await intrusion(app, stranger)
    results = await together(*(disavow(app, token) for _ in range(16)))
    kinds = sorted(result["__typename"] for result in results)
    assert kinds == ["InvalidToken"] * 15 + ["SessionTerminated"]
    events = await app.events()
    assert (events.count("device.disowned"), events.count("session.disavowal_refused")) == (1, 15)


async def test_the_link_is_good_for_as_long_as_the_session_may_last(make_app: MakeApp) -> None:
    app = await make_app(session_max_age=7_200)
    async with app.elsewhere() as stranger:
        _, _, token = await intrusion(app, stranger)
    app.clock.advance(7_199)
    assert (await disavow(app, token))["__typename"] == "SessionTerminated"


async def test_each_of_several_new_devices_has_a_link_that_works(app: Application) -> None:
    await app.signed_up()
    tokens = []
    for number in range(3):
        async with app.elsewhere() as other:
            await other.login()
        tokens.append(await token_on(app, "disavow", ADA, number + 1))
    assert [(await disavow(app, token))["__typename"] for token in tokens] == ["SessionTerminated"] * 3


async def test_a_client_that_keeps_no_cookie_fills_no_mailbox(app: Application) -> None:
    await app.signed_up()
    for _ in range(7):
        async with app.elsewhere() as other:
            await other.login()
    assert len(await app.rows(NOTICES)) == 5
    app.clock.advance(3_601)
    async with app.elsewhere() as other:
        await other.login()
    assert len(await app.rows(NOTICES)) == 6


async def test_disavowing_has_a_limit_of_its_own(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    for _ in range(60):
        await disavow(app, FORGED)
    result = await disavow(app, FORGED)
    assert (result["__typename"], result["code"]) == ("RateLimited", "RATE_LIMITED")
    assert 0 < result["retryAfter"] <= 60
    assert (await newest_event(app))["kind"] == "limit.reached"


async def fail(app: Application, times: int) -> None:
    for _ in range(times):
        await login(app, "ada", WRONG_PASSWORD)


@pytest.mark.parametrize(("failures", "told"), [(4, 0), (5, 1), (12, 1)])
async def test_a_success_after_many_failures_is_told(app: Application, failures: int, told: int) -> None:
    await app.signed_up()
    await fail(app, failures)
    await app.login()
    assert len(await app.rows(NOTICES)) == told
    if told:
        text = text_of(await app.mail.wait_for(ADA, 2))
        assert f"{failures} failed attempts" in text
        assert (await newest_event(app))["kind"] == "session.after_failures"
    await app.login()
    assert len(await app.rows(NOTICES)) == told  # failures count until somebody signs in


async def test_failures_are_those_of_one_account_and_one_day(app: Application) -> None:
    await app.signed_up("bea")
    await app.signed_up()
    await fail(app, 9)
    await app.login("bea")
    app.clock.advance(days=1, minutes=1)  # the trail's ids follow the wall clock, to within the test's length
    await app.login()
    assert await app.rows(NOTICES) == []


async def test_a_new_device_after_failures_is_one_mail_that_says_both(
    app: Application, stranger: Application
) -> None:
    await app.signed_up()
    await fail(app, 6)
    await stranger.login()
    (mail,) = await app.rows(NOTICES)
    assert mail["template"] == "new_device"
    assert "6 failed attempts" in text_of(await app.mail.wait_for(ADA, 2))


async def test_a_changed_password_makes_other_browsers_new_ones(
    app: Application, stranger: Application
) -> None:
    ada, _, _ = await intrusion(app, stranger)
    app.clock.advance(1)
    await change_password(app, ada.access)
    await app.login(password=NEW_PASSWORD)
    assert len(await app.rows(NOTICES)) == 1
    await stranger.login(password=NEW_PASSWORD)
    assert len(await app.rows(NOTICES)) == 2


async def test_a_mail_about_a_login_goes_with_the_login_or_not_at_all(
    app: Application, stranger: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.signed_up()

    async def mishap(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(app.system.services.sign_in._refresh_tokens, "begin", mishap)  # noqa: SLF001
    answer = await stranger.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})
    assert answer.codes == ["SERVICE_UNAVAILABLE"]
    assert await app.rows(NOTICES) == []
    assert len(await app.rows(SESSIONS)) == 1
