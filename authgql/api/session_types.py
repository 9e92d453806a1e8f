"""Sessions as their owner sees them."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Self
from uuid import UUID

import strawberry

from authgql.accounts.models import Account
from authgql.api.ids import parse_id
from authgql.api.pages import FIRST, PageInfo
from authgql.core.cursors import Page
from authgql.gate.caller import Caller
from authgql.gate.context import Info
from authgql.sessions import models, state


@strawberry.enum(description="Whether a session can still be used.")
class SessionStatus(Enum):
    """Active or ended."""

    ACTIVE = strawberry.enum_value("ACTIVE", description="Its tokens are accepted.")
    ENDED = strawberry.enum_value(
        "ENDED", description="Its tokens are refused, for good; `endReason` says why."
    )


@strawberry.enum(description="Why a session ended.")
class SessionEndReason(Enum):
    """Every reason."""

    LOGGED_OUT = strawberry.enum_value("LOGGED_OUT", description="`logout` in this session.")
    TERMINATED = strawberry.enum_value(
        "TERMINATED", description="Its owner ended it, from this or another session."
    )
    TERMINATED_BY_ADMIN = strawberry.enum_value(
        "TERMINATED_BY_ADMIN", description="An administrator ended it."
    )
    DISAVOWED = strawberry.enum_value(
        "DISAVOWED", description='The link "this wasn\'t me" of a mail ended it.'
    )
    PASSWORD_CHANGED = strawberry.enum_value(
        "PASSWORD_CHANGED", description="The password was changed in another session."
    )
    PASSWORD_RESET = strawberry.enum_value(
        "PASSWORD_RESET", description="The password was reset through a mail."
    )
    TOKEN_REUSED = strawberry.enum_value(
        "TOKEN_REUSED", description="A spent refresh token came again: a copy of it is in other hands."
    )
    IDLE = strawberry.enum_value("IDLE", description="It was not used for too long.")
    EXPIRED = strawberry.enum_value("EXPIRED", description="It reached the longest life that a session has.")
    SESSION_LIMIT = strawberry.enum_value("SESSION_LIMIT", description="A newer session took its place.")
    ACCOUNT_DELETED = strawberry.enum_value("ACCOUNT_DELETED", description="The account was deleted.")
    ACCOUNT_LOCKED = strawberry.enum_value(
        "ACCOUNT_LOCKED", description="An administrator locked the account."
    )


@strawberry.enum(description="What sort of device a login came from, as its user agent says.")
class DeviceKind(Enum):
    """Every kind."""

    DESKTOP = strawberry.enum_value("DESKTOP", description="A desktop or laptop computer.")
    MOBILE = strawberry.enum_value("MOBILE", description="A telephone.")
    TABLET = strawberry.enum_value("TABLET", description="A tablet.")
    BOT = strawberry.enum_value("BOT", description="A crawler that says so.")
    OTHER = strawberry.enum_value("OTHER", description="Anything else, such as curl or an HTTP library.")


@strawberry.type(
    description="The device of a login, as its user agent describes it. A hint to its owner, no proof."
)
class SessionDevice:
    """A device."""

    name: str = strawberry.field(description="For people: `Firefox on Linux`.")
    kind: DeviceKind = strawberry.field(description="Desktop, telephone, tablet …")
    browser: str | None = strawberry.field(description="The browser or client, such as `Firefox`.")
    os: str | None = strawberry.field(description="The operating system, such as `Linux`.")
    user_agent: str = strawberry.field(description="The raw `User-Agent` header, cut at 512 characters.")


@strawberry.type(description="Where a login came from, by its IP address: a guess, and a rough one.")
class SessionLocation:
    """A place."""

    city: str | None = strawberry.field(description="The city, in English.")
    country: str | None = strawberry.field(description="The country, in English.")


@strawberry.type(description="What is known of a session's tokens. Never a token itself.")
class SessionToken:
    """The newest access token, described."""

    id: strawberry.ID = strawberry.field(description="`jti` of the newest access token.")
    issued_at: datetime = strawberry.field(description="When it was issued.")
    expires_at: datetime = strawberry.field(
        description="When it expires; the session may live on and be refreshed."
    )
    refreshed_count: int = strawberry.field(description="How many times the session's tokens were refreshed.")
    sender_constrained: bool = strawberry.field(
        description="Whether the tokens are bound to a key (DPoP, RFC 9449)."
    )


@strawberry.federation.type(
    keys=["id"],
    description="One login on one device. It is kept for a time after its end, for its owner to look back.",
)
class Session:
    """A tracked login."""

    id: strawberry.ID = strawberry.field(description="Identifies the session; `sid` in its access tokens.")
    status: SessionStatus = strawberry.field(description="Whether it can still be used.")
    current: bool = strawberry.field(description="Whether this is the session that the request is made in.")
    ip_address: str = strawberry.field(
        description="The client's IPv4 or IPv6 address at the login; of a session that ended long ago "
        "its network, `203.0.113.0/24` or `2001:db8:1::/48`."
    )
    location: SessionLocation | None = strawberry.field(
        description="Where that address is; null where the server has no GeoIP database, or it does not know."
    )
    device: SessionDevice = strawberry.field(description="The device of the login.")
    logged_in_at: datetime = strawberry.field(description="When it began.")
    last_seen_at: datetime = strawberry.field(description="When it was last used, to within a minute.")
    expires_at: datetime = strawberry.field(
        description="When it ends by itself: the sooner of the idle timeout and its longest life."
    )
    logged_out_at: datetime | None = strawberry.field(description="When it ended; null while it is active.")
    end_reason: SessionEndReason | None = strawberry.field(
        description="Why it ended; null while it is active."
    )
    token: SessionToken = strawberry.field(description="What is known of its tokens.")

    @classmethod
    def of(cls, row: models.Session, ending: state.Ending | None, *, current: UUID | None) -> Self:
        """Show a row to its owner, who calls from the session `current`."""
        place = row.city or row.country
        return cls(
            id=strawberry.ID(str(row.id)),
            status=SessionStatus.ENDED if ending else SessionStatus.ACTIVE,
            current=row.id == current,
            ip_address=row.ip_address,
            location=SessionLocation(city=row.city, country=row.country) if place else None,
            device=SessionDevice(
                name=row.device_name,
                kind=DeviceKind[row.device_kind],
                browser=row.browser,
                os=row.os,
                user_agent=row.user_agent,
            ),
            logged_in_at=row.logged_in_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            logged_out_at=ending.at if ending else None,
            end_reason=SessionEndReason[ending.reason.name] if ending else None,
            token=SessionToken(
                id=strawberry.ID(str(row.token_id)),
                issued_at=row.token_issued_at,
                expires_at=row.token_expires_at,
                refreshed_count=row.refreshed_count,
                sender_constrained=row.key_thumbprint is not None,
            ),
        )

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Session | None":
        """Find one of the caller's own sessions for a gateway; another's is not found."""
        session_id = parse_id(id)
        row = await info.context.session_references.load(session_id) if session_id else None
        return show(info, row, to=info.context.caller) if row else None


def show(info: Info, row: models.Session, *, to: Caller | None) -> Session:
    """Show a session to somebody: one of theirs may be the one that they are in."""
    return show_all(info, [row], to=to)[0]


def show_all(info: Info, rows: Sequence[models.Session], *, to: Caller | None) -> list[Session]:
    """Show several, as they are at one moment."""
    here = to.session.id if to and to.session else None
    endings = info.context.services.sessions.endings(rows)
    return [Session.of(row, ending, current=here) for row, ending in zip(rows, endings, strict=True)]


@strawberry.type(description="A session in a list.")
class SessionEdge:
    """An entry."""

    cursor: str = strawberry.field(description="This entry's place in the list.")
    node: Session = strawberry.field(description="The session.")


def _edges(self: "SessionConnection") -> list[SessionEdge]:
    """Give each entry its cursor: a signature each, so only where they are asked for."""
    return [
        SessionEdge(cursor=self.page.cursor(row), node=node)
        for row, node in zip(self.page.rows, self.nodes, strict=True)
    ]


@strawberry.type(description="A page of an account's sessions, newest first.")
class SessionConnection:
    """A page of sessions."""

    account: strawberry.Private[Account]
    wanted: strawberry.Private[state.SessionStatus | None]
    page: strawberry.Private[Page[models.Session]]

    edges: list[SessionEdge] = strawberry.field(
        resolver=_edges, description="The entries, each with its cursor."
    )
    nodes: list[Session] = strawberry.field(description="The sessions alone.")
    page_info: PageInfo = strawberry.field(description="Where this page stands.")

    @strawberry.field(
        description="How many sessions the whole list has. Costs a count; leave it out if unneeded."
    )
    async def total_count(self, info: Info) -> int:
        """Count them, if asked."""
        return await info.context.services.listing.count(self.account, status=self.wanted)


async def connection(
    info: Info,
    account: Account,
    status: SessionStatus | None,
    first: int | None,
    after: str | None,
    *,
    viewer: Caller | None,
) -> SessionConnection:
    """Fetch a page of an account's sessions for somebody who may see them."""
    wanted = state.SessionStatus[status.name] if status else None
    size = FIRST if first is None else first
    page = await info.context.services.listing.page(account, status=wanted, first=size, after=after)
    nodes = show_all(info, page.rows, to=viewer)
    return SessionConnection(
        account=account, wanted=wanted, page=page, nodes=nodes, page_info=PageInfo.of(page)
    )
