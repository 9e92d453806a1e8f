"""A page of another site makes a signed-in browser do nothing here."""

import pytest
from support.app import PASSWORD, Application
from support.documents import LOGIN, LOGOUT, ME

OWN = "https://id.example.com"
LOGIN_BY_COOKIE = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}
FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "https://id.example.com.evil.example"},
    {"origin": "https://evil.id.example.com"},
    {"origin": "http://id.example.com"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
)
SIMPLE = (
    {"content-type": "text/plain"},
    {"content-type": "application/x-www-form-urlencoded"},
    {"content-type": "multipart/form-data; boundary=x"},
    {"content-type": ""},
    {"content-type": "application/jsonp"},
    {"content-type": "application/json; charset=utf-7"},
)


async def _with_cookies(app: Application) -> None:
    await app.register()
    answer = await app.gql(LOGIN, LOGIN_BY_COOKIE, headers={"origin": OWN})
    assert answer.only["__typename"] == "LoginSuccess"


async def _is_signed_in(app: Application) -> bool:
    return (await app.gql(ME, headers={"origin": OWN})).only is not None


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("document", [ME, LOGOUT])
async def test_a_foreign_page_runs_nothing_with_the_browsers_cookies(
    app: Application, headers: dict[str, str], document: str
) -> None:
    await _with_cookies(app)
    answer = await app.gql(document, headers=headers)
    assert (answer.status, answer.codes) == (403, ["CSRF_REFUSED"])
    assert await _is_signed_in(app)
    assert (await app.events())[-1] == "forgery.refused"


async def test_a_mutation_from_cookies_needs_proof_of_its_site(app: Application) -> None:
    await _with_cookies(app)
    assert (await app.gql(LOGOUT)).codes == ["CSRF_REFUSED"]
    assert (await app.gql(ME)).only["username"] == "ada"
    assert (await app.gql(LOGOUT, headers={"sec-fetch-site": "none"})).codes == ["CSRF_REFUSED"]
    assert (await app.gql(LOGOUT, headers={"sec-fetch-site": "same-origin"})).only["session"][
        "status"
    ] == "ENDED"


@pytest.mark.parametrize(
    "origins", [(OWN, "https://evil.example"), ("https://evil.example", OWN), (OWN, OWN)]
)
async def test_who_names_two_origins_is_foreign(app: Application, origins: tuple[str, str]) -> None:
    await _with_cookies(app)
    headers = [("origin", origin) for origin in origins]
    answer = await app.client.post("/graphql", json={"query": LOGOUT}, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["code"] == "CSRF_REFUSED"
    assert await _is_signed_in(app)


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_foreign_page_signs_nobody_in(app: Application, headers: dict[str, str]) -> None:
    await app.register()
    answer = await app.gql(LOGIN, LOGIN_BY_COOKIE, headers=headers)
    assert (answer.status, answer.codes) == (403, ["CSRF_REFUSED"])
    assert "set-cookie" not in answer.headers
    assert "session.started" not in await app.events()


@pytest.mark.parametrize("headers", SIMPLE)
async def test_what_a_form_can_send_runs_nothing(app: Application, headers: dict[str, str]) -> None:
    await _with_cookies(app)
    body = '{"query": "mutation { logout { __typename } }"}'
    sent = {"origin": "https://evil.example", **headers}
    response = await app.client.post("/graphql", content=body, headers=sent)
    assert response.status_code == 415
    assert await _is_signed_in(app)


async def test_a_get_runs_nothing(app: Application) -> None:
    await _with_cookies(app)
    response = await app.client.get("/graphql", params={"query": "mutation { logout { __typename } }"})
    assert response.status_code == 405
    assert await _is_signed_in(app)


async def test_a_listed_origin_is_our_own(app: Application) -> None:
    await _with_cookies(app)
    assert (await app.gql(LOGOUT, headers={"origin": OWN})).only["__typename"] == "LogoutSuccess"


async def test_a_header_is_meant_whatever_the_cookies_say(app: Application) -> None:
    eve = await app.signed_up("eve")
    await _with_cookies(app)
    answer = await app.gql(ME, token=eve.access, headers={"origin": "https://evil.example"})
    assert answer.only["username"] == "eve"
