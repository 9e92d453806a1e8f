"""The short ways of our executor lead where graphql-core's and Strawberry's own ways lead."""

from typing import Any

import pytest
from graphql import Undefined
from strawberry.types import ExecutionResult
from support.app import Application
from support.dialects import no_database

from authgql.accounts.models import Account
from authgql.audit.events import Origin
from authgql.gate.caller import Caller
from authgql.gate.context import Context
from authgql.gate.credentials import Credentials
from authgql.sessions.models import Session
from authgql.web.executor import Short, executor_for
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
    "mutation { resendEmailVerification { __typename ... on Refusal { code } } logout { __typename } }",
    # not valid, or not with these variables
    "{ me { id { id } } }",
    "{ me }",
    "{ nothing }",
    "{ me { id } ",
    "query ($yes: Int!) { me { id @include(if: $yes) } }",
    "query A { me { id } } query B { me { id } }",
)

SHORTS = executor_for(build_schema(auth_directives=False)._schema).shorts  # noqa: SLF001 -- as the endpoint has it


async def answer(app: Application, document: str, token: str | None, variables: dict[str, object]) -> Any:
    body = (await app.gql(document, variables, token=token)).body
    for error in body.get("errors", []):
        error["extensions"].pop("requestId", None)
    return body


@no_database
@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("who", ["ada", "grace", "nobody"])
async def test_every_answer_is_graphql_cores_own(
    app: Application, monkeypatch: pytest.MonkeyPatch, document: str, who: str
) -> None:
    ada = await app.signed_up()
    people = {"ada": ada.access, "grace": (await app.signed_up("grace")).access, "nobody": None}
    of = [{"__typename": "User", "id": ada.user_id}, {"__typename": "Session", "id": ada.session_id}, {}]
    variables: dict[str, object] = {"yes": True, "first": 1, "name": "grace", "of": of}
    short = await answer(app, document, people[who], variables)
    if document.startswith("mutation") and people[who]:
        people[who] = (await app.login(who)).access
    monkeypatch.setattr(Short, "value_of", long_way)
    assert short == await answer(app, document, people[who], variables)


def long_way(_: Short, __: object) -> Any:
    """Have every field go graphql-core's own way."""
    return Undefined


@no_database
@pytest.mark.parametrize("document", [document for document in DOCUMENTS if "mutation" not in document][:-1])
async def test_every_answer_is_strawberrys_own(app: Application, document: str) -> None:
    ada = await app.signed_up()
    of = [{"__typename": "User", "id": ada.user_id}, {"__typename": "Session", "id": ada.session_id}, {}]
    variables: dict[str, object] = {"yes": True, "first": 1, "name": "grace", "of": of}
    account = await Account.get(id=ada.user_id)
    session = await Session.get(id=ada.session_id).select_related("account")
    context = Context(
        services=app.system.services,
        origin=Origin(ip_address="127.0.0.1", user_agent=""),
        credentials=Credentials(access_token=ada.access),
        caller=Caller(account=account, session=session),
    )
    ours = await answer(app, document, ada.access, variables)
    schema = build_schema(auth_directives=app.system.settings.federation_auth_directives)
    theirs = await schema.execute(document, variables, context_value=context)
    assert isinstance(theirs, ExecutionResult)
    assert ours.get("data") == theirs.data
    paths = [error.get("path") for error in ours.get("errors", [])]
    assert paths == [error.path for error in theirs.errors or []]


class Odd:
    """An object whose values are not what their fields promise."""

    id = None
    username = object()

    @property
    def first_name(self) -> str:
        raise KeyError("of ours")


def test_what_is_wrong_is_told_the_long_way() -> None:
    shorts = SHORTS["User"]
    assert [shorts[name].value_of(Odd()) for name in ("id", "username", "firstName")] == [Undefined] * 3


def test_the_short_way_is_for_values_alone() -> None:
    assert {"__typename", "id", "username", "email", "emailVerified", "pendingEmail"} < SHORTS["User"].keys()
    assert {"kind", "browser"} < SHORTS["SessionDevice"].keys()
    assert not SHORTS["Query"].keys() - {"__typename"}
    assert not SHORTS["Mutation"].keys() - {"__typename"}
    assert "sessions" not in SHORTS["User"]
    assert not {"device", "token", "location"} & SHORTS["Session"].keys()
