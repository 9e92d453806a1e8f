"""The one statement that tells who calls agrees with the ORM, and serves everybody who asks at once."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from conftest import MakeApp
from support.app import Application, together
from support.documents import LOGOUT, ME

from authgql.accounts.models import Account
from authgql.core.database import current, dialect
from authgql.sessions.models import Session


async def test_it_brings_what_the_orm_brings(app: Application) -> None:
    ada = await app.signed_up()
    await Account.filter(id=ada.user_id).update(
        first_name="Ada",
        pending_email="countess@example.com",
        email_verified_at=app.clock.now(),
        is_admin=True,
    )
    await Session.filter(id=ada.session_id).update(
        city="London", country="United Kingdom", refreshed_count=7, key_thumbprint="A" * 43
    )
    session_id, account_id = UUID(ada.session_id), UUID(ada.user_id)
    expected = await Session.get(id=session_id).select_related("account")
    found = await app.system.services.sessions.find_living(session_id, account_id)
    assert found is not None
    ours, theirs = dict(vars(found)), dict(vars(expected))
    assert vars(ours.pop("_account")) == vars(theirs.pop("_account"))
    assert ours == theirs
    assert types(ours) == types(theirs)


def types(attributes: Mapping[str, object]) -> dict[str, type]:
    """Return what the attributes are, a driver's own UUIDs counting as UUIDs."""
    return {name: UUID if isinstance(value, UUID) else type(value) for name, value in attributes.items()}


async def test_what_it_brings_can_be_saved(app: Application) -> None:
    ada = await app.signed_up()
    found = await app.system.services.sessions.find_living(UUID(ada.session_id), UUID(ada.user_id))
    assert found is not None
    found.account.first_name = "Augusta"
    await found.account.save(update_fields=["first_name"])
    assert (await Account.get(id=ada.user_id)).first_name == "Augusta"


@pytest.mark.parametrize("reason", ["ended", "idle", "locked", "foreign", "unknown"])
async def test_it_finds_no_session_that_the_orm_would_not(app: Application, reason: str) -> None:
    ada = await app.signed_up()
    session_id, account_id = UUID(ada.session_id), UUID(ada.user_id)
    if reason == "ended":
        await Session.filter(id=session_id).update(logged_out_at=app.clock.now(), end_reason="LOGGED_OUT")
    elif reason == "idle":
        await Session.filter(id=session_id).update(expires_at=app.clock.now())
    elif reason == "locked":
        await Account.filter(id=account_id).update(locked_at=app.clock.now())
    elif reason == "foreign":
        account_id = UUID((await app.signed_up("grace")).user_id)
    else:
        session_id = uuid4()
    assert await app.system.services.sessions.find_living(session_id, account_id) is None


async def test_requests_of_one_moment_share_a_statement_and_each_gets_their_own(app: Application) -> None:
    people = [await app.signed_up(name) for name in ("ada", "grace", "mary")]
    with app.counting() as statements:
        answers = await together(*(app.gql(ME, token=person.access) for person in people * 20))
    assert [answer.only["id"] for answer in answers] == [person.user_id for person in people * 20]
    assert len(statements) < len(answers) / 2


async def test_two_requests_in_one_session_share_no_object(app: Application) -> None:
    ada = await app.signed_up()
    find = app.system.services.sessions.find_living
    one, other = await together(*[find(UUID(ada.session_id), UUID(ada.user_id)) for _ in range(2)])
    assert one is not other
    assert one.account is not other.account


async def test_who_asks_after_an_end_is_not_answered_from_before_it(app: Application) -> None:
    ada = await app.signed_up()
    asking = [asyncio.create_task(app.gql(ME, token=ada.access)) for _ in range(50)]
    await app.gql(LOGOUT, token=ada.access)
    assert (await app.gql(ME, token=ada.access)).only is None
    await asyncio.gather(*asking)


async def test_a_database_that_is_away_is_away_for_all_who_asked(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await app.signed_up()

    async def fail(*_: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(type(current()), "run" if dialect() == "sqlite" else "execute_query", fail)
        answers = await together(*(app.gql(ME, token=ada.access) for _ in range(5)))
    assert [(answer.status, answer.codes) for answer in answers] == [(503, ["SERVICE_UNAVAILABLE"])] * 5
    assert (await app.gql(ME, token=ada.access)).only


async def test_a_session_that_idles_out_is_gone_at_its_second(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=timedelta(hours=1))
    ada = await app.signed_up()
    app.clock.advance(hours=1)
    assert await app.system.services.sessions.find_living(UUID(ada.session_id), UUID(ada.user_id)) is None
