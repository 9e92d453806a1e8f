"""What happens to a session is told to whoever watches from one of the account's own, and to nobody else."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support.accounts import DELETE_ACCOUNT
from support.app import PASSWORD, Application
from support.documents import LOGOUT, ME, TERMINATE, TERMINATE_ALL
from support.sockets import SINCE, Client, Closed, socket

from authgql.accounts.models import Account
from authgql.audit.events import Event
from authgql.core.bus import Bus
from authgql.core.database import transaction
from authgql.core.secrets import new_id
from authgql.sessions.changes import QUEUED

MISSING = UUID(int=0)


async def _ending(client: Client) -> tuple[dict[str, Any], Closed]:
    """Return the last event and the close that follows it."""
    return await client.next(), await client.closed()


def _deafen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lose every message, as a bus does that is away."""
    monkeypatch.setattr(Bus, "publish", lambda *_: None)


async def _refresh_and_fail(app: Application, account: Account, session_id: UUID) -> None:
    async with transaction():
        await app.system.services.audit.record(
            Event.SESSION_REFRESHED, subject=account.pseudonym, session_id=session_id
        )
        raise ZeroDivisionError


async def test_a_login_a_refresh_and_an_end_are_told_in_their_order(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        there = await app.login()
        started = await client.next()
        await app.refresh(there.refresh)
        refreshed = await client.next()
        await app.gql(TERMINATE, {"id": there.session_id}, token=here.access)
        ended = await client.next()
    assert [event["kind"] for event in (started, refreshed, ended)] == ["STARTED", "REFRESHED", "ENDED"]
    assert {event["session"]["id"] for event in (started, refreshed, ended)} == {there.session_id}
    assert (started["session"]["status"], started["session"]["current"]) == ("ACTIVE", False)
    assert ended["session"]["endReason"] == "TERMINATED"
    logged = await app.rows(
        "SELECT id FROM security_events WHERE session_id = $1 ORDER BY id", there.session_id
    )
    assert [str(row["id"]) for row in logged] == [event["id"] for event in (started, refreshed, ended)]


async def test_nobody_hears_of_another_accounts_sessions(app: Application) -> None:
    ada, _ = await app.signed_up(), await app.signed_up("eve")
    async with socket(app) as client:
        await client.begin(ada.access)
        await client.subscribe()
        await app.login("eve")
        await app.login("ada")
        heard = await client.next()
        assert await client.is_silent()
    (row,) = await app.rows(
        "SELECT username FROM accounts JOIN sessions ON account_id = accounts.id WHERE sessions.id = $1",
        heard["session"]["id"],
    )
    assert row["username"] == "ada"


async def test_nothing_is_told_before_it_is_committed(app: Application) -> None:
    here = await app.signed_up()
    (account,) = await Account.filter(id=here.user_id)
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        async with transaction():
            await app.system.services.audit.record(
                Event.SESSION_REFRESHED, subject=account.pseudonym, session_id=UUID(here.session_id)
            )
            assert await client.is_silent()
        assert (await client.next())["kind"] == "REFRESHED"


async def test_what_rolled_back_is_never_told(app: Application) -> None:
    here = await app.signed_up()
    (account,) = await Account.filter(id=here.user_id)
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        with pytest.raises(ZeroDivisionError):
            await _refresh_and_fail(app, account, UUID(here.session_id))
        await app.run_loop("watch")
        assert await client.is_silent()


@pytest.mark.parametrize("document", [LOGOUT, TERMINATE_ALL])
async def test_an_ended_sessions_own_end_comes_last_and_then_the_socket_is_closed(
    app: Application, document: str
) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        await client.subscribe(operation="2")
        await app.gql(document, token=here.access)
        first, second = await client.next(), await client.next()
        assert (await client.closed()).code == 4401
    assert first == second
    assert (first["kind"], first["session"]["current"]) == ("ENDED", True)
    assert first["session"]["status"] == "ENDED"


async def test_ones_own_end_comes_after_the_others_of_the_same_moment_and_before_whatever_follows(
    app: Application,
) -> None:
    here = await app.signed_up()
    others = [await app.login(), await app.login()]
    (account,) = await Account.filter(id=here.user_id)
    session = await app.system.services.sessions.find_living(UUID(here.session_id), account.id)
    assert session
    watch = await app.system.services.live.watch(account, session)
    reader = await watch.changes(lambda change: (change.change.name, str(change.session.id)), since=None)
    ended = asyncio.Event()
    watch.on_end = ended.set
    await app.gql(TERMINATE_ALL, token=here.access)
    await ended.wait()
    await app.login()
    await app.run_loop("live")
    told = [change async for change in reader]
    watch.close()
    assert sorted(told[:-1]) == sorted(("ENDED", other.session_id) for other in others)
    assert told[-1] == ("ENDED", here.session_id)


async def test_what_is_read_of_the_past_ends_with_ones_own_end(app: Application) -> None:
    before = app.clock.now()
    here, there = await app.signed_up(), await app.login()
    (account,) = await Account.filter(id=here.user_id)
    session = await app.system.services.sessions.find_living(UUID(here.session_id), account.id)
    assert session
    watch = await app.system.services.live.watch(account, session)
    ended = asyncio.Event()
    watch.on_end = ended.set
    await app.gql(LOGOUT, token=here.access)
    await ended.wait()
    await app.gql(LOGOUT, token=there.access)
    reader = await watch.changes(lambda change: str(change.session.id), since=before)
    assert [change async for change in reader] == [there.session_id, here.session_id]
    watch.close()


async def test_a_socket_without_a_subscription_is_closed_all_the_same(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await app.gql(LOGOUT, token=here.access)
        assert (await client.closed()).code == 4401


async def test_a_deleted_accounts_socket_hears_so_and_is_closed(app: Application) -> None:
    here = await app.signed_up()
    other = await app.login()
    async with socket(app) as client:
        await client.begin(other.access)
        await client.subscribe()
        await app.gql(DELETE_ACCOUNT, {"input": {"password": PASSWORD}}, token=here.access)
        event, closed = await _ending(client)
    assert (event["kind"], event["session"]["endReason"]) == ("ENDED", "ACCOUNT_DELETED")
    assert event["session"]["id"] == other.session_id
    assert closed.code == 4401


async def test_a_tokens_expiry_closes_no_socket_but_its_sessions_end_refuses_the_next_operation(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        app.clock.advance(hours=1)
        assert (await app.gql(ME, token=here.access)).only is None
        await client.subscribe()
        await app.login()
        assert (await client.next())["kind"] == "STARTED"
        _deafen(monkeypatch)
        await app.rows("UPDATE sessions SET logged_out_at = logged_in_at, end_reason = 'LOGGED_OUT'")
        await client.subscribe(operation="2")
        assert (await client.closed()).code == 4401


async def test_an_operation_is_a_use_of_the_session(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        app.clock.advance(hours=1)
        await client.subscribe()
        await client.subscribe(operation="2")
        await app.run_loop("activity")
    (row,) = await app.rows("SELECT logged_in_at, last_seen_at FROM sessions")
    assert str(row["last_seen_at"]) > str(row["logged_in_at"])


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE sessions SET logged_out_at = logged_in_at, end_reason = 'TERMINATED'", "TERMINATED"),
        ("UPDATE accounts SET locked_at = created_at", "ACCOUNT_LOCKED"),
        ("DELETE FROM sessions", "ACCOUNT_DELETED"),
    ],
)
async def test_an_end_that_nobody_told_of_is_found_by_looking(
    app: Application, statement: str, reason: str
) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        await app.rows(statement)
        await app.run_loop("watch")
        event, closed = await _ending(client)
    assert (event["kind"], event["session"]["endReason"], closed.code) == ("ENDED", reason, 4401)


async def test_a_timeout_closes_the_socket_though_nobody_recorded_it(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        app.clock.advance(days=8)
        await app.run_loop("watch")
        event, closed = await _ending(client)
    assert (event["session"]["endReason"], closed.code) == ("IDLE", 4401)


async def test_all_sockets_are_checked_with_two_statements(app: Application) -> None:
    sessions = [await app.signed_up(name) for name in ("ada", "bob", "eve")]
    async with socket(app) as one, socket(app) as two, socket(app) as three:
        for client, session in zip((one, two, three), sessions, strict=True):
            await client.begin(session.access)
            await client.subscribe()
        with app.counting() as statements:
            await app.system.services.live.check()
    assert len(statements) == 2


async def test_an_event_whose_message_was_lost_is_found_in_the_trail_and_told_once(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        with monkeypatch.context() as deaf:
            _deafen(deaf)
            there = await app.login()
            assert await client.is_silent()
        await app.run_loop("watch")
        assert (await client.next())["session"]["id"] == there.session_id
        await app.run_loop("watch")
        assert await client.is_silent()


async def test_a_second_watcher_does_not_swallow_what_the_first_has_not_heard(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    async with socket(app) as first, socket(app) as second:
        await first.begin(here.access)
        await first.subscribe()
        with monkeypatch.context() as deaf:
            _deafen(deaf)
            await app.login()
        await second.begin(here.access)
        assert (await first.next())["kind"] == "STARTED"


async def test_a_session_that_ends_while_its_socket_is_let_in_is_let_out_again(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    live = app.system.services.live
    watch = live.watch

    async def ended_just_before(*given: object) -> object:
        await app.gql(LOGOUT, token=here.access)
        return await watch(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(live, "watch", ended_just_before)
    async with socket(app) as client:
        await client.begin(here.access)
        assert (await client.closed()).code == 4401


async def test_a_forged_message_ends_nothing_and_shows_nobody_elses_session(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    (account,) = await Account.filter(id=ada.user_id)
    async with socket(app) as client:
        await client.begin(ada.access)
        await client.subscribe()
        for session_id in (ada.session_id, eve.session_id, str(MISSING)):
            for kind in ("session.ended", "session.started" if session_id != ada.session_id else "x"):
                told = {"id": new_id(), "kind": kind, "at": app.clock.now(), "session_id": session_id}
                app.system.bus.publish(_message(**told, subject=account.pseudonym))
        for nonsense in (b"", b"[]", b"{}", b'{"id": 1}', b"\xff"):
            app.system.bus.publish(nonsense)
        assert await client.is_silent()
        assert (await app.gql(ME, token=ada.access)).only is not None


def _message(**members: object) -> bytes:
    inner = ", ".join(f'"{name}": "{value}"' for name, value in members.items())
    return f"{{{inner}}}".encode()


async def test_a_message_that_comes_minutes_late_is_not_told_twice(app: Application) -> None:
    here = await app.signed_up()
    (account,) = await Account.filter(id=here.user_id)
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        old = UUID(int=new_id().int - (120_000 << 80))
        told = {"id": old, "kind": "session.refreshed", "at": app.clock.now(), "session_id": here.session_id}
        app.system.bus.publish(_message(**told, subject=account.pseudonym))
        assert await client.is_silent()


async def test_a_reader_that_does_not_keep_up_is_dropped_with_a_code(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        client.may_write.clear()
        (account,) = await Account.filter(id=here.user_id)
        for _ in range(QUEUED + 3):
            await app.system.services.audit.record(
                Event.SESSION_REFRESHED, subject=account.pseudonym, session_id=UUID(here.session_id)
            )
        await asyncio.sleep(0.1)
        client.may_write.set()
        await client.next()
        closed = await client.closed()
    assert (closed.code, closed.reason) == (1013, "Too slow")


async def test_since_a_moment_each_sessions_latest_event_comes_first(app: Application) -> None:
    before = app.clock.now()
    here = await app.signed_up()
    gone, left = await app.login(), await app.login()
    await app.gql(TERMINATE, {"id": gone.session_id}, token=here.access)
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe(SINCE, since=before.isoformat())
        told = [await client.next() for _ in range(3)]
        await app.refresh(left.refresh)
        told.append(await client.next())
        assert await client.is_silent()
    assert [(event["kind"], event["session"]["id"]) for event in told] == [
        ("STARTED", here.session_id),
        ("STARTED", left.session_id),
        ("ENDED", gone.session_id),
        ("REFRESHED", left.session_id),
    ]


async def test_without_since_nothing_of_the_past_is_told(app: Application) -> None:
    here = await app.signed_up()
    await app.login()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        await app.run_loop("watch")
        assert await client.is_silent()


@pytest.mark.parametrize("ahead", [timedelta(minutes=2), timedelta(days=4_000)])
async def test_a_moment_to_come_is_refused(app: Application, ahead: timedelta) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe(SINCE, since=(app.clock.now() + ahead).isoformat())
        message = await client.hear()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "clock" in message["payload"][0]["message"]


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "1969-12-31T23:59:59Z"]
)
async def test_the_earliest_moment_there_is_is_no_mistake(app: Application, since: str) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe(SINCE, since=since)
        assert (await client.next())["session"]["id"] == here.session_id


async def test_a_reader_that_begins_at_the_end_ends_at_once(app: Application) -> None:
    here = await app.signed_up()
    (account,) = await Account.filter(id=here.user_id)
    live = app.system.services.live
    session = await app.system.services.sessions.find_living(UUID(here.session_id), account.id)
    assert session
    watch = await live.watch(account, session)
    ended = asyncio.Event()
    watch.on_end = ended.set
    await app.gql(LOGOUT, token=here.access)
    await ended.wait()
    reader = await watch.changes(str, since=None)
    assert [change async for change in reader] == []
    watch.close()
    watch.close()


async def test_watching_leaves_nothing_behind(app: Application) -> None:
    here = await app.signed_up()
    for _ in range(3):
        async with socket(app) as client:
            await client.begin(here.access)
            await client.subscribe()
    live = app.system.services.live
    assert (live._watches, live._feed._seen, live._feed._settled) == ({}, {}, set())  # noqa: SLF001 -- the point


async def test_what_could_not_be_told_for_want_of_a_database_is_told_when_it_is_back(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    live = app.system.services.live

    async def away(_: object) -> None:
        raise OSError

    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        with monkeypatch.context() as patch:
            patch.setattr(live, "_rows", away)
            await app.login()
            assert await client.is_silent(0.1)
        assert (await client.next())["kind"] == "STARTED"
