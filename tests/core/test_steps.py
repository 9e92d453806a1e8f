"""SQLite's connection is had in turn, and what its thread does in one go is one transaction."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.databases import opened
from tortoise.exceptions import IntegrityError, OperationalError

from authgql.core import sqlite
from authgql.core.database import is_unavailable, transaction
from authgql.core.statements import Statement, Steps

NEW = 'INSERT INTO "password_failures" ("key", "failures") VALUES (:{}, 1)'
FIRST, SECOND = Statement(NEW.format("first")), Statement(NEW.format("second"))
RENAME = Statement(
    'UPDATE "password_failures" SET "key" = :new WHERE "key" = :old RETURNING "key", "failures"'
)
KEYS = Statement('SELECT "key" FROM "password_failures" ORDER BY "key"')


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "own.db"))


@pytest.fixture(autouse=True)
async def database(file: Path) -> AsyncIterator[None]:
    async with opened(f"sqlite://{file}"):
        yield


async def keys() -> list[str]:
    return [key for (key,) in await KEYS.rows()]


async def test_the_last_one_brings_the_rows() -> None:
    steps = Steps(FIRST, SECOND, RENAME)
    assert await steps.rows(first="a", second="b", old="b", new="c") == [("c", 1)]
    assert await keys() == ["a", "c"]


async def test_one_that_is_about_no_row_undoes_those_before_and_keeps_those_behind_from_beginning() -> None:
    steps = Steps(FIRST, RENAME, SECOND)
    assert await steps.rows(first="a", old="nobody", new="c", second="b") == []
    assert await keys() == []


async def test_one_that_fails_undoes_those_before_and_leaves_the_connection_usable() -> None:
    for _ in range(2):
        with pytest.raises(IntegrityError):
            await Steps(FIRST, SECOND).rows(first="a", second="a")
    async with asyncio.timeout(5), transaction():
        await FIRST.count(first="b")
    assert await keys() == ["b"]


async def test_inside_a_transaction_they_belong_to_it() -> None:
    async def twice() -> None:
        async with transaction():
            await Steps(FIRST, SECOND).rows(first="a", second="b")
            await FIRST.count(first="a")

    with pytest.raises(IntegrityError):
        await twice()
    assert await keys() == []


async def test_whoever_goes_away_in_the_middle_leaves_all_or_nothing_and_nothing_open() -> None:
    for turns in range(8):
        pair = {"first": f"{turns}a", "second": f"{turns}b"}
        asking = asyncio.create_task(Steps(FIRST, SECOND).rows(**pair))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        async with asyncio.timeout(5), transaction():
            await FIRST.count(first=f"{turns}z")
    found = await keys()
    assert {f"{turns}z" for turns in range(8)} <= set(found)
    assert [key[0] for key in found if key.endswith("a")] == [key[0] for key in found if key.endswith("b")]


async def test_whoever_goes_away_while_another_process_writes_leaves_nothing_half_done(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    asking = asyncio.create_task(Steps(FIRST, SECOND).rows(first="a", second="b"))
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    other.execute("COMMIT")
    async with asyncio.timeout(5), transaction():
        await FIRST.count(first="c")
    assert await keys() == ["a", "b", "c"]  # it was on its way, and nobody was told that it is not
    other.close()


async def test_a_file_that_another_process_writes_is_waited_for_and_then_unavailable(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.1, other.execute, "COMMIT")
    await Steps(FIRST, SECOND).rows(first="a", second="b")
    other.execute("BEGIN IMMEDIATE")
    await Statement("PRAGMA busy_timeout = 20").rows()
    with pytest.raises(OperationalError) as caught:
        await Steps(FIRST, SECOND).rows(first="c", second="d")
    assert is_unavailable(caught.value)
    other.execute("COMMIT")
    assert await keys() == ["a", "b"]
    other.close()


async def test_whoever_comes_while_another_is_about_to_take_its_turn_does_not_wait_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sqlite, "QUEUE_SECONDS", 0.05)
    turns = sqlite.Turns()
    await turns.acquire()
    following = asyncio.create_task(turns.acquire())
    await asyncio.sleep(0)

    async def come() -> None:
        turns.release()  # to the one that follows, which has to be run first
        await turns.acquire()

    coming = asyncio.create_task(come())
    await asyncio.wait([coming], timeout=5)
    assert await following
    assert coming.done()
    assert isinstance(coming.exception(), TimeoutError)
    turns.release()
    assert await turns.acquire()
