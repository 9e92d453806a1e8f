"""Whatever an operation is given, in whatever order operations come, it is answered and nothing breaks."""

import json
from collections.abc import AsyncIterator
from typing import Any

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
from support.app import PASSWORD, Application
from support.documents import ME
from support.operations import operations

KNOWN = ["ada", "ADA", "ada@example.com", PASSWORD, "REFRESH", "SESSION", "USER", "authgql_refresh_", "aes"]
TEXTS = (
    st.sampled_from(
        [*KNOWN, "", "\0", "a\0b", "\ud800", "\udc00\ud800", "\u202eada", "\ufffe", "'; --", "%", "{{7*7}}"]
    )
    | st.text(max_size=40)
    | st.text(st.characters(codec="ascii"), max_size=80).map(lambda text: text + "@example.com")
    | st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(1, 4_000))
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, 100, 101, 2**31, -(2**31) - 1, 2**63, 10**400])
SCALARS = {
    "String": TEXTS,
    "ID": TEXTS | NUMBERS,
    "Int": st.integers(-5, 105) | NUMBERS,
    "Boolean": st.booleans(),
    "_Any": st.fixed_dictionaries(
        {"__typename": st.sampled_from(["User", "Session", "Query", "\0"]), "id": TEXTS | NUMBERS}
    ),
}
ANYTHING: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | NUMBERS | TEXTS | st.just([]) | st.just({}) | st.just([[None]])
)


def values(type_: GraphQLInputType) -> st.SearchStrategy[Any]:
    """Draw mostly what a type takes, and now and then something else."""
    if isinstance(type_, GraphQLNonNull):
        return values(type_.of_type)
    if isinstance(type_, GraphQLList):
        return st.lists(values(type_.of_type), max_size=3)
    if isinstance(type_, GraphQLEnumType):
        return st.sampled_from(list(type_.values)) | TEXTS
    if isinstance(type_, GraphQLInputObjectType):
        fields = {name: _mostly(values(field.type)) for name, field in type_.fields.items()}
        needed = {name for name, field in type_.fields.items() if isinstance(field.type, GraphQLNonNull)}
        return st.fixed_dictionaries(
            {name: fields[name] for name in needed},
            optional={name: field for name, field in fields.items() if name not in needed},
        )
    return SCALARS[type_.name]


def _mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, ANYTHING)


CALLS = st.one_of(
    *(
        st.tuples(
            st.just(document),
            st.fixed_dictionaries({name: _mostly(values(type_)) for name, type_ in arguments.items()}),
        )
        for document, arguments in operations()
    )
)


class Fuzzed:
    """An application and somebody who is signed in to it, whatever the calls before have ended."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self.ran = 0
        self._count = 0
        self._names: dict[str, str] = {}
        self._token = ""

    async def call(self, document: str, variables: dict[str, Any], *, signed_in: bool) -> None:
        """Send an operation; no answer may be a mistake of ours, nor the log tell of one."""
        await self._sign_in()
        text = json.dumps({"query": document, "variables": variables})
        for name, value in self._names.items():
            text = text.replace(f'"{name}"', f'"{value}"')
        headers = {"content-type": "application/json"}
        if signed_in:
            headers["authorization"] = f"Bearer {self._token}"
        with capture_logs() as log:
            answer = await self._app.client.post("/graphql", content=text, headers=headers)
        assert answer.status_code < 500, (text, answer.text)
        told = answer.json()
        self.ran += "data" in told
        codes = {error["extensions"]["code"] for error in told.get("errors", [])}
        assert not codes & {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"}, (text, answer.text)
        assert not [line for line in log if line["log_level"] == "error" or "exc_info" in line], (text, log)

    async def _sign_in(self) -> None:
        if self._token and (await self._app.gql(ME, token=self._token)).only:
            return
        self._count += 1
        somebody = await self._app.signed_up(f"somebody{self._count}")
        self._token = somebody.access
        self._names = {"REFRESH": somebody.refresh, "SESSION": somebody.session_id, "USER": somebody.user_id}


@pytest.fixture
async def fuzzed(make_app: MakeApp) -> AsyncIterator[Fuzzed]:
    fuzzed = Fuzzed(await make_app())
    yield fuzzed
    assert fuzzed.ran > 40  # not all of it was refused at the door


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
@given(operation=CALLS, signed_in=st.booleans())
async def test_any_operation_takes_anything(
    fuzzed: Fuzzed, operation: tuple[str, dict[str, Any]], *, signed_in: bool
) -> None:
    await fuzzed.call(*operation, signed_in=signed_in)
