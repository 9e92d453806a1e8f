"""Behind a gateway: references are resolved for this caller, many at once, and forged ones spoil nothing."""

import re

import pytest
from conftest import MakeApp
from support.app import Application, SignedIn
from support.dialects import no_database

ENTITIES = """
query Entities($representations: [_Any!]!) {
  _entities(representations: $representations) {
    __typename
    ... on User { id username email pendingEmail }
    ... on Session { id status current ipAddress }
  }
}
"""
NAMES = """
query Names($representations: [_Any!]!) {
  _entities(representations: $representations) { ... on User { id username firstName lastName createdAt } }
}
"""


def _user(user_id: object) -> dict[str, object]:
    return {"__typename": "User", "id": user_id}


def _session(session_id: object) -> dict[str, object]:
    return {"__typename": "Session", "id": session_id}


async def test_names_are_public(app: Application) -> None:
    ada = await app.signed_up()
    answer = await app.gql(NAMES, {"representations": [_user(ada.user_id)]})
    assert answer.only[0]["username"] == "ada"


async def test_the_private_fields_of_a_stranger_are_null_with_a_reason(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    given = {"representations": [_user(ada.user_id), _user(eve.user_id)]}
    for token, code, emails in (
        (None, "UNAUTHENTICATED", [None, None]),
        (eve.access, "FORBIDDEN", [None, "eve@example.com"]),
    ):
        answer = await app.gql(ENTITIES, given, token=token)
        assert [user["email"] for user in answer.body["data"]["_entities"]] == emails
        assert [user["username"] for user in answer.body["data"]["_entities"]] == ["ada", "eve"]
        assert set(answer.codes) == {code}
        assert ["_entities", 0, "email"] in [error["path"] for error in answer.body["errors"]]


async def test_a_session_is_for_its_owner_alone(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    given = {"representations": [_session(ada.session_id)]}
    own = (await app.gql(ENTITIES, given, token=ada.access)).only[0]
    assert (own["id"], own["current"]) == (ada.session_id, True)
    assert (await app.gql(ENTITIES, given, token=eve.access)).only == [None]
    nobody = await app.gql(ENTITIES, given)
    assert (nobody.body["data"]["_entities"], nobody.codes) == ([None], ["UNAUTHENTICATED"])


FORGED: list[object] = [
    {},
    {"__typename": "Nobody", "id": "1"},
    {"__typename": 7},
    {"__typename": "User"},
    {"__typename": "Query"},
    {"__typename": "User", "id": {"a": 1}},
    {"__typename": "User", "id": 1},
    {"__typename": "User", "id": None},
    {"__typename": "User", "id": "A" * 20_000},
    {"__typename": "User", "id": "{" * 500},
    {"__typename": "_Service", "sdl": "type Query { me: Int }"},
    {"__typename": ["User"], "id": "1"},
    {"__typename": "User", "id": "not-a-uuid"},
    {"__typename": "User", "id": "00000000-0000-0000-0000-000000000000"},
    {"__typename": "Session", "id": "00000000-0000-0000-0000-000000000000"},
    "User",
    17,
    [],
]


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_reference_is_null_and_spoils_no_other(app: Application, forged: object) -> None:
    ada = await app.signed_up()
    given = {"representations": [_user(ada.user_id), forged, _user(ada.user_id)]}
    first, between, last = (await app.gql(ENTITIES, given, token=ada.access)).only
    assert between is None
    assert first["email"] == last["email"] == "ada@example.com"


async def test_what_else_a_reference_says_is_not_believed(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    forged = {
        **_user(ada.user_id),
        "viewer": "ada",
        "account": ada.user_id,
        "email": "x",
        "info": 1,
        "cls": 2,
    }
    answer = await app.gql(ENTITIES, {"representations": [forged]}, token=eve.access)
    assert answer.body["data"]["_entities"][0]["email"] is None


async def test_many_references_cost_one_statement(app: Application) -> None:
    people: list[SignedIn] = [await app.signed_up(f"user{number}") for number in range(5)]
    with app.counting() as statements:
        answer = await app.gql(NAMES, {"representations": [_user(one.user_id) for one in people] * 3})
    assert [user["username"] for user in answer.only] == [f"user{number}" for number in range(5)] * 3
    assert len(statements) == 1


async def test_as_many_references_as_a_body_holds_cost_one_statement_and_each_its_answer(
    app: Application,
) -> None:
    ada = await app.signed_up()
    strangers = [_user(f"00000000-0000-7000-8000-{number:012}") for number in range(700)]
    with app.counting() as statements:
        answer = await app.gql(NAMES, {"representations": [*strangers, _user(ada.user_id)]})
    assert answer.only[:-1] == [None] * 700
    assert answer.only[-1]["username"] == "ada"
    assert len(statements) == 1


async def test_many_sessions_cost_one_statement_and_one_for_the_caller(app: Application) -> None:
    ada = await app.signed_up()
    ids = [ada.session_id, *[(await app.login()).session_id for _ in range(5)]]
    with app.counting() as statements:
        answer = await app.gql(
            ENTITIES, {"representations": [_session(one) for one in ids] * 2}, token=ada.access
        )
    assert [session["id"] for session in answer.only] == ids * 2
    assert len(statements) == 2


async def test_the_subgraph_describes_itself_for_every_composer(app: Application) -> None:
    sdl = (await app.gql("{ _service { sdl } }")).only["sdl"]
    assert 'federation/v2.9", import: ["@key", "@shareable"]' in sdl
    assert 'type User @key(fields: "id")' in sdl
    assert 'type Session @key(fields: "id")' in sdl
    assert "type PageInfo @shareable" in sdl
    assert "@authenticated" not in sdl


@no_database
async def test_what_needs_a_caller_is_marked_where_the_operator_asks_for_it(make_app: MakeApp) -> None:
    app = await make_app(federation_auth_directives=True)
    sdl: str = (await app.gql("{ _service { sdl } }")).only["sdl"]
    assert 'federation/v2.9", import: ["@key", "@shareable", "@authenticated"]' in sdl
    marked = re.findall(r"(\w+)(?:\([^()]*\))?: \S+ @authenticated", re.sub(r'"""[\s\S]*?"""\s*', "", sdl))
    assert {"email", "emailVerified", "pendingEmail", "sessions", "user", "securityLog"} <= set(marked)
    assert {"logout", "deleteAccount", "changePassword", "terminateSession"} <= set(marked)
    assert not {"me", "login", "register", "refresh", "username", "currentSession"} & set(marked)
    assert (await app.gql("{ me { id } }")).data == {"me": None}


async def test_no_trace_is_told_to_who_asks_for_one(app: Application) -> None:
    ada = await app.signed_up()
    answer = await app.gql(
        "{ me { id } }", token=ada.access, headers={"apollo-federation-include-trace": "ftv1"}
    )
    assert answer.body.keys() == {"data"}
