from typing import Any

import pytest
from support.accounts import WRONG_PASSWORD, change_password, login
from support.app import IPHONE, Application, SignedIn

from authgql.sessions.devices import describe

LOG = """
query Log($first: Int = 20, $after: String) {
  securityLog(first: $first, after: $after) {
    nodes { id kind at ipAddress device { name kind browser os userAgent } sessionId detail }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def log(app: Application, who: SignedIn, **page: object) -> Any:
    return (await app.gql(LOG, page, token=who.access)).only


async def test_the_owner_reads_what_happened_newest_first(app: Application) -> None:
    await app.register()
    await login(app, "ada", WRONG_PASSWORD)
    ada = await app.login(user_agent=IPHONE)
    nodes = (await log(app, ada))["nodes"]
    assert [node["kind"] for node in nodes] == [
        "session.started",
        "login.refused",
        "email.verification_sent",
        "account.registered",
    ]
    started = nodes[0]
    assert started["ipAddress"] == "127.0.0.1"
    assert started["device"] == {
        "name": "Mobile Safari on iOS",
        "kind": "MOBILE",
        "browser": "Mobile Safari",
        "os": "iOS",
        "userAgent": IPHONE,
    }
    assert (started["sessionId"], started["detail"]) == (ada.session_id, "Signed in.")
    assert started["at"] == app.clock.now().isoformat()
    assert nodes[1]["detail"] == "Somebody tried to sign in: invalid credentials."
    assert (nodes[2]["ipAddress"], nodes[2]["device"], nodes[2]["sessionId"]) == (None, None, None)


@pytest.mark.parametrize(("selected", "read"), [("kind", False), ("kind device { name }", True)])
async def test_a_user_agent_is_read_only_for_who_asks_for_the_device(
    app: Application, selected: str, *, read: bool
) -> None:
    ada = await app.signed_up()
    describe.cache_clear()
    answer = await app.gql(f"{{ securityLog {{ nodes {{ {selected} }} }} }}", token=ada.access)
    assert answer.only["nodes"][0]["kind"] == "session.started"
    assert (describe.cache_info().misses > 0) is read


async def test_nobody_reads_anothers_log(app: Application) -> None:
    eve, ada = await app.signed_up("eve"), await app.signed_up()
    await change_password(app, ada.access)
    kinds = [node["kind"] for node in (await log(app, eve))["nodes"]]
    assert kinds == ["session.started", "email.verification_sent", "account.registered"]
    cursor = (await log(app, ada, first=1))["pageInfo"]["endCursor"]
    answer = await app.gql(LOG, {"after": cursor}, token=eve.access)
    assert answer.codes == ["BAD_USER_INPUT"]


async def test_nobody_at_all_reads_nothing(app: Application) -> None:
    assert (await app.gql(LOG)).codes == ["UNAUTHENTICATED"]


async def test_pages_follow_each_other_without_gap_or_repetition(app: Application) -> None:
    ada = await app.signed_up()
    for _ in range(4):
        await app.login()
    whole = await log(app, ada, first=100)
    after, pages = None, 0
    read: list[Any] = []
    while True:
        page = await log(app, ada, first=3, after=after)
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert [edge["node"]["id"] for edge in page["edges"]] == [node["id"] for node in page["nodes"]]
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        read, pages = read + page["nodes"], pages + 1
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert (read, pages) == (whole["nodes"], 3)


async def test_a_null_size_is_the_usual_one(app: Application) -> None:
    ada = await app.signed_up()
    for _ in range(20):
        await app.login()
    assert len((await log(app, ada, first=None))["nodes"]) == 20


@pytest.mark.parametrize(
    "page",
    [
        {"first": 0},
        {"first": -1},
        {"first": 101},
        {"first": 2**31},
        {"after": ""},
        {"after": "A"},
        {"after": "AAAA"},
        {"after": "ä"},
        {"after": "A" * 43},
        {"after": "A" * 5000},
    ],
)
async def test_another_number_or_a_forged_cursor_is_bad_user_input(
    app: Application, page: dict[str, object]
) -> None:
    ada = await app.signed_up()
    assert (await app.gql(LOG, page, token=ada.access)).codes == ["BAD_USER_INPUT"]


async def test_a_page_beyond_the_oldest_is_empty(app: Application) -> None:
    ada = await app.signed_up()
    cursor = (await log(app, ada))["pageInfo"]["endCursor"]
    page = await log(app, ada, after=cursor)
    assert page["nodes"] == page["edges"] == []
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": True,
        "startCursor": None,
        "endCursor": None,
    }
