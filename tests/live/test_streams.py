"""A subscription answered with server-sent events is the same subscription."""

import asyncio
import json
from uuid import UUID

import pytest
from conftest import MakeApp
from support.app import Application
from support.dialects import no_database
from support.documents import LOGOUT, ME
from support.sockets import EVENTS, socket
from support.streams import stream

from authgql.accounts.models import Account
from authgql.audit.events import Event
from authgql.sessions.changes import QUEUED
from authgql.web import streams

pytestmark = no_database


async def test_events_come_as_they_happen_and_the_sessions_own_end_is_the_last(app: Application) -> None:
    here = await app.signed_up()
    async with stream(app, here.access) as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        assert "content-length" not in answer.headers
        assert await answer.chunk() == ":\n\n"
        await app.login()
        assert (await answer.next())["kind"] == "STARTED"
        await app.gql(LOGOUT, token=here.access)
        last = await answer.next()
        assert (last["kind"], last["session"]["id"]) == ("ENDED", here.session_id)
        assert await answer.event() == ("complete", None)
        assert (await answer.chunk(), answer.is_over) == ("", True)


async def test_whoever_hangs_up_is_forgotten(app: Application) -> None:
    here = await app.signed_up()
    async with stream(app, here.access):
        pass
    assert app.system.services.live._watches == {}  # noqa: SLF001 -- what would be left behind


async def test_nobody_gets_one_result_that_says_so(app: Application) -> None:
    async with stream(app) as answer:
        assert answer.status == 200
        text = await answer.chunk()
    (event, data), end = text.split("\n\n")[0].split("\n"), text.split("\n\n")[1]
    assert (event, end) == ("event: next", "event: complete\ndata: ")
    told = json.loads(data.removeprefix("data: "))
    assert [error["extensions"]["code"] for error in told["errors"]] == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription ($since: DateTime!) { sessionEvents(since: $since) { id } }", "BAD_USER_INPUT"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_what_cannot_run_is_answered_with_400(app: Application, query: str, code: str) -> None:
    here = await app.signed_up()
    async with stream(app, here.access, query=query) as answer:
        body = json.loads(await answer.chunk())
    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/graphql-response+json")
    assert body["errors"][0]["extensions"]["code"] == code


async def test_the_earliest_moment_there_is_is_no_mistake_of_a_stream_either(app: Application) -> None:
    here = await app.signed_up()
    query = 'subscription { sessionEvents(since: "0001-01-01T00:00:00+23:59") { session { id } } }'
    async with stream(app, here.access, query=query) as answer:
        assert (await answer.next())["session"]["id"] == here.session_id


async def test_a_query_is_no_stream_whatever_is_accepted(app: Application) -> None:
    here = await app.signed_up()
    urql = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    for accept in (urql, "text/event-stream"):
        answer = await app.gql(ME, token=here.access, headers={"accept": accept})
        assert answer.only["username"] == "ada"
        assert answer.headers["content-type"].startswith("application/graphql-response+json")


async def test_a_subscription_without_the_stream_is_told_how(app: Application) -> None:
    here = await app.signed_up()
    for accept in ("application/json", "text/event-stream;q=0, */*"):
        answer = await app.gql(EVENTS, token=here.access, headers={"accept": accept})
        assert answer.codes == ["BAD_USER_INPUT"]
        assert "text/event-stream" in answer.body["errors"][0]["message"]


async def test_streams_and_sockets_share_their_places(make_app: MakeApp) -> None:
    app = await make_app(max_live_per_account=1)
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        async with stream(app, here.access) as answer:
            body = json.loads(await answer.chunk())
    assert (answer.status, answer.headers["retry-after"]) == (429, "5")
    assert body["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    async with stream(app, here.access) as answer:
        assert answer.status == 200


async def test_a_quiet_stream_shows_signs_of_life(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.02)
    here = await app.signed_up()
    async with stream(app, here.access) as answer:
        assert [await answer.chunk() for _ in range(3)] == [":\n\n"] * 3
        await app.login()
        assert (await answer.next())["kind"] == "STARTED"


async def test_when_the_server_stops_a_stream_breaks_off_for_its_client_to_come_again(
    app: Application,
) -> None:
    here = await app.signed_up()
    async with stream(app, here.access) as answer:
        assert await answer.chunk() == ":\n\n"
        app.asgi.state.streams.stop()
        assert (await answer.chunk(), answer.is_over) == ("", True)


async def test_a_reader_that_does_not_keep_up_is_broken_off(app: Application) -> None:
    here = await app.signed_up()
    (account,) = await Account.filter(id=here.user_id)
    async with stream(app, here.access) as answer:
        assert await answer.chunk() == ":\n\n"
        answer.may_write.clear()
        for _ in range(QUEUED + 3):
            await app.system.services.audit.record(
                Event.SESSION_REFRESHED, subject=account.pseudonym, session_id=UUID(here.session_id)
            )
        await asyncio.sleep(0.1)
        answer.may_write.set()
        while not answer.is_over:
            assert "complete" not in await answer.chunk()


async def test_a_session_that_ends_while_its_stream_begins_is_nobodys(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    live = app.system.services.live
    watch = live.watch

    async def ended_just_before(*given: object) -> object:
        await app.gql(LOGOUT, token=here.access)
        return await watch(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(live, "watch", ended_just_before)
    async with stream(app, here.access) as answer:
        assert "UNAUTHENTICATED" in await answer.chunk()


async def test_a_mistake_of_ours_is_a_masked_500(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    here = await app.signed_up()
    monkeypatch.setattr(app.system.services.live, "watch", fail)
    async with stream(app, here.access) as answer:
        body = json.loads(await answer.chunk())
    assert answer.status == 500
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
