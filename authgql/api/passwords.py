"""Changing a password, and setting a forgotten one anew."""

from datetime import datetime
from typing import Annotated, TypeAlias

import strawberry

from authgql.gate.context import Info
from authgql.gate.guards import ONCE_PER_REQUEST, SignedIn
from authgql.gate.refusal import (
    EmailNotFound,
    IncorrectPassword,
    InvalidInput,
    InvalidToken,
    RateLimited,
    WeakPassword,
)

REQUESTED = (
    "If an account has this address, a mail with a link is on its way. The link works for a short time, once."
)
RESET = "Your password is set and every session of your account has ended. Sign in with the new password."


@strawberry.input(description="The password in force, and the one to come.")
class ChangePasswordInput:
    """A change of password."""

    current_password: str = strawberry.field(description="The password in force.")
    new_password: str = strawberry.field(description="The new one; as hard to guess as at registration.")


@strawberry.type(description="The new password is in force, and every other session has ended.")
class PasswordChanged:
    """A changed password."""

    ended_sessions: int = strawberry.field(description="How many sessions ended; the one you are in goes on.")


@strawberry.type(description="The same answer whether or not the address is known.")
class PasswordResetRequested:
    """A reset that may be on its way."""

    message: str = strawberry.field(description="A sentence to show.")


@strawberry.input(description="A reset link's token, and the password to set.")
class ResetPasswordInput:
    """A reset."""

    token: str = strawberry.field(description="What stands behind `#token=` in the mail's link.")
    new_password: str = strawberry.field(description="The new password; as hard to guess as at registration.")


@strawberry.type(description="The password is set. Every session has ended, and nobody is signed in by this.")
class PasswordReset:
    """A password set anew."""

    message: str = strawberry.field(description="A sentence to show.")


@strawberry.type(description="The token can still be used.")
class PasswordResetTokenValid:
    """A living token."""

    expires_at: datetime = strawberry.field(description="Until when.")


ChangePasswordResult: TypeAlias = Annotated[
    PasswordChanged | IncorrectPassword | WeakPassword | RateLimited,
    strawberry.union("ChangePasswordResult", description="What `changePassword` answers."),
]
RequestPasswordResetResult: TypeAlias = Annotated[
    PasswordResetRequested | EmailNotFound | InvalidInput | RateLimited,
    strawberry.union("RequestPasswordResetResult", description="What `requestPasswordReset` answers."),
]
ResetPasswordResult: TypeAlias = Annotated[
    PasswordReset | InvalidToken | WeakPassword | RateLimited,
    strawberry.union("ResetPasswordResult", description="What `resetPassword` answers."),
]
PasswordResetTokenResult: TypeAlias = Annotated[
    PasswordResetTokenValid | InvalidToken,
    strawberry.union("PasswordResetTokenResult", description="What `passwordResetToken` answers."),
]


@strawberry.type
class PasswordQuery:
    """Asking about a reset link."""

    @strawberry.field(
        metadata=ONCE_PER_REQUEST,
        description="Whether a reset token can still be used. Asking does not spend it.",
    )
    async def password_reset_token(
        self,
        info: Info,
        token: Annotated[str, strawberry.argument(description="The token of the mail's link.")],
    ) -> PasswordResetTokenResult:
        """Look at a token."""
        link = await info.context.services.recovery.inspect(token, origin=info.context.origin)
        return PasswordResetTokenValid(expires_at=link.expires_at)


@strawberry.type
class PasswordMutation:
    """Setting passwords."""

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        extensions=[SignedIn()],
        description="Change your password. Every other session ends; this one goes on.",
    )
    async def change_password(
        self,
        info: Info,
        input: Annotated[ChangePasswordInput, strawberry.argument(description="Old and new.")],
    ) -> ChangePasswordResult:
        """Change it."""
        account, session = info.context.require()
        ended = await info.context.services.passwords.change(
            account,
            current=input.current_password,
            new=input.new_password,
            origin=info.context.origin,
            session_id=session.id,
        )
        info.context.remember_device(account.id)
        return PasswordChanged(ended_sessions=ended)

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST, description="Ask for a mail with a link to set a forgotten password anew."
    )
    async def request_password_reset(
        self,
        info: Info,
        email: Annotated[str, strawberry.argument(description="The account's e-mail address.")],
    ) -> RequestPasswordResetResult:
        """Ask for a link."""
        await info.context.services.recovery.request_reset(email, origin=info.context.origin)
        return PasswordResetRequested(message=REQUESTED)

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        description="Set a new password with the token of a reset link. The link then is spent.",
    )
    async def reset_password(
        self,
        info: Info,
        input: Annotated[ResetPasswordInput, strawberry.argument(description="Token and password.")],
    ) -> ResetPasswordResult:
        """Set it anew."""
        account = await info.context.services.recovery.reset(
            input.token, input.new_password, origin=info.context.origin
        )
        # Else whoever keeps guessing would keep the owner out, who has just proved the mailbox.
        info.context.remember_device(account.id)
        return PasswordReset(message=RESET)
