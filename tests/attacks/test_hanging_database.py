"""A database that hangs, is held by others or takes no writes is told of in time, and no longer."""

import asyncio
import shutil
import sqlite3

import pytest
from conftest import MakeApp
from support.app import Answer, Application
from support.databases import PostgresServer, opened
from support.dialects import on_postgres, on_sqlite
from support.documents import LOGIN, ME
from support.outage import wire_to
from tortoise.exceptions import DBConnectionError

from authgql.core import sqlite

CREDENTIALS = {"input": {"username": "ada", "password": "wrong"}}
IMPATIENT = "acquire_timeout=0.5&maxsize=3"


async def crowd(app: Application, token: str, size: int = 12) -> list[Answer]:
    """Many requests at once: reading, and trying passwords."""
    calls = [app.gql(LOGIN, CREDENTIALS) if n % 2 else app.gql(ME, token=token) for n in range(size)]
    async with asyncio.timeout(8):
        return await asyncio.gather(*calls)


@on_postgres
async def test_a_database_that_hangs_is_unavailable_within_a_bounded_time(
    make_app: MakeApp, database_url: str
) -> None:
    async with wire_to(database_url) as wire:
        app = await make_app(database_url=f"{wire.url}?{IMPATIENT}&command_timeout=0.5")
        ada = await app.signed_up()
        before = await app.events()
        wire.hold()
        for answer in await crowd(app, ada.access):
            assert (answer.status, answer.codes) == (503, ["SERVICE_UNAVAILABLE"])
            assert int(answer.headers["retry-after"]) > 0
        async with asyncio.timeout(5):
            assert (await app.client.get("/readyz")).status_code == 503
            assert (await app.client.get("/healthz")).status_code == 200
        wire.let_go()
        for answer in await crowd(app, ada.access):
            assert answer.status == 200
        assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"  # nobody was signed out
        refused = [event for event in await app.events() if event not in before]
        assert refused == ["login.refused"] * 6  # and no attempt was counted that was not judged


@on_postgres
async def test_a_pool_that_is_in_use_is_not_waited_for_without_end(
    make_app: MakeApp, database_url: str
) -> None:
    app = await make_app(database_url=f"{database_url}{'&' if '?' in database_url else '?'}{IMPATIENT}")
    ada = await app.signed_up()
    holders = [asyncio.create_task(app.rows("SELECT pg_sleep(2)")) for _ in range(3)]
    await asyncio.sleep(0.2)
    answers = await crowd(app, ada.access)
    assert {(answer.status, *answer.codes) for answer in answers} == {(503, "SERVICE_UNAVAILABLE")}
    await asyncio.gather(*holders)
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"


async def test_a_database_that_takes_no_writes_is_away(postgres: PostgresServer) -> None:
    url = await asyncio.to_thread(postgres.create, "standby")
    await asyncio.to_thread(
        postgres.run, url, "ALTER DATABASE authgql_test_standby SET default_transaction_read_only = on"
    )
    with pytest.raises(DBConnectionError, match="no writes"):
        async with opened(url):
            pass


@on_sqlite
async def test_a_file_that_another_process_holds_is_not_queued_for_without_end(
    make_app: MakeApp, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "QUEUE_SECONDS", 0.3)
    app = await make_app()
    ada = await app.signed_up()
    await app.rows("PRAGMA busy_timeout = 300")
    other = sqlite3.connect(database_url.removeprefix("sqlite://"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    answers = await crowd(app, ada.access, 40)
    assert {answer.status for answer in answers[1::2]} == {503}
    other.execute("ROLLBACK")
    other.close()
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"


@on_sqlite
async def test_a_file_that_is_gone_or_another_is_not_ready(app: Application, database_url: str) -> None:
    file = database_url.removeprefix("sqlite://")
    assert (await app.client.get("/readyz")).status_code == 200
    away = shutil.move(file, f"{file}.away")
    assert (await app.client.get("/readyz")).status_code == 503
    shutil.copy(away, file)
    assert (await app.client.get("/readyz")).status_code == 503
    shutil.move(away, file)
    assert (await app.client.get("/readyz")).status_code == 200
