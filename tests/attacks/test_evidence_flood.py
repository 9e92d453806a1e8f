"""Nobody fills the trail with refusals of what costs them nothing to try."""

from uuid import uuid4

import pytest
from conftest import MakeApp
from support.app import PASSWORD, Application
from support.documents import LOGIN, ME, TERMINATE, TERMINATE_OTHERS

from authgql.audit.events import Event, Origin
from authgql.gate.errors import CsrfRefused

FOREIGN = {"origin": "https://evil.example"}
FORGED = {**FOREIGN, "cookie": "__Host-authgql-access=x"}
BY_COOKIE = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}


async def forge(app: Application) -> None:
    answer = await app.gql(ME, headers=FORGED)
    assert (answer.status, answer.codes) == (403, ["CSRF_REFUSED"])


async def recorded(app: Application, kind: str = "forgery.refused") -> int:
    return (await app.events()).count(kind)


@pytest.mark.parametrize("rate_limits", [True, False])
async def test_forged_requests_are_one_row_a_minute_for_each_network(
    make_app: MakeApp, rate_limits: bool
) -> None:
    app = await make_app(rate_limits=rate_limits)
    for _ in range(20):
        await forge(app)
    assert await recorded(app) == 1
    for address in ("203.0.113.7", "2001:db8::1", "2001:db8::2"):
        async with app.called_from(address) as other:
            await forge(other)
    assert await recorded(app) == 3
    app.clock.advance(60)
    await forge(app)
    assert await recorded(app) == 4


async def test_forged_logins_are_one_row_a_minute_and_refused_all_the_same(app: Application) -> None:
    await app.register()
    for _ in range(5):
        answer = await app.gql(LOGIN, BY_COOKIE, headers=FOREIGN)
        assert (answer.status, answer.codes) == (403, ["CSRF_REFUSED"])
    assert await recorded(app) == 1


async def test_ids_of_no_session_are_one_row_a_minute_for_each_who_tries(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    for one in (eve, eve, ada, ada):
        answer = await app.gql(TERMINATE, {"id": str(uuid4())}, token=one.access)
        assert answer.only["__typename"] == "SessionNotFound"
    rows = await app.rows(
        "SELECT username FROM security_events JOIN accounts ON subject=pseudonym "
        "WHERE kind='session.termination_refused' ORDER BY username"
    )
    assert [row["username"] for row in rows] == ["ada", "eve"]


async def test_a_stolen_session_s_attempts_are_limited_and_its_owner_still_ends_it(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    ada, stolen = await app.signed_up(), await app.login()
    unknown = {"id": str(uuid4())}
    answers = [await app.gql(TERMINATE, unknown, token=stolen.access) for _ in range(61)]
    assert {answer.only["__typename"] for answer in answers[:60]} == {"SessionNotFound"}
    assert answers[60].codes == ["RATE_LIMITED"]
    ended = await app.gql(TERMINATE, {"id": stolen.session_id}, token=ada.access)
    assert ended.only["__typename"] == "SessionTerminated"
    assert (await app.gql(TERMINATE_OTHERS, token=ada.access)).only["count"] == 0


async def test_evidence_that_could_not_be_written_is_written_the_next_time(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit, origin = app.system.services.audit, Origin(ip_address="127.0.0.1", user_agent="x")

    async def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(ConnectionError):
        await audit.refuse_often(Event.FORGERY_REFUSED, CsrfRefused(), origin=origin)
    monkeypatch.undo()
    assert await recorded(app) == 0
    with pytest.raises(CsrfRefused):
        await audit.refuse_often(Event.FORGERY_REFUSED, CsrfRefused(), origin=origin)
    assert await recorded(app) == 1
