"""A client sets what the contract names and nothing else, however it asks."""

from collections.abc import Mapping
from typing import Any

import pytest
from support.accounts import UPDATE_PROFILE, account
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.documents import REGISTER

INPUTS = {
    "RegisterInput": {
        "username": "String!",
        "email": "String!",
        "password": "String!",
        "firstName": "String",
        "lastName": "String",
    },
    "LoginInput": {"username": "String!", "password": "String!"},
    "RefreshInput": {"refreshToken": "String!"},
    "ReauthenticateInput": {"password": "String!"},
    "UpdateProfileInput": {
        "username": "String",
        "firstName": "String",
        "lastName": "String",
        "email": "String",
    },
    "DeleteAccountInput": {"password": "String!"},
    "ChangePasswordInput": {"currentPassword": "String!", "newPassword": "String!"},
    "ResetPasswordInput": {"token": "String!", "newPassword": "String!"},
}
ARGUMENTS = {
    "register": {"input": "RegisterInput!"},
    "login": {"input": "LoginInput!"},
    "refresh": {"input": "RefreshInput"},
    "logout": {},
    "reauthenticate": {"input": "ReauthenticateInput!"},
    "updateProfile": {"input": "UpdateProfileInput!"},
    "deleteAccount": {"input": "DeleteAccountInput!"},
    "verifyEmail": {"token": "String!"},
    "resendEmailVerification": {},
    "changePassword": {"input": "ChangePasswordInput!"},
    "requestPasswordReset": {"email": "String!"},
    "resetPassword": {"input": "ResetPasswordInput!"},
    "terminateSession": {"id": "ID!"},
    "terminateOtherSessions": {},
    "terminateAllSessions": {},
}
LATER = {"LoginInput": {"delivery": "TokenDelivery"}}  # of the contract, with the cookies
INTROSPECTION = """
{
  __schema {
    types { kind name inputFields { name type { kind name ofType { name } } } }
    mutationType { fields { name args { name type { kind name ofType { name } } } } }
  }
}
"""
PRIVILEGES = {
    "id": "01a2094c-fde5-77f5-acbf-4e73a008931c",
    "isAdmin": True,
    "is_admin": True,
    "role": "admin",
    "scope": "admin",
    "emailVerified": True,
    "emailVerifiedAt": "2026-01-01T00:00:00Z",
    "email_verified_at": "2026-01-01T00:00:00Z",
    "pendingEmail": "eve@example.com",
    "lockedAt": None,
    "passwordHash": "x",
    "password_hash": "x",
    "pseudonym": "01a2094c-fde5-77f5-acbf-4e73a008931c",
    "createdAt": "2020-01-01T00:00:00Z",
    "username_key": "eve",
    "__proto__": {"isAdmin": True},
    "__typename": "Administrator",
}
each_privilege = pytest.mark.parametrize(("name", "value"), PRIVILEGES.items())


def types_of(given: list[dict[str, Any]]) -> dict[str, str]:
    return {one["name"]: spelt(one["type"]) for one in given}


def spelt(kind: Mapping[str, Any]) -> str:
    return f"{kind['ofType']['name']}!" if kind["kind"] == "NON_NULL" else str(kind["name"])


@no_database
async def test_inputs_have_the_contracts_fields_and_no_others(app: Application) -> None:
    types = (await app.gql(INTROSPECTION)).only["types"]
    inputs = {one["name"]: types_of(one["inputFields"]) for one in types if one["kind"] == "INPUT_OBJECT"}
    assert inputs.keys() == INPUTS.keys()
    for name, fields in inputs.items():
        assert fields in (INPUTS[name], INPUTS[name] | LATER.get(name, {}))


@no_database
async def test_mutations_take_the_contracts_arguments_and_no_others(app: Application) -> None:
    fields = (await app.gql(INTROSPECTION)).only["mutationType"]["fields"]
    arguments = {field["name"]: types_of(field["args"]) for field in fields}
    assert {name: given for name, given in arguments.items() if name != "disavowSession"} == ARGUMENTS


@each_privilege
async def test_registering_with_a_privilege_registers_nobody(
    app: Application, name: str, value: object
) -> None:
    given = {"username": "eve", "email": "eve@example.com", "password": PASSWORD, name: value}
    answer = await app.gql(REGISTER, {"input": given})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert answer.body.get("data") is None
    assert await app.rows("SELECT * FROM accounts") == []


@each_privilege
async def test_updating_with_a_privilege_changes_nothing(app: Application, name: str, value: object) -> None:
    ada = await app.signed_up()
    before = await account(app)
    answer = await app.gql(UPDATE_PROFILE, {"input": {"firstName": "Ada", name: value}}, token=ada.access)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert await account(app) == before


async def test_what_is_no_variable_of_the_operation_is_ignored(app: Application) -> None:
    ada = await app.signed_up()
    variables = {"input": {"firstName": "Ada"}, **PRIVILEGES}
    await app.gql(UPDATE_PROFILE, variables, token=ada.access)
    row = await account(app)
    assert row["first_name"] == "Ada"
    assert not row["is_admin"]
    assert (row["email_verified_at"], row["pending_email"]) == (None, None)
