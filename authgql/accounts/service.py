"""Accounts are made, found, locked and erased here, and no two share a username or an address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar
from uuid import UUID

from tortoise.exceptions import IntegrityError

from authgql.accounts.errors import EmailTaken, InvalidInput, UsernameTaken
from authgql.accounts.holding import held
from authgql.accounts.identifiers import (
    EmailAddress,
    NotAcceptable,
    Username,
    personal_name,
    username_key,
)
from authgql.accounts.models import Account
from authgql.accounts.verification import Verification
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.errors import Refusal
from authgql.core.rows import Rows
from authgql.core.statements import Statement
from authgql.core.words import moment
from authgql.mail.outbox import Outbox

UNCHANGED: Final = Statement("""
SELECT 1 FROM "accounts" WHERE "id" = :id AND "password_hash" = :password_hash AND "locked_at" IS NULL
FOR NO KEY UPDATE
""")
Accepted = TypeVar("Accepted")


@dataclass(kw_only=True)
class Fields:
    """Collects what is wrong with several fields, so that the caller hears of all of it at once."""

    wrong: dict[str, str] = field(default_factory=dict)

    def username(self, value: str) -> Username | None:
        """Check a username."""
        return self._check("username", Username.of, value)

    def email(self, value: str) -> EmailAddress | None:
        """Check an e-mail address."""
        return self._check("email", EmailAddress.of, value)

    def name(self, path: str, value: str | None) -> str | None:
        """Check a first or last name."""
        return self._check(path, personal_name, value or "")

    def refuse_if_wrong(self) -> None:
        """Raise `InvalidInput` if any check failed."""
        if self.wrong:
            raise InvalidInput(self.wrong)

    def _check(self, path: str, accept: Callable[[str], Accepted], value: str) -> Accepted | None:
        try:
            return accept(value)
        except NotAcceptable as error:
            self.wrong[path] = str(error)
            return None


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """What somebody registers with, checked; `of` raises `InvalidInput`."""

    username: Username
    email: EmailAddress
    first_name: str | None
    last_name: str | None

    @classmethod
    def of(
        cls, username: str, email: str, first_name: str | None = None, last_name: str | None = None
    ) -> "NewAccount":
        """Check every field and raise `InvalidInput` naming all that are wrong."""
        fields = Fields()
        name, address = fields.username(username), fields.email(email)
        first, last = fields.name("firstName", first_name), fields.name("lastName", last_name)
        if name is None or address is None or fields.wrong:
            raise InvalidInput(fields.wrong)
        return cls(username=name, email=address, first_name=first, last_name=last)

    @property
    def words(self) -> Sequence[str]:
        """The account's own words, which its password may not consist of."""
        return [self.username.given, self.email.given, self.first_name or "", self.last_name or ""]


class Accounts:
    """The register of accounts."""

    def __init__(self, *, clock: Clock, audit: AuditLog, outbox: Outbox, verification: Verification) -> None:
        self._clock = clock
        self._audit = audit
        self._outbox = outbox
        self._verification = verification
        rows = Rows(Account)
        self._by_username = rows.where('t."username_key" = :key')
        self._by_email = rows.where('t."email_key" = :key')

    async def register(self, new: NewAccount, *, password_hash: str, origin: Origin | None) -> Account:
        """Make an account and, if a client asked, mail a link to prove its address.

        Raises `UsernameTaken`, `EmailTaken`.
        """
        await self.refuse_taken(new, origin=origin)
        try:
            async with transaction():
                return await self._create(new, password_hash, origin)
        except IntegrityError:  # somebody else was quicker
            named = await Account.exists(username_key=new.username.key)
            await self._refuse(UsernameTaken() if named else EmailTaken(), origin)

    async def refuse_taken(self, new: NewAccount, *, origin: Origin | None) -> None:
        """Raise `UsernameTaken` or `EmailTaken` if another account has one of them."""
        if await Account.exists(username_key=new.username.key):
            await self._refuse(UsernameTaken(), origin)
        if await Account.exists(email_key=new.email.key):
            await self._refuse(EmailTaken(), origin)

    async def find(self, login: str) -> Account | None:
        """Find an account by its username or its e-mail address, in any spelling."""
        if "@" in login:
            try:
                return await self._by_email.first(key=EmailAddress.of(login).key)
            except NotAcceptable:
                return None
        return await self.by_username(login)

    async def by_username(self, username: str) -> Account | None:
        """Find an account by its username, in any spelling."""
        key = username_key(username)
        return await self._by_username.first(key=key) if key else None

    async def get(self, account_id: UUID) -> Account | None:
        """Find an account by its id."""
        return await Account.get_or_none(id=account_id)

    async def get_many(self, account_ids: Sequence[UUID]) -> dict[UUID, Account]:
        """Find several accounts by their ids, in one statement."""
        rows = await Account.filter(id__in=account_ids)
        return {row.id: row for row in rows}

    async def held(self, account_id: UUID) -> Account | None:
        """Return an account that stays as it is until the transaction ends; None if it was erased."""
        return await held(account_id)

    async def hold(self, account: Account, *, password_hash: str | None = None) -> bool:
        """Keep an account as it was read until the transaction ends, with a new hash if one is given.

        False if its password was changed or it was locked or erased meanwhile: a login that raced a
        password change must not outlive it.
        """
        read = {"id": account.id, "password_hash": account.password_hash}
        if password_hash is None:
            return bool(await UNCHANGED.rows(**read))
        return await Account.filter(locked_at=None, **read).update(password_hash=password_hash) == 1

    async def set_password(self, account: Account, password_hash: str) -> bool:
        """Replace the password that `account` was read with; False if it was replaced meanwhile.

        A pending e-mail change dies with the old password: whoever knew it may have asked for it.
        """
        unchanged = Account.filter(id=account.id, password_hash=account.password_hash)
        now = self._clock.now()
        if not await unchanged.update(
            password_hash=password_hash, password_changed_at=now, pending_email=None
        ):
            return False
        await self._verification.abandon_change(account)
        return True

    async def abandon_change(self, account: Account) -> None:
        """Forget an address that was asked for and not proved, and make its link worthless."""
        await Account.filter(id=account.id).update(pending_email=None)
        await self._verification.abandon_change(account)

    async def prove(self, account: Account, *, address: str) -> None:
        """Take the account's address for proved, if it still is the one that the proof is of."""
        unproved = Account.filter(id=account.id, email=address, email_verified_at=None)
        await unproved.update(email_verified_at=self._clock.now())

    async def lock(self, account: Account) -> bool:
        """Keep an account from signing in; False if it is locked already."""
        done = await Account.filter(id=account.id, locked_at=None).update(locked_at=self._clock.now())
        if done:
            await self._audit.record(Event.ACCOUNT_LOCKED, subject=account.pseudonym)
        return bool(done)

    async def unlock(self, account: Account) -> bool:
        """Let a locked account sign in again; False if it is not locked."""
        async with transaction():
            done = await Account.filter(id=account.id, locked_at__isnull=False).update(locked_at=None)
            if done:
                await self._audit.record(Event.ACCOUNT_UNLOCKED, subject=account.pseudonym)
        return bool(done)

    async def promote(self, account: Account) -> bool:
        """Make an account an administrator; False if it is one already."""
        async with transaction():
            done = await Account.filter(id=account.id, is_admin=False).update(is_admin=True)
            if done:
                await self._audit.record(Event.ACCOUNT_PROMOTED, subject=account.pseudonym)
        return bool(done)

    async def erase(self, account: Account, *, origin: Origin) -> None:
        """Delete an account and all that hangs from it; the trail keeps a pseudonym's bare events."""
        now = self._clock.now()
        async with transaction():
            await self._audit.record(Event.ACCOUNT_DELETED, subject=account.pseudonym, origin=origin)
            await Account.filter(id=account.id).delete()
            await self._audit.forget(account.pseudonym)
            await self._outbox.enqueue(
                "account_deleted",
                to=account.email,
                context={"username": account.username, "at": moment(now)},
                account_id=None,
            )

    async def _create(self, new: NewAccount, password_hash: str, origin: Origin | None) -> Account:
        now = self._clock.now()
        account = await Account.create(
            username=new.username.given,
            username_key=new.username.key,
            email=new.email.given,
            email_key=new.email.key,
            first_name=new.first_name,
            last_name=new.last_name,
            password_hash=password_hash,
            password_changed_at=now,
            created_at=now,
        )
        await self._audit.record(Event.ACCOUNT_REGISTERED, subject=account.pseudonym, origin=origin)
        if origin:  # an operator's command may not know the public URL; the owner can ask for the link
            await self._verification.send(account, address=account.email)
        return account

    async def _refuse(self, refusal: Refusal, origin: Origin | None) -> NoReturn:
        await self._audit.refuse(Event.REGISTRATION_REFUSED, refusal, origin=origin)
