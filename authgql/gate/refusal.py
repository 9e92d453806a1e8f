"""A refusal that a service raises becomes the member of the operation's union that says the same."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Self

import strawberry

from authgql.accounts import errors as accounts
from authgql.core import errors as core
from authgql.limits import service as limits
from authgql.links import service as links
from authgql.passwords import errors as passwords
from authgql.recovery import errors as recovery
from authgql.sessions import errors as sessions
from authgql.signin import errors as signin


@strawberry.enum(description="What was refused, for programs; `message` says it to people.")
class RefusalCode(Enum):
    """One code for each refusal type."""

    INVALID_INPUT = strawberry.enum_value(
        "INVALID_INPUT", description="Fields of the input are not acceptable."
    )
    USERNAME_TAKEN = strawberry.enum_value("USERNAME_TAKEN", description="Another account has the username.")
    EMAIL_TAKEN = strawberry.enum_value("EMAIL_TAKEN", description="Another account has the e-mail address.")
    WEAK_PASSWORD = strawberry.enum_value("WEAK_PASSWORD", description="The password would be guessed.")
    INVALID_CREDENTIALS = strawberry.enum_value(
        "INVALID_CREDENTIALS", description="The username or the password is wrong."
    )
    USER_NOT_FOUND = strawberry.enum_value("USER_NOT_FOUND", description="No such account.")
    INCORRECT_PASSWORD = strawberry.enum_value(
        "INCORRECT_PASSWORD", description="Not the account's password."
    )
    EMAIL_NOT_FOUND = strawberry.enum_value("EMAIL_NOT_FOUND", description="No account has the address.")
    INVALID_TOKEN = strawberry.enum_value("INVALID_TOKEN", description="The token or link is worthless.")
    SESSION_NOT_FOUND = strawberry.enum_value(
        "SESSION_NOT_FOUND", description="The caller has no such session."
    )
    RATE_LIMITED = strawberry.enum_value("RATE_LIMITED", description="Too many attempts; wait.")
    REAUTHENTICATION_REQUIRED = strawberry.enum_value(
        "REAUTHENTICATION_REQUIRED", description="Confirm the password first."
    )


@strawberry.interface(
    description="A no that a client can do something about. Every mutation's result says which."
)
class Refusal:
    """The interface of all refusals."""

    message: str = strawberry.field(description="One sentence for a person: what was wrong and what to do.")
    code: RefusalCode = strawberry.field(description="The same for a program.")

    @classmethod
    def of(cls, error: core.Refusal) -> Self:
        """Translate what a service raised."""
        return cls(message=error.message, code=RefusalCode(error.code))


@strawberry.type(description="What is wrong with one field of the input.")
class InvalidField:
    """One wrong field."""

    path: str = strawberry.field(description="The input's field, such as `email`.")
    message: str = strawberry.field(description="What an acceptable value looks like.")


@strawberry.type(description="Some fields of the input cannot be as they are; all of them are named at once.")
class InvalidInput(Refusal):
    """Wrong fields."""

    fields: list[InvalidField] = strawberry.field(description="Each wrong field.")

    @classmethod
    def of(cls, error: core.Refusal) -> Self:
        """Translate, field by field."""
        wrong = error.fields if isinstance(error, accounts.InvalidInput) else {}
        fields = [InvalidField(path=path, message=message) for path, message in wrong.items()]
        return cls(message=error.message, code=RefusalCode.INVALID_INPUT, fields=fields)


@strawberry.type(description="Another account has this username, in whatever spelling.")
class UsernameTaken(Refusal):
    """Told at registration and profile update alone."""


@strawberry.type(description="Another account has this e-mail address, proved or not.")
class EmailTaken(Refusal):
    """Told at registration and profile update alone."""


@strawberry.type(description="The password would be guessed.")
class WeakPassword(Refusal):
    """A password that the policy does not take."""

    suggestions: list[str] = strawberry.field(description="Sentences that say what would make it stronger.")

    @classmethod
    def of(cls, error: core.Refusal) -> Self:
        """Translate, with the suggestions."""
        hints = error.suggestions if isinstance(error, passwords.WeakPassword) else []
        return cls(message=error.message, code=RefusalCode.WEAK_PASSWORD, suggestions=hints)


@strawberry.type(description="The username or the password is wrong; which of them is not told.")
class InvalidCredentials(Refusal):
    """The one answer of a failed login."""


@strawberry.type(description="No such account. At login, only where the operator reveals accounts.")
class UserNotFound(Refusal):
    """The original's distinct answer."""


@strawberry.type(
    description="Not the account's password. At login, only where the operator reveals accounts."
)
class IncorrectPassword(Refusal):
    """A wrong password where the account is known."""


@strawberry.type(description="No account has this address. Only where the operator reveals accounts.")
class EmailNotFound(Refusal):
    """The original's distinct answer."""


@strawberry.type(
    description="A token or link that is unknown, spent, superseded or expired: one answer for all."
)
class InvalidToken(Refusal):
    """A worthless token."""


@strawberry.type(description="You have no session with this id; somebody else's is answered alike.")
class SessionNotFound(Refusal):
    """Not the caller's session."""


@strawberry.type(description="Too many attempts.")
class RateLimited(Refusal):
    """Try again later."""

    retry_after: int = strawberry.field(description="After how many seconds the next attempt is let through.")

    @classmethod
    def of(cls, error: core.Refusal) -> Self:
        """Translate, with the wait."""
        wait = error.retry_after if isinstance(error, limits.RateLimited) else 1
        return cls(message=error.message, code=RefusalCode.RATE_LIMITED, retry_after=wait)


@strawberry.type(description="The password was given too long ago for this; `reauthenticate` and try again.")
class ReauthenticationRequired(Refusal):
    """A stale login."""

    max_age: int = strawberry.field(
        description="How many seconds ago the password may have been given, at most."
    )

    @classmethod
    def of(cls, error: core.Refusal) -> Self:
        """Translate, with the age."""
        age = error.max_age if isinstance(error, accounts.ReauthenticationRequired) else 0
        return cls(message=error.message, code=RefusalCode.REAUTHENTICATION_REQUIRED, max_age=age)


class Translation:
    """Strawberry's handler for one refusal: applied where the field's union has the member."""

    def __init__(self, exception_type: type[core.Refusal], error_type: type[Refusal]) -> None:
        self.exception_type = exception_type
        self.error_type = error_type

    def handle(self, exception: core.Refusal, **_: Any) -> Refusal:  # noqa: ANN401 -- field and info, unused
        """Return the union's member."""
        return self.error_type.of(exception)


TRANSLATIONS: Sequence[Translation] = [
    Translation(accounts.InvalidInput, InvalidInput),
    Translation(accounts.UsernameTaken, UsernameTaken),
    Translation(accounts.EmailTaken, EmailTaken),
    Translation(accounts.ReauthenticationRequired, ReauthenticationRequired),
    Translation(passwords.WeakPassword, WeakPassword),
    Translation(passwords.IncorrectPassword, IncorrectPassword),
    Translation(signin.InvalidCredentials, InvalidCredentials),
    Translation(signin.UserNotFound, UserNotFound),
    Translation(recovery.EmailNotFound, EmailNotFound),
    Translation(links.InvalidToken, InvalidToken),
    Translation(sessions.SessionNotFound, SessionNotFound),
    Translation(limits.RateLimited, RateLimited),
]
