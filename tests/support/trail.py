"""A trail to seal: some events, and the loop that seals them once they have settled."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from authgql.audit.events import Event, Origin
from authgql.core.clock import Clock
from authgql.core.database import current
from authgql.core.secrets import TIME_SHIFT, first_id_at, new_id
from support.app import Application

ORIGIN = Origin(ip_address="203.0.113.7", user_agent="a browser")
SOME = "(SELECT id FROM security_events ORDER BY id LIMIT 1 OFFSET 4)"
SETTLED = timedelta(minutes=20)


def ids_by(clock: Clock) -> Callable[[], UUID]:
    """Return what makes ids by a clock of the tests, as the machine's makes them by the machine's."""

    def made() -> UUID:
        return UUID(int=first_id_at(clock.now()).int | uuid7().int % (1 << TIME_SHIFT))

    return made


async def write(app: Application, count: int) -> None:
    """Write so many events to the trail."""
    for _ in range(count):
        subject, session = new_id(), new_id()
        await app.system.services.audit.record(
            Event.SESSION_STARTED, subject=subject, origin=ORIGIN, session_id=session
        )


async def seal(app: Application) -> None:
    """Seal what there is, once it has settled."""
    app.clock.advance(SETTLED.total_seconds())
    await app.run_loop("sealer")


async def sealed(app: Application, *counts: int) -> None:
    """Write and seal so many events for each block."""
    for count in counts:
        await write(app, count)
        await seal(app)


async def blocks(app: Application) -> Sequence[Any]:
    return await app.rows("SELECT * FROM audit_blocks ORDER BY number")


async def tamper(statement: str, **words: object) -> None:
    """Do what somebody does who can write to the database; SOME stands for the id of the fifth event."""
    for name, word in {"SOME": SOME, **words}.items():
        statement = statement.replace(name, str(word))
    await current().execute_script(statement)
