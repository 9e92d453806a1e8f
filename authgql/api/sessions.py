"""The caller's sessions: looking at them, and ending them."""

from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from authgql.api.ids import parse_id
from authgql.api.pages import FIRST, After, First
from authgql.api.session_types import (
    Session,
    SessionConnection,
    SessionStatus,
    connection,
    show,
    show_all,
)
from authgql.gate.context import Info
from authgql.gate.guards import ONCE_PER_REQUEST, SignedIn
from authgql.gate.refusal import InvalidToken, RateLimited, SessionNotFound


@strawberry.type
class SessionQuery:
    """The caller's sessions."""

    @strawberry.field(description="The session that this request is made in; null when nobody is signed in.")
    def current_session(self, info: Info) -> Session | None:
        """Show the caller's own session."""
        caller = info.context.caller
        return show(info, caller.session, to=caller) if caller and caller.session else None

    @strawberry.field(
        extensions=[SignedIn()],
        description="Your sessions, newest first. `status: null` lists active and ended ones alike.",
    )
    async def sessions(
        self,
        info: Info,
        status: Annotated[
            SessionStatus | None, strawberry.argument(description="Only these; null for all.")
        ] = SessionStatus.ACTIVE,
        first: First = FIRST,
        after: After = None,
    ) -> SessionConnection:
        """List the caller's sessions."""
        account, _ = info.context.require()
        return await connection(info, account, status, first, after, viewer=info.context.caller)


@strawberry.type(description="The session is ended, by this call or before it.")
class SessionTerminated:
    """An ended session."""

    session: Session = strawberry.field(description="The session, with its first end reason and time.")


@strawberry.type(description="The sessions that this call ended.")
class SessionsTerminated:
    """Ended sessions."""

    count: int = strawberry.field(description="How many there were.")
    sessions: list[Session] = strawberry.field(description="Each of them, newest first.")


TerminateSessionResult: TypeAlias = Annotated[
    SessionTerminated | SessionNotFound,
    strawberry.union("TerminateSessionResult", description="What `terminateSession` answers."),
]
DisavowSessionResult: TypeAlias = Annotated[
    SessionTerminated | InvalidToken | RateLimited,
    strawberry.union("DisavowSessionResult", description="What `disavowSession` answers."),
]
TerminateSessionsResult: TypeAlias = Annotated[
    SessionsTerminated,
    strawberry.union("TerminateSessionsResult", description="What ending several sessions answers."),
]


@strawberry.type
class SessionMutation:
    """Ending sessions."""

    @strawberry.mutation(
        extensions=[SignedIn()],
        description="End one of your sessions or, as an administrator, anybody's (`TERMINATED_BY_ADMIN`). "
        "Its tokens are refused from the next request on, everywhere.",
    )
    async def terminate_session(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The session's id.")],
    ) -> TerminateSessionResult:
        """End one."""
        account, here = info.context.require()
        session = await info.context.services.terminations.end(
            parse_id(id), caller=account, asked_in=here, origin=info.context.origin
        )
        shown = show(info, session, to=info.context.caller)
        info.context.ended(session.id)
        return SessionTerminated(session=shown)

    @strawberry.mutation(
        extensions=[SignedIn()],
        description="End all your sessions except the one that this request is made in.",
    )
    async def terminate_other_sessions(self, info: Info) -> TerminateSessionsResult:
        """End all others."""
        _, session = info.context.require()
        return await _end_all(info, but=session.id)

    @strawberry.mutation(
        extensions=[SignedIn()],
        description="End all your sessions, this one too: you are signed out everywhere.",
    )
    async def terminate_all_sessions(self, info: Info) -> TerminateSessionsResult:
        """End all."""
        return await _end_all(info, but=None)

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        description="Say with the token of a mail that a sign-in was not yours. That session and all others "
        "of its device end, and a link to choose a new password is mailed to you.",
    )
    async def disavow_session(
        self,
        info: Info,
        token: Annotated[str, strawberry.argument(description="What stands behind `#token=` in the link.")],
    ) -> DisavowSessionResult:
        """Disown a sign-in."""
        session = await info.context.services.recovery.disavow(token, origin=info.context.origin)
        shown = show(info, session, to=info.context.caller)
        await info.context.look_again()  # the caller may be the one who is not wanted
        return SessionTerminated(session=shown)


async def _end_all(info: Info, *, but: UUID | None) -> SessionsTerminated:
    account, _ = info.context.require()
    ended = await info.context.services.terminations.end_all(account, origin=info.context.origin, but=but)
    shown = show_all(info, ended, to=info.context.caller)
    info.context.ended(*(session.id for session in ended))
    return SessionsTerminated(count=len(ended), sessions=shown)
