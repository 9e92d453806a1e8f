"""Nobody learns from an answer whether somebody has an account, but where the contract tells."""

import re

import pytest
from support.accounts import REQUEST_RESET, RESET_PASSWORD, VERIFY_EMAIL, WRONG_PASSWORD, lock
from support.app import Application
from support.documents import LOGIN

ONLY_HERS = {"x-request-id"}


async def whole(app: Application, document: str, variables: dict[str, object]) -> tuple[str, dict[str, str]]:
    body = {"query": document, "variables": variables}
    response = await app.client.post("/graphql", json=body)
    headers = {name: value for name, value in response.headers.items() if name not in ONLY_HERS}
    return response.text, headers


def attempt(username: str) -> dict[str, object]:
    return {"input": {"username": username, "password": WRONG_PASSWORD}}


@pytest.mark.parametrize("known", ["ada", "ada@example.com"])
async def test_a_failed_login_is_answered_alike_byte_for_byte(app: Application, known: str) -> None:
    await app.register()
    unknown = known.replace("ada", "eve")
    assert await whole(app, LOGIN, attempt(known)) == await whole(app, LOGIN, attempt(unknown))


async def test_a_locked_account_is_answered_alike_byte_for_byte(app: Application) -> None:
    await app.register()
    await lock(app)
    assert await whole(app, LOGIN, attempt("ada")) == await whole(app, LOGIN, attempt("eve"))


async def test_a_reset_request_is_answered_alike_byte_for_byte(app: Application) -> None:
    for name in ("ada", "grace"):
        await app.register(name)
    await lock(app, "grace")
    answers = [
        await whole(app, REQUEST_RESET, {"email": f"{name}@example.com"}) for name in ("ada", "eve", "grace")
    ]
    assert answers[0] == answers[1] == answers[2]


async def test_worthless_links_are_answered_alike_whoever_they_were_for(app: Application) -> None:
    await app.register()
    token = await app.mail.token_for("ada@example.com")
    await app.gql(VERIFY_EMAIL, {"token": token})
    forged = "agl_" + "A" * 43
    assert await whole(app, VERIFY_EMAIL, {"token": token}) == await whole(
        app, VERIFY_EMAIL, {"token": forged}
    )
    spent, unknown = [
        await whole(app, RESET_PASSWORD, {"input": {"token": each, "newPassword": WRONG_PASSWORD}})
        for each in (token, forged)
    ]
    assert spent == unknown


async def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(app: Application) -> None:
    await app.register()
    with app.counting() as known:
        await whole(app, LOGIN, attempt("ada"))
    with app.counting() as unknown:
        await whole(app, LOGIN, attempt("eve"))
    assert [shape(statement) for statement in known] == [shape(statement) for statement in unknown]


def shape(statement: str) -> str:
    return re.sub(r"\s+", " ", statement)
