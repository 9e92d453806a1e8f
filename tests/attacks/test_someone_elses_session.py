"""Another account's sessions can neither be read nor ended, by no id and by no cursor."""

from support.app import Application
from support.documents import ME, SESSIONS, TERMINATE, TERMINATE_ALL, TERMINATE_OTHERS

ENTITIES = """
query ($representations: [_Any!]!) {
  _entities(representations: $representations) {
    ... on Session { id status current ipAddress loggedInAt device { userAgent } token { id } }
    ... on User { username sessions(status: null) { totalCount nodes { id } } }
  }
}
"""
BY_NAME = '{ user(username: "ada") { username sessions { nodes { id } } } }'
LOG = "query ($after: String) { securityLog(after: $after) { nodes { sessionId } pageInfo { endCursor } } }"


async def test_no_operation_ends_it(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    assert (await app.gql(TERMINATE, {"id": ada.session_id}, token=eve.access)).only[
        "code"
    ] == "SESSION_NOT_FOUND"
    assert (await app.gql(TERMINATE_OTHERS, token=eve.access)).only["count"] == 0
    assert (await app.gql(TERMINATE_ALL, token=eve.access)).only["count"] == 1
    assert (await app.gql(ME, token=ada.access)).only is not None


async def test_an_attempt_to_end_it_is_in_the_trail_of_whoever_tried(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    await app.gql(TERMINATE, {"id": ada.session_id}, token=eve.access)
    (row,) = await app.rows(
        "SELECT username FROM security_events JOIN accounts ON subject=pseudonym "
        "WHERE kind='session.termination_refused'"
    )
    assert row["username"] == "eve"


async def test_no_reference_shows_it(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    references = [
        {"__typename": "Session", "id": ada.session_id},
        {"__typename": "Session", "id": ada.session_id, "account": eve.user_id, "accountId": eve.user_id},
        {"__typename": "User", "id": ada.user_id},
    ]
    answer = await app.gql(ENTITIES, {"representations": references}, token=eve.access)
    assert answer.body["data"]["_entities"] == [None, None, {"username": "ada", "sessions": None}]
    assert answer.codes == ["FORBIDDEN"]
    nobody = await app.gql(ENTITIES, {"representations": references})
    assert nobody.body["data"]["_entities"] == [None, None, {"username": "ada", "sessions": None}]
    assert set(nobody.codes) == {"UNAUTHENTICATED"}


async def test_no_name_leads_to_it(app: Application) -> None:
    await app.signed_up()
    eve = await app.signed_up("eve")
    answer = await app.gql(BY_NAME, token=eve.access)
    assert (answer.body["data"], answer.codes) == ({"user": None}, ["FORBIDDEN"])


async def test_no_cursor_leads_to_it(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    listed = (await app.gql(SESSIONS, token=ada.access)).only["pageInfo"]["endCursor"]
    logged = (await app.gql(LOG, token=ada.access)).only["pageInfo"]["endCursor"]
    assert (await app.gql(SESSIONS, {"after": listed}, token=eve.access)).codes == ["BAD_USER_INPUT"]
    assert (await app.gql(LOG, {"after": logged}, token=eve.access)).codes == ["BAD_USER_INPUT"]


async def test_an_administrator_may_look_but_the_list_is_the_others(app: Application) -> None:
    ada, boss = await app.signed_up(), await app.signed_up("boss")
    await app.rows("UPDATE accounts SET is_admin=true WHERE id=$1", boss.user_id)
    sessions = (await app.gql(BY_NAME, token=boss.access)).only["sessions"]["nodes"]
    assert [node["id"] for node in sessions] == [ada.session_id]
    references = [{"__typename": "Session", "id": ada.session_id}]
    (session,) = (await app.gql(ENTITIES, {"representations": references}, token=boss.access)).only
    assert (session["id"], session["current"]) == (ada.session_id, False)
    assert [node["id"] for node in (await app.gql(SESSIONS, token=boss.access)).only["nodes"]] == [
        boss.session_id
    ]
