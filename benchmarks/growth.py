"""Does it stay as fast while its tables grow? The same questions to servers whose tables have other sizes."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from benchmarks import scenes, servers
from benchmarks.load import Conversation

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)  # sessions; a tenth as many accounts
FILL: Final = (
    """
    INSERT INTO accounts (id, pseudonym, username, username_key, email, email_key, password_hash,
        password_changed_at, is_admin, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), name, name, name || '@example.net', name || '@example.net',
        'none', now(), false, now()
    FROM (SELECT 'somebody' || n AS name FROM generate_series(1, $1::bigint / 10) AS n) AS names
    """,
    """
    INSERT INTO sessions (id, account_id, logged_in_at, authenticated_at, last_seen_at, expires_at,
        absolute_expires_at, ip_address, user_agent, device_name, device_kind, token_id, token_issued_at,
        token_expires_at, refreshed_count)
    SELECT gen_random_uuid(), id, now(), now(), now(), now() + interval '7 days', now() + interval '30 days',
        '192.0.2.1', 'Mozilla/5.0', 'Firefox on Linux', 'DESKTOP', gen_random_uuid(), now(),
        now() + interval '1 hour', 0
    FROM accounts CROSS JOIN generate_series(1, 10) WHERE username LIKE 'somebody%'
    """,
    """
    INSERT INTO refresh_tokens (id, session_id, generation, token_hash, issued_at)
    SELECT gen_random_uuid(), id, 1, md5(id::text) || md5(token_id::text), now()
    FROM sessions WHERE user_agent = 'Mozilla/5.0'
    """,
)

Grown = Mapping[int, tuple[servers.Server, Mapping[str, Sequence[Conversation]]]]


@contextmanager
def grown(
    directory: Path, postgres: str, *, core: int | None, connections: int, sizes: Sequence[int]
) -> Iterator[Grown]:
    """Run one server for each size, with a reader of 20 active sessions in each."""
    with ExitStack() as stack:
        found = {}
        for size in sizes:
            url = servers.create_database(postgres, f"grown_{size}")
            place = directory / f"grown-{size}"
            servers.migrate(place, url)
            server = stack.enter_context(servers.authgql(place, url, core=core))
            asked = scenes.prepare(server.port, connections)
            fill(url, size)
            found[size] = server, asked
        yield found


def fill(url: str, size: int) -> None:
    """Add so many sessions of others to a database."""
    asyncio.run(_fill(url, size))
    servers.settle(url)


async def _fill(url: str, size: int) -> None:
    connection = await asyncpg.connect(url)
    for statement in FILL:
        await connection.execute(statement, *([size] if "$1" in statement else []), timeout=600)
    await connection.close()
