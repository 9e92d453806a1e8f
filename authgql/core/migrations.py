"""The database is at the schema that this code was written for, or is brought there whole."""

from pathlib import Path
from typing import Any, Final

from aerich import Command
from aerich.migrate import Migrate
from aerich.models import Aerich

from authgql.core.database import APP, current, dialect, exclusive

PACKAGE: Final = Path(__file__).parents[1]
SHIPPED, CHECKED_OUT = PACKAGE / "migrations", PACKAGE.parent / "migrations"

# aerich makes its own table in the first migration it generates; ours are written by hand, for both dialects.
LEDGER: Final = {
    "sqlite": """
        CREATE TABLE IF NOT EXISTS "aerich" (
            "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
            "version" VARCHAR(255) NOT NULL,
            "app" VARCHAR(100) NOT NULL,
            "content" JSON NOT NULL
        );
    """,
    "postgres": """
        CREATE TABLE IF NOT EXISTS "aerich" (
            "id" SERIAL NOT NULL PRIMARY KEY,
            "version" VARCHAR(255) NOT NULL,
            "app" VARCHAR(100) NOT NULL,
            "content" JSONB NOT NULL
        );
    """,
}


async def migrate(config: dict[str, Any]) -> list[str]:
    """Apply what is missing, all of it or none, one process at a time; return the names applied."""
    command = _command(config)
    async with exclusive("migrate"):
        await current().execute_script(LEDGER[dialect()])
        return await command.upgrade(run_in_transaction=False)


async def pending(config: dict[str, Any]) -> list[str]:
    """Return the migrations that this code has and the database lacks."""
    _command(config)
    known = Migrate.get_all_version_files()
    applied = await _applied()
    return [version for version in known if version not in applied]


async def _applied() -> set[str]:
    table = {"sqlite": "sqlite_master WHERE name", "postgres": "pg_tables WHERE tablename"}[dialect()]
    _, ledger = await current().execute_query(f"SELECT 1 FROM {table} = 'aerich'")  # noqa: S608 -- two constants
    return {row.version for row in await Aerich.all().only("id", "version")} if ledger else set()


def _command(config: dict[str, Any]) -> Command:
    location = SHIPPED if SHIPPED.exists() else CHECKED_OUT
    Migrate.migrate_location = location / APP
    return Command(config, app=APP, location=str(location))
