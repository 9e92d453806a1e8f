"""One request is one guess: no aliases, fragments or conditions make a request try a second password."""

import pytest
from conftest import MakeApp
from support.accounts import WRONG_PASSWORD
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.hostile import aliased

WRONG = f'login(input: {{ username: "ada", password: "{WRONG_PASSWORD}" }}) {{ __typename }}'
RIGHT = f'login(input: {{ username: "ada", password: "{PASSWORD}" }}) {{ __typename }}'

FLOODS = {
    "aliases": f"mutation {{ {aliased(15, WRONG)} {RIGHT} }}",
    "two aliases": f"mutation {{ a: {WRONG} b: {RIGHT} }}",
    "the same again": f"mutation {{ {RIGHT} {RIGHT} }}",
    "inline fragments": f"mutation {{ ... {{ a: {WRONG} }} ... on Mutation {{ b: {RIGHT} }} }}",
    "a fragment twice": f"mutation {{ ...F ...F }} fragment F on Mutation {{ {RIGHT} }}",
    "two fragments": "mutation { ...F ...G }"
    f"fragment F on Mutation {{ a: {WRONG} }} fragment G on Mutation {{ b: {RIGHT} }}",
    "fragments within": "mutation { ...F }"
    f"fragment F on Mutation {{ ...G b: {RIGHT} }} fragment G on Mutation {{ a: {WRONG} }}",
    "skipped": f"mutation {{ a: {WRONG} ... @skip(if: true) {{ b: {RIGHT} }} }}",
    "not included": f"mutation ($no: Boolean = false) {{a: {WRONG} ... @include(if: $no) {{ b: {RIGHT} }} }}",
}


@no_database
@pytest.mark.parametrize("document", FLOODS.values(), ids=FLOODS)
async def test_several_logins_in_one_request_are_no_login(app: Application, document: str) -> None:
    await app.register()
    events = await app.events()
    answer = await app.gql(document)
    assert set(answer.codes) == {"OPERATION_TOO_COMPLEX"}
    assert "data" not in answer.body
    assert {error["extensions"]["measure"] for error in answer.body["errors"]} == {"login"}
    assert await app.events() == events
    assert await app.rows("SELECT id FROM sessions") == []


async def test_sixty_logins_in_one_request_try_no_password(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    events = await app.events()
    answer = await app.gql(f"mutation {{ {aliased(60, WRONG)} }}")
    assert set(answer.codes) == {"OPERATION_TOO_COMPLEX"}
    assert await app.events() == events
    assert (await app.login()).access  # nothing was counted against the owner either


SENSITIVE = {
    "register": 'register(input: {{ username: "ada{0}", email: "ada{0}@example.com", password: "x" }})',
    "refresh": 'refresh(input: {{ refreshToken: "x{0}" }})',
    "reauthenticate": 'reauthenticate(input: {{ password: "x{0}" }})',
    "changePassword": 'changePassword(input: {{ currentPassword: "x{0}", newPassword: "y" }})',
    "deleteAccount": 'deleteAccount(input: {{ password: "x{0}" }})',
    "requestPasswordReset": 'requestPasswordReset(email: "ada{0}@example.com")',
    "resetPassword": 'resetPassword(input: {{ token: "x{0}", newPassword: "y" }})',
    "verifyEmail": 'verifyEmail(token: "x{0}")',
    "resendEmailVerification": "resendEmailVerification",
    "disavowSession": 'disavowSession(token: "x{0}")',
}


@no_database
@pytest.mark.parametrize(("name", "field"), SENSITIVE.items())
async def test_no_field_that_takes_a_credential_runs_twice(app: Application, name: str, field: str) -> None:
    ada = await app.signed_up()
    events, mails = await app.events(), await app.rows("SELECT id FROM outbox_mails")
    twice = " ".join(f"a{n}: {field.format(n)} {{ __typename }}" for n in range(2))
    answer = await app.gql(f"mutation {{ {twice} }}", token=ada.access)
    (error,) = answer.body["errors"]
    assert error["message"] == f"The operation runs `{name}` 2 times; the limit is 1."
    assert error["extensions"] == {
        "code": "OPERATION_TOO_COMPLEX",
        "measure": name,
        "figure": 2,
        "limit": 1,
    }
    assert (await app.events(), await app.rows("SELECT id FROM outbox_mails")) == (events, mails)


@no_database
async def test_a_reset_token_is_looked_at_once_in_a_request(app: Application) -> None:
    asked = aliased(2, 'passwordResetToken(token: "x") { __typename }')
    assert (await app.gql(f"{{ {asked} }}")).codes == ["OPERATION_TOO_COMPLEX"]


@no_database
async def test_one_of_each_is_a_request_like_any_other(app: Application) -> None:
    register = f'register(input: {{ username: "ada", email: "a@example.com", password: "{PASSWORD}" }})'
    answer = await app.gql(f"mutation {{ {register} {{ __typename }} {RIGHT} }}")
    assert answer.data == {
        "register": {"__typename": "RegisterSuccess"},
        "login": {"__typename": "LoginSuccess"},
    }


@no_database
async def test_of_several_operations_one_runs_so_each_may_have_its_login(app: Application) -> None:
    await app.register()
    body = {"query": f"mutation A {{ {RIGHT} }} mutation B {{ {RIGHT} }}", "operationName": "B"}
    answer = await app.client.post("/graphql", json=body)
    assert answer.json() == {"data": {"login": {"__typename": "LoginSuccess"}}}


@no_database
async def test_many_names_for_a_public_field_are_refused_with_the_figure(app: Application) -> None:
    answer = await app.gql(f"{{ me {{ {aliased(31, 'id')} }} }}")
    (error,) = answer.body["errors"]
    assert error["message"] == "The operation has 31 aliases; the limit is 30."
    assert error["locations"] == [{"line": 1, "column": 1}]
    assert (await app.gql(f"{{ me {{ {aliased(30, 'id')} }} }}")).data == {"me": None}


@no_database
async def test_many_root_fields_are_refused_with_the_figure(app: Application) -> None:
    answer = await app.gql("{" + "__typename " * 21 + "}")
    (error,) = answer.body["errors"]
    assert error["message"] == "The operation has 21 root fields; the limit is 20."
    assert (await app.gql("{" + "__typename " * 20 + "}")).data == {"__typename": "Query"}
