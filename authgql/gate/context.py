"""What a resolver may reach: who asks, from where, and the domains' services."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from authgql.accounts.models import Account
from authgql.accounts.profile import Profile
from authgql.accounts.service import Accounts
from authgql.accounts.verification import Verification
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.gate.caller import Caller
from authgql.gate.credentials import Credentials, Outgoing, Site
from authgql.gate.errors import CsrfRefused, Unauthenticated
from authgql.limits.devices import Devices
from authgql.passwords.service import Passwords
from authgql.recovery.service import Recovery
from authgql.sessions.listing import Listing
from authgql.sessions.live import LiveSessions, Watch
from authgql.sessions.models import Session
from authgql.sessions.service import Sessions
from authgql.sessions.termination import Terminations
from authgql.signin.registration import Registration
from authgql.signin.service import SignIn


@dataclass(frozen=True, kw_only=True)
class Services:
    """The domains' services, built once in `app.py`."""

    accounts: Accounts
    audit: AuditLog
    devices: Devices
    listing: Listing
    live: LiveSessions
    passwords: Passwords
    profile: Profile
    recovery: Recovery
    registration: Registration
    sessions: Sessions
    sign_in: SignIn
    terminations: Terminations
    verification: Verification


@dataclass(kw_only=True)
class Context:
    """One request; `watch` follows the caller's account where there are subscriptions."""

    services: Services
    origin: Origin
    credentials: Credentials
    caller: Caller | None
    proved_key: str | None = None
    watch: Watch | None = None
    outgoing: Outgoing = field(default_factory=Outgoing)

    @cached_property
    def account_references(self) -> DataLoader[UUID, Account | None]:
        """Gateways' references to accounts, looked up together."""
        return DataLoader(self._accounts)

    @cached_property
    def session_references(self) -> DataLoader[UUID, Session | None]:
        """Gateways' references to sessions, looked up together."""
        return DataLoader(self._sessions)

    def require(self) -> tuple[Account, Session]:
        """Return the caller's account and session, or raise `Unauthenticated`."""
        if self.caller is None or self.caller.session is None:
            raise Unauthenticated
        return self.caller.account, self.caller.session

    async def check_login(self) -> None:
        """Raise `CsrfRefused`, leaving evidence, if a foreign page asks for a login by cookie."""
        try:
            self.credentials.check_login()
        except CsrfRefused as refusal:
            await self.services.audit.refuse_often(Event.FORGERY_REFUSED, refusal, origin=self.origin)

    def remember_device(self, account_id: UUID, *, name: str | None = None) -> None:
        """Have the browser known for this account from now on; never because a foreign page signs in."""
        if self.credentials.site is not Site.FOREIGN:
            cookie = self.credentials.device
            self.outgoing.device = self.services.devices.remember(cookie, account_id, name=name)

    def ended(self, *session_ids: UUID) -> None:
        """Have the rest of the request be nobody's, if its session just ended, and its cookies forgotten."""
        here = self.caller.session if self.caller else None
        if here and here.id in session_ids:
            self.caller = None
            if self.credentials.from_cookies:
                self.outgoing = Outgoing(forget=True, device=self.outgoing.device)

    async def look_again(self) -> None:
        """Ask for the caller anew: an earlier field of this request may have changed or ended them."""
        here = self.caller.session if self.caller else None
        if here is None:
            return
        session = await self.services.sessions.find_living(here.id, here.account_id)
        if session:
            self.caller = Caller(account=session.account, session=session)
        else:
            self.ended(here.id)

    async def _accounts(self, ids: list[UUID]) -> list[Account | None]:
        found = await self.services.accounts.get_many(ids)
        return [found.get(account_id) for account_id in ids]

    async def _sessions(self, ids: list[UUID]) -> list[Session | None]:
        account, _ = self.require()
        found = await self.services.listing.get_many(ids, account=account)
        return [found.get(session_id) for session_id in ids]


Info: TypeAlias = strawberry.Info[Context, None]
