"""The one statement that rotates agrees with the ORM, and with whatever it had to wait for."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from support.app import Application
from support.databases import somebody_waits
from support.dialects import on_postgres

from authgql.accounts.models import Account
from authgql.core.secrets import fingerprint
from authgql.sessions.models import Session
from authgql.tokens.lookup import Lookup
from authgql.tokens.models import RefreshToken

UNSEEN = """
UPDATE sessions SET refreshed_count = 40, last_seen_at = last_seen_at + interval '1 second' WHERE id = $1
"""
ENDED = "UPDATE sessions SET logged_out_at = now(), end_reason = 'LOGGED_OUT' WHERE id = $1"
SPENT = "UPDATE refresh_tokens SET spent_at = $2 WHERE session_id = $1"


async def test_a_token_is_found_with_all_that_the_orm_finds(app: Application) -> None:
    ada = await app.signed_up()
    await app.refresh(ada.refresh)
    await Account.filter(id=ada.user_id).update(first_name="Ada", email_verified_at=app.clock.now())
    found = await Lookup().find(fingerprint(ada.refresh))
    (expected,) = await RefreshToken.filter(generation=0).select_related("session__account")
    assert found is not None
    ours, theirs = dict(vars(found)), dict(vars(expected))
    our_session, their_session = dict(vars(ours.pop("_session"))), dict(vars(theirs.pop("_session")))
    assert vars(our_session.pop("_account")) == vars(their_session.pop("_account"))
    assert (ours, our_session) == (theirs, their_session)


async def test_a_locked_accounts_token_is_not_found(app: Application) -> None:
    ada = await app.signed_up()
    await Account.filter(id=ada.user_id).update(locked_at=app.clock.now())
    assert await Lookup().find(fingerprint(ada.refresh)) is None


async def test_what_is_answered_and_what_is_stored_are_the_same(app: Application) -> None:
    ada = await app.signed_up()
    before = await Session.get(id=ada.session_id)
    app.clock.advance(70)
    answer = await app.refresh(ada.refresh)
    session = await Session.get(id=ada.session_id)
    changed = {name for name, value in vars(session).items() if value != vars(before)[name]}
    assert changed == {
        "refreshed_count",
        "last_seen_at",
        "expires_at",
        "token_id",
        "token_issued_at",
        "token_expires_at",
    }
    assert session.refreshed_count == answer["session"]["token"]["refreshedCount"] == 1
    assert session.last_seen_at == session.token_issued_at == app.clock.now()
    assert session.expires_at - before.expires_at == timedelta(seconds=70)
    spent, successor = await RefreshToken.all().order_by("generation")
    assert spent.spent_at == successor.issued_at == app.clock.now()
    assert successor.token_hash == fingerprint(answer["tokens"]["refreshToken"])
    assert successor.generation == 1
    assert [successor.spent_at, successor.sealed_successor] == [None, None]
    row = (await app.rows("SELECT * FROM security_events ORDER BY id"))[-1]
    assert (row["kind"], str(row["session_id"])) == ("session.refreshed", ada.session_id)


@on_postgres
@pytest.mark.parametrize("meanwhile", [UNSEEN, ENDED, SPENT], ids=["seen", "ended", "spent"])
async def test_what_it_waited_for_counts(app: Application, meanwhile: str) -> None:
    ada = await app.signed_up()
    other = await asyncpg.connect(app.system.settings.database_url)
    change = other.transaction()
    await change.start()
    given = (UUID(ada.session_id), app.clock.now() - timedelta(days=1))
    await other.execute(meanwhile, *given[: 2 if meanwhile is SPENT else 1])
    refreshing = asyncio.create_task(app.refresh(ada.refresh))
    await somebody_waits(other)
    await change.commit()
    await other.close()
    answer = await refreshing
    (session,) = await Session.all()
    if meanwhile is UNSEEN:
        assert answer["__typename"] == "RefreshSuccess"
        assert session.refreshed_count == 41
    else:
        assert answer["__typename"] == "InvalidToken"
        assert await RefreshToken.all().count() == 1
        assert (await app.events()).count("session.refreshed") == 0
