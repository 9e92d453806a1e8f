from datetime import timedelta
from typing import Any

import pytest
from conftest import MakeApp
from support.app import Application, together
from support.documents import ME, SESSIONS, TERMINATE

TIMEOUTS = [
    ({"session_idle_timeout": 600, "session_max_age": 86_400}, "IDLE"),
    ({"session_idle_timeout": 86_400, "session_max_age": 600}, "EXPIRED"),
]


async def ended(app: Application, token: str) -> Any:
    (node,) = (await app.gql(SESSIONS, {"status": "ENDED"}, token=token)).only["nodes"]
    return node


@pytest.mark.parametrize(("settings", "reason"), TIMEOUTS)
async def test_a_session_ends_when_its_timeout_falls_before_and_after_the_janitor_saw_it(
    make_app: MakeApp, settings: dict[str, int], reason: str
) -> None:
    app = await make_app(access_token_ttl=6_000, **settings)
    old = await app.signed_up()
    ends_at = app.clock.now() + timedelta(seconds=600)
    app.clock.advance(599)
    assert (await app.gql(ME, token=old.access)).only is not None
    app.clock.advance(1)
    assert (await app.gql(ME, token=old.access)).only is None
    assert (await app.refresh(old.refresh))["__typename"] == "InvalidToken"
    app.clock.advance(1000)
    ada = await app.login()
    before = await ended(app, ada.access)
    assert (before["endReason"], before["loggedOutAt"]) == (reason, ends_at.isoformat())
    assert (await app.rows("SELECT logged_out_at FROM sessions ORDER BY id"))[0]["logged_out_at"] is None
    await app.run_loop("timeouts")
    assert await ended(app, ada.access) == before
    (row, _) = await app.rows("SELECT end_reason, logged_out_at FROM sessions ORDER BY id")
    assert row["end_reason"] == reason
    assert row["logged_out_at"] is not None


async def test_the_janitor_records_each_timeout_once_with_its_event(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=60)
    ada = await app.signed_up()
    await app.login()
    app.clock.advance(60)
    for _ in range(2):
        await app.run_loop("timeouts")
    events = await app.rows("SELECT session_id, detail FROM security_events WHERE kind='session.ended'")
    assert len(events) == 2
    assert {str(event["session_id"]) for event in events} >= {ada.session_id}
    assert {event["detail"] for event in events} == {"The session ended: not used for too long."}


async def test_two_janitors_at_once_record_each_timeout_once(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=60)
    await app.signed_up()
    await app.login()
    app.clock.advance(60)
    await together(*(app.run_loop("timeouts") for _ in range(4)))
    assert (await app.events()).count("session.ended") == 2


async def test_the_janitor_goes_on_until_no_timeout_is_unrecorded(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authgql.sessions.service.EXPIRY_BATCH", 2)
    app = await make_app(session_idle_timeout=60)
    await app.signed_up()
    for _ in range(4):
        await app.login()
    app.clock.advance(60)
    await app.run_loop("timeouts")
    assert {row["end_reason"] for row in await app.rows("SELECT end_reason FROM sessions")} == {"IDLE"}


async def test_the_janitor_leaves_living_and_ended_sessions_alone(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)
    await app.run_loop("timeouts")
    reasons = [row["end_reason"] for row in await app.rows("SELECT end_reason FROM sessions ORDER BY id")]
    assert reasons == [None, "TERMINATED"]


async def test_ending_a_session_whose_timeout_fell_keeps_the_timeout_as_its_end(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=60)
    idle = await app.signed_up()
    ends_at = app.clock.now() + timedelta(seconds=60)
    app.clock.advance(100)
    ada = await app.login()
    session = (await app.gql(TERMINATE, {"id": idle.session_id}, token=ada.access)).only["session"]
    assert (session["endReason"], session["loggedOutAt"]) == ("IDLE", ends_at.isoformat())
    assert "session.ended" not in await app.events()
