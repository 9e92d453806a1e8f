from datetime import datetime, timedelta

import pytest
from conftest import MakeApp
from support.app import Application, SignedIn, together
from support.documents import LOGOUT, ME, SESSIONS, TERMINATE_ALL

from authgql.sessions import activity


async def last_seen(app: Application, one: SignedIn) -> datetime:
    (node,) = (await app.gql(SESSIONS, token=one.access)).only["nodes"]
    return datetime.fromisoformat(node["lastSeenAt"])


async def use(app: Application, one: SignedIn) -> None:
    assert (await app.gql(ME, token=one.access)).only is not None
    await app.run_loop("activity")


async def test_a_use_more_than_a_minute_later_is_seen(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(60)
    await use(app, ada)
    assert await last_seen(app, ada) == app.clock.now()


async def test_a_use_within_the_minute_costs_no_write(app: Application) -> None:
    ada = await app.signed_up()
    logged_in_at = app.clock.now()
    app.clock.advance(59)
    await use(app, ada)
    assert await last_seen(app, ada) == logged_in_at


@pytest.mark.parametrize(("idle", "lag"), [(600, 60), (100, 10), (86_400, 60)])
async def test_the_lag_is_a_minute_or_a_tenth_of_the_idle_timeout(
    make_app: MakeApp, idle: int, lag: int
) -> None:
    app = await make_app(session_idle_timeout=idle)
    ada = await app.signed_up()
    logged_in_at = app.clock.now()
    app.clock.advance(lag - 1)
    await use(app, ada)
    assert await last_seen(app, ada) == logged_in_at
    app.clock.advance(1)
    await use(app, ada)
    assert await last_seen(app, ada) == app.clock.now()


async def test_any_operation_counts_not_only_those_that_ask_for_the_session(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(100)
    await app.gql("{ __typename }", token=ada.access)
    await app.run_loop("activity")
    assert await last_seen(app, ada) == app.clock.now()


async def test_use_extends_the_idle_timeout(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=600, access_token_ttl=6_000)
    ada = await app.signed_up()
    for _ in range(3):
        app.clock.advance(500)
        await use(app, ada)
    assert (await app.gql(ME, token=ada.access)).only is not None


async def test_use_never_extends_the_longest_life(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=600, session_max_age=1_000, access_token_ttl=6_000)
    ada = await app.signed_up()
    ends_at = app.clock.now() + timedelta(seconds=1_000)
    app.clock.advance(500)
    await use(app, ada)
    (node,) = (await app.gql(SESSIONS, token=ada.access)).only["nodes"]
    assert datetime.fromisoformat(node["expiresAt"]) == ends_at


async def test_a_use_noted_before_the_end_does_not_reopen_the_session(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(100)
    await app.gql(LOGOUT, token=ada.access)
    await app.run_loop("activity")
    assert (await app.gql(ME, token=ada.access)).only is None
    (row,) = await app.rows("SELECT logged_in_at, last_seen_at FROM sessions")
    assert row["last_seen_at"] == row["logged_in_at"]


async def test_a_use_noted_before_the_timeout_does_not_revive_the_session(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=600, access_token_ttl=6_000)
    ada = await app.signed_up()
    await app.system.loops.stop()
    app.clock.advance(599)
    await app.gql(ME, token=ada.access)
    app.clock.advance(1)
    assert (await app.gql(ME, token=ada.access)).only is None
    await app.run_loop("activity")
    assert (await app.gql(ME, token=ada.access)).only is None


async def test_what_cannot_be_written_is_written_the_next_time(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await app.signed_up()
    await app.system.loops.stop()
    app.clock.advance(100)
    await app.gql(ME, token=ada.access)

    def fail() -> None:
        raise ConnectionError

    monkeypatch.setattr(activity, "transaction", fail)
    with pytest.raises(ConnectionError):
        await app.run_loop("activity")
    monkeypatch.undo()
    await app.run_loop("activity")
    assert await last_seen(app, ada) == app.clock.now()


async def test_an_older_use_does_not_turn_a_newer_one_back(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(100)
    await app.gql(ME, token=ada.access)
    app.clock.advance(100)
    await app.refresh(ada.refresh)
    await app.run_loop("activity")
    assert await last_seen(app, ada) == app.clock.now()


async def test_what_was_noted_is_written_when_the_server_stops(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(100)
    await app.gql(ME, token=ada.access)
    await app.system.loops.stop()
    await app.system.activity.flush()
    assert await last_seen(app, ada) == app.clock.now()


async def test_writing_down_uses_and_ending_sessions_do_not_wait_for_each_other_for_ever(
    app: Application,
) -> None:
    ada = await app.signed_up()
    for _ in range(5):
        everyone = [await app.login() for _ in range(6)]
        app.clock.advance(100)
        for one in everyone:
            await app.gql("{ __typename }", token=one.access)
        answer, _ = await together(app.gql(TERMINATE_ALL, token=everyone[0].access), app.run_loop("activity"))
        assert answer.codes == []
    assert (await app.gql(ME, token=ada.access)).only is None
