"""A thief copies a refresh token: whoever of the two comes second, both are signed out and it is told."""

from support.app import Application
from support.documents import ME, SESSIONS
from support.mail import text_of

LOG = "{ securityLog { nodes { kind sessionId detail } } }"


async def test_a_thief_who_comes_after_the_owner_gets_nothing_and_ends_the_session(app: Application) -> None:
    ada = await app.signed_up()
    stolen = ada.refresh
    owners = (await app.refresh(ada.refresh))["tokens"]
    app.clock.advance(60)
    assert (await app.refresh(stolen))["__typename"] == "InvalidToken"
    assert (await app.gql(ME, token=owners["accessToken"])).only is None
    assert (await app.refresh(owners["refreshToken"]))["__typename"] == "InvalidToken"


async def test_a_thief_who_came_first_is_thrown_out_when_the_owner_returns(app: Application) -> None:
    ada = await app.signed_up()
    thiefs = (await app.refresh(ada.refresh))["tokens"]
    app.clock.advance(30)
    thiefs = (await app.refresh(thiefs["refreshToken"]))["tokens"]
    app.clock.advance(30)
    assert (await app.gql(ME, token=thiefs["accessToken"])).only is not None
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
    assert (await app.gql(ME, token=thiefs["accessToken"])).only is None
    assert (await app.refresh(thiefs["refreshToken"]))["__typename"] == "InvalidToken"


async def test_a_thief_within_the_grace_starts_no_second_chain(app: Application) -> None:
    ada = await app.signed_up()
    owners = (await app.refresh(ada.refresh))["tokens"]["refreshToken"]
    thiefs = (await app.refresh(ada.refresh))["tokens"]["refreshToken"]
    assert thiefs == owners
    await app.refresh(thiefs)
    app.clock.advance(60)
    assert (await app.refresh(owners))["__typename"] == "InvalidToken"
    (row,) = await app.rows("SELECT end_reason FROM sessions")
    assert row["end_reason"] == "TOKEN_REUSED"


async def test_the_owner_hears_of_it_by_mail_and_finds_it_in_the_log(app: Application) -> None:
    ada = await app.signed_up()
    await app.refresh(ada.refresh)
    app.clock.advance(60)
    await app.refresh(ada.refresh)
    mail = text_of(await app.mail.wait_for("ada@example.com", 2))
    assert "ada" in mail
    assert "Firefox on Linux" in mail
    assert ada.refresh not in mail
    back = await app.login()
    (ended,) = (await app.gql(SESSIONS, {"status": "ENDED"}, token=back.access)).only["nodes"]
    assert (ended["id"], ended["endReason"]) == (ada.session_id, "TOKEN_REUSED")
    events = (await app.gql(LOG, token=back.access)).only["nodes"]
    assert {event["kind"] for event in events if event["sessionId"] == ada.session_id} >= {
        "token.reused",
        "session.ended",
    }
