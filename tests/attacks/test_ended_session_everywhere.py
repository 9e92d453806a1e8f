"""Every operation of the schema, shown the token of an ended session, nobody's, and another account's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, GraphQLUnionType, get_named_type
from support.app import PASSWORD, Answer, Application, SignedIn
from support.documents import LOGOUT, ME, TERMINATE_ALL

from authgql.web.schema import build_schema

SCHEMA: GraphQLSchema = build_schema()._schema  # noqa: SLF001 -- as in app.py
UNAUTHENTICATED = "UNAUTHENTICATED"
WORTHLESS = "agl_" + "A" * 43


@dataclass(frozen=True)
class Expectation:
    """What an operation answers to nobody: an error's code, null, or the type of a public answer."""

    arguments: str
    nobody: str | None


# An operation without a line here fails the test: whoever adds it says what nobody is answered.
EXPECTED = {
    "me": Expectation("", None),
    "currentSession": Expectation("", None),
    "user": Expectation('(username: "ada")', UNAUTHENTICATED),
    "sessions": Expectation("(status: null)", UNAUTHENTICATED),
    "securityLog": Expectation("", UNAUTHENTICATED),
    "passwordResetToken": Expectation(f'(token: "{WORTHLESS}")', "InvalidToken"),
    "_entities": Expectation('(representations: [{__typename: "Session", id: "$session"}])', UNAUTHENTICATED),
    "_service": Expectation("", "_Service"),
    "register": Expectation(
        '(input: {username: "ada", email: "x@example.com", password: "x"})', "UsernameTaken"
    ),
    "login": Expectation('(input: {username: "ada", password: "wrong"})', "InvalidCredentials"),
    "refresh": Expectation('(input: {refreshToken: "$refresh"})', "InvalidToken"),
    "logout": Expectation("", UNAUTHENTICATED),
    "reauthenticate": Expectation(f'(input: {{password: "{PASSWORD}"}})', UNAUTHENTICATED),
    "updateProfile": Expectation('(input: {firstName: "Eve"})', UNAUTHENTICATED),
    "deleteAccount": Expectation(f'(input: {{password: "{PASSWORD}"}})', UNAUTHENTICATED),
    "verifyEmail": Expectation(f'(token: "{WORTHLESS}")', "InvalidToken"),
    "resendEmailVerification": Expectation("", UNAUTHENTICATED),
    "changePassword": Expectation(
        f'(input: {{currentPassword: "{PASSWORD}", newPassword: "amber-lantern-crosswind-58"}})',
        UNAUTHENTICATED,
    ),
    "requestPasswordReset": Expectation('(email: "nobody@example.com")', "PasswordResetRequested"),
    "resetPassword": Expectation(
        f'(input: {{token: "{WORTHLESS}", newPassword: "amber-lantern-crosswind-58"}})', "InvalidToken"
    ),
    "terminateSession": Expectation('(id: "$session")', UNAUTHENTICATED),
    "terminateOtherSessions": Expectation("", UNAUTHENTICATED),
    "terminateAllSessions": Expectation("", UNAUTHENTICATED),
    "disavowSession": Expectation(f'(token: "{WORTHLESS}")', "InvalidToken"),
    "sessionEvents": Expectation(
        "", "BAD_USER_INPUT"
    ),  # by POST nobody is; the sockets have tests of their own
}
PUBLIC_OF_A_USER = {"id", "username", "firstName", "lastName", "createdAt"}
ROWS = "SELECT id, logged_out_at, end_reason, refreshed_count FROM sessions ORDER BY id"


ROOTS = {
    "query": SCHEMA.query_type,
    "mutation": SCHEMA.mutation_type,
    "subscription": SCHEMA.subscription_type,
}


def operations() -> dict[str, str]:
    """Return every root field of the schema, with the kind of operation that it is."""
    return {name: kind for kind, root in ROOTS.items() if root for name in root.fields}


def document_for(name: str, victim: SignedIn) -> str:
    kind = operations()[name]
    root = ROOTS[kind]
    assert root is not None
    arguments = (
        EXPECTED[name].arguments.replace("$session", victim.session_id).replace("$refresh", victim.refresh)
    )
    selection = "" if not isinstance(get_named_type(root.fields[name].type), COMPOSITE) else "{ __typename }"
    return f"{kind} {{ {name}{arguments} {selection} }}"


COMPOSITE = (GraphQLObjectType, GraphQLUnionType)
End = Callable[[Application, SignedIn], Any]


async def log_out(app: Application, ada: SignedIn) -> None:
    await app.gql(LOGOUT, token=ada.access)


async def time_out(app: Application, _: SignedIn) -> None:
    await app.rows("UPDATE sessions SET expires_at=logged_in_at")


async def lock(app: Application, ada: SignedIn) -> None:
    await app.rows("UPDATE accounts SET locked_at=created_at WHERE id=$1", ada.user_id)


async def end_from_elsewhere(app: Application, _: SignedIn) -> None:
    await app.gql(TERMINATE_ALL, token=(await app.login()).access)


def seen(answer: Answer, name: str) -> str | None:
    """Reduce an answer to an error's code, null, or a type."""
    assert answer.status == 200, answer
    if answer.codes:
        (code,) = set(answer.codes)
        return code
    value = answer.body["data"][name]
    return value and str(value["__typename"])


def test_every_operation_has_an_expectation() -> None:
    assert EXPECTED.keys() == operations().keys()


async def test_nobody_gets_what_is_public_and_nothing_else(app: Application) -> None:
    victim = await app.signed_up()
    await app.gql(LOGOUT, token=victim.access)
    for name, expectation in EXPECTED.items():
        assert seen(await app.gql(document_for(name, victim)), name) == expectation.nobody, name


@pytest.mark.parametrize("end", [log_out, time_out, lock, end_from_elsewhere], ids=lambda end: end.__name__)
async def test_the_token_of_an_ended_session_is_as_good_as_none(app: Application, end: End) -> None:
    ada = await app.signed_up()
    await end(app, ada)
    before = await app.rows(ROWS)
    for name, expectation in EXPECTED.items():
        answer = await app.gql(document_for(name, ada), token=ada.access)
        assert seen(answer, name) == expectation.nobody, name
    assert await app.rows(ROWS) == before


async def test_another_account_with_the_victims_ids_gets_nothing_and_changes_nothing(
    app: Application,
) -> None:
    victim = await app.signed_up()
    (account,) = await app.rows("SELECT * FROM accounts")
    sessions = await app.rows(ROWS)
    for number, name in enumerate(EXPECTED):
        if name == "refresh":  # the secret itself, not an id
            continue
        eve = await app.signed_up(f"eve{number}")
        answer = await app.gql(document_for(name, victim), token=eve.access)
        assert answer.status == 200
        assert victim.session_id not in str(answer.body), name
        assert victim.user_id not in str(answer.body), name
    assert (await app.rows("SELECT * FROM accounts WHERE id=$1", victim.user_id)) == [account]
    assert [row for row in await app.rows(ROWS) if str(row["id"]) == victim.session_id] == sessions
    assert (await app.gql(ME, token=victim.access)).only is not None


async def test_every_field_of_a_stranger_is_public_by_name_or_null_with_a_reason(app: Application) -> None:
    victim, eve = await app.signed_up(), await app.signed_up("eve")
    user = SCHEMA.type_map["User"]
    assert isinstance(user, GraphQLObjectType)
    for field, it in user.fields.items():
        selection = "{ __typename }" if isinstance(get_named_type(it.type), COMPOSITE) else ""
        document = (
            f'{{ _entities(representations: [{{__typename: "User", id: "{victim.user_id}"}}]) '
            f"{{ ... on User {{ {field} {selection} }} }} }}"
        )
        for token, code in ((None, "UNAUTHENTICATED"), (eve.access, "FORBIDDEN")):
            answer = await app.gql(document, token=token)
            if field in PUBLIC_OF_A_USER:
                assert answer.codes == [], field
            else:
                assert (answer.body["data"]["_entities"], answer.codes) == ([{field: None}], [code]), field
