"""Without its database a live connection waits, and whoever opens one is told to come again."""

import pytest
from conftest import MakeApp
from support.dialects import on_postgres
from support.outage import wire_to
from support.sockets import SINCE, socket
from support.streams import stream


@on_postgres
async def test_without_its_database_a_socket_says_to_come_again(make_app: MakeApp, database_url: str) -> None:
    async with wire_to(database_url) as wire:
        app = await make_app(database_url=wire.url)
        here = await app.signed_up()
        async with socket(app) as open_already:
            await open_already.begin(here.access)
            await open_already.subscribe()
            await wire.cut()
            async with socket(app) as client:
                await client.say("connection_init", payload={"authorization": f"Bearer {here.access}"})
                closed = await client.closed()
            assert (closed.code, closed.reason) == (1013, "SERVICE_UNAVAILABLE")
            await wire.mend()
            await app.login()
            assert (await open_already.next())["kind"] == "STARTED"


@on_postgres
@pytest.mark.parametrize("moment", ["watching", "looking back"])
async def test_without_its_database_a_stream_is_503(
    make_app: MakeApp, database_url: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    async with wire_to(database_url) as wire:
        app = await make_app(database_url=wire.url)
        here = await app.signed_up()
        live = app.system.services.live
        name = "watch" if moment == "watching" else "past"
        original = getattr(live, name)

        async def cut_off(*given: object) -> object:
            await wire.cut()
            return await original(*given)

        monkeypatch.setattr(live, name, cut_off)
        past = SINCE.replace("$since: DateTime", '$since: DateTime = "2026-01-01T00:00:00Z"')
        async with stream(app, here.access, query=past) as answer:
            assert (answer.status, "SERVICE_UNAVAILABLE" in await answer.chunk()) == (503, True)
        assert live._watches == {}  # noqa: SLF001 -- what would be left behind
        async with socket(app) as client:
            await client.say("connection_init", payload={"authorization": f"Bearer {here.access}"})
            assert (await client.closed()).code == 1013
        await wire.mend()


@on_postgres
async def test_a_subscription_whose_database_goes_away_is_told_to_come_again(
    make_app: MakeApp, database_url: str
) -> None:
    async with wire_to(database_url) as wire:
        app = await make_app(database_url=wire.url)
        here = await app.signed_up()
        async with socket(app) as one, socket(app) as two:
            await one.begin(here.access)
            await two.begin(here.access)
            await wire.cut()
            await one.subscribe()
            assert (await one.closed()).code == 1013
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("authgql.gate.context.Context.look_again", _do_nothing)
                await two.subscribe(SINCE, since=app.clock.now().isoformat())
                assert (await two.closed()).code == 1013
        await wire.mend()


async def _do_nothing(_: object) -> None:
    """Look at nothing."""
