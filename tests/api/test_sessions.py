from typing import Any

import pytest
from conftest import MakeApp
from support.app import FIREFOX, IPHONE, Application
from support.documents import LOGIN, SESSIONS, TERMINATE

COUNT = "query ($status: SessionStatus) { sessions(status: $status) { totalCount } }"
SECURITY_LOG = "{ securityLog(first: 1) { pageInfo { endCursor } } }"
WITH_OWN_SESSIONS = "{ me { sessions { nodes { id current } } } }"
CURRENT = "{ currentSession { id status current loggedOutAt endReason token { id refreshedCount } } }"


async def listed(app: Application, token: str, **variables: object) -> Any:
    return (await app.gql(SESSIONS, variables, token=token)).only


async def ids(app: Application, token: str, **variables: object) -> list[str]:
    return [node["id"] for node in (await listed(app, token, **variables))["nodes"]]


async def test_each_login_is_listed_newest_first(app: Application) -> None:
    first = await app.signed_up()
    second, third = await app.login(), await app.login()
    assert await ids(app, first.access) == [third.session_id, second.session_id, first.session_id]


async def test_the_session_of_the_request_is_marked_current(app: Application) -> None:
    first = await app.signed_up()
    second = await app.login()
    for one in (first, second):
        nodes = (await listed(app, one.access))["nodes"]
        assert [node["id"] for node in nodes if node["current"]] == [one.session_id]


async def test_a_session_says_from_which_device_and_address_it_came_and_when(app: Application) -> None:
    ada = await app.signed_up()
    (node,) = (await listed(app, ada.access))["nodes"]
    now = app.clock.now()
    assert node.pop("token").items() >= {"refreshedCount": 0, "senderConstrained": False}.items()
    assert node == {
        "id": ada.session_id,
        "status": "ACTIVE",
        "current": True,
        "ipAddress": "127.0.0.1",
        "location": None,
        "device": {
            "name": "Firefox on Linux",
            "kind": "DESKTOP",
            "browser": "Firefox",
            "os": "Linux",
            "userAgent": FIREFOX,
        },
        "loggedInAt": now.isoformat(),
        "lastSeenAt": now.isoformat(),
        "expiresAt": node["expiresAt"],
        "loggedOutAt": None,
        "endReason": None,
    }


async def test_a_telephone_is_called_by_its_name(app: Application) -> None:
    await app.register()
    ada = await app.login(user_agent=IPHONE)
    (node,) = (await listed(app, ada.access))["nodes"]
    assert node["device"] | {"userAgent": ""} == {
        "name": "Mobile Safari on iOS",
        "kind": "MOBILE",
        "browser": "Mobile Safari",
        "os": "iOS",
        "userAgent": "",
    }


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::7"])
async def test_a_session_keeps_the_address_of_the_login(app: Application, address: str) -> None:
    await app.register()
    async with app.called_from(address) as elsewhere:
        ada = await elsewhere.login()
    (node,) = (await listed(app, ada.access))["nodes"]
    assert node["ipAddress"] == address


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("198.51.100.7", "198.51.100.7"), ("10.9.9.9, [2001:db8::8]:4711", "2001:db8::8")],
)
async def test_behind_a_trusted_proxy_the_address_is_the_clients(
    make_app: MakeApp, forwarded: str, address: str
) -> None:
    app = await make_app(trusted_proxies="127.0.0.0/8, 10.0.0.0/8")
    await app.register()
    given = {"input": {"username": "ada", "password": "violet-harbour-umbrella-27"}}
    answer = await app.gql(LOGIN, given, headers={"x-forwarded-for": forwarded})
    assert answer.only["session"]["ipAddress"] == address


async def test_a_page_continues_where_the_one_before_ended(app: Application) -> None:
    ada = await app.signed_up()
    newest_first = [*reversed([(await app.login()).session_id for _ in range(4)]), ada.session_id]
    seen: list[str] = []
    after = None
    for has_previous, has_next in ((False, True), (True, True), (True, False)):
        page = await listed(app, ada.access, first=2, after=after)
        info = page["pageInfo"]
        assert (info["hasPreviousPage"], info["hasNextPage"]) == (has_previous, has_next)
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        seen += [node["id"] for node in page["nodes"]]
        after = info["endCursor"]
    assert seen == newest_first


async def test_a_login_between_two_pages_neither_repeats_nor_hides_an_entry(app: Application) -> None:
    ada = await app.signed_up()
    second, third = await app.login(), await app.login()
    page = await listed(app, ada.access, first=1)
    await app.login()
    rest = await ids(app, ada.access, first=10, after=page["pageInfo"]["endCursor"])
    assert [page["nodes"][0]["id"], *rest] == [third.session_id, second.session_id, ada.session_id]


async def test_beyond_the_last_entry_is_an_empty_page(app: Application) -> None:
    ada = await app.signed_up()
    last = (await listed(app, ada.access))["pageInfo"]["endCursor"]
    assert await listed(app, ada.access, after=last) == {
        "nodes": [],
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None},
    }


async def test_a_page_has_one_to_a_hundred_entries(app: Application) -> None:
    ada = await app.signed_up()
    for first in (1, 100):
        assert await ids(app, ada.access, first=first) == [ada.session_id]


async def test_any_other_number_of_entries_is_bad_input(app: Application) -> None:
    ada = await app.signed_up()
    for first in (0, -1, 101, 2_147_483_647, 2_147_483_648, 1.5, "20", True):
        answer = await app.gql(SESSIONS, {"first": first}, token=ada.access)
        assert answer.codes == ["BAD_USER_INPUT"], first


async def test_null_entries_are_the_default_of_twenty(app: Application) -> None:
    ada = await app.signed_up()
    for _ in range(20):
        await app.login()
    assert len(await ids(app, ada.access, first=None)) == 20


FORGED = ("", "A", "=", "é", "\x00", "null", "a" * 43, "AAAA" * 8, "A" * 60_000, "🦊", "-1", "../../etc")


async def test_a_forged_cursor_is_bad_input(app: Application) -> None:
    ada = await app.signed_up()
    for cursor in FORGED:
        answer = await app.gql(SESSIONS, {"after": cursor}, token=ada.access)
        assert answer.codes == ["BAD_USER_INPUT"], cursor[:50]


async def test_a_cursor_works_in_its_own_list_alone(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    own = (await listed(app, ada.access))["pageInfo"]["endCursor"]
    of_the_log = (await app.gql(SECURITY_LOG, token=ada.access)).only["pageInfo"]["endCursor"]
    assert (await app.gql(SESSIONS, {"after": own}, token=ada.access)).codes == []
    assert (await app.gql(SESSIONS, {"after": of_the_log}, token=ada.access)).codes == ["BAD_USER_INPUT"]
    assert (await app.gql(SESSIONS, {"after": own}, token=eve.access)).codes == ["BAD_USER_INPUT"]


async def test_a_cursor_names_its_session_but_one_changed_bit_spoils_it(app: Application) -> None:
    ada = await app.signed_up()
    cursor = (await listed(app, ada.access))["pageInfo"]["endCursor"]
    for place in range(0, 42, 6):
        changed = "B" if cursor[place] == "A" else "A"
        forged = cursor[:place] + changed + cursor[place + 1 :]
        answer = await app.gql(SESSIONS, {"after": forged}, token=ada.access)
        assert answer.codes == ["BAD_USER_INPUT"], place


async def test_the_status_chooses_active_ended_or_all_sessions(app: Application) -> None:
    ada = await app.signed_up()
    ended, other = await app.login(), await app.login()
    await app.gql(TERMINATE, {"id": ended.session_id}, token=ada.access)
    assert await ids(app, ada.access) == [other.session_id, ada.session_id]
    assert await ids(app, ada.access, status="ACTIVE") == [other.session_id, ada.session_id]
    assert await ids(app, ada.access, status="ENDED") == [ended.session_id]
    assert await ids(app, ada.access, status=None) == [other.session_id, ended.session_id, ada.session_id]


async def test_the_total_counts_the_whole_list_of_that_status(app: Application) -> None:
    ada = await app.signed_up()
    ended = await app.login()
    await app.login()
    await app.gql(TERMINATE, {"id": ended.session_id}, token=ada.access)
    totals = [
        (await app.gql(COUNT, {"status": status}, token=ada.access)).only["totalCount"]
        for status in ("ACTIVE", "ENDED", None)
    ]
    assert totals == [2, 1, 3]


async def test_a_session_whose_timeout_fell_is_listed_as_ended_at_once(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=60)
    idle = await app.signed_up()
    app.clock.advance(61)
    ada = await app.login()
    assert await ids(app, ada.access, status="ACTIVE") == [ada.session_id]
    assert await ids(app, ada.access, status="ENDED") == [idle.session_id]


async def test_an_accounts_own_sessions_are_a_field_of_it(app: Application) -> None:
    ada = await app.signed_up()
    nodes = (await app.gql(WITH_OWN_SESSIONS, token=ada.access)).only["sessions"]["nodes"]
    assert nodes == [{"id": ada.session_id, "current": True}]


async def test_the_current_session_is_the_one_of_the_token(app: Application) -> None:
    ada = await app.signed_up()
    await app.login()
    (row,) = await app.rows("SELECT token_id FROM sessions WHERE id=$1", ada.session_id)
    assert (await app.gql(CURRENT, token=ada.access)).only == {
        "id": ada.session_id,
        "status": "ACTIVE",
        "current": True,
        "loggedOutAt": None,
        "endReason": None,
        "token": {"id": str(row["token_id"]), "refreshedCount": 0},
    }


async def test_nobody_has_no_current_session_and_no_list(app: Application) -> None:
    assert (await app.gql(CURRENT)).only is None
    assert (await app.gql(SESSIONS)).codes == ["UNAUTHENTICATED"]


async def test_a_user_agent_of_any_length_and_content_can_sign_in(app: Application) -> None:
    await app.register()
    nasty = [
        "",
        "x" * 5_000,
        "HbbTV/1.1.1 (; " + "L" * 100 + " ;2012 ) " + "W" * 100 + "Bot/2",
        "Mozilla/5.0 \x7f (",
    ]
    for user_agent in nasty:
        ada = await app.login(user_agent=user_agent)
        (session,) = await app.rows("SELECT * FROM sessions WHERE id=$1", ada.session_id)
        assert session["user_agent"] == user_agent[:512]
        assert len(session["device_name"]) <= 100
