"""Behind PgBouncer in transaction mode everything works as before."""

import asyncio
from collections.abc import Iterator

import pytest
from conftest import MakeApp
from support.databases import PostgresServer
from support.documents import ME, TERMINATE_OTHERS
from support.pgbouncer import PgBouncer
from tortoise import connections

from authgql.core.database import current


@pytest.fixture
def pooler(postgres: PostgresServer, postgres_template: str) -> Iterator[PgBouncer]:
    postgres.empty(postgres_template)
    with PgBouncer(postgres_template) as pgbouncer:
        yield pgbouncer


@pytest.fixture
def database_url(pooler: PgBouncer) -> str:
    return pooler.url


async def test_logins_requests_refreshes_and_endings_at_once(make_app: MakeApp) -> None:
    app = await make_app()
    first = await app.signed_up()

    async def live() -> str:
        tokens = await app.login()
        for _ in range(5):
            assert (await app.gql(ME, token=tokens.access)).only["username"] == "ada"
        access: str = (await app.refresh(tokens.refresh))["tokens"]["accessToken"]
        assert (await app.gql(ME, token=access)).only["username"] == "ada"
        return access

    others = await asyncio.gather(*(live() for _ in range(12)))
    assert (await app.gql(TERMINATE_OTHERS, token=first.access)).only["count"] == 12
    for token in others:
        assert (await app.gql(ME, token=token)).only is None
    servers = {await backend() for _ in range(20)}
    assert len(servers) > 1, "the test would prove nothing with one server"


async def backend() -> int:
    (row,) = await current().execute_query_dict("SELECT pg_backend_pid() AS pid")
    pid: int = row["pid"]
    return pid


async def test_who_says_so_keeps_statements_prepared(make_app: MakeApp, postgres_template: str) -> None:
    await make_app(database_url=f"{postgres_template}&statement_cache_size=7")
    assert connections.get("postgres").extra["statement_cache_size"] == 7
