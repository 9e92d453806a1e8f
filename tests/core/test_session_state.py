"""Connections pass from hand to hand without a reset: our statements leave nothing for it to undo."""

import pytest
from support.app import Application
from support.dialects import on_postgres
from support.documents import LOGOUT, ME, SESSIONS

from authgql.core.database import current, exclusive

# But for the portal of the question itself, and what the driver sets, and sets back, to read a type.
LEFT = """
SELECT 'setting ' || name FROM pg_settings WHERE source = 'session' AND name <> 'jit'
UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE name <> ''
UNION ALL SELECT 'channel ' || channel FROM pg_listening_channels() AS channel
UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'
"""


@pytest.fixture(autouse=True)
def _nothing_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authgql.core.lending.AT_HAND_SECONDS", 60)


@on_postgres
async def test_our_statements_leave_nothing_in_a_session(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    await app.refresh(other.refresh)
    for document in (ME, SESSIONS, "{ securityLog { nodes { kind } } }", LOGOUT):
        await app.gql(document, token=ada.access)
    async with exclusive("pool"):
        pass
    lending, borrowed = current().lending, []
    while lending._at_hand:  # noqa: SLF001 -- what the next borrowers get
        borrowed.append(await lending.take())
    assert borrowed
    for connection in borrowed:
        assert await connection.fetch(LEFT) == []
        await connection.execute("SELECT pg_advisory_lock(7)")
        assert await connection.fetch(LEFT) != []  # so that the question is one
        await lending.give(connection, clean=False)
