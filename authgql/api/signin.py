"""Signing in and out, and keeping a session's tokens fresh."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Self, TypeAlias

import strawberry

from authgql.api.accounts import User
from authgql.api.session_types import Session, show
from authgql.core.errors import BadUserInput
from authgql.gate.caller import Caller
from authgql.gate.context import Info
from authgql.gate.errors import Unauthenticated
from authgql.gate.guards import ONCE_PER_REQUEST, SignedIn
from authgql.gate.refusal import (
    IncorrectPassword,
    InvalidCredentials,
    InvalidInput,
    InvalidToken,
    RateLimited,
    UserNotFound,
)
from authgql.links import service as errors
from authgql.sessions.errors import SessionNotFound
from authgql.signin.service import SignedIn as Opened
from authgql.tokens.service import TokenPair

NO_COOKIES = "A session bound with DPoP takes its tokens in the body, not in cookies."


@strawberry.type(
    description="What opens a session. Send `Authorization: Bearer <accessToken>` with each request."
)
class AuthTokens:
    """A pair of tokens."""

    access_token: str | None = strawberry.field(
        description="A JWT (RFC 9068), for the `Authorization` header; null when delivered as a cookie."
    )
    token_type: str = strawberry.field(
        description="The header's scheme: `Bearer`, or `DPoP` if bound to a key."
    )
    expires_in: int = strawberry.field(description="Life of the access token, in seconds.")
    refresh_token: str | None = strawberry.field(
        description="Renews the pair once, with `refresh`; keep it secret. Null when delivered as a cookie, "
        "or where the one you have stays good."
    )
    refresh_expires_at: datetime = strawberry.field(
        description="When the session ends unless it is used before, and with it the refresh token."
    )

    @classmethod
    def deliver(cls, info: Info, pair: TokenPair, *, by_cookie: bool) -> Self:
        """Give a pair to its owner, in the answer's body or in cookies."""
        if by_cookie:
            info.context.outgoing.tokens = pair
        return cls(
            access_token=None if by_cookie else pair.access_token,
            token_type=pair.token_type,
            expires_in=pair.expires_in,
            refresh_token=None if by_cookie else pair.refresh_token,
            refresh_expires_at=pair.refresh_expires_at,
        )


@strawberry.enum(description="Where tokens go.")
class TokenDelivery(Enum):
    """Body or cookie."""

    BODY = strawberry.enum_value("BODY", description="Into the answer: for programs that keep them safe.")
    COOKIE = strawberry.enum_value(
        "COOKIE",
        description="Into `HttpOnly` cookies: no script can read them, and the browser sends them by itself.",
    )


@strawberry.input(description="Who signs in.")
class LoginInput:
    """Credentials."""

    username: str = strawberry.field(description="The username or the e-mail address, in any spelling.")
    password: str = strawberry.field(description="The password.")
    delivery: TokenDelivery | None = strawberry.field(
        default=TokenDelivery.BODY, description="Where the tokens go. In a browser, choose `COOKIE`."
    )


@strawberry.type(description="You are signed in, in a new session.")
class LoginSuccess:
    """A new session."""

    user: User = strawberry.field(description="You, private fields included.")
    session: Session = strawberry.field(description="The session that this login started.")
    tokens: AuthTokens = strawberry.field(description="What opens it.")


@strawberry.input(description="What to renew a session with.")
class RefreshInput:
    """A refresh token."""

    refresh_token: str = strawberry.field(description="The newest refresh token of the session.")


@strawberry.type(description="The session goes on with new tokens. The old refresh token is spent.")
class RefreshSuccess:
    """A renewed session."""

    session: Session = strawberry.field(description="The session.")
    tokens: AuthTokens = strawberry.field(description="The new pair.")


@strawberry.type(description="The session is ended and its tokens are worthless.")
class LogoutSuccess:
    """An ended session."""

    session: Session = strawberry.field(description="The session, with the time of its end.")


@strawberry.input(description="The password, once more.")
class ReauthenticateInput:
    """A password."""

    password: str = strawberry.field(description="Your password.")


@strawberry.type(
    description="The password was right; for a while, operations that need a recent login are open."
)
class ReauthenticateSuccess:
    """A fresh session."""

    session: Session = strawberry.field(description="The session.")
    tokens: AuthTokens = strawberry.field(
        description="A new access token with the new `auth_time`; the refresh token stays as it is."
    )


LoginResult: TypeAlias = Annotated[
    LoginSuccess | InvalidCredentials | UserNotFound | IncorrectPassword | InvalidInput | RateLimited,
    strawberry.union("LoginResult", description="What `login` answers."),
]
RefreshResult: TypeAlias = Annotated[
    RefreshSuccess | InvalidToken | RateLimited,
    strawberry.union("RefreshResult", description="What `refresh` answers."),
]
LogoutResult: TypeAlias = Annotated[
    LogoutSuccess, strawberry.union("LogoutResult", description="What `logout` answers.")
]
ReauthenticateResult: TypeAlias = Annotated[
    ReauthenticateSuccess | IncorrectPassword | RateLimited,
    strawberry.union("ReauthenticateResult", description="What `reauthenticate` answers."),
]


@strawberry.type
class SignInMutation:
    """Signing in and out."""

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        description="Sign in: start a session that you can see in `sessions` and end at any time.",
    )
    async def login(
        self,
        info: Info,
        input: Annotated[LoginInput, strawberry.argument(description="Who signs in.")],
    ) -> LoginResult:
        """Sign in."""
        by_cookie = input.delivery is TokenDelivery.COOKIE
        if by_cookie:
            await info.context.check_login()
            if info.context.proved_key:  # no script could hash a token that it cannot read, as proofs must
                raise BadUserInput(NO_COOKIES)
        opened = await info.context.services.sign_in.login(
            input.username,
            input.password,
            origin=info.context.origin,
            proved_key=info.context.proved_key,
            device=info.context.credentials.device,
        )
        info.context.remember_device(opened.account.id, name=opened.session.device_id)
        viewer = Caller(account=opened.account, session=opened.session)
        return LoginSuccess(
            user=User.of(opened.account, viewer=viewer),
            session=_opened(info, opened),
            tokens=AuthTokens.deliver(info, opened.tokens, by_cookie=by_cookie),
        )

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        description="Renew a session's tokens. Each refresh token works once; if its answer was lost, or two "
        "tabs sent it at once, the same successor comes back for a few seconds. Later, its reuse ends "
        "the session.",
    )
    async def refresh(
        self,
        info: Info,
        input: Annotated[
            RefreshInput | None,
            strawberry.argument(description="The refresh token; leave it out with cookies."),
        ] = None,
    ) -> RefreshResult:
        """Renew."""
        by_cookie = input is None
        if by_cookie and info.context.proved_key:
            raise BadUserInput(NO_COOKIES)
        token = info.context.credentials.refresh_token if input is None else input.refresh_token
        try:
            opened = await info.context.services.sign_in.refresh(
                token or "", origin=info.context.origin, proved_key=info.context.proved_key
            )
        except errors.InvalidToken:
            info.context.outgoing.forget = info.context.credentials.from_cookies
            raise
        tokens = AuthTokens.deliver(info, opened.tokens, by_cookie=by_cookie)
        return RefreshSuccess(session=_opened(info, opened), tokens=tokens)

    @strawberry.mutation(
        extensions=[SignedIn()], description="Sign out: end the session that this request is made in."
    )
    async def logout(self, info: Info) -> LogoutResult:
        """Sign out."""
        account, session = info.context.require()
        try:
            ended = await info.context.services.sign_in.logout(account, session, origin=info.context.origin)
        except SessionNotFound:  # gone with its account since the request began
            raise Unauthenticated from None
        shown = show(info, ended, to=info.context.caller)
        info.context.ended(ended.id)
        return LogoutSuccess(session=shown)

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        extensions=[SignedIn()],
        description="Confirm your password, to do what needs a recent login.",
    )
    async def reauthenticate(
        self,
        info: Info,
        input: Annotated[ReauthenticateInput, strawberry.argument(description="Your password.")],
    ) -> ReauthenticateResult:
        """Confirm the password."""
        account, session = info.context.require()
        opened = await info.context.services.sign_in.reauthenticate(
            account, session, input.password, origin=info.context.origin
        )
        if opened is None:
            raise Unauthenticated
        by_cookie = info.context.credentials.from_cookies
        tokens = AuthTokens.deliver(info, opened.tokens, by_cookie=by_cookie)
        return ReauthenticateSuccess(session=_opened(info, opened), tokens=tokens)


def _opened(info: Info, opened: Opened) -> Session:
    """Show the session whose tokens the caller now holds: to them it is the current one."""
    ending = info.context.services.sessions.ending(opened.session)
    return Session.of(opened.session, ending, current=opened.session.id)
