"""Other services verify tokens by themselves, and refuse those of an ended session within two seconds."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import httpx2
import jwt
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from support.app import Application
from support.documents import TERMINATE
from support.examples import example
from support.gateways import SCRIPTS, address, gateway_beside, listener, serving
from support.posts import Posts
from support.tokens import claims_of

from authgql.keys.algorithms import generate

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ISSUER = "https://id.example.com"
POSTS = {"query": '{ postsBy(authors: ["1"]) { title } }'}  # authgql has no part in the answer
REFUSED_SECONDS = 2.0

Ask = Callable[[str | None], Awaitable[httpx2.Response]]


@asynccontextmanager
async def node_gateway(kind: str, app: Application, directory: Path) -> AsyncIterator[Ask]:
    """Run a gateway that verifies tokens itself, and ask it for what another subgraph has."""
    with listener() as here:
        async with serving(app.asgi, here):
            environment = {"AUTHGQL_URL": address(here), "AUTHGQL_ISSUER": ISSUER}
            async with (
                gateway_beside(kind, directory, **environment) as running,
                serving(Posts().asgi, running.posts),
                httpx2.AsyncClient(base_url=running.url, timeout=30) as client,
            ):

                async def ask(token: str | None) -> httpx2.Response:
                    headers = {"authorization": f"Bearer {token}"} if token else {}
                    return await client.post("", json=POSTS, headers=headers)

                yield ask


async def who(request: Request) -> Response:
    claims = request.state.claims
    return JSONResponse({"user": claims and claims["sub"]})


@asynccontextmanager
async def python_service(app: Application) -> AsyncIterator[Ask]:
    """Run the Starlette middleware over a service of its own."""
    example_module: ModuleType = example("gateway/verifier.py")
    with listener() as here:
        async with serving(app.asgi, here):
            verifier = example_module.Verifier(url=address(here), issuer=ISSUER)
            middleware = Middleware(example_module.SignedInMiddleware, verifier=verifier)
            service = Starlette(routes=[Route("/", who)], middleware=[middleware])
            transport = httpx2.ASGITransport(app=service)
            async with (
                verifier.following(),
                httpx2.AsyncClient(transport=transport, base_url="http://service") as client,
            ):

                async def ask(token: str | None) -> httpx2.Response:
                    return await client.get(
                        "/", headers={"authorization": f"Bearer {token}"} if token else {}
                    )

                yield ask


def bad_tokens(app: Application, good: str) -> dict[str, str]:
    """Return tokens that are each wrong in one respect; all but one are signed with the real key."""
    key, claims = app.system.keys.current, claims_of(good)
    headers = {"typ": "at+jwt", "kid": key.kid}

    def signed(header: dict[str, str] | None = None, **changes: object) -> str:
        return jwt.encode(
            claims | changes, key.private_key, algorithm=key.algorithm, headers=headers | (header or {})
        )

    stranger = generate(key.algorithm)
    return {
        "rubbish": "rubbish",
        "expired": signed(exp=claims["iat"] - 1),
        "for another service": signed(aud="another"),
        "by another issuer": signed(iss="https://evil.example"),
        "bound to a key": signed(cnf={"jkt": "x" * 43}),
        "of another type": signed({"typ": "JWT"}),
        "a list of revocations": signed({"typ": "revocations+jwt"}),
        "of an unknown key": signed({"kid": "unknown"}),
        "signed by a stranger": jwt.encode(claims, stranger, algorithm=key.algorithm, headers=headers),
    }


async def check(ask: Ask, app: Application) -> None:
    """A good token is taken, others are not, and a terminated one is refused soon."""
    ada, other = await app.signed_up(), await app.login()
    for token in (None, ada.access, other.access):
        assert (await ask(token)).status_code == 200
    for what, token in bad_tokens(app, ada.access).items():
        assert (await ask(token)).status_code == 401, what
    terminated = await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)
    assert terminated.only["__typename"] == "SessionTerminated"
    since = time.monotonic()
    while (await ask(other.access)).status_code == 200:  # as a thief would
        assert time.monotonic() - since < REFUSED_SECONDS
        await asyncio.sleep(0.05)
    assert (await ask(other.access)).status_code == 401
    assert (await ask(ada.access)).status_code == 200


@pytest.mark.node
@pytest.mark.parametrize("kind", SCRIPTS)
async def test_a_gateway_refuses_a_terminated_token_before_any_subgraph_sees_it(
    app: Application, tmp_path: Path, kind: str
) -> None:
    async with node_gateway(kind, app, tmp_path) as ask:
        await check(ask, app)


async def test_a_python_service_refuses_a_terminated_token(app: Application) -> None:
    async with python_service(app) as ask:
        await check(ask, app)
        ada = await app.login()
        assert (await ask(ada.access)).json() == {"user": ada.user_id}
