"""An administrator ends anybody's session, and nobody else does (ASVS 7.4.5)."""

import pytest
from support.accounts import account, newest_event, promote
from support.app import IPHONE, Application, SignedIn
from support.documents import ME, TERMINATE

EVENTS = "SELECT * FROM security_events ORDER BY id"


async def administrator(app: Application) -> SignedIn:
    await app.register("root")
    await promote(app, "root")
    return await app.login("root")


async def test_an_administrator_ends_anothers_session_with_evidence_for_both(app: Application) -> None:
    ada, phone = await app.signed_up(), await app.login(user_agent=IPHONE)
    root = await administrator(app)
    result = (await app.gql(TERMINATE, {"id": phone.session_id}, token=root.access)).only
    assert result["__typename"] == "SessionTerminated"
    assert (result["session"]["status"], result["session"]["endReason"]) == ("ENDED", "TERMINATED_BY_ADMIN")
    assert (await app.gql(ME, token=phone.access)).only is None
    assert (await app.gql(ME, token=ada.access)).only is not None
    owners, admins = (await app.rows(EVENTS))[-2:]
    assert (owners["kind"], owners["subject"], owners["ip_address"], owners["detail"]) == (
        "session.ended",
        (await account(app))["pseudonym"],
        None,
        "The session ended: ended by an administrator.",
    )
    assert (admins["kind"], admins["subject"], admins["ip_address"], str(admins["session_id"])) == (
        "session.ended_as_admin",
        (await account(app, "root"))["pseudonym"],
        "127.0.0.1",
        phone.session_id,
    )


async def test_an_administrator_s_own_session_ends_as_anybody_s(app: Application) -> None:
    root = await administrator(app)
    result = (await app.gql(TERMINATE, {"id": root.session_id}, token=root.access)).only
    assert result["session"]["endReason"] == "TERMINATED"


async def test_an_ended_session_keeps_its_first_end(app: Application) -> None:
    ada = await app.signed_up()
    root = await administrator(app)
    await app.gql("mutation { logout { __typename } }", token=ada.access)
    before = len(await app.rows(EVENTS))
    result = (await app.gql(TERMINATE, {"id": ada.session_id}, token=root.access)).only
    assert result["session"]["endReason"] == "LOGGED_OUT"
    assert len(await app.rows(EVENTS)) == before


async def test_what_is_no_session_is_not_found_for_administrators_too(app: Application) -> None:
    root = await administrator(app)
    result = (await app.gql(TERMINATE, {"id": root.user_id}, token=root.access)).only
    assert result["__typename"] == "SessionNotFound"
    assert (await newest_event(app))["kind"] == "session.termination_refused"


async def test_the_operator_signs_one_account_out(app: Application) -> None:
    ada, bea = await app.signed_up("ada"), await app.signed_up("bea")
    found = await app.system.services.accounts.by_username("ada")
    assert found is not None
    assert await app.system.services.terminations.sign_out(found) == 1
    assert (await app.gql(ME, token=ada.access)).only is None
    assert (await app.gql(ME, token=bea.access)).only is not None
    event = await newest_event(app)
    assert (event["kind"], event["detail"]) == (
        "session.ended",
        "The session ended: ended by an administrator.",
    )


async def test_the_operator_signs_everybody_out(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authgql.sessions.termination.BATCH", 2)
    clients = []
    for name in ("ada", "bea", "cyd"):
        clients += [await app.signed_up(name), await app.login(name), await app.login(name)]
    assert await app.system.services.terminations.sign_out_everybody() == (9, 3)
    assert await app.system.services.terminations.sign_out_everybody() == (0, 0)
    assert [(await app.gql(ME, token=client.access)).only for client in clients] == [None] * 9
    rows = await app.rows("SELECT DISTINCT end_reason FROM sessions")
    assert [row["end_reason"] for row in rows] == ["TERMINATED_BY_ADMIN"]
