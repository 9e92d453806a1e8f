"""Tokens in cookies: a browser carries them, and no script sees them."""

from http.cookies import SimpleCookie

from conftest import MakeApp
from support.app import PASSWORD, Answer, Application
from support.documents import LOGIN, LOGOUT, ME, REFRESH, TERMINATE

OWN = {"origin": "https://id.example.com"}
LOCAL = {"origin": "http://localhost:8000"}


async def _login(app: Application, headers: dict[str, str] = OWN) -> Answer:
    given = {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}
    return await app.gql(LOGIN, {"input": given}, headers=headers)


def _cookies(app: Application) -> dict[str, str]:
    """The tokens' cookies; that of the device stays whatever becomes of them."""
    jar = {cookie.name: str(cookie.value) for cookie in app.client.cookies.jar}
    return {name: value for name, value in jar.items() if not name.endswith("-device")}


async def test_a_login_by_cookie_keeps_both_tokens_out_of_the_answer(app: Application) -> None:
    await app.register()
    answer = await _login(app)
    tokens = answer.only["tokens"]
    assert (tokens["accessToken"], tokens["refreshToken"]) == (None, None)
    assert tokens["expiresIn"] == 600
    assert set(_cookies(app)) == {"__Host-authgql-access", "__Host-authgql-refresh"}
    assert (await app.gql(ME)).only["username"] == "ada"


async def test_the_cookies_go_to_this_host_alone_and_to_no_script(app: Application) -> None:
    await app.register()
    response = await app.client.post(
        "/graphql",
        json={
            "query": LOGIN,
            "variables": {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}},
        },
        headers=OWN,
    )
    for line in response.headers.get_list("set-cookie"):
        (cookie,) = SimpleCookie(line).values()
        assert (cookie["path"], cookie["domain"], cookie["samesite"].lower()) == ("/", "", "lax")
        assert cookie["secure"] is True
        assert cookie["httponly"] is True
        assert len(line) < 4096


async def test_on_plain_http_the_names_lose_their_prefix(make_app: MakeApp) -> None:
    app = await make_app(public_url="http://localhost:8000")
    app.client.base_url = "http://localhost:8000"
    await app.register()
    await _login(app, LOCAL)
    assert set(_cookies(app)) == {"authgql-access", "authgql-refresh"}
    assert (await app.gql(ME, headers=LOCAL)).only["username"] == "ada"


async def test_a_refresh_without_input_renews_the_cookies(app: Application) -> None:
    await app.register()
    await _login(app)
    before = _cookies(app)
    app.clock.advance(60)
    answer = await app.gql(REFRESH, headers=OWN)
    assert answer.only["tokens"]["refreshToken"] is None
    assert answer.only["session"]["token"]["refreshedCount"] == 1
    after = _cookies(app)
    assert all(after[name] != before[name] for name in before)
    assert (await app.gql(ME)).only["username"] == "ada"


async def test_a_refresh_works_once_the_access_cookie_is_gone(app: Application) -> None:
    await app.register()
    await _login(app)
    app.client.cookies.delete("__Host-authgql-access")
    assert (await app.gql(ME)).only is None
    assert (await app.gql(REFRESH, headers=OWN)).only["__typename"] == "RefreshSuccess"
    assert (await app.gql(ME)).only["username"] == "ada"


async def test_a_refresh_with_nothing_to_show_is_an_invalid_token(app: Application) -> None:
    assert (await app.gql(REFRESH)).only["__typename"] == "InvalidToken"


async def test_logout_takes_the_cookies_away(app: Application) -> None:
    await app.register()
    await _login(app)
    answer = await app.gql(LOGOUT, headers=OWN)
    assert answer.only["session"]["endReason"] == "LOGGED_OUT"
    assert _cookies(app) == {}
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


async def test_ending_the_current_session_takes_the_cookies_away(app: Application) -> None:
    await app.register()
    for document in (
        "mutation { terminateAllSessions { __typename } }",
        'mutation { terminateSession(id: "%s") { __typename } }',
        'mutation { deleteAccount(input: {password: "' + PASSWORD + '"}) { __typename } }',
    ):
        session_id = (await _login(app)).only["session"]["id"]
        await app.gql(document.replace("%s", session_id), headers=OWN)
        assert _cookies(app) == {}


async def test_ending_other_sessions_leaves_the_cookies_alone(app: Application) -> None:
    await app.register()
    await app.login()
    await _login(app)
    answer = await app.gql(
        "mutation { terminateOtherSessions { ... on SessionsTerminated { count } } }", headers=OWN
    )
    assert answer.only["count"] == 1
    assert (await app.gql(ME)).only["username"] == "ada"


async def test_a_worthless_refresh_cookie_is_taken_away(app: Application) -> None:
    await app.register()
    elsewhere = await app.login()
    session_id = (await _login(app)).only["session"]["id"]
    await app.gql(TERMINATE, {"id": session_id}, token=elsewhere.access)
    assert (await app.gql(REFRESH, headers=OWN)).only["__typename"] == "InvalidToken"
    assert _cookies(app) == {}


async def test_reauthentication_renews_the_access_cookie_alone(app: Application) -> None:
    await app.register()
    await _login(app)
    before = _cookies(app)
    document = """
    mutation($p: String!) { reauthenticate(input: {password: $p}) {
      __typename ... on ReauthenticateSuccess { tokens { accessToken refreshToken } } } }
    """
    answer = await app.gql(document, {"p": PASSWORD}, headers=OWN)
    assert answer.only["tokens"] == {"accessToken": None, "refreshToken": None}
    after = _cookies(app)
    assert after["__Host-authgql-access"] != before["__Host-authgql-access"]
    assert after["__Host-authgql-refresh"] == before["__Host-authgql-refresh"]


async def test_a_refresh_by_nobody_leaves_the_browsers_storage_alone(app: Application) -> None:
    answer = await app.gql(REFRESH)
    assert "clear-site-data" not in answer.headers


async def test_cookies_renewed_in_a_request_that_ends_their_session_are_not_kept(app: Application) -> None:
    await app.register()
    await _login(app)
    document = "mutation { a: refresh { __typename } b: logout { __typename } }"
    await app.gql(document, headers=OWN)
    assert _cookies(app) == {}


async def test_a_cookie_fits_into_every_browser(make_app: MakeApp) -> None:
    label = "a" * 63
    issuer = f"https://{label}.{label}.{label}.{'a' * 57}.com"  # as long as a host's name may be
    app = await make_app(public_url=issuer, audience="x" * 500)
    await app.register()
    given = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}
    response = await app.client.post(
        f"{issuer}/graphql", json={"query": LOGIN, "variables": given}, headers={"origin": issuer}
    )
    sent = response.headers.get_list("set-cookie")
    assert len(sent) >= 2
    assert max(len(cookie.partition(";")[0]) for cookie in sent) < 4096
