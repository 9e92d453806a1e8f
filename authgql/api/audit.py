"""What happened to one's account, as the trail has it."""

from datetime import datetime
from typing import Self

import strawberry

from authgql.api.pages import FIRST, After, First, PageInfo
from authgql.api.session_types import DeviceKind, SessionDevice
from authgql.audit.models import SecurityEventRecord
from authgql.gate.context import Info
from authgql.gate.guards import SLOW, SignedIn
from authgql.sessions.devices import describe


@strawberry.type(description="Something that concerned the security of your account.")
class SecurityEvent:
    """One event."""

    user_agent: strawberry.Private[str | None]
    id: strawberry.ID = strawberry.field(description="Identifies the event.")
    kind: str = strawberry.field(
        description="What happened, from a closed glossary: `session.started`, `login.refused`, …"
    )
    at: datetime = strawberry.field(description="When.")
    ip_address: str | None = strawberry.field(
        description="The client's address, if a client caused it; "
        "of an old event its network, `203.0.113.0/24`."
    )
    session_id: strawberry.ID | None = strawberry.field(
        description="The session that it happened to, if any."
    )
    detail: str | None = strawberry.field(description="The same in one sentence.")

    @strawberry.field(metadata=SLOW, description="The client's device, if a client caused it.")
    def device(self) -> SessionDevice | None:
        """Read the user agent, which takes milliseconds, if asked."""
        return None if self.user_agent is None else _device(self.user_agent)

    @classmethod
    def of(cls, row: SecurityEventRecord) -> Self:
        """Show a row to its subject."""
        return cls(
            id=strawberry.ID(str(row.id)),
            kind=row.kind,
            at=row.at,
            ip_address=row.ip_address,
            user_agent=row.user_agent,
            session_id=None if row.session_id is None else strawberry.ID(str(row.session_id)),
            detail=row.detail,
        )


@strawberry.type(description="An event in a list.")
class SecurityEventEdge:
    """An entry."""

    cursor: str = strawberry.field(description="This entry's place in the list.")
    node: SecurityEvent = strawberry.field(description="The event.")


@strawberry.type(description="A page of your security log, newest first.")
class SecurityEventConnection:
    """A page of events."""

    edges: list[SecurityEventEdge] = strawberry.field(description="The entries, each with its cursor.")
    nodes: list[SecurityEvent] = strawberry.field(description="The events alone.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")


@strawberry.type
class AuditQuery:
    """The security log."""

    @strawberry.field(
        extensions=[SignedIn()],
        description="What happened to your account, newest first: sign-ins, refused attempts, changes.",
    )
    async def security_log(
        self, info: Info, first: First = FIRST, after: After = None
    ) -> SecurityEventConnection:
        """List the caller's events."""
        account, _ = info.context.require()
        size = FIRST if first is None else first
        page = await info.context.services.audit.page(subject=account.pseudonym, first=size, after=after)
        nodes = [SecurityEvent.of(row) for row in page.rows]
        edges = [
            SecurityEventEdge(cursor=cursor, node=node)
            for cursor, node in zip(page.cursors, nodes, strict=True)
        ]
        return SecurityEventConnection(edges=edges, nodes=nodes, page_info=PageInfo.of(page))


def _device(user_agent: str) -> SessionDevice:
    seen = describe(user_agent)
    return SessionDevice(
        name=seen.name,
        kind=DeviceKind[seen.kind.name],
        browser=seen.browser,
        os=seen.os,
        user_agent=user_agent,
    )
