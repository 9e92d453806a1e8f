"""POST /graphql as GraphQL over HTTP has it: which requests run, and how the others are told so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from conftest import MakeApp
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from support.app import Application, together
from support.dialects import no_database
from support.documents import LOGIN, ME, REGISTER, SESSIONS

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
NOBODY = {"data": {"me": None}}


async def post(app: Application, body: object, **headers: str) -> tuple[int, str, Any]:
    """Send a body and return status, media type and answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await app.client.post(
        "/graphql", content=orjson.dumps(body), headers={"content-type": JSON, **named}
    )
    return answer.status_code, answer.headers["content-type"], answer.json()


def code(body: Any) -> str:
    (error,) = body["errors"]
    found: str = error["extensions"]["code"]
    return found


# ---------------------------------------------------------------- media types


@no_database
@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        ("Application/GraphQL-Response+JSON; charset=utf-8", RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", RESPONSE_JSON),
        (f"{JSON}, {RESPONSE_JSON}", JSON),
        (f"{JSON};q=0.5, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"*/*, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"text/html, {RESPONSE_JSON};q=0, */*;q=0.1", JSON),
        (f"text/html, {JSON};q=nonsense", JSON),
    ],
)
async def test_the_answer_has_the_media_type_wanted_most(app: Application, accept: str, media: str) -> None:
    status, content_type, body = await post(app, {"query": ME}, accept=accept)
    assert (status, content_type, body) == (200, f"{media}; charset=utf-8", NOBODY)


@no_database
async def test_several_accept_headers_are_one_list(app: Application) -> None:
    headers = [("accept", "text/html"), ("accept", RESPONSE_JSON)]
    answer = await app.client.post("/graphql", json={"query": ME}, headers=headers)
    assert answer.headers["content-type"] == f"{RESPONSE_JSON}; charset=utf-8"
    assert "accept" in answer.headers["vary"]


@no_database
@pytest.mark.parametrize("accept", ["text/html", "text/*", "image/png, text/plain", f"{JSON};q=0", ","])
async def test_who_wants_neither_media_type_is_told_in_json(app: Application, accept: str) -> None:
    status, content_type, body = await post(app, {"query": ME}, accept=accept)
    assert (status, content_type, code(body)) == (406, f"{JSON}; charset=utf-8", "BAD_USER_INPUT")


@no_database
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json-foo",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/graphql",
        "",
    ],
)
async def test_a_body_of_another_type_is_not_read(app: Application, content_type: str) -> None:
    await app.register()
    login = {"username": "ada", "password": "violet-harbour-umbrella-27"}
    answer = await app.client.post(
        "/graphql",
        content=f'{{"query": "mutation {{ login(input: {login}) {{ __typename }} }}"}}',
        headers={"content-type": content_type, "accept": RESPONSE_JSON},
    )
    assert answer.status_code == 415
    assert answer.headers["content-type"] == f"{RESPONSE_JSON}; charset=utf-8"
    assert code(answer.json()) == "BAD_USER_INPUT"
    assert await app.rows("SELECT id FROM sessions") == []


@no_database
async def test_without_a_content_type_or_with_two_nothing_is_read(app: Application) -> None:
    body = b'{"query": "{ me { id } }"}'
    assert (await app.client.post("/graphql", content=body)).status_code == 415
    two = [("content-type", JSON), ("content-type", JSON)]
    assert (await app.client.post("/graphql", content=body, headers=two)).status_code == 415


@no_database
@pytest.mark.parametrize(
    "content_type",
    [JSON, "Application/JSON", "application/json;charset=utf-8", 'application/json; charset="UTF-8"'],
)
async def test_json_in_utf_8_is_read_however_that_is_spelled(app: Application, content_type: str) -> None:
    status, _, body = await post(app, {"query": ME}, content_type=content_type)
    assert (status, body) == (200, NOBODY)


# ---------------------------------------------------------------- methods


@no_database
@pytest.mark.parametrize("accept", [JSON, "*/*", "text/html"])
async def test_get_runs_no_operation(app: Application, accept: str) -> None:
    answer = await app.client.get(
        "/graphql", params={"query": "{ __typename }"}, headers={"accept": accept, "content-type": JSON}
    )
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert code(answer.json()) == "BAD_USER_INPUT"
    assert "data" not in answer.json()


@no_database
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "FOO"])
async def test_other_methods_are_refused_in_json(app: Application, method: str) -> None:
    answer = await app.client.request(method, "/graphql", json={"query": ME})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.headers["content-type"] == f"{JSON}; charset=utf-8"
    assert code(answer.json()) == "BAD_USER_INPUT"


@no_database
async def test_head_is_answered_as_get_is_but_without_a_body(app: Application) -> None:
    answer = await app.client.head("/graphql")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")


@no_database
@pytest.mark.parametrize("path", ["/nowhere", "/graphql/", "/account", "/dev/mailbox", "/metrics", "/docs"])
async def test_an_unknown_path_is_a_404_in_json_and_leads_nowhere(app: Application, path: str) -> None:
    answer = await app.client.post(path, json={"query": ME}, headers={"host": "evil.example"})
    assert answer.status_code == 404
    assert code(answer.json()) == "NOT_FOUND"
    assert "location" not in answer.headers


# ---------------------------------------------------------------- the shape of a request


@no_database
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "batches"),
        ([{"query": ME}], "batches"),
        ([{"query": ME}] * 200, "batches"),
        (None, "one JSON object"),
        ("x", "one JSON object"),
        (17, "one JSON object"),
        ({}, "`query`"),
        ({"query": None}, "`query`"),
        ({"query": 1}, "`query`"),
        ({"query": ["{ me { id } }"]}, "`query`"),
        ({"documentId": 7}, "`documentId`"),
        ({"documentId": 7, "query": ME}, "`documentId`"),
        ({"documentId": "a", "query": 7}, "`query`"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 0}}}, "`documentId`"),
        ({"extensions": {"persistedQuery": "00"}}, "`query`"),
        ({"query": ME, "variables": []}, "`variables`"),
        ({"query": ME, "variables": "{}"}, "`variables`"),
        ({"query": ME, "operationName": 1}, "`operationName`"),
        ({"query": ME, "operationName": {}}, "`operationName`"),
        ({"query": ME, "extensions": []}, "`extensions`"),
        ({"query": ME, "extensions": "{}"}, "`extensions`"),
    ],
)
@pytest.mark.parametrize("media", [JSON, RESPONSE_JSON])
async def test_a_request_of_another_shape_is_a_400(
    app: Application, body: object, message: str, media: str
) -> None:
    status, content_type, answer = await post(app, body, accept=media)
    assert (status, content_type) == (400, f"{media}; charset=utf-8")
    assert code(answer) == "BAD_USER_INPUT"
    assert message in answer["errors"][0]["message"]
    assert "data" not in answer


@no_database
@pytest.mark.parametrize(
    "more",
    [
        {"variables": None, "operationName": None, "extensions": None},
        {"variables": {}, "operationName": "", "extensions": {}},
        {"variables": {"unused": 1}, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}},
        {"id": "unknown members are ignored"},
    ],
)
async def test_what_a_request_may_have_besides_the_document(
    app: Application, more: dict[str, object]
) -> None:
    status, _, body = await post(app, {"query": ME, **more})
    assert (status, body) == (200, NOBODY)


@no_database
async def test_of_two_members_of_one_name_the_last_counts(app: Application) -> None:
    body = b'{"query": "{ me { id } }", "query": "{ __typename }"}'
    answer = await app.client.post("/graphql", content=body, headers={"content-type": JSON})
    assert answer.json() == {"data": {"__typename": "Query"}}


@no_database
async def test_operation_name_chooses_among_operations(app: Application) -> None:
    document = "query A { __typename } query B { b: __typename }"
    _, _, body = await post(app, {"query": document, "operationName": "B"})
    assert body == {"data": {"b": "Query"}}


# ---------------------------------------------------------------- requests that cannot run

WRONG = {
    "no operation of the name": ({"query": "query A { __typename }", "operationName": "B"}, "BAD_USER_INPUT"),
    "no name among two": ({"query": "query A { __typename } query B { __typename }"}, "BAD_USER_INPUT"),
    "fragments only": ({"query": "fragment F on Query { __typename }"}, "GRAPHQL_VALIDATION_FAILED"),
    "empty": ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
    "syntax": ({"query": "{ me {"}, "GRAPHQL_PARSE_FAILED"),
    "unknown field": ({"query": "{ nope }"}, "GRAPHQL_VALIDATION_FAILED"),
    "no stream asked for": ({"query": "subscription { sessionEvents { kind } }"}, "BAD_USER_INPUT"),
    "missing variable": ({"query": LOGIN}, "BAD_USER_INPUT"),
    "enum": ({"query": SESSIONS, "variables": {"status": "NOPE"}}, "BAD_USER_INPUT"),
    "huge number": ({"query": SESSIONS, "variables": {"first": 2**63}}, "BAD_USER_INPUT"),
    "real number": ({"query": SESSIONS, "variables": {"first": 1e300}}, "BAD_USER_INPUT"),
    "input": ({"query": LOGIN, "variables": {"input": {"username": 1, "password": "x"}}}, "BAD_USER_INPUT"),
}


@no_database
@pytest.mark.parametrize(("media", "expected"), [(JSON, 200), (RESPONSE_JSON, 400)])
@pytest.mark.parametrize(("request_", "wrong"), WRONG.values(), ids=WRONG)
async def test_a_request_that_cannot_run_has_a_code_and_no_data(
    app: Application, request_: dict[str, object], wrong: str, media: str, expected: int
) -> None:
    with capture_logs() as log:
        status, content_type, body = await post(app, request_, accept=media)
    assert (status, content_type) == (expected, f"{media}; charset=utf-8")
    assert code(body) == wrong
    assert "data" not in body
    assert [entry["event"] for entry in log] == ["request"]  # nothing that an operator should look at


@no_database
async def test_errors_of_fields_come_with_data_and_status_200(app: Application) -> None:
    query = '{ me { id } currentSession { id } user(username: "ada") { id } }'
    status, _, body = await post(app, {"query": query}, accept=RESPONSE_JSON)
    assert (status, code(body)) == (200, "UNAUTHENTICATED")
    assert body["data"] == {"me": None, "currentSession": None, "user": None}
    assert body["errors"][0]["path"] == ["user"]


# ---------------------------------------------------------------- introspection

INTROSPECTION = ("{ __schema { types { name } } }", '{ __type(name: "User") { name fields { name } } }')
NEAR_MISSES: list[tuple[str, dict[str, object]]] = [
    ("{ mee { id } }", {}),
    ("{ me { usernam } }", {}),
    ("mutation { logi }", {}),
    ('{ user(usernam: "ada") { id } }', {}),
    ("{ me { ... on Usr { id } } }", {}),
    ("{ sessions(status: ACTIV) { nodes { id } } }", {}),
    ('mutation { login(input: { usernam: "a", password: "b" }) { __typename } }', {}),
    ("{ me @skp(if: true) { id } }", {}),
    ("query Q($s: SessionStats) { sessions(status: $s) { nodes { id } } }", {}),
    (SESSIONS, {"status": "ACTIV"}),
    (LOGIN, {"input": {"usernam": "a", "password": "b"}}),
]


@no_database
@pytest.mark.parametrize("query", INTROSPECTION)
async def test_outside_development_the_schema_is_not_told(make_app: MakeApp, query: str) -> None:
    app = await make_app(introspection=None)
    answer = await app.gql(query)
    assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}
    assert "data" not in answer.body
    assert (await app.gql("{ __typename }")).data == {"__typename": "Query"}


@no_database
@pytest.mark.parametrize("query", INTROSPECTION)
async def test_the_operator_may_have_the_schema_told(make_app: MakeApp, query: str) -> None:
    app = await make_app(introspection=True)
    assert (await app.gql(query)).data


@no_database
@pytest.mark.parametrize(("query", "variables"), NEAR_MISSES)
async def test_no_error_suggests_names_where_introspection_is_off(
    make_app: MakeApp, query: str, variables: dict[str, object]
) -> None:
    app = await make_app(introspection=None)
    answer = await app.gql(query, variables)
    assert answer.codes
    assert "Did you mean" not in str(answer.body)


@no_database
async def test_suggestions_help_where_introspection_is_on(app: Application) -> None:
    for query, variables in ((NEAR_MISSES[1]), (NEAR_MISSES[-2])):
        assert "Did you mean" in str((await app.gql(query, variables)).body)


# ---------------------------------------------------------------- mistakes of ours


@asynccontextmanager
async def without_sessions(app: Application) -> AsyncIterator[None]:
    """Take the sessions' table away for a while."""
    await app.rows("ALTER TABLE sessions RENAME TO sessions_elsewhere")
    try:
        yield
    finally:
        await app.rows("ALTER TABLE sessions_elsewhere RENAME TO sessions")


async def test_a_mistake_of_ours_is_masked_and_found_in_the_log_by_its_request_id(app: Application) -> None:
    await app.register()
    given = {"username": "ada", "password": "violet-harbour-umbrella-27"}
    async with without_sessions(app):
        with capture_logs(processors=[merge_contextvars]) as log:
            answer = await app.gql(LOGIN, {"input": given})
    (error,) = answer.body["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert "operator" in error["message"]
    assert "no such table" not in str(answer.body)
    assert "does not exist" not in str(answer.body)
    (entry,) = [entry for entry in log if entry["log_level"] == "error"]
    assert entry["event"] == "field.failed"
    assert entry["request_id"] == error["extensions"]["requestId"]
    assert "sessions" in str(entry["exc_info"])


async def test_a_mistake_outside_of_any_field_is_masked_too_and_logged_once(app: Application) -> None:
    ada = await app.signed_up()
    async with without_sessions(app):
        with capture_logs(processors=[merge_contextvars]) as log:
            answer = await app.gql(ME, token=ada.access)
    assert answer.status == 500
    (error,) = answer.body["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == f"{JSON}; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sessions" not in str(answer.body)
    (entry,) = [entry for entry in log if entry["log_level"] == "error"]
    assert entry["event"] == "request.failed"
    assert entry["request_id"] == error["extensions"]["requestId"]
    (line,) = [entry for entry in log if entry["event"] == "request"]
    assert line["status"] == 500


async def test_callers_that_send_one_document_at_once_each_see_themselves(app: Application) -> None:
    people = [await app.signed_up(name) for name in ("ada", "grace", "edith")] * 5
    answers = await together(*(app.gql(ME, token=person.access) for person in people))
    assert [answer.only["id"] for answer in answers] == [person.user_id for person in people]


@pytest.mark.parametrize(
    "given",
    [
        {"username": "ada", "password": "canary-in-the-input"},
        {"username": "ada", "email": "a@example.com", "password": ["canary-in-the-input"]},
        "canary-in-the-input",
        {"username": "ada", "email": "a@example.com", "password": "canary-in-the-input", "more": 1},
    ],
)
async def test_a_wrong_variable_is_described_without_being_repeated(app: Application, given: object) -> None:
    answer = await app.gql(REGISTER, {"input": given})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.body["errors"][0]["message"].startswith("Variable '$input' has invalid value")
    assert "canary" not in str(answer.body)
