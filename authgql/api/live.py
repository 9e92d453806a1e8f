"""The caller's sessions, live: what happens to them while somebody watches."""

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import Enum
from typing import Annotated, Self, cast

import strawberry

from authgql.api.session_types import Session
from authgql.gate.context import Info
from authgql.gate.guards import SignedIn
from authgql.sessions.changes import SessionChange


@strawberry.enum(description="What happened to a session.")
class SessionEventKind(Enum):
    """Every kind."""

    STARTED = strawberry.enum_value("STARTED", description="Somebody signed in.")
    REFRESHED = strawberry.enum_value("REFRESHED", description="Its tokens were renewed.")
    ENDED = strawberry.enum_value("ENDED", description="It ended; `session.endReason` says why.")


@strawberry.type(description="Something that happened to one of your sessions.")
class SessionEvent:
    """An event."""

    id: strawberry.ID = strawberry.field(
        description="Identifies the event, as in `securityLog`: one that comes twice has the same id."
    )
    kind: SessionEventKind = strawberry.field(description="What happened.")
    at: datetime = strawberry.field(description="When.")
    session: Session = strawberry.field(description="The session as it is now, which may be later than `at`.")

    @classmethod
    def of(cls, info: Info, change: SessionChange) -> Self:
        """Show a change to the caller."""
        _, here = info.context.require()
        return cls(
            id=strawberry.ID(str(change.id)),
            kind=SessionEventKind[change.change.name],
            at=change.at,
            session=Session.of(change.session, change.ending, current=here.id),
        )


@strawberry.type(description="What can be followed, over `graphql-transport-ws` or server-sent events.")
class Subscription:
    """All subscriptions."""

    @strawberry.subscription(
        extensions=[SignedIn()],
        description=(
            "What happens to your sessions, within a second. It ends with the session that you follow it "
            "from: its own `ENDED` comes last, then the socket is closed with 4401."
        ),
    )
    async def session_events(
        self,
        info: Info,
        since: Annotated[
            datetime | None,
            strawberry.argument(
                description=(
                    "Begin with the latest event of each session since then, and a minute before. A client "
                    "that reconnects sends it again, and so misses nothing; events may then come twice."
                )
            ),
        ] = None,
    ) -> AsyncGenerator[SessionEvent, None]:
        """Follow the caller's sessions."""
        watch = info.context.watch
        assert watch  # noqa: S101 -- whoever is signed in where subscriptions run
        stream = await watch.changes(lambda change: SessionEvent.of(info, change), since=since)
        return cast("AsyncGenerator[SessionEvent, None]", stream)
