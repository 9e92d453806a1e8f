"""The original system's session calls, a test for each row of the table that lists what must work."""

from datetime import timedelta

import pytest
from conftest import MakeApp
from support.app import IPHONE, PASSWORD, Application
from support.documents import LOGOUT, ME, SESSIONS, TERMINATE, TERMINATE_ALL, TERMINATE_OTHERS

CURRENT = "{ currentSession { id current } }"
OWN = "{ me { sessions { nodes { id } } } }"
CHANGE_PASSWORD = """
mutation ($current: String!, $new: String!) {
  changePassword(input: {currentPassword: $current, newPassword: $new}) {
    ... on PasswordChanged { endedSessions }
  }
}
"""
REQUEST_RESET = 'mutation { requestPasswordReset(email: "ada@example.com") { __typename } }'
RESET = """
mutation ($token: String!, $new: String!) {
  resetPassword(input: {token: $token, newPassword: $new}) { __typename }
}
"""
DELETE = "mutation ($password: String!) { deleteAccount(input: {password: $password}) { __typename } }"
NEW_PASSWORD = "amber-lantern-crosswind-58"


async def end_reason(app: Application, session_id: str) -> str:
    (row,) = await app.rows("SELECT end_reason FROM sessions WHERE id=$1", session_id)
    reason: str = row["end_reason"]
    return reason


async def test_row_logout_ends_the_session_and_every_token_of_it_is_refused(app: Application) -> None:
    ada = await app.signed_up()
    assert (await app.gql(LOGOUT, token=ada.access)).only["session"]["endReason"] == "LOGGED_OUT"
    assert (await app.gql(ME, token=ada.access)).only is None
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"


async def test_row_list_active_logins_with_address_device_times_token_status_and_which_is_current(
    app: Application,
) -> None:
    ada = await app.signed_up()
    phone = await app.login(user_agent=IPHONE)
    telephone, desktop = (await app.gql(SESSIONS, token=ada.access)).only["nodes"]
    assert [telephone["id"], desktop["id"]] == [phone.session_id, ada.session_id]
    assert [telephone["current"], desktop["current"]] == [False, True]
    for node in (telephone, desktop):
        assert node["ipAddress"] == "127.0.0.1"
        assert node["loggedInAt"] == app.clock.now().isoformat()
        assert (node["status"], node["loggedOutAt"]) == ("ACTIVE", None)
        assert set(node["token"]) == {"id", "issuedAt", "expiresAt", "refreshedCount", "senderConstrained"}
    assert [telephone["device"]["name"], desktop["device"]["name"]] == [
        "Mobile Safari on iOS",
        "Firefox on Linux",
    ]
    assert (await app.gql(CURRENT, token=phone.access)).only == {"id": phone.session_id, "current": True}
    assert len((await app.gql(OWN, token=ada.access)).only["sessions"]["nodes"]) == 2


async def test_row_list_logins_keeps_the_logout_time_of_those_that_ended(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    app.clock.advance(5)
    await app.gql(LOGOUT, token=other.access)
    (node,) = (await app.gql(SESSIONS, {"status": "ENDED"}, token=ada.access)).only["nodes"]
    assert (node["id"], node["loggedOutAt"]) == (other.session_id, app.clock.now().isoformat())


async def test_row_end_one_login(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    assert (await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)).only["session"][
        "status"
    ] == "ENDED"
    assert (await app.gql(ME, token=other.access)).only is None


async def test_row_end_all_but_the_current_login(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    assert (await app.gql(TERMINATE_OTHERS, token=ada.access)).only["count"] == 1
    assert (await app.gql(ME, token=other.access)).only is None
    assert (await app.gql(ME, token=ada.access)).only is not None


async def test_row_end_all_logins(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    assert (await app.gql(TERMINATE_ALL, token=ada.access)).only["count"] == 2
    for one in (ada, other):
        assert (await app.gql(ME, token=one.access)).only is None


@pytest.mark.parametrize(
    ("setting", "reason"), [("session_idle_timeout", "IDLE"), ("session_max_age", "EXPIRED")]
)
async def test_row_automatic_invalidation_by_timeout(make_app: MakeApp, setting: str, reason: str) -> None:
    app = await make_app(**{setting: 60})
    old = await app.signed_up()
    ends_at = app.clock.now() + timedelta(seconds=60)
    app.clock.advance(90)
    assert (await app.gql(ME, token=old.access)).only is None
    ada = await app.login()
    (node,) = (await app.gql(SESSIONS, {"status": "ENDED"}, token=ada.access)).only["nodes"]
    assert (node["endReason"], node["loggedOutAt"]) == (reason, ends_at.isoformat())


async def test_row_automatic_invalidation_by_password_change(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    given = {"current": PASSWORD, "new": NEW_PASSWORD}
    assert (await app.gql(CHANGE_PASSWORD, given, token=ada.access)).only == {"endedSessions": 1}
    assert (await app.gql(ME, token=other.access)).only is None
    assert (await app.gql(ME, token=ada.access)).only is not None
    assert await end_reason(app, other.session_id) == "PASSWORD_CHANGED"


async def test_row_automatic_invalidation_by_password_reset(app: Application) -> None:
    ada = await app.signed_up()
    await app.gql(REQUEST_RESET)
    token = await app.mail.token_for("ada@example.com", 2)
    assert (await app.gql(RESET, {"token": token, "new": NEW_PASSWORD})).only == {
        "__typename": "PasswordReset"
    }
    assert (await app.gql(ME, token=ada.access)).only is None
    assert await end_reason(app, ada.session_id) == "PASSWORD_RESET"


async def test_row_automatic_invalidation_by_token_reuse(app: Application) -> None:
    ada = await app.signed_up()
    renewed = (await app.refresh(ada.refresh))["tokens"]
    app.clock.advance(11)
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
    assert (await app.gql(ME, token=renewed["accessToken"])).only is None
    assert await end_reason(app, ada.session_id) == "TOKEN_REUSED"


async def test_row_automatic_invalidation_by_session_limit(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=1)
    ada = await app.signed_up()
    await app.login()
    assert (await app.gql(ME, token=ada.access)).only is None
    assert await end_reason(app, ada.session_id) == "SESSION_LIMIT"


async def test_row_automatic_invalidation_by_account_deletion(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    await app.gql(DELETE, {"password": PASSWORD}, token=ada.access)
    for one in (ada, other):
        assert (await app.gql(ME, token=one.access)).only is None
        assert (await app.refresh(one.refresh))["__typename"] == "InvalidToken"
    assert await app.rows("SELECT id FROM sessions") == []
    assert (await app.events()).count("session.ended") == 2
