"""The owner changes the profile; a new e-mail address waits until it is proved."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from tortoise.exceptions import IntegrityError

from authgql.accounts.errors import EmailTaken, ReauthenticationRequired, UsernameTaken
from authgql.accounts.identifiers import EmailAddress, Username
from authgql.accounts.models import Account
from authgql.accounts.service import Fields
from authgql.accounts.verification import Verification
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.errors import Refusal
from authgql.core.words import moment
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.mail.outbox import Outbox

NOT_NULL: Final = "This cannot be removed, only changed. Leave it out to keep it."


class Profile:
    """Changes of an account by its owner."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        limits: Limits,
        outbox: Outbox,
        verification: Verification,
        reauthentication_max_age: timedelta,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._limits = limits
        self._outbox = outbox
        self._verification = verification
        self._max_age = reauthentication_max_age

    async def update(
        self, account: Account, given: Mapping[str, str | None], *, authenticated_at: datetime, origin: Origin
    ) -> Account:
        """Change what is given of `username`, `email`, `firstName`, `lastName`; None clears a name.

        Raises `InvalidInput`, `UsernameTaken`, `EmailTaken`, `ReauthenticationRequired` and `RateLimited`.
        """
        elsewhere = given.get("email") not in {None, account.email}
        attempt = Attempt.CHANGE_EMAIL if elsewhere else Attempt.UPDATE_PROFILE
        subject = account.pseudonym
        await self._limits.attempt(attempt, origin=origin, account=str(account.id), subject=subject)
        changes, email = _checked(given)
        if email and elsewhere:
            await self._refuse_stale(account, authenticated_at, origin)
            if await Account.exists(email_key=email.key, id__not=account.id):
                await self._refuse(account, EmailTaken(), origin)
            await self._limits.attempt(
                Attempt.VERIFICATION_MAIL, origin=origin, account=email.key, subject=subject
            )
        try:
            async with transaction():
                await self._apply(account, changes, email, origin)
        except IntegrityError:  # the one unique column among the changes
            await self._refuse(account, UsernameTaken(), origin)
        account.update_from_dict(changes)
        return account

    async def _apply(
        self, account: Account, changes: dict[str, Any], email: EmailAddress | None, origin: Origin
    ) -> None:
        if email:
            changes["pending_email"] = None if email.given == account.email else email.given
        if not changes or not await Account.filter(id=account.id).update(**changes):
            return  # nothing to change, or nobody: the account was erased since
        await self._audit.record(Event.ACCOUNT_UPDATED, subject=account.pseudonym, origin=origin)
        if changes.get("username", account.username) != account.username:
            await self._tell_renamed(account, changes["username"])
        if email:
            await self._verification.abandon_change(account)
        if changes.get("pending_email"):
            await self._announce(account, changes["pending_email"], origin)

    async def _tell_renamed(self, account: Account, username: str) -> None:
        at = moment(self._clock.now())
        await self._outbox.enqueue(
            "username_changed",
            to=account.email,
            context={"username": username, "old_username": account.username, "at": at},
            account_id=account.id,
        )

    async def _announce(self, account: Account, address: str, origin: Origin) -> None:
        await self._audit.record(Event.EMAIL_CHANGE_REQUESTED, subject=account.pseudonym, origin=origin)
        await self._verification.send(account, address=address)
        await self._outbox.enqueue(
            "email_change_requested",
            to=account.email,
            context={"username": account.username, "new_email": address, "at": moment(self._clock.now())},
            account_id=account.id,
        )

    async def _refuse_stale(self, account: Account, authenticated_at: datetime, origin: Origin) -> None:
        if self._clock.now() - authenticated_at > self._max_age:
            seconds = int(self._max_age.total_seconds())
            await self._refuse(account, ReauthenticationRequired(max_age=seconds), origin)

    async def _refuse(self, account: Account, refusal: Refusal, origin: Origin) -> NoReturn:
        await self._audit.refuse(Event.PROFILE_REFUSED, refusal, subject=account.pseudonym, origin=origin)


def _checked(given: Mapping[str, str | None]) -> tuple[dict[str, Any], EmailAddress | None]:
    fields, email = Fields(), None
    changes: dict[str, Any] = {}
    for path, value in given.items():
        if path in {"username", "email"} and value is None:
            fields.wrong[path] = NOT_NULL
        elif path == "username":
            changes |= _spelt(fields.username(value or ""))
        elif path == "email":
            email = fields.email(value or "")
        else:
            changes[{"firstName": "first_name", "lastName": "last_name"}[path]] = fields.name(path, value)
    fields.refuse_if_wrong()
    return changes, email


def _spelt(username: Username | None) -> dict[str, Any]:
    return {"username": username.given, "username_key": username.key} if username else {}
