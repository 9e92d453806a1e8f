"""No input, however malformed, is a mistake of ours: never a 5xx, never a traceback in the log."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from conftest import MakeApp
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from support.app import Application
from support.dialects import no_database
from support.documents import LOGIN, ME, SESSIONS
from support.operations import operations

JSON = {"content-type": "application/json"}
quickly = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Taking:
    """The application, sent whatever comes; it must take it calmly."""

    def __init__(self, app: Application) -> None:
        self.app = app

    async def post(self, body: bytes, headers: list[tuple[str, str]] | None = None) -> Any:
        """Send a body and return the answer, which is no mistake of ours and left nothing in the log."""
        sent = [("content-type", "application/json"), *(headers or [])]
        with capture_logs() as log:
            answer = await self.app.client.post("/graphql", content=body, headers=sent)
        assert answer.status_code < 500, body
        assert answer.headers["content-type"].startswith("application/")
        told = answer.json()
        codes = {error["extensions"]["code"] for error in told.get("errors", [])}
        assert not codes & {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"}, (body, told)
        assert not [entry for entry in log if entry["log_level"] in {"error", "critical"}], (body, log)
        assert not [entry for entry in log if "exc_info" in entry], (body, log)
        return told

    async def run(self, query: str, variables: object = None, token: str | None = None) -> Any:
        """Send an operation."""
        headers = [("authorization", f"Bearer {token}")] if token else []
        return await self.post(orjson.dumps({"query": query, "variables": variables}), headers)


@pytest.fixture
async def taking(app: Application) -> Taking:
    return Taking(app)


@pytest.fixture
async def on_its_own_loop(make_app: MakeApp) -> Callable[[bytes], Any]:
    """Run coroutines of the application from Hypothesis' synchronous examples, in another thread."""
    taking, loop = Taking(await make_app()), asyncio.get_running_loop()

    def run(body: bytes) -> Any:
        return asyncio.run_coroutine_threadsafe(taking.post(body), loop).result(10)

    return run


# ---------------------------------------------------------------- any bytes, any JSON


@no_database
async def test_any_bytes_are_answered(on_its_own_loop: Callable[[bytes], Any]) -> None:
    @quickly
    @given(st.binary(max_size=2_000))
    def example(body: bytes) -> None:
        on_its_own_loop(body)

    await asyncio.to_thread(example)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {"query": st.sampled_from([ME, LOGIN, SESSIONS, "{"]) | st.text() | ANY_JSON},
    optional={
        "variables": st.dictionaries(st.sampled_from(["input", "status", "first", "after"]), ANY_JSON)
        | ANY_JSON,
        "operationName": st.text() | ANY_JSON,
        "extensions": ANY_JSON,
    },
)


@no_database
async def test_any_json_is_answered(on_its_own_loop: Callable[[bytes], Any]) -> None:
    @quickly
    @given(ANY_JSON | REQUESTS)
    def example(body: object) -> None:
        on_its_own_loop(_encoded(body))

    await asyncio.to_thread(example)


def _encoded(body: object) -> bytes:
    """Write JSON as Python does: with lone surrogates and infinities, which are none in RFC 8259."""
    return json.dumps(body).encode()


# ---------------------------------------------------------------- every argument of every operation

HOSTILE = {
    "empty": "",
    "NUL": "\0",
    "NUL inside": "ada\0@example.com",
    "controls": "\x01\x1b[31m\x7f\r\n",
    "line separator": "a\u2028b\u2029c",
    "right to left": "\u202eada",
    "not a character": "\ufffe\uffff\U0010ffff",
    "combining": "a" + "\u0301" * 2_000,
    "expanding": "\ufdfa" * 3_000,
    "emoji": "👩‍👩‍👧‍👦" * 500,
    "long": "a" * 30_000,
    "long address": "a" * 15_000 + "@" + "b" * 15_000 + ".example",
    "dots": "." * 20_000 + "@example.com",
    "quote": "'; DROP TABLE accounts; --",
    "wildcards": "%_\\%",
    "template": "{{ 7 * 7 }}${7 * 7}<%= 7 * 7 %>",
    "number": "9" * 400,
    "token": "authgql_refresh_" + "A" * 64,
    "dotted": "e30.e30.e30",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "big uuid": "ffffffff-ffff-ffff-ffff-ffffffffffff",
}


def value_of(type_: GraphQLInputType, text: str) -> Any:
    """Fill a type with a text wherever it takes one."""
    if isinstance(type_, GraphQLNonNull):
        return value_of(type_.of_type, text)
    if isinstance(type_, GraphQLList):
        return [value_of(type_.of_type, text)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        return {name: value_of(field.type, text) for name, field in type_.fields.items()}
    return {"String": text, "ID": text, "Int": 1, "_Any": {"__typename": "User", "id": text}}[type_.name]


def test_the_operations_with_arguments_are_all_here() -> None:
    assert len(list(operations())) > 12


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_every_argument_takes_every_string(taking: Taking, text: str) -> None:
    ada = await taking.app.signed_up()
    for document, arguments in operations():
        variables = {name: value_of(type_, text) for name, type_ in arguments.items()}
        await taking.run(document, variables)
        if "deleteAccount" not in document:
            await taking.run(document, variables, token=ada.access)
    assert (await taking.app.gql(ME, token=ada.access)).only["id"] == ada.user_id


@pytest.mark.parametrize("escape", ["\\uD800", "\\uDC00x", "\\u{D800}", "\\u{110000}", "\\u0000"])
async def test_a_literal_takes_no_half_of_a_character(taking: Taking, escape: str) -> None:
    ada = await taking.app.signed_up()
    given = f'username: "{escape}", password: "{escape}"'
    await taking.run(f"mutation {{ login(input: {{ {given} }}) {{ __typename }} }}")
    await taking.run(f'{{ user(username: "{escape}") {{ id }} }}', token=ada.access)
    await taking.run(f'{{ securityLog(after: "{escape}") {{ nodes {{ id }} }} }}', token=ada.access)


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff\\ud800", "\\udc00"])
async def test_a_variable_takes_no_half_of_a_character(taking: Taking, text: str) -> None:
    query = orjson.dumps(LOGIN)
    body = b'{"query": %s, "variables": {"input": {"username": "%s", "password": "%s"}}}'
    told = await taking.post(body % (query, text.encode(), text.encode()))
    assert told["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "number", ["-1", "0", "101", "2147483647", "2147483648", "1e10", "1.5", "9" * 300, '"1"']
)
async def test_a_number_out_of_its_range_is_told(taking: Taking, number: str) -> None:
    ada = await taking.app.signed_up()
    headers = [("authorization", f"Bearer {ada.access}")]
    for field in ("sessions", "securityLog"):
        literal = orjson.dumps({"query": f"{{ {field}(first: {number}) {{ nodes {{ id }} }} }}"})
        assert (await taking.post(literal, headers))["errors"]
        query = f"query Q($first: Int) {{ {field}(first: $first) {{ nodes {{ id }} }} }}"
        body = b'{"query": %s, "variables": {"first": %s}}' % (orjson.dumps(query), number.encode())
        assert (await taking.post(body, headers))["errors"]


REFERENCES: list[Any] = [
    None, 1, True, "x", [], {}, [[[]]],
    {"__typename": None}, {"__typename": {}, "id": []}, {"__typename": "Query", "id": "x"},
    {"__typename": "User"}, {"__typename": "User", "id": 1}, {"__typename": "User", "id": "\0"},
    {"__typename": "User", "id": {"id": {}}}, {"__typename": "Session", "id": "x" * 10_000},
]  # fmt: skip


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_forged_reference_is_null(taking: Taking, *, signed_in: bool) -> None:
    token = (await taking.app.signed_up()).access if signed_in else None
    query = "query Q($of: [_Any!]!) { _entities(representations: $of) { __typename } }"
    for reference in REFERENCES[1:]:
        told = await taking.run(query, {"of": [reference]}, token)
        assert told["data"] == {"_entities": [None]}
    assert (await taking.run(query, {"of": [None]}, token))["errors"]


# ---------------------------------------------------------------- headers

AUTHORIZATIONS = [
    [""], [" "], ["Bearer"], ["Bearer "], ["Bearer  x"], ["Bearer x y"], ["bearer x"], ["Basic eDp5"],
    ["DPoP x"], ["Bearer ..", "Bearer .."], ["Bearer e30.e30.e30"], ["Bearer " + "a" * 60_000],
    ["Bearer " + "." * 5_000], ["Bearer a.b.c.d.e"], ["Bearer é"], ["\x80\xff"], ["Bearer x\x00"],
    ["Bearer,Bearer"], ["="],
    ["Bearer eyJhbGciOiJub25lIn0.e30."], ["Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6MX0.W10.AA"],
    ["Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.bm8.AA"],
]  # fmt: skip


@no_database
@pytest.mark.parametrize("values", AUTHORIZATIONS)
async def test_any_authorization_header_is_somebody_or_nobody(app: Application, values: list[str]) -> None:
    headers = [(b"authorization", value.encode("latin-1")) for value in values]
    headers.append((b"content-type", b"application/json"))
    for query, expected in ((ME, []), (SESSIONS, ["UNAUTHENTICATED"])):
        with calm_log():
            answer = await app.client.post("/graphql", json={"query": query}, headers=headers)
        told = answer.json()
        assert answer.status_code == 200
        assert [error["extensions"]["code"] for error in told.get("errors", [])] == expected


@no_database
@pytest.mark.parametrize(
    "name",
    [
        "user-agent",
        "x-forwarded-for",
        "forwarded",
        "accept",
        "origin",
        "cookie",
        "host",
        "dpop",
        "x-anything",
    ],
)
@pytest.mark.parametrize(
    "value", [b"", b"\xff\xfe\x80", b"a" * 200_000, b"\x00", b"\x1b[31m", b",;=\"'" * 500]
)
async def test_any_header_is_taken_calmly(make_app: MakeApp, name: str, value: bytes) -> None:
    app = await make_app(trusted_proxies=("127.0.0.0/8",))
    headers = [(name.encode(), value), (b"content-type", b"application/json")]
    given = {"username": "nobody", "password": "nothing"}
    with calm_log():
        answer = await app.client.post(
            "/graphql", json={"query": LOGIN, "variables": {"input": given}}, headers=headers
        )
    assert answer.status_code in {200, 400, 406}


@contextmanager
def calm_log() -> Iterator[None]:
    """Nothing that an operator should look at is logged."""
    with capture_logs() as log:
        yield
    assert not [
        entry for entry in log if entry["log_level"] in {"error", "critical"} or "exc_info" in entry
    ], log


@no_database
@pytest.mark.parametrize(
    "path", ["/%00", "/%ff", "/..%2f..%2fetc/passwd", "/%0d%0aSet-Cookie:x=1", "/" + "a" * 9_000]
)
async def test_any_path_is_a_404(app: Application, path: str) -> None:
    for method in ("GET", "POST"):
        with calm_log():
            answer = await app.client.request(method, path)
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers
