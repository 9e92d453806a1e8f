"""A connection passes from one borrower to the next with nothing of the first one's left on it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import copy_context
from typing import Any

import pytest
from support.databases import PostgresServer, opened
from support.pgbouncer import PgBouncer
from tortoise.exceptions import OperationalError

from authgql.core import lending
from authgql.core.database import Database, current, transaction

ONE: dict[str, Any] = {"maxsize": 1, "acquire_timeout": 30.0}
CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def url(postgres: PostgresServer, postgres_template: str, monkeypatch: pytest.MonkeyPatch) -> str:
    postgres.empty(postgres_template)
    monkeypatch.setattr(lending, "AT_HAND_SECONDS", 60)  # before a connection is: its timer runs on
    return postgres_template


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with opened(url, **ONE) as database:
        yield database


async def ask(query: str) -> Any:
    """Ask for one value."""
    (row,) = await current().execute_query_dict(f"SELECT {query} AS answer")
    return row["answer"]


def pool() -> Any:
    return current()._pool  # noqa: SLF001 -- what is behind the lending


def lent() -> Any:
    return current().lending._at_hand  # noqa: SLF001 -- what the next borrower gets


@pytest.mark.usefixtures("database")
async def test_the_next_borrower_does_not_wait_for_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lending, "AT_HAND_SECONDS", 60)
    first = await ask("pg_backend_pid()")

    async def no_connection(**_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(type(pool()), "acquire", no_connection)
    assert await ask("pg_backend_pid()") == first
    async with transaction():
        assert await ask("pg_backend_pid()") == first
    assert await ask("pg_backend_pid()") == first


async def test_what_is_at_hand_is_in_nobodys_use(database: Database) -> None:
    await ask("1")
    assert pool().get_idle_size() == 0
    assert database.connections_in_use() == 0
    borrowing = asyncio.create_task(ask("pg_sleep(0.2)"))
    async with asyncio.timeout(5):
        while database.connections_in_use() != 1:  # noqa: ASYNC110 -- nor does it
            await asyncio.sleep(0)
    await borrowing


@pytest.mark.usefixtures("database")
async def test_who_waits_gets_the_connection_next() -> None:
    async with asyncio.timeout(10):
        assert await asyncio.gather(*(ask(f"{n}::int") for n in range(50))) == list(range(50))


@pytest.mark.usefixtures("database")
async def test_a_transaction_that_failed_leaves_nothing_open() -> None:
    async def fail() -> None:
        async with transaction():
            await current().execute_query("SELECT set_config('authgql.leak', 'local', true)")
            await ask("no_such_column")

    with pytest.raises(OperationalError):
        await fail()
    assert await ask("current_setting('authgql.leak', true)") in {None, ""}
    assert await ask("pg_current_xact_id_if_assigned()::text") is None


@pytest.mark.usefixtures("database")
async def test_a_connection_on_which_anything_failed_is_reset_before_the_next_borrower() -> None:
    await current().execute_query("SELECT set_config('authgql.leak', 'session', false)")
    with pytest.raises(OperationalError):
        await ask("no_such_column")
    assert await ask("current_setting('authgql.leak', true)") in {None, ""}


@pytest.mark.usefixtures("database")
async def test_a_transaction_that_somebody_left_open_is_rolled_back_before_the_next_borrower() -> None:
    left: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))
    await current().execute_script("BEGIN; CREATE TABLE left_open (id int)")
    assert await ask("to_regclass('left_open')::text") is None
    assert "active transaction" in left[0]["message"]


@pytest.mark.usefixtures("database")
async def test_a_cancelled_statements_answer_goes_to_nobody_else() -> None:
    slow = asyncio.create_task(ask("pg_sleep(5)"))
    await asyncio.sleep(0.05)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await ask("'mine'") == "mine"


async def test_the_pools_reset_comes_in_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lending, "AT_HAND_SECONDS", 0.05)
    async with asyncio.timeout(5), opened(url, **ONE):
        await current().execute_query("SELECT set_config('authgql.leak', 'session', false)")
        await reset()
        assert await ask("current_setting('authgql.leak', true)") in {None, ""}
        await reset()


async def test_the_pools_reset_comes_to_a_connection_that_never_rests(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "AT_HAND_SECONDS", 0.05)
    async with asyncio.timeout(5), opened(url, **ONE):
        await current().execute_query("SELECT set_config('authgql.leak', 'session', false)")
        leaks = [True]

        async def borrow() -> None:
            while leaks[-1]:
                leaks.append(await ask("current_setting('authgql.leak', true)") == "session")

        await asyncio.gather(*(borrow() for _ in range(4)))


@pytest.mark.usefixtures("database")
async def test_who_gives_up_waiting_takes_no_connection_away() -> None:
    elsewhere = copy_context()
    async with transaction():
        for _ in range(3):
            waiting = asyncio.create_task(ask("1"), context=elsewhere)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(waiting, 0.01)
    assert await ask("2") == 2


async def reset() -> None:
    while not pool().get_idle_size():  # noqa: ASYNC110 -- the pool tells nobody
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("database")
async def test_a_connection_that_was_cut_is_not_passed_on(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer, url: str
) -> None:
    monkeypatch.setattr(lending, "AT_HAND_SECONDS", 60)
    await ask("1")
    cutting = threading.Thread(target=postgres.run, args=(url, CUT))
    await asyncio.to_thread(cutting.run)
    async with asyncio.timeout(5):
        while lending._is_idle(lent()[0]):  # noqa: ASYNC110, SLF001 -- it tells nobody
            await asyncio.sleep(0.01)
    assert await ask("2") == 2


async def test_a_database_closes_at_once_with_connections_at_hand(url: str) -> None:
    async with asyncio.timeout(10):
        async with opened(url, **ONE):
            await asyncio.gather(*(ask("1") for _ in range(5)))
        async with opened(url, **ONE):
            assert await ask("1") == 1


@pytest.fixture
def pooler(postgres: PostgresServer, postgres_template: str) -> Iterator[PgBouncer]:
    postgres.empty(postgres_template)
    with PgBouncer(postgres_template) as pgbouncer:
        yield pgbouncer


async def test_behind_a_pooler_everybody_gets_their_own_answers(pooler: PgBouncer) -> None:
    async def borrow(number: int) -> bool:
        if number % 7 == 0:
            with pytest.raises(OperationalError):
                await ask("no_such_column")
        async with transaction():
            await current().execute_query(f"SELECT set_config('authgql.mine', '{number}', true)")
            await asyncio.sleep(0)
            return bool(await ask("current_setting('authgql.mine')") == str(number))

    async with opened(pooler.url):
        assert all(await asyncio.gather(*(borrow(number) for number in range(100))))
        assert await ask("current_setting('authgql.mine', true)") in {None, ""}
