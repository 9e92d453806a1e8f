"""Asking for a reset is the same work for every address; what differs comes later, unseen by the asker."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import orjson
import structlog

from authgql.accounts.models import Account
from authgql.accounts.service import Accounts
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.database import is_unavailable, transaction
from authgql.core.sealing import CannotOpen, Sealer
from authgql.core.secrets import first_id_at, new_id
from authgql.core.words import span
from authgql.links.service import Links, Purpose
from authgql.mail.outbox import Outbox
from authgql.recovery.models import ResetRequest
from authgql.sessions.devices import describe

BATCH: Final = 100
PATIENCE: Final = timedelta(minutes=1)
NONE_YET: Final = UUID(int=0)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    id: UUID
    email: str
    origin: Origin | None


class ResetRequests:
    """Keeps requests until a loop looks into them, every second and never sooner for being asked.

    A link and a mail, written while the asker waits or the moment they have their answer, would slow that
    request or the next one, and so tell that somebody has an account (ASVS 6.3.8).
    """

    def __init__(
        self,
        *,
        clock: Clock,
        audit: AuditLog,
        sealer: Sealer,
        accounts: Accounts,
        links: Links,
        outbox: Outbox,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._sealer = sealer
        self._accounts = accounts
        self._links = links
        self._outbox = outbox

    async def keep(self, email: str, *, origin: Origin) -> None:
        """Put a request on disk: one statement, whoever has the address."""
        request_id = new_id()
        content = {"email": email, "ip_address": origin.ip_address, "user_agent": origin.user_agent}
        await ResetRequest.create(
            id=request_id,
            sealed_content=self._sealer.seal(orjson.dumps(content).decode(), place=_place(request_id)),
            requested_at=self._clock.now(),
        )

    async def answer(self) -> None:
        """Look into every request that waits; of several for one address the newest gets the mail.

        Its link would make those of the others worthless at once.
        """
        passed = NONE_YET
        while waiting := await ResetRequest.filter(id__gt=passed).order_by("id").limit(BATCH):
            for email, asked in _by_address(self._open(row) for row in waiting):
                await self._answer_or_pass(email, asked)
            passed = waiting[-1].id

    async def send_link(self, account: Account, origin: Origin) -> None:
        """Mail a reset link to an account that the caller's transaction holds."""
        url, expires_at = await self._links.issue(
            Purpose.RESET_PASSWORD, account_id=account.id, email=account.email
        )
        await self._outbox.enqueue(
            "reset_password",
            to=account.email,
            context={
                "username": account.username,
                "link": url,
                "valid_for": span(self._links.lifetime(Purpose.RESET_PASSWORD)),
                "ip_address": origin.ip_address,
                "device": describe(origin.user_agent).name,
            },
            account_id=account.id,
            useless_after=expires_at,
        )

    async def _answer_or_pass(self, email: str, asked: Sequence[_Asked]) -> None:
        """Answer, or go on to those behind; what fails for a minute by its own fault is given up."""
        try:
            await self._answer(email, asked)
        except Exception as error:
            if is_unavailable(error):
                raise
            too_old = first_id_at(self._clock.now() - PATIENCE)
            lost = await ResetRequest.filter(id__in=[one.id for one in asked], id__lt=too_old).delete()
            log.exception("reset_request.failed", error=type(error).__name__, given_up=lost)

    async def _answer(self, email: str, asked: Sequence[_Asked]) -> None:
        async with transaction():
            # Of several nodes, the one whose DELETE removes the row answers it.
            mine = [one for one in asked if await ResetRequest.filter(id=one.id).delete()]
            account = await self._holder_of(email)
            for one in mine:
                await self._audit.record(
                    Event.PASSWORD_RESET_REQUESTED,
                    subject=account.pseudonym if account else None,
                    origin=one.origin,
                )
            newest = mine[-1].origin if mine else None
            if account and newest and not account.locked_at:
                await self.send_link(account, newest)

    async def _holder_of(self, email: str) -> Account | None:
        found = await self._accounts.find(email)
        return await self._accounts.held(found.id) if found else None

    def _open(self, row: ResetRequest) -> _Asked:
        try:
            content = orjson.loads(self._sealer.open(row.sealed_content, place=_place(row.id)))
            origin = Origin(ip_address=content["ip_address"], user_agent=content["user_agent"])
            return _Asked(id=row.id, email=content["email"], origin=origin)
        except (CannotOpen, KeyError, ValueError) as error:  # that somebody asked is evidence still
            log.error("reset_request.lost", reason=str(error))  # noqa: TRY400 -- the reason says it all
            return _Asked(id=row.id, email="", origin=None)


def _by_address(asked: Iterable[_Asked]) -> Iterable[tuple[str, Sequence[_Asked]]]:
    grouped = defaultdict(list)
    for one in asked:
        grouped[one.email].append(one)
    return grouped.items()


def _place(request_id: UUID) -> str:
    return f"reset-request:{request_id}"
