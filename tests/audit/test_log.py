import re
from uuid import UUID, uuid4

import pytest
from support.accounts import WRONG_PASSWORD, account, delete_account, login
from support.app import Application

from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.audit.models import SecurityEventRecord
from authgql.core.database import transaction
from authgql.signin.errors import InvalidCredentials

HERE = Origin(ip_address="203.0.113.9", user_agent="Mozilla/5.0 (X11; Linux x86_64)")
EVERY_KIND = pytest.mark.parametrize("event", Event)


class MishapError(Exception):
    """Whatever rolls a transaction back."""


@pytest.fixture
def audit(app: Application) -> AuditLog:
    return app.system.services.audit


async def refuse_in_a_transaction(audit: AuditLog) -> None:
    async with transaction():
        await audit.refuse(Event.LOGIN_REFUSED, InvalidCredentials(), origin=HERE)


async def record_and_fail(audit: AuditLog) -> None:
    async with transaction():
        await audit.record(Event.SESSION_STARTED, origin=HERE)
        raise MishapError


async def test_a_refusal_inside_a_transaction_is_a_mistake_that_cannot_pass(audit: AuditLog) -> None:
    with pytest.raises(AssertionError, match="erase its own evidence"):
        await refuse_in_a_transaction(audit)
    assert await SecurityEventRecord.all().count() == 0


async def test_a_refusal_is_raised_once_its_evidence_is_safe(app: Application, audit: AuditLog) -> None:
    subject, session_id = uuid4(), uuid4()
    refusal = InvalidCredentials()
    with pytest.raises(InvalidCredentials) as raised:
        await audit.refuse(Event.LOGIN_REFUSED, refusal, subject=subject, origin=HERE, session_id=session_id)
    assert raised.value is refusal
    (row,) = await SecurityEventRecord.all()
    assert (row.kind, row.detail) == (
        "login.refused",
        "Somebody tried to sign in: invalid credentials.",
    )
    assert (row.subject, row.session_id, row.at) == (subject, session_id, app.clock.now())
    assert (row.ip_address, row.user_agent) == (HERE.ip_address, HERE.user_agent)


async def test_the_evidence_of_a_refusal_survives_its_request(app: Application) -> None:
    await app.register()
    before = await app.events()
    assert (await login(app, "ada", WRONG_PASSWORD))["__typename"] == "InvalidCredentials"
    assert await app.events() == [*before, "login.refused"]


async def test_an_event_goes_with_its_transaction_in_the_trail_and_in_the_log(
    audit: AuditLog, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MishapError):
        await record_and_fail(audit)
    assert await SecurityEventRecord.all().count() == 0
    assert "session.started" not in "".join(capfd.readouterr())


async def test_an_event_is_in_the_log_too_with_its_id_and_without_its_agent(
    audit: AuditLog, capfd: pytest.CaptureFixture[str]
) -> None:
    await audit.record(Event.SESSION_STARTED, subject=uuid4(), origin=HERE)
    (row,) = await SecurityEventRecord.all()
    logged = "".join(capfd.readouterr())
    assert str(row.id) in logged
    assert str(row.subject) in logged
    assert HERE.user_agent not in logged


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_several_sessions_get_a_row_each(audit: AuditLog, count: int) -> None:
    session_ids: list[UUID] = [uuid4() for _ in range(count)]
    await audit.record_all(
        Event.SESSION_ENDED, session_ids=session_ids, subject=None, origin=None, reason="idle"
    )
    rows = await SecurityEventRecord.all().order_by("id")
    assert [row.session_id for row in rows] == session_ids
    assert {row.detail for row in rows} <= {"The session ended: idle."}
    assert {(row.ip_address, row.user_agent) for row in rows} <= {(None, None)}


async def test_forgetting_strips_one_subjects_events_of_addresses_and_agents(audit: AuditLog) -> None:
    ada, eve = uuid4(), uuid4()
    for subject in (ada, eve, None):
        await audit.record(Event.SESSION_STARTED, subject=subject, origin=HERE)
    await audit.forget(ada)
    seen = {row.subject: (row.ip_address, row.user_agent) for row in await SecurityEventRecord.all()}
    kept = (HERE.ip_address, HERE.user_agent)
    assert seen == {ada: (None, None), eve: kept, None: kept}


async def test_a_deleted_accounts_events_stay_and_lead_to_nobody(app: Application) -> None:
    ada = await app.signed_up()
    await login(app, "ada", WRONG_PASSWORD)
    pseudonym = (await account(app))["pseudonym"]
    before = await app.events()
    await delete_account(app, ada.access)
    assert await app.events() == [*before, "session.ended", "account.deleted"]
    rows = await app.rows("SELECT * FROM security_events WHERE subject=$1", pseudonym)
    assert len(rows) == len(before) + 2
    assert {(row["ip_address"], row["user_agent"]) for row in rows} == {(None, None)}
    assert ada.user_id not in str(rows)
    assert "ada" not in str([(row["kind"], row["detail"]) for row in rows])


def test_no_two_events_share_a_kind() -> None:
    kinds = [event.kind for event in Event.__members__.values()]
    assert len(kinds) == len(set(kinds)) == len(Event)


@EVERY_KIND
def test_a_kind_is_a_noun_and_what_happened_to_it(event: Event) -> None:
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", event.kind)
    assert len(event.kind) <= 64


@EVERY_KIND
@pytest.mark.parametrize("reason", ["invalid credentials", "{subject}", "x" * 100])
def test_every_sentence_is_one_whatever_the_reason(event: Event, reason: str) -> None:
    sentence = event.sentence.format(reason=reason)
    assert len(sentence) <= 255
    assert re.fullmatch(r"[A-Z].*[a-z}x]\.", sentence)
    assert (reason in sentence) is ("{reason}" in event.sentence)
    assert "{" not in sentence.replace(reason, "")
