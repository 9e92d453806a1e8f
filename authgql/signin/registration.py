"""An account begins with its registration and ends with its owner's word."""

from authgql.accounts.models import Account
from authgql.accounts.service import Accounts, NewAccount
from authgql.audit.events import Origin
from authgql.core.database import transaction
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.passwords.service import Passwords
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.sessions.state import SessionEndReason


class Registration:
    """register, deleteAccount."""

    def __init__(
        self,
        *,
        limits: Limits,
        accounts: Accounts,
        sessions: Sessions,
        passwords: Passwords,
    ) -> None:
        self._limits = limits
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords

    async def register(
        self,
        *,
        username: str,
        email: str,
        password: str,
        first_name: str | None,
        last_name: str | None,
        origin: Origin,
    ) -> Account:
        """Make an account.

        Raises `InvalidInput`, `UsernameTaken`, `EmailTaken`, `WeakPassword` and `RateLimited`.
        """
        await self._limits.attempt(Attempt.REGISTER, origin=origin)
        new = NewAccount.of(username, email, first_name, last_name)
        await self._accounts.refuse_taken(new, origin=origin)
        await self._limits.attempt(Attempt.VERIFICATION_MAIL, origin=origin, account=new.email.key)
        password_hash = await self._passwords.choose(password, personal=new.words)
        return await self._accounts.register(new, password_hash=password_hash, origin=origin)

    async def create(self, new: NewAccount, password: str) -> Account:
        """Make an account for an operator; raises as `register` does."""
        password_hash = await self._passwords.choose(password, personal=new.words)
        return await self._accounts.register(new, password_hash=password_hash, origin=None)

    async def delete(self, account: Account, session: Session, password: str, *, origin: Origin) -> bool:
        """Erase the account and end its sessions; raises `IncorrectPassword` and `RateLimited`.

        False if the session ended or the password was changed while this one was being checked.
        """
        await self._passwords.confirm(account, password, origin=origin, session_id=session.id)
        async with transaction():
            current = await self._accounts.held(account.id)
            if current is None:
                return True  # erased since, by the same owner
            if current.password_hash != account.password_hash:
                return False
            if session.id not in await self._sessions.hold_all(account):
                return False
            await self._sessions.end_all(account, SessionEndReason.ACCOUNT_DELETED, origin=origin)
            await self._accounts.erase(account, origin=origin)
        return True

    async def lock(self, account: Account) -> bool:
        """Keep an account from signing in and end its sessions; False if it is locked already."""
        async with transaction():
            done = await self._accounts.lock(account)
            await self._sessions.end_all(account, SessionEndReason.ACCOUNT_LOCKED, origin=None)
        return done
