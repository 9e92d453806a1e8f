"""What plans answer over our schema is, byte for byte, what graphql-core and Strawberry answer themselves."""

import re
from collections.abc import Mapping
from typing import Any, cast

import orjson
import pytest
from conftest import MakeApp
from graphql import (
    GraphQLNamedOutputType,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    is_object_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.types import ExecutionResult
from structlog.testing import capture_logs
from support.app import PASSWORD, Application, SignedIn
from support.dialects import no_database
from support.documents import LOGIN

from authgql.accounts.models import Account
from authgql.api.accounts import User
from authgql.api.session_types import Session as Shown
from authgql.api.signin import AuthTokens
from authgql.audit.events import Origin
from authgql.gate.caller import Caller
from authgql.gate.context import Context
from authgql.gate.credentials import Credentials
from authgql.sessions.listing import Listing
from authgql.sessions.models import Session
from authgql.web.documents import Documents, Prepared
from authgql.web.schema import build_schema

EVERY_FIELD = """{
  id username firstName lastName createdAt email emailVerified pendingEmail __typename
}"""
SESSION = """{
  __typename id status current ipAddress location { city country } loggedInAt lastSeenAt expiresAt
  loggedOutAt endReason device { name kind browser os userAgent __typename }
  token { id issuedAt expiresAt refreshedCount senderConstrained }
}"""
DOCUMENTS = (
    f"{{ me {EVERY_FIELD} }}",
    """
    { a: me { b: username c: username } a: me { d: email } me { ...F ... { id } ... on User { id } } }
    fragment F on User { email ...G } fragment G on User { pendingEmail }
    """,
    """
    query ($yes: Boolean!, $no: Boolean = false) {
      me { id @include(if: $yes) email @skip(if: $yes) username @include(if: $no) lastName @skip(if: $no) }
    }
    """,
    "query ($yes: Boolean!) { me @skip(if: $yes) { id } __typename }",
    f"""
    {{
      currentSession {SESSION}
      sessions(first: 2) {{
        totalCount
        edges {{ cursor node {SESSION} }}
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
      }}
    }}
    """,
    f"{{ sessions(status: ENDED, first: 5) {{ nodes {SESSION} }} }}",
    "query ($first: Int) { me { sessions(first: $first) { nodes { id } } } }",
    'query ($name: String!) { user(username: $name) { username email } o: user(username: "ada") { email } }',
    "{ securityLog(first: 3) { nodes { id kind at ipAddress sessionId detail device { name } } } }",
    """
    query Two($after: String, $of: SessionStatus = ENDED) {
      all: sessions(status: null, first: 3) { ...Page } ended: sessions(status: $of) { ...Page }
      forged: sessions(after: $after) { ...Page } me { sessions(after: "forged") { ...Page } }
    }
    fragment Page on SessionConnection { totalCount edges { cursor node { id } } pageInfo { endCursor } }
    """,
    "{ sessions { edges { node { id } } nodes { id } } me { sessions { nodes { device { os } } } } }",
    "{ me { sessions(first: 0) { nodes { id } } } sessions(first: 101) { nodes { id } } }",
    "{ sessions(first: 2) { pageInfo { startCursor } __typename } __typename q: __typename }",
    '{ passwordResetToken(token: "agl_none") { __typename ... on Refusal { code message } } }',
    "{ _service { sdl } }",
    """
    query ($of: [_Any!]!) {
      _entities(representations: $of) {
        __typename ... on User { username email } ... on Session { id status }
      }
    }
    """,
    '{ __schema { queryType { name } } __type(name: "User") { name kind fields { name } } }',
    # not valid, or not with these variables
    "{ me { id { id } } }",
    "{ me }",
    "{ nothing }",
    "{ me { id } ",
    "query ($yes: Int!) { me { id @include(if: $yes) } }",
    "query A { me { id } } query B { me { id } }",
)

MUTATIONS = (
    "mutation { resendEmailVerification { __typename ... on Refusal { code } } logout { __typename } }",
    """
    mutation {
      first: terminateSession(id: "0") { __typename ... on Refusal { code message } }
      updateProfile(input: {firstName: "A"}) { ... on UpdateProfileSuccess { user { firstName } } }
      terminateOtherSessions { ... on SessionsTerminated { count sessions { status endReason } } }
      logout { ... on LogoutSuccess { session { endReason device { name } } } }
      second: terminateAllSessions { __typename }
    }
    """,
    """mutation { login(input: {username: "ada", password: "wrong"}) { ... on Refusal { code } } }""",
    """
    mutation ($input: RefreshInput!) {
      refresh(input: $input) {
        ... on RefreshSuccess { session { status token { refreshedCount } } tokens { tokenType expiresIn } }
        ... on Refusal { message }
      }
    }
    """,
)
SCHEMA = build_schema(auth_directives=False)._schema  # noqa: SLF001 -- as the endpoint has it


async def answer(
    app: Application, document: str, token: str | None, variables: Mapping[str, object]
) -> tuple[int, bytes]:
    """Return an answer's status and bytes, without what is random in them."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    body = {"query": document, "variables": variables}
    response = await app.client.post("/graphql", json=body, headers=headers)
    return response.status_code, re.sub(rb'"requestId":"[^"]*"', b"", response.content)


def given_to(person: SignedIn) -> dict[str, object]:
    of = [
        {"__typename": "User", "id": person.user_id},
        {"__typename": "Session", "id": person.session_id},
        {},
    ]
    return {"yes": True, "first": 1, "name": "grace", "of": of, "after": "forged"}


async def both(
    app: Application, document: str, token: str | None, variables: Mapping[str, object]
) -> list[Any]:
    """Return what a plan answers, and what graphql-core does."""
    planned = await answer(app, document, token, variables)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Prepared, "plan", lambda *_: None)
        return [planned, await answer(app, document, token, variables)]


@no_database
@pytest.mark.parametrize("who", ["ada", "grace", "nobody"])
async def test_every_answer_is_graphql_cores_own(app: Application, who: str) -> None:
    ada = await app.signed_up()
    people = {"ada": ada.access, "grace": (await app.signed_up("grace")).access, "nobody": None}
    for document in DOCUMENTS:
        planned, core = await both(app, document, people[who], given_to(ada))
        assert planned == core, document


@no_database
@pytest.mark.parametrize("document", MUTATIONS)
@pytest.mark.parametrize("signed_in", [True, False])
async def test_every_mutation_is_answered_as_graphql_core_would(
    app: Application, monkeypatch: pytest.MonkeyPatch, document: str, *, signed_in: bool
) -> None:
    answers, left = [], []
    for name in ("ada", "grace"):
        person = await app.signed_up(name)
        variables = {"input": {"refreshToken": person.refresh}}
        answers.append(await answer(app, document, person.access if signed_in else None, variables))
        left.append(await Session.filter(account_id=person.user_id).values("end_reason", "refreshed_count"))
        monkeypatch.setattr(Prepared, "plan", lambda *_: None)
    assert answers[0] == answers[1]
    assert left[0] == left[1]


@no_database
async def test_every_answer_is_strawberrys_own(app: Application) -> None:
    ada = await app.signed_up()
    account = await Account.get(id=ada.user_id)
    session = await Session.get(id=ada.session_id).select_related("account")
    context = Context(
        services=app.system.services,
        origin=Origin(ip_address="127.0.0.1", user_agent=""),
        credentials=Credentials(access_token=ada.access),
        caller=Caller(account=account, session=session),
    )
    schema = build_schema(auth_directives=app.system.settings.federation_auth_directives)
    for document in DOCUMENTS[:-1]:
        _, ours = await answer(app, document, ada.access, given_to(ada))
        theirs = await schema.execute(document, given_to(ada), context_value=context)
        assert isinstance(theirs, ExecutionResult)
        told = orjson.loads(ours)
        assert orjson.dumps(told.get("data")) == orjson.dumps(theirs.data)
        paths = [error.get("path") for error in told.get("errors", [])]
        assert paths == [error.path for error in theirs.errors or []]


def test_all_documents_without_directives_have_a_plan() -> None:
    documents = Documents(SCHEMA, introspection=True)
    for document in (*DOCUMENTS, *MUTATIONS):
        prepared = documents.prepare(document, variables=given_to(SignedIn("", "", "", "")))
        if prepared.document and document.count("query") < 2:
            assert bool(prepared.plan(None)) == ("$yes" not in document), document


# ---------------------------------------------------------------- what goes wrong


async def fail(*_: object, **__: object) -> None:
    raise ValueError("of ours")


def wrong(of: type, **attributes: object) -> Any:
    """Return what makes an object of a type that has none but these attributes."""

    def make(*_: object, **__: object) -> object:
        made: Any = object.__new__(of)
        made.__dict__ |= attributes
        return made

    return make


WRONG = {
    "the list": (Listing, "page", fail),
    "the count": (Listing, "count", fail),
    "a session": (Shown, "of", wrong(Shown, id="1", status="ACTIVE", current=None, device=None, token=[])),
    "a user": (
        User,
        "of",
        wrong(User, id=7, username=object(), first_name=ValueError("of ours"), viewer=None),
    ),
    "nobody": (User, "of", lambda *_, **__: ValueError("of ours")),
}


@no_database
@pytest.mark.parametrize("which", WRONG)
async def test_every_error_is_told_where_graphql_core_tells_it(
    app: Application, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    ada = await app.signed_up()
    of, name, what = WRONG[which]
    with monkeypatch.context() as patched, capture_logs():
        patched.setattr(of, name, what)
        told = [await both(app, document, ada.access, given_to(ada)) for document in DOCUMENTS]
    assert [planned for planned, _ in told] == [core for _, core in told]
    assert any(b"INTERNAL_SERVER_ERROR" in content for (_, content), _ in told)


@no_database
async def test_a_mutation_whose_answer_cannot_be_written_has_run_once(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await app.signed_up()
    monkeypatch.setattr(AuthTokens, "deliver", wrong(User))
    told = await app.gql(LOGIN, {"input": {"username": "ada", "password": PASSWORD}})
    assert set(told.codes) == {"INTERNAL_SERVER_ERROR"}
    assert await Session.filter(account_id=ada.user_id).count() == 2


# ---------------------------------------------------------------- any query over our schema


@st.composite
def selections(draw: st.DrawFn, of: GraphQLNamedOutputType, depth: int) -> str:
    """Draw fields of a type, some twice and under other names, some in a fragment."""
    if not is_object_type(of):
        return "{ __typename ... on User { username } ... on Session { status } ... on Refusal { code } }"
    names = [name for name, field in of.fields.items() if depth or is_leaf_type(get_named_type(field.type))]
    chosen = draw(st.lists(st.sampled_from([*names, "__typename"]), min_size=1, max_size=6))
    parts = []
    for name in chosen:
        field = of.fields.get(name)
        inner = get_named_type(field.type) if field else None
        below = draw(selections(inner, depth - 1)) if inner and is_composite_type(inner) else ""
        arguments = draw(ARGUMENTS.get(name, st.just("")))
        alias = draw(st.sampled_from(["", "", f"{name}{abs(hash((arguments, below))) % 1000}: "]))
        written = f"{alias}{name}{arguments} {below}"
        parts.append(draw(st.sampled_from([written, f"... on {of.name} {{ {written} }}"])))
    return "{ " + " ".join(parts) + " }"


ARGUMENTS = {
    "sessions": st.sampled_from(
        ["", "(first: 1)", "(first: 0)", "(status: ENDED)", "(status: null, first: 2)", '(after: "x")']
    ),
    "securityLog": st.sampled_from(["", "(first: 1)", "(first: 1000)"]),
    "user": st.sampled_from(['(username: "ada")', '(username: "grace")']),
    "passwordResetToken": st.just('(token: "agl_none")'),
    "_entities": st.just('(representations: [{__typename: "User", id: "x"}, {}])'),
}


@pytest.fixture
async def crowd(make_app: MakeApp) -> tuple[Application, SignedIn]:
    app = await make_app()
    ada = await app.signed_up()
    await app.login()
    await app.signed_up("grace")
    return app, ada


@no_database
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(query=selections(cast("GraphQLNamedOutputType", SCHEMA.query_type), 4), signed_in=st.booleans())
async def test_any_query_is_answered_as_graphql_core_would(
    crowd: tuple[Application, SignedIn], query: str, *, signed_in: bool
) -> None:
    app, ada = crowd
    planned, core = await both(app, query, ada.access if signed_in else None, {})
    assert planned == core
