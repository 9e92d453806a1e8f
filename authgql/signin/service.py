"""Signing in starts a tracked session, signing out ends it, and nothing in between is taken on trust."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, NoReturn

from authgql.accounts.errors import InvalidInput
from authgql.accounts.identifiers import login_key
from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import transaction
from authgql.core.errors import Refusal
from authgql.limits.devices import Devices
from authgql.limits.lockout import NOBODY, STRANGERS, Lockout
from authgql.limits.policy import Attempt
from authgql.limits.service import Limits
from authgql.passwords.errors import IncorrectPassword
from authgql.passwords.hashing import Hashing, Mismatch
from authgql.passwords.policy import MAX_LENGTH
from authgql.passwords.service import Passwords
from authgql.passwords.spelling import spelt
from authgql.sessions.known_devices import is_disowned
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.sessions.state import SessionEndReason
from authgql.signin.errors import InvalidCredentials, UserNotFound
from authgql.signin.history import history
from authgql.signin.notices import SignInNotices
from authgql.tokens.refresh import RefreshTokens
from authgql.tokens.service import TokenPair, Tokens

MAX_LOGIN: Final = 254  # the longest e-mail address
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A session with its account and the tokens that open it.

    `known_device` tells of a login whether this browser had signed in to the account before.
    """

    account: Account
    session: Session
    tokens: TokenPair
    known_device: bool = False


class SignIn:
    """login, refresh, reauthenticate, logout."""

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        limits: Limits,
        devices: Devices,
        notices: SignInNotices,
        lockout: Lockout,
        accounts: Accounts,
        sessions: Sessions,
        passwords: Passwords,
        hashing: Hashing,
        refresh_tokens: RefreshTokens,
        tokens: Tokens,
        reveal_accounts: bool,
        sessions_kept: timedelta,
    ) -> None:
        self._clock = clock
        self._sessions_kept = sessions_kept
        self._audit = audit
        self._limits = limits
        self._devices = devices
        self._notices = notices
        self._lockout = lockout
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._hashing = hashing
        self._refresh_tokens = refresh_tokens
        self._tokens = tokens
        self._reveal = reveal_accounts

    async def login(
        self,
        username: str,
        password: str,
        *,
        origin: Origin,
        proved_key: str | None = None,
        device: str | None = None,
    ) -> SignedIn:
        """Start a session for a username or e-mail address and its password.

        `device` is the device cookie as it was shown, of whatever account or forged.
        Raises `InvalidInput`, `InvalidCredentials`, `RateLimited`; where accounts are revealed,
        `UserNotFound` and `IncorrectPassword`.
        """
        _check_shape(username, password)
        key, account = login_key(username), await self._accounts.find(username)
        # An account is one target, whether it is tried by its username or by its address.
        target = str(account.id) if account else key
        known = await self._recognise(account or _nobody(), device)
        subject = account.pseudonym if account else None
        await self._limits.attempt(Attempt.LOGIN, origin=origin, account=target, known=known, subject=subject)
        try:
            await self._passwords.verify(account, password, source=known or STRANGERS)
        except Mismatch:
            await self._refuse(account, origin, known)
        if account is None or account.locked_at:
            await self._refuse(account, origin, known)
        return await self._start(account, password, origin, proved_key, known=known)

    async def refresh(self, refresh_token: str, *, origin: Origin, proved_key: str | None = None) -> SignedIn:
        """Renew a session's tokens; raises `InvalidToken`, `RateLimited` and `InvalidProof`."""
        done = await self._refresh_tokens.use(refresh_token, origin=origin, proved_key=proved_key)
        tokens = self._tokens.pair(done.session, done.token)
        return SignedIn(account=done.account, session=done.session, tokens=tokens)

    async def reauthenticate(
        self, account: Account, session: Session, password: str, *, origin: Origin
    ) -> SignedIn | None:
        """Renew `auth_time` with a new access token; None if the session ended meanwhile.

        Raises `IncorrectPassword` and `RateLimited`.
        """
        await self._passwords.confirm(account, password, origin=origin, session_id=session.id)
        if not await self._sessions.reauthenticated(session, account=account, origin=origin):
            return None
        return SignedIn(account=account, session=session, tokens=self._tokens.pair(session))

    async def logout(self, account: Account, session: Session, *, origin: Origin) -> Session:
        """End the session."""
        return await self._sessions.end(
            session.id, SessionEndReason.LOGGED_OUT, account=account, origin=origin
        )

    async def _recognise(self, account: Account, device: str | None) -> str | None:
        """Return what a known device is called, unless the owner disowned it."""
        name = self._devices.recognise(device, account.id, since=account.password_changed_at)
        return None if name is None or await is_disowned(name, account_id=account.id) else name

    async def _start(
        self,
        account: Account,
        password: str,
        origin: Origin,
        proved_key: str | None,
        *,
        known: str | None,
    ) -> SignedIn:
        outdated = self._hashing.is_outdated(account.password_hash)
        newer_hash = await self._hashing.hash(password) if outdated else None
        opened = await self._open(account, newer_hash, origin, proved_key, known)
        if opened is None:  # the account was changed, locked or erased since it was read
            await self._refuse(account, origin, known)
        session, refresh_token = opened
        tokens = self._tokens.pair(session, refresh_token)
        return SignedIn(account=account, session=session, tokens=tokens, known_device=known is not None)

    async def _open(
        self,
        account: Account,
        newer_hash: str | None,
        origin: Origin,
        proved_key: str | None,
        known: str | None,
    ) -> tuple[Session, str] | None:
        source = known or STRANGERS
        async with transaction():
            if not await self._accounts.hold(account, password_hash=newer_hash):
                return None
            past = await history(account, source=source, clock=self._clock, sessions_kept=self._sessions_kept)
            if past.wrong_before and not await self._lockout.passed(account.id, source):
                return None
            session, refresh_token = await self._refresh_tokens.begin(
                account,
                origin=origin,
                device_id=known or self._devices.new_name(),
                key_thumbprint=proved_key,
            )
            await self._notices.tell(account, session, past, known_device=known is not None)
            return session, refresh_token

    async def _refuse(self, account: Account | None, origin: Origin, known: str | None) -> NoReturn:
        refusal: Refusal = InvalidCredentials()
        if self._reveal:
            refusal = IncorrectPassword() if account else UserNotFound()
        subject = account.pseudonym if account else None
        failed = partial(self._passwords.failed, account, source=known or STRANGERS, origin=origin)
        await self._audit.refuse(Event.LOGIN_REFUSED, refusal, subject=subject, origin=origin, along=failed)


def _nobody() -> Account:
    """Make a row for a name that nobody has: a limited attempt is so quick that finding one would show."""
    return Account(
        id=NOBODY,
        pseudonym=NOBODY,
        username="",
        username_key="",
        email="",
        email_key="",
        password_hash="",
        password_changed_at=LONG_AGO,
        created_at=LONG_AGO,
    )


def _check_shape(username: str, password: str) -> None:
    wrong = {}
    if not 0 < len(username) <= MAX_LOGIN or "\0" in username:
        wrong["username"] = "Give your username or e-mail address."
    if not 0 < len(spelt(password)) <= MAX_LENGTH or "\0" in password:
        wrong["password"] = f"Give your password, at most {MAX_LENGTH} characters."
    if wrong:
        raise InvalidInput(wrong)
