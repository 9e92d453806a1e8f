import asyncio
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aerich import Command
from support.databases import PostgresServer, opened
from support.process import AUTHGQL, environment
from tortoise.exceptions import OperationalError
from tortoise.utils import get_schema_sql

from authgql.core import migrations
from authgql.core.database import APP, Database, current, dialect
from authgql.core.migrations import migrate, pending

MIGRATIONS = migrations.CHECKED_OUT / APP
BROKEN = """
RUN_IN_TRANSACTION = False


async def upgrade(db):
    return 'CREATE TABLE "half" ("id" INT); CREATE TABLE "half" ("id" INT);'


async def downgrade(db):
    return 'DROP TABLE "half";'
"""
COLUMNS = """
SELECT table_name, column_name, data_type, coalesce(character_maximum_length, 0) AS size, is_nullable
FROM information_schema.columns WHERE table_schema='public'
"""
# The columns of every index, and whether it is unique; an index may be of some rows alone.
INDEXES = """
SELECT t.relname AS of, i.indisunique AS is_unique,
       array_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum))::text AS columns
FROM pg_index i JOIN pg_class t ON t.oid=i.indrelid JOIN pg_namespace n ON n.oid=t.relnamespace
JOIN pg_attribute a ON a.attrelid=t.oid AND a.attnum=ANY(i.indkey)
WHERE n.nspname='public' GROUP BY i.indexrelid, t.relname, i.indisunique
"""
FOREIGN_KEYS = """
SELECT conrelid::regclass::text AS of, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype='f'
"""

Facts = dict[str, set[tuple[object, ...]]]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a table."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path}/empty.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create("migrations")


async def rows(query: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = await current().execute_query_dict(query)
    return found


async def tables() -> set[str]:
    if dialect() == "sqlite":
        found = await rows("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")
    else:
        found = await rows("SELECT tablename AS name FROM pg_tables WHERE schemaname='public'")
    return {row["name"] for row in found}


def command(database: Database) -> Command:
    return Command(database.config, app=APP, location=str(migrations.CHECKED_OUT))


async def facts() -> Facts:
    """Return what the database knows of its own schema, in comparable form."""
    return await _sqlite_facts() if dialect() == "sqlite" else await _postgres_facts()


async def _sqlite_facts() -> Facts:
    seen: Facts = {"columns": set(), "foreign keys": set(), "uniques": set(), "indexes": set()}
    for table in await tables():
        for column in await rows(f"PRAGMA table_info('{table}')"):
            seen["columns"].add((table, *(column[name] for name in ("name", "type", "notnull", "pk"))))
        for key in await rows(f"PRAGMA foreign_key_list('{table}')"):
            seen["foreign keys"].add((table, *(key[name] for name in ("from", "table", "to", "on_delete"))))
        for index in await rows(f"PRAGMA index_list('{table}')"):
            columns = tuple(row["name"] for row in await rows(f"PRAGMA index_info('{index['name']}')"))
            seen["uniques" if index["unique"] else "indexes"].add((table, columns))
    return seen


async def _postgres_facts() -> Facts:
    indexes = await rows(INDEXES)
    return {
        "columns": {tuple(row.values()) for row in await rows(COLUMNS)},
        "foreign keys": {tuple(row.values()) for row in await rows(FOREIGN_KEYS)},
        "uniques": {(row["of"], row["columns"]) for row in indexes if row["is_unique"]},
        "indexes": {(row["of"], row["columns"]) for row in indexes if not row["is_unique"]},
    }


async def test_the_migrated_schema_is_the_one_that_the_models_describe(empty_url: str) -> None:
    async with opened(empty_url) as database:
        await migrate(database.config)
        migrated = await facts()
        await command(database).downgrade(version=0, delete=False)
        await current().execute_script('DROP TABLE "aerich"')
        await current().execute_script(get_schema_sql(current(), safe=False))
        described = await facts()
    for what in ("columns", "foreign keys", "uniques"):
        assert migrated[what] == described[what], what
    assert migrated["indexes"] >= described["indexes"]


async def test_migrating_twice_does_nothing_the_second_time(empty_url: str) -> None:
    async with opened(empty_url) as database:
        names = sorted(file.name for file in MIGRATIONS.glob("[0-9]*.py"))
        assert await pending(database.config) == names
        assert await migrate(database.config) == names
        assert await pending(database.config) == []
        assert await migrate(database.config) == []


@pytest.mark.process
async def test_of_two_processes_that_migrate_at_once_one_does_it(empty_url: str, tmp_path: Path) -> None:
    surroundings = environment("", DATABASE_URL=empty_url)

    def run() -> str:
        done = subprocess.run(  # noqa: S603 -- our own program
            [AUTHGQL, "migrate"], cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    said = await asyncio.gather(asyncio.to_thread(run), asyncio.to_thread(run))
    assert sorted(said) == ["Applied", "Nothing"]


async def test_going_back_removes_every_table_and_forward_again_works(empty_url: str) -> None:
    async with opened(empty_url) as database:
        names = await migrate(database.config)
        assert await command(database).downgrade(version=0, delete=False) == names[::-1]
        assert await tables() == {"aerich"}
        assert await migrate(database.config) == names


async def test_a_migration_that_fails_leaves_nothing_behind(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "migrations" / APP)
    (tmp_path / "migrations" / APP / "99_20991231_broken.py").write_text(BROKEN)
    async with opened(empty_url) as database:
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "CHECKED_OUT", tmp_path / "migrations")
            with pytest.raises(OperationalError, match="half"):
                await migrate(database.config)
            assert await tables() == set()
            assert len(await pending(database.config)) == len(list(MIGRATIONS.glob("[0-9]*.py"))) + 1
        await migrate(database.config)
        assert "half" not in await tables()
