import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.databases import PostgresServer, opened
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError

from authgql.core.database import (
    JOURNAL_BYTES,
    MIGRATION_SECONDS,
    POOL_SIZE,
    Database,
    after_commit,
    current,
    database_config,
    dialect,
    exclusive,
    in_a_transaction,
    is_unavailable,
    transaction,
)
from authgql.core.statements import Statement
from authgql.system import MODELS

ADD = "INSERT INTO signing_keys VALUES ('{}', 'ES256', '', '', '2026-01-01', '2026-01-01', NULL)"
COUNT = "SELECT count(*) AS n FROM signing_keys"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


class Failure(Exception):  # noqa: N818 -- what it is
    """What a test breaks off with."""


async def add(kid: str) -> None:
    await current().execute_query(ADD.format(kid))


async def added(*kids: str) -> None:
    """Add several in one transaction."""
    async with transaction():
        for kid in kids:
            await add(kid)


@asynccontextmanager
async def failing() -> AsyncIterator[None]:
    """Open a transaction that fails in the end."""
    with suppress(Failure):
        async with transaction():
            yield
            raise Failure


async def count() -> int:
    (row,) = await current().execute_query_dict(COUNT)
    number: int = row["n"]
    return number


@pytest.mark.usefixtures("database")
async def test_a_transaction_happens_whole_or_not_at_all() -> None:
    await added("a", "b")
    with pytest.raises(IntegrityError):
        await added("c", "a")
    assert await count() == 2


@pytest.mark.usefixtures("database")
async def test_an_inner_transaction_joins_the_one_that_is_open() -> None:
    async with failing():
        await added("a")
        assert in_a_transaction()
    assert not in_a_transaction()
    assert await count() == 0


@pytest.mark.usefixtures("database")
async def test_a_callback_waits_for_the_commit() -> None:
    called: list[str] = []
    async with transaction():
        after_commit(lambda: called.append("outer"))
        async with transaction():
            after_commit(lambda: called.append("inner"))
        assert called == []
    assert called == ["outer", "inner"]


@pytest.mark.usefixtures("database")
async def test_a_callback_is_dropped_with_what_is_rolled_back() -> None:
    called: list[str] = []
    async with failing():
        after_commit(lambda: called.append("no"))
    assert called == []


async def test_outside_a_transaction_a_callback_is_called_at_once() -> None:
    called: list[str] = []
    after_commit(lambda: called.append("now"))
    assert called == ["now"]


@pytest.mark.usefixtures("database")
async def test_a_script_belongs_to_the_transaction_that_it_runs_in() -> None:
    script = ADD.format("a;b") + "; " + ADD.format("c") + ";\n"
    async with failing():
        await current().execute_script(script)
        assert await count() == 2
    assert await count() == 0


@pytest.mark.usefixtures("database")
async def test_of_two_with_the_same_name_one_waits() -> None:
    inside = 0

    async def alone() -> None:
        nonlocal inside
        async with exclusive("test"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(alone() for _ in range(5)))


async def entered_and_cancelled(turns: int) -> None:
    """Begin a transaction and cancel it after so many turns of the event loop."""

    async def work() -> None:
        async with transaction():
            await asyncio.sleep(0)

    task = asyncio.create_task(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.usefixtures("database")
async def test_a_cancelled_beginning_leaves_no_transaction_and_no_lock_behind() -> None:
    for turns in range(POOL_SIZE + 5):
        await entered_and_cancelled(turns)
        async with asyncio.timeout(5), transaction():
            await add(f"k{turns}")
        assert not in_a_transaction()
    assert await count() == POOL_SIZE + 5


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    file = tmp_path / "own.db"
    file.write_bytes(sqlite_template.read_bytes())
    return file


async def test_a_writer_waits_for_another_process_instead_of_failing(sqlite_file: Path) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None, check_same_thread=False)
    async with opened(f"sqlite://{sqlite_file}"):
        other.execute("BEGIN IMMEDIATE")
        other.execute(ADD.format("theirs"))
        asyncio.get_running_loop().call_later(0.1, other.execute, "COMMIT")
        async with transaction():  # a deferred BEGIN would read now and fail to write later
            assert await count() == 1
            await add("ours")
        assert await count() == 2
    other.close()


async def test_what_is_committed_to_a_file_is_on_the_disk_and_the_log_is_written_over(
    sqlite_file: Path,
) -> None:
    async with opened(f"sqlite://{sqlite_file}"):
        found = {
            pragma: (await Statement(f"PRAGMA {pragma}").rows())[0][0]
            for pragma in ("journal_mode", "synchronous", "journal_size_limit")
        }
    full = 2
    assert found == {"journal_mode": "wal", "synchronous": full, "journal_size_limit": JOURNAL_BYTES}


async def test_a_beginning_that_fails_is_unavailability_and_leaves_the_connection_usable(
    sqlite_file: Path,
) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    async with opened(f"sqlite://{sqlite_file}", busy_timeout=20):
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            with pytest.raises(OperationalError) as caught:
                await added()
            assert is_unavailable(caught.value)
        other.execute("COMMIT")
        async with asyncio.timeout(5), transaction():
            await add("a")
        assert await count() == 1
    other.close()


async def test_a_beginning_cancelled_while_it_waits_for_the_lock_does_not_begin_later(
    sqlite_file: Path,
) -> None:
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    async with opened(f"sqlite://{sqlite_file}"):
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(entered_and_cancelled(5))
        await asyncio.sleep(0.05)
        other.execute("COMMIT")
        await waiting
        await add("a")  # outside any transaction: must not fall into the one that was given up
        async with asyncio.timeout(5), transaction():
            await add("b")
    assert other.execute("SELECT count(*) FROM signing_keys").fetchone() == (2,)
    other.close()


@pytest.fixture
def terminate(postgres: PostgresServer, postgres_template: str) -> Callable[[], None]:
    """Cut every connection to the database before the event loop can notice."""
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname=current_database() AND pid<>pg_backend_pid()"
    )

    def work() -> None:
        thread = threading.Thread(target=postgres.run, args=(postgres_template, cut))
        thread.start()
        thread.join()

    return work


async def test_connections_lost_at_the_beginning_are_given_back_to_the_pool(
    postgres_template: str, postgres: PostgresServer, terminate: Callable[[], None]
) -> None:
    await asyncio.to_thread(postgres.empty, postgres_template)
    async with opened(postgres_template) as database:
        for _ in range(POOL_SIZE + 2):
            await asyncio.sleep(0.01)  # until the last loss is known
            await database.ping()  # so that there is a connection to lose
            terminate()
            with pytest.raises(Exception) as caught:  # noqa: PT011 -- asyncpg has several for it
                await added()
            assert is_unavailable(caught.value)
        async with asyncio.timeout(5), transaction():
            await add("a")
        assert await count() == 1


async def added_after(terminate: Callable[[], None]) -> None:
    async with transaction():
        terminate()
        await add("a")


async def test_a_connection_lost_within_a_transaction_does_not_spoil_the_task(
    postgres_template: str, postgres: PostgresServer, terminate: Callable[[], None]
) -> None:
    await asyncio.to_thread(postgres.empty, postgres_template)
    async with opened(postgres_template):
        with pytest.raises(Exception) as caught:  # noqa: PT011 -- asyncpg has several for it
            await added_after(terminate)
        assert is_unavailable(caught.value)
        async with asyncio.timeout(5), transaction():
            await add("b")
        assert await count() == 1


async def test_a_database_that_is_not_there_is_unavailable_and_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for url in (f"sqlite://{tmp_path}/file/authgql.db", "postgres://nobody@127.0.0.1:9/authgql"):
        with pytest.raises(Exception) as caught:  # noqa: PT011 -- the drivers' own
            await Database(url=url, models=MODELS).open()
        assert is_unavailable(caught.value), url


def behind(error: Exception) -> Exception:
    shown = RuntimeError()
    shown.__cause__ = error
    return shown


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        DBConnectionError(),
        asyncpg.CannotConnectNowError(),
        asyncpg.TooManyConnectionsError(),
        asyncpg.DeadlockDetectedError(),
        asyncpg.AdminShutdownError(),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
        sqlite3.OperationalError("database is locked"),
        sqlite3.OperationalError("unable to open database file"),
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("attempt to write a readonly database"),
        sqlite3.DatabaseError("file is not a database"),
        OperationalError(sqlite3.OperationalError("database is locked")),
    ],
    ids=repr,
)
def test_a_database_that_is_away_is_recognised_itself_or_behind_another_error(error: Exception) -> None:
    assert is_unavailable(error)
    assert is_unavailable(behind(error))


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("database is locked"),
        KeyError("disk"),
        sqlite3.OperationalError("no such table: sessions"),
        OperationalError("syntax error"),
        IntegrityError("UNIQUE constraint failed"),
    ],
    ids=repr,
)
def test_a_mistake_of_ours_is_not_unavailability(error: Exception | None) -> None:
    assert not is_unavailable(error)


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite://var/authgql.db", "var/authgql.db"), ("sqlite:///srv/authgql.db", "/srv/authgql.db")],
)
def test_a_sqlite_url_is_a_relative_or_an_absolute_path(url: str, path: str) -> None:
    assert database_config(url, MODELS)["connections"]["sqlite"]["credentials"]["file_path"] == path


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_postgres_url_may_overrule_the_pools_defaults(scheme: str) -> None:
    config = database_config(f"{scheme}://ada:secret@db:5433/auth?maxsize=3", MODELS)
    credentials: dict[str, Any] = config["connections"]["postgres"]["credentials"]
    assert credentials["maxsize"] == "3"
    assert credentials["command_timeout"] == 15
    assert (credentials["host"], credentials["port"], credentials["user"]) == ("db", 5433, "ada")


async def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    async with opened(f"sqlite://{tmp_path}/var/deep/authgql.db") as database:
        await database.ping()
        assert dialect() == "sqlite"
    assert (tmp_path / "var/deep/authgql.db").exists()


async def test_a_migration_may_take_its_time() -> None:
    url = "postgres://authgql@db.example.com/authgql"
    hasty, patient = database_config(url, []), database_config(url, [], statement_seconds=MIGRATION_SECONDS)
    credentials = [config["connections"]["postgres"]["credentials"] for config in (hasty, patient)]
    assert [given["command_timeout"] for given in credentials] == [15, 86_400]
