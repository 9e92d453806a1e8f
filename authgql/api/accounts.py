"""Accounts: registering, looking at oneself, changing the profile, leaving."""

from datetime import datetime
from typing import Annotated, Self, TypeAlias

import strawberry

from authgql.accounts import models
from authgql.accounts.identifiers import username_key
from authgql.api.ids import parse_id
from authgql.api.pages import FIRST, After, First
from authgql.api.session_types import SessionConnection, SessionStatus, connection
from authgql.gate.caller import Caller
from authgql.gate.context import Info
from authgql.gate.errors import Forbidden, NotFound, Unauthenticated
from authgql.gate.guards import ONCE_PER_REQUEST, OwnerOnly, SignedIn
from authgql.gate.refusal import (
    EmailTaken,
    IncorrectPassword,
    InvalidInput,
    RateLimited,
    ReauthenticationRequired,
    UsernameTaken,
    WeakPassword,
)

PRIVATE = "Private: for the owner and administrators; null with `FORBIDDEN` for anybody else."


@strawberry.federation.type(
    keys=["id"], description="Somebody with an account. Names are public, the rest is for the owner."
)
class User:
    """An account, as its viewer may see it."""

    account: strawberry.Private[models.Account]
    viewer: strawberry.Private[Caller | None]
    id: strawberry.ID = strawberry.field(
        description="Identifies the account, for ever; `sub` in its access tokens."
    )
    username: str = strawberry.field(description="The unique name, in the spelling that its owner chose.")
    first_name: str | None = strawberry.field(description="The first name, if given.")
    last_name: str | None = strawberry.field(description="The last name, if given.")
    created_at: datetime = strawberry.field(description="When the account was registered.")

    @classmethod
    def of(cls, account: models.Account, *, viewer: Caller | None) -> Self:
        """Show an account to a viewer."""
        return cls(
            account=account,
            viewer=viewer,
            id=strawberry.ID(str(account.id)),
            username=account.username,
            first_name=account.first_name,
            last_name=account.last_name,
            created_at=account.created_at,
        )

    @strawberry.field(extensions=[OwnerOnly()], description=f"The e-mail address in force. {PRIVATE}")
    def email(self) -> str | None:
        """Show the address."""
        return self.account.email

    @strawberry.field(extensions=[OwnerOnly()], description=f"Whether the address was proved. {PRIVATE}")
    def email_verified(self) -> bool | None:
        """Tell whether a link to it was acted on."""
        return self.account.email_verified_at is not None

    @strawberry.field(
        extensions=[OwnerOnly()], description=f"An address that was asked for and not yet proved. {PRIVATE}"
    )
    def pending_email(self) -> str | None:
        """Show the address that waits."""
        return self.account.pending_email

    @strawberry.field(
        extensions=[OwnerOnly()], description=f"The account's sessions, newest first. {PRIVATE}"
    )
    async def sessions(
        self,
        info: Info,
        status: Annotated[
            SessionStatus | None, strawberry.argument(description="Only these; null for all.")
        ] = SessionStatus.ACTIVE,
        first: First = FIRST,
        after: After = None,
    ) -> SessionConnection | None:
        """List the account's sessions."""
        return await connection(info, self.account, status, first, after, viewer=self.viewer)

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> Self | None:
        """Find an account for a gateway."""
        account_id = parse_id(id)
        account = await info.context.account_references.load(account_id) if account_id else None
        return cls.of(account, viewer=info.context.caller) if account else None


@strawberry.type
class AccountQuery:
    """Looking at accounts."""

    @strawberry.field(description="You; null when nobody is signed in.")
    def me(self, info: Info) -> User | None:
        """Show the caller."""
        caller = info.context.caller
        return User.of(caller.account, viewer=caller) if caller else None

    @strawberry.field(
        extensions=[SignedIn()],
        description="An account by its username: your own or, for administrators, anybody's (`NOT_FOUND` if "
        "none has it). Everything else is `FORBIDDEN`, whether it exists or not.",
    )
    async def user(
        self, info: Info, username: Annotated[str, strawberry.argument(description="In any spelling.")]
    ) -> User | None:
        """Show an account by its name."""
        me, session = info.context.require()
        own = me if username_key(username) == me.username_key else None
        # A stranger is not looked up unless for administrators: the time would tell who exists.
        account = await info.context.services.accounts.by_username(username) if me.is_admin else own
        if account:
            return User.of(account, viewer=Caller(account=me, session=session))
        raise NotFound if me.is_admin else Forbidden


@strawberry.input(description="Who registers.")
class RegisterInput:
    """Registration."""

    username: str = strawberry.field(
        description="3 to 64 ASCII letters, digits, `.`, `_`, `-`; unique in any spelling."
    )
    email: str = strawberry.field(description="An e-mail address; a link to prove it is sent there.")
    password: str = strawberry.field(description="8 (or more, by setting) to 256 characters, hard to guess.")
    first_name: str | None = strawberry.field(default=None, description="At most 100 characters.")
    last_name: str | None = strawberry.field(default=None, description="At most 100 characters.")


@strawberry.type(description="The account exists. Nobody is signed in by it: `login` next.")
class RegisterSuccess:
    """A new account."""

    user: User = strawberry.field(description="The account, private fields included.")


@strawberry.input(description="What to change; what is left out stays as it is.")
class UpdateProfileInput:
    """A profile's changes."""

    username: str | None = strawberry.field(default=strawberry.UNSET, description="A new username; not null.")
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="Null removes it.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="Null removes it.")
    email: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A new address; not null. It is `pendingEmail` until the link sent there is acted on. "
        "Needs a recent login (`ReauthenticationRequired`). The address in force cancels a pending one.",
    )


@strawberry.type(description="The profile is as asked.")
class UpdateProfileSuccess:
    """A changed account."""

    user: User = strawberry.field(description="The account as it is now.")


@strawberry.input(description="The password, once more.")
class DeleteAccountInput:
    """Confirms a deletion."""

    password: str = strawberry.field(description="Your password.")


@strawberry.type(description="The account and its sessions are erased, and every token of it is worthless.")
class DeleteAccountSuccess:
    """An erased account."""

    user_id: strawberry.ID = strawberry.field(description="The id that it had.")


RegisterResult: TypeAlias = Annotated[
    RegisterSuccess | UsernameTaken | EmailTaken | WeakPassword | InvalidInput | RateLimited,
    strawberry.union("RegisterResult", description="What `register` answers."),
]
UpdateProfileResult: TypeAlias = Annotated[
    UpdateProfileSuccess | UsernameTaken | EmailTaken | InvalidInput | RateLimited | ReauthenticationRequired,
    strawberry.union("UpdateProfileResult", description="What `updateProfile` answers."),
]
DeleteAccountResult: TypeAlias = Annotated[
    DeleteAccountSuccess | IncorrectPassword | RateLimited,
    strawberry.union("DeleteAccountResult", description="What `deleteAccount` answers."),
]


@strawberry.type
class AccountMutation:
    """Changing accounts."""

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        description="Make an account. A mail with a link to prove the address is sent.",
    )
    async def register(
        self,
        info: Info,
        input: Annotated[RegisterInput, strawberry.argument(description="Who registers.")],
    ) -> RegisterResult:
        """Register."""
        account = await info.context.services.registration.register(
            username=input.username,
            email=input.email,
            password=input.password,
            first_name=input.first_name,
            last_name=input.last_name,
            origin=info.context.origin,
        )
        return RegisterSuccess(user=User.of(account, viewer=Caller(account=account, session=None)))

    @strawberry.mutation(extensions=[SignedIn()], description="Change your own profile.")
    async def update_profile(
        self,
        info: Info,
        input: Annotated[UpdateProfileInput, strawberry.argument(description="What to change.")],
    ) -> UpdateProfileResult:
        """Change the profile."""
        account, session = info.context.require()
        given = {
            "username": input.username,
            "firstName": input.first_name,
            "lastName": input.last_name,
            "email": input.email,
        }
        changes = {path: value for path, value in given.items() if value is not strawberry.UNSET}
        account = await info.context.services.profile.update(
            account, changes, authenticated_at=session.authenticated_at, origin=info.context.origin
        )
        return UpdateProfileSuccess(user=User.of(account, viewer=info.context.caller))

    @strawberry.mutation(
        metadata=ONCE_PER_REQUEST,
        extensions=[SignedIn()],
        description="Erase your account: its sessions, tokens and personal data. This cannot be undone.",
    )
    async def delete_account(
        self,
        info: Info,
        input: Annotated[DeleteAccountInput, strawberry.argument(description="Your password.")],
    ) -> DeleteAccountResult:
        """Erase the account."""
        account, session = info.context.require()
        if not await info.context.services.registration.delete(
            account, session, input.password, origin=info.context.origin
        ):
            raise Unauthenticated
        info.context.ended(session.id)
        return DeleteAccountSuccess(user_id=strawberry.ID(str(account.id)))
