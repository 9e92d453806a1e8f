"""All that a database holds, as one who stole it would read it."""

from support.app import Application

SQLITE = "SELECT name FROM sqlite_master WHERE type='table'"
POSTGRES = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema='public'"


async def everything_in(app: Application) -> dict[str, str]:
    """Return each table's rows, every column of them, as text."""
    on_sqlite = app.system.settings.database_url.startswith("sqlite")
    names = [row["name"] for row in await app.rows(SQLITE if on_sqlite else POSTGRES)]
    assert {"accounts", "outbox_mails", "security_events"} <= set(names)
    return {name: str([dict(row) for row in await app.rows(f'SELECT * FROM "{name}"')]) for name in names}  # noqa: S608 -- the database's own names
