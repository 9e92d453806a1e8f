"""Lists within references within aliases are priced with their variables before they are fetched."""

import pytest
from support.app import Application
from support.dialects import no_database
from support.documents import SESSIONS

pytestmark = no_database

ENTITIES = """
query ($representations: [_Any!]!, $first: Int = 100) {
  _entities(representations: $representations) {
    ... on User { username sessions(first: $first) { totalCount nodes { id } } }
  }
}
"""


async def test_one_account_a_thousand_times_is_not_fetched_once(app: Application) -> None:
    ada = await app.signed_up()
    given = {"representations": [{"__typename": "User", "id": ada.user_id}] * 900}
    with app.counting() as statements:
        answer = await app.gql(ENTITIES, given, token=ada.access)
    (error,) = answer.body["errors"]
    assert error["extensions"]["code"] == "OPERATION_TOO_COMPLEX"
    assert error["extensions"]["figure"] == 1 + 900 * (1 + 10 + 100 * 12)
    assert statements == []
    given["representations"] = given["representations"][:2]
    assert (await app.gql(ENTITIES, given, token=ada.access)).only[1]["username"] == "ada"


async def test_a_size_written_as_a_whole_float_is_priced_as_the_page_that_is_fetched(
    app: Application,
) -> None:
    ada = await app.signed_up()
    given = {"representations": [{"__typename": "User", "id": ada.user_id}] * 5, "first": 100.0}
    (error,) = (await app.gql(ENTITIES, given, token=ada.access)).body["errors"]
    assert error["extensions"]["figure"] == 1 + 5 * (1 + 10 + 100 * 12)
    assert (await app.gql(ENTITIES, given | {"first": 3.0}, token=ada.access)).only[0]["username"] == "ada"


async def test_what_gateways_ask_of_many_at_once_is_fetched(app: Application) -> None:
    ada = await app.signed_up()
    names = (
        "query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { id username createdAt } } }"
    )
    given = {"r": [{"__typename": "User", "id": ada.user_id}] * 800}
    assert len((await app.gql(names, given)).only) == 800


@pytest.mark.parametrize("first", [20, 100])
async def test_a_full_page_of_sessions_is_a_request_like_any_other(app: Application, first: int) -> None:
    ada = await app.signed_up()
    answer = await app.gql(SESSIONS, {"first": first}, token=ada.access)
    assert len(answer.only["nodes"]) == 1
