"""The statement that lists an account's sessions brings what the ORM would, page by page."""

from datetime import timedelta
from uuid import UUID

import pytest
from support.app import Application
from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from authgql.accounts.models import Account
from authgql.sessions.models import Session
from authgql.sessions.state import SessionStatus

EVERY = [None, *SessionStatus]


@pytest.fixture
async def account(app: Application) -> Account:
    """Somebody with sessions that live, that ended, that timed out unnoticed, and a neighbour with one."""
    ada = await app.signed_up()
    for _ in range(6):
        await app.login()
    now = app.clock.now()
    sessions = await Session.filter(account_id=ada.user_id).order_by("id")
    ended = {"logged_out_at": now, "end_reason": "LOGGED_OUT", "key_thumbprint": "A" * 43, "city": "London"}
    for session, changes in (
        (sessions[1], ended),
        (sessions[2], {"expires_at": now}),
        (sessions[4], {"expires_at": now + timedelta(microseconds=1)}),
        (sessions[5], {**ended, "expires_at": now - timedelta(days=1)}),
    ):
        await session.update_from_dict(changes).save()
    await app.signed_up("grace")
    return await Account.get(id=ada.user_id)


def orms(app: Application, account: Account, status: SessionStatus | None) -> QuerySet[Session]:
    every, now = Session.filter(account_id=account.id).order_by("-id"), app.clock.now()
    if status is SessionStatus.ACTIVE:
        return every.filter(logged_out_at=None, expires_at__gt=now)
    return every.filter(Q(logged_out_at__isnull=False) | Q(expires_at__lte=now)) if status else every


@pytest.mark.parametrize("status", EVERY)
async def test_its_pages_are_the_orms(
    app: Application, account: Account, status: SessionStatus | None
) -> None:
    expected, after = await orms(app, account, status), None
    assert len(expected) == {None: 7, SessionStatus.ACTIVE: 4, SessionStatus.ENDED: 3}[status]
    while expected:
        page = await app.system.services.listing.page(account, status=status, first=2, after=after)
        assert [vars(row) for row in page.rows] == [vars(row) for row in expected[:2]]
        assert [types(row) for row in page.rows] == [types(row) for row in expected[:2]]
        expected, after = expected[2:], page.end
        assert page.has_next == bool(expected)
    last = await app.system.services.listing.page(account, status=status, first=2, after=after)
    assert (list(last.rows), last.has_next, last.has_previous, last.start, last.end) == (
        [],
        False,
        True,
        None,
        None,
    )


@pytest.mark.parametrize("status", EVERY)
async def test_its_count_is_the_orms(
    app: Application, account: Account, status: SessionStatus | None
) -> None:
    expected = await orms(app, account, status).count()
    assert await app.system.services.listing.count(account, status=status) == expected


async def test_what_it_brings_can_be_saved(app: Application, account: Account) -> None:
    page = await app.system.services.listing.page(account, status=None, first=1, after=None)
    page.rows[0].city = "Paris"
    await page.rows[0].save(update_fields=["city"])
    assert (await Session.get(id=page.rows[0].id)).city == "Paris"


def types(row: Session) -> dict[str, type]:
    """Return what the attributes are, a driver's own UUIDs counting as UUIDs."""
    return {name: UUID if isinstance(value, UUID) else type(value) for name, value in vars(row).items()}
