"""Through Apollo's gateway and Hive's: one graph of accounts and posts, each field answered to its caller."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx2
import pytest
from conftest import MakeApp
from support.app import IPHONE, PASSWORD, Answer, Application
from support.documents import LOGIN, TERMINATE
from support.gateways import SCRIPTS, Gateway, gateway, serving
from support.posts import Posts

pytestmark = [pytest.mark.node, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

MINE = "{ me { username email posts { title author { username firstName createdAt } } } }"
AUTHORS = "query ($authors: [ID!]!) { postsBy(authors: $authors) { title author { id username } } }"
EMAILS = "query ($authors: [ID!]!) { postsBy(authors: $authors) { author { username email pendingEmail } } }"
SIGN_IN = """
mutation ($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess { user { username posts { title } } session { id current } tokens { accessToken } }
  }
}
"""
SIGN_OUT = "mutation { logout { ... on LogoutSuccess { session { endReason } } } }"


@dataclass
class Graph:
    """The composed graph, as a client reaches it."""

    client: httpx2.AsyncClient
    app: Application
    posts: Posts

    async def gql(
        self, query: str, variables: object = None, token: str | None = None, **headers: str
    ) -> Answer:
        if token:
            headers["authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"query": query, "variables": variables}
        response = await self.client.post("", json=body, headers=named)
        return Answer(response.status_code, response.json(), response.headers)


@pytest.fixture(scope="module", params=SCRIPTS)
def running_gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    with gateway(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
async def graph(running_gateway: Gateway, app: Application) -> AsyncIterator[Graph]:
    posts = Posts()
    async with (
        serving(app.asgi, running_gateway.accounts),
        serving(posts.asgi, running_gateway.posts),
        httpx2.AsyncClient(base_url=running_gateway.url, timeout=30) as client,
    ):
        yield Graph(client=client, app=app, posts=posts)


async def test_a_user_and_their_posts_come_from_both(graph: Graph) -> None:
    ada = await graph.app.signed_up()
    me = (await graph.gql(MINE, token=ada.access)).only
    assert (me["username"], me["email"]) == ("ada", "ada@example.com")
    assert [post["title"] for post in me["posts"]] == ["Note 1", "Note 2"]
    assert {post["author"]["username"] for post in me["posts"]} == {"ada"}


async def test_nobody_signed_in_is_nobody_and_names_are_public(graph: Graph) -> None:
    ada = await graph.app.signed_up()
    assert (await graph.gql(MINE)).data == {"me": None}
    (post,) = (await graph.gql(AUTHORS, {"authors": [ada.user_id]})).only
    assert post["author"] == {"id": ada.user_id, "username": "ada"}
    answer = await graph.gql("{ sessions { totalCount } }")
    assert (answer.body["data"], answer.codes) == (None, ["UNAUTHENTICATED"])


async def test_a_strangers_private_fields_are_null_with_a_reason_at_their_path(graph: Graph) -> None:
    ada, eve = await graph.app.signed_up(), await graph.app.signed_up("eve")
    given = {"authors": [ada.user_id, eve.user_id]}
    for token, code, emails in (
        (None, "UNAUTHENTICATED", [None, None]),
        (eve.access, "FORBIDDEN", [None, "eve@example.com"]),
    ):
        answer = await graph.gql(EMAILS, given, token)
        authors = [post["author"] for post in answer.body["data"]["postsBy"]]
        assert [author["email"] for author in authors] == emails
        assert [author["username"] for author in authors] == ["ada", "eve"]
        assert set(answer.codes) == {code}
        assert ["postsBy", 0, "author", "email"] in [error.get("path") for error in answer.body["errors"]]


async def test_references_to_nobody_spoil_no_other(graph: Graph) -> None:
    ada = await graph.app.signed_up()
    authors = [ada.user_id, "nobody", "00000000-0000-0000-0000-000000000000", ada.user_id]
    names = "query ($authors: [ID!]!) { postsBy(authors: $authors) { title author { id } } }"
    assert len((await graph.gql(names, {"authors": authors})).only) == 4
    answer = await graph.gql(AUTHORS, {"authors": [ada.user_id]})
    assert answer.only[0]["author"]["username"] == "ada"


async def test_many_users_are_resolved_with_one_statement(graph: Graph) -> None:
    people = [await graph.app.signed_up(f"user{number}") for number in range(20)]
    given = {"authors": [one.user_id for one in people] * 2}
    with graph.app.counting() as statements:
        posts = (await graph.gql(AUTHORS, given)).only
    assert [post["author"]["username"] for post in posts] == [f"user{number}" for number in range(20)] * 2
    assert len(statements) == 1


async def test_a_login_through_the_gateway_sees_its_own_posts(graph: Graph) -> None:
    await graph.app.register()
    given = {"input": {"username": "ada", "password": PASSWORD}}
    result = (await graph.gql(SIGN_IN, given)).only
    assert result["user"] == {"username": "ada", "posts": [{"title": "Note 1"}, {"title": "Note 2"}]}
    access = result["tokens"]["accessToken"]
    assert (await graph.gql(MINE, token=access)).only["username"] == "ada"
    wrong = {"input": {"username": "ada", "password": "wrong"}}
    assert (await graph.gql(SIGN_IN, wrong)).only == {"__typename": "InvalidCredentials"}


async def test_a_session_shows_its_own_clients_device_and_address(
    running_gateway: Gateway, make_app: MakeApp
) -> None:
    app = await make_app(trusted_proxies="127.0.0.0/8")
    async with (
        serving(app.asgi, running_gateway.accounts),
        httpx2.AsyncClient(base_url=running_gateway.url, timeout=30) as client,
    ):
        await app.register()
        headers = {"user-agent": IPHONE, "x-forwarded-for": "203.0.113.9"}
        body = {"query": LOGIN, "variables": {"input": {"username": "ada", "password": PASSWORD}}}
        session = (await client.post("", json=body, headers=headers)).json()["data"]["login"]["session"]
    assert session["ipAddress"] == "203.0.113.9"
    assert session["device"]["name"] == "Mobile Safari on iOS"


async def test_cookies_pass_in_both_directions(graph: Graph) -> None:
    await graph.app.register()
    given = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}
    answer = await graph.gql(LOGIN, given, origin="https://id.example.com")
    assert answer.only["tokens"]["accessToken"] is None
    cookies = _cookies(answer)
    assert set(cookies) == {"__Host-authgql-access", "__Host-authgql-refresh"}
    shown = "; ".join(f"{name}={value}" for name, value in cookies.items())

    assert (await graph.gql(MINE, cookie=shown)).only["email"] == "ada@example.com"
    assert (await graph.gql(SIGN_OUT, cookie=shown)).codes == ["CSRF_REFUSED"]
    foreign = await graph.gql(SIGN_OUT, cookie=shown, origin="https://evil.example")
    assert foreign.codes == ["CSRF_REFUSED"]

    left = await graph.gql(SIGN_OUT, cookie=shown, origin="https://id.example.com")
    assert left.only["session"]["endReason"] == "LOGGED_OUT"
    assert _cookies(left) == dict.fromkeys(cookies, '""')
    assert (await graph.gql(MINE, cookie=shown)).data == {"me": None}


async def test_a_session_that_ends_in_mid_flight_shows_nothing_private_afterwards(graph: Graph) -> None:
    ada, other = await graph.app.signed_up(), await graph.app.login()

    async def end() -> None:
        await graph.app.gql(TERMINATE, {"id": ada.session_id}, token=other.access)

    graph.posts.meanwhile = end
    query = "{ me { email posts { author { username email } } } }"
    answer = await graph.gql(query, token=ada.access)
    assert answer.body["data"]["me"]["email"] == "ada@example.com"  # asked for while it lived
    authors = [post["author"] for post in answer.body["data"]["me"]["posts"]]
    assert authors == [{"username": "ada", "email": None}] * 2
    assert set(answer.codes) == {"UNAUTHENTICATED"}
    assert (await graph.gql(MINE, token=ada.access)).data == {"me": None}


async def test_what_a_gateway_says_of_the_caller_is_not_believed(graph: Graph) -> None:
    ada, eve = await graph.app.signed_up(), await graph.app.signed_up("eve")
    claimed = {"x_user_id": ada.user_id, "apollo_federation_include_trace": "ftv1"}
    answer = await graph.gql(EMAILS, {"authors": [ada.user_id]}, eve.access, **claimed)
    assert answer.codes.count("FORBIDDEN") == len(answer.codes) > 0
    assert "extensions" not in answer.body


def _cookies(answer: Answer) -> dict[str, str]:
    assert isinstance(answer.headers, httpx2.Headers)
    given = [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")]
    cookies = dict(cookie.split("=", 1) for cookie in given)
    return {name: value for name, value in cookies.items() if name != "__Host-authgql-device"}
