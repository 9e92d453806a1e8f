"""Every response has what keeps a browser from misreading it, and tells other origins nothing."""

import re
from typing import Any

import httpx2
import pytest
from conftest import MakeApp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from support.app import Application
from support.dialects import no_database
from support.documents import ME

from authgql.web.cross_origin import CrossOrigin
from authgql.web.middleware import HEADERS, Requests

OWN, APP = "https://id.example.com", "https://app.example.com"
JSON = {"content-type": "application/json"}


async def answers(app: Application) -> list[httpx2.Response]:
    """Answers of every kind."""
    client = app.client
    return [
        await client.post("/graphql", json={"query": ME}),
        await client.post("/graphql", json={"query": "{"}),
        await client.post("/graphql", content=b"", headers=JSON),
        await client.post("/graphql", content=b" " * 70_000, headers=JSON),
        await client.post("/graphql", content=b"{}", headers={"content-type": "text/plain"}),
        await client.post("/graphql", json={"query": ME}, headers={"accept": "image/png"}),
        await client.get("/graphql"),
        await client.put("/graphql"),
        await client.options("/graphql"),
        await client.get("/nowhere"),
        await client.get("/healthz"),
        await client.post("/healthz"),
        await client.options("/graphql", headers=preflight(APP)),
        await client.options("/graphql", headers=preflight("https://evil.example")),
    ]


def preflight(
    origin: str, method: str = "POST", headers: str = "authorization,content-type"
) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": headers,
    }


def allowed(answer: httpx2.Response) -> list[str]:
    return answer.headers.get_list("access-control-allow-origin")


def told(answer: httpx2.Response) -> set[str]:
    """What an answer says about other origins."""
    return {name for name in answer.headers if name.startswith("access-control-")}


@no_database
async def test_every_answer_has_the_headers_that_a_browser_needs(app: Application) -> None:
    for answer in await answers(app):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, answer.request
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert answer.headers["content-type"].endswith("; charset=utf-8")
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert not {"server", "x-powered-by", "set-cookie"} & set(answer.headers)


async def test_the_policy_lets_an_answer_do_nothing_at_all() -> None:
    assert "default-src 'none'" in HEADERS["content-security-policy"]
    assert "frame-ancestors 'none'" in HEADERS["content-security-policy"]
    assert "sandbox" in HEADERS["content-security-policy"]
    assert HEADERS["x-content-type-options"] == "nosniff"
    assert HEADERS["referrer-policy"] == "no-referrer"
    assert HEADERS["cache-control"] == "no-store"


@no_database
async def test_every_request_has_an_id_of_its_own_that_nobody_chooses(app: Application) -> None:
    ids = [answer.headers["x-request-id"] for answer in await answers(app)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[0-9a-f]{32}", id_) for id_ in ids)
    chosen = await app.client.get("/healthz", headers={"x-request-id": "chosen"})
    assert chosen.headers["x-request-id"] != "chosen"


@no_database
async def test_a_request_is_one_line_of_the_log_with_the_id_that_its_answer_has(app: Application) -> None:
    with capture_logs(processors=[merge_contextvars]) as log:
        answer = await app.client.post("/nowhere?token=secret")
        await app.client.get("/healthz")
        await app.client.get("/readyz")
    (line,) = log
    assert line["event"] == "request"
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/nowhere", 404)
    assert line["ms"] >= 0
    assert "secret" not in str(line)


@no_database
async def test_a_page_that_needs_more_than_nothing_says_so_itself(make_app: MakeApp) -> None:
    app = await make_app(graphiql=True)
    answer = await app.client.get("/graphql", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 200
    assert "nonce-" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await app.client.get("/graphql", headers={"accept": "application/json"})).status_code == 405


# ---------------------------------------------------------------- other origins

STRANGERS = [
    "https://evil.example",
    "null",
    "https://app.example.com.evil.example",
    "https://evilapp.example.com",
    "https://app.example.com:8443",
    "https://app.example.com.",
    "https://sub.app.example.com",
    "http://app.example.com",
    "https://APP.example.com",
    "https://app.example.co",
    "app.example.com",
    "*",
    "",
]


@no_database
@pytest.mark.parametrize("origin", STRANGERS)
async def test_an_origin_that_is_not_listed_is_allowed_nothing(make_app: MakeApp, origin: str) -> None:
    app = await make_app(allowed_origins=(APP,))
    asked = await app.client.post("/graphql", json={"query": ME}, headers={"origin": origin})
    assert (told(asked), "Origin" in asked.headers["vary"]) == (set(), True)
    before = await app.client.options("/graphql", headers=preflight(origin))
    assert (before.status_code, told(before), "Origin" in before.headers["vary"]) == (400, set(), True)
    keys = await app.client.get("/.well-known/jwks.json", headers={"origin": origin})
    assert (told(keys), allowed(keys)) == ({"access-control-allow-origin"}, ["*"])


@no_database
async def test_a_listed_origin_may_send_credentials(make_app: MakeApp) -> None:
    app = await make_app(allowed_origins=(APP, "https://other.example.com"))
    for origin in (APP, "https://other.example.com"):
        asked = await app.client.post("/graphql", json={"query": ME}, headers={"origin": origin})
        assert allowed(asked) == [origin]
        assert asked.headers["access-control-allow-credentials"] == "true"
        assert asked.headers["access-control-expose-headers"] == "date, dpop-nonce, retry-after, x-request-id"
        assert asked.headers["vary"] == "accept, Origin"
    assert allowed(await app.client.post("/graphql", json={"query": ME}, headers={"origin": OWN})) == []


@no_database
async def test_without_a_list_the_public_urls_origin_is_the_listed_one(app: Application) -> None:
    assert allowed(await app.client.get("/healthz", headers={"origin": OWN})) == [OWN]
    assert allowed(await app.client.get("/healthz", headers={"origin": APP})) == []


@no_database
async def test_a_listed_origin_is_told_before_what_it_may_send(make_app: MakeApp) -> None:
    app = await make_app(allowed_origins=(APP,))
    answer = await app.client.options("/graphql", headers=preflight(APP))
    assert (answer.status_code, allowed(answer)) == (200, [APP])
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert int(answer.headers["access-control-max-age"]) > 0
    assert set(answer.headers["access-control-allow-methods"].split(", ")) == {"GET", "POST"}
    sent = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type"} <= set(sent)


@no_database
@pytest.mark.parametrize("asked", [{"method": "DELETE"}, {"headers": "x-anything"}])
async def test_a_listed_origin_may_not_send_anything_else(make_app: MakeApp, asked: dict[str, str]) -> None:
    app = await make_app(allowed_origins=(APP,))
    answer = await app.client.options("/graphql", headers=preflight(APP, **asked))
    assert (answer.status_code, told(answer)) == (400, set())


@no_database
async def test_two_origins_are_nobodys(make_app: MakeApp) -> None:
    app = await make_app(allowed_origins=(APP,))
    for second in (APP, "https://evil.example"):
        answer = await app.client.get("/healthz", headers=[("origin", APP), ("origin", second)])
        assert told(answer) == set()


@no_database
@pytest.mark.parametrize("given", [{"hsts_max_age": 0}, {"public_url": "http://localhost:8000"}])
async def test_without_tls_browsers_are_not_told_to_insist_on_it(
    make_app: MakeApp, given: dict[str, object]
) -> None:
    app = await make_app(**given)
    assert "strict-transport-security" not in (await app.client.get("/healthz")).headers


@no_database
async def test_errors_can_be_read_from_a_listed_origin_too(make_app: MakeApp) -> None:
    app = await make_app(allowed_origins=(APP,))
    for path, content in (("/nowhere", b""), ("/graphql", b""), ("/graphql", b" " * 70_000)):
        answer = await app.client.post(path, content=content, headers={**JSON, "origin": APP})
        assert answer.is_error
        assert allowed(answer) == [APP]


# ---------------------------------------------------------------- the last resort


def failing() -> Starlette:
    """An application whose pages fail, early and late."""

    async def early(_: Request) -> Response:
        raise KeyError("a secret of ours")

    async def late(_: Request) -> Response:
        async def body() -> Any:
            yield b"begun"
            raise KeyError("a secret of ours")

        return StreamingResponse(body())

    return Starlette(routes=[Route("/early", early), Route("/late", late)], middleware=[Middleware(Requests)])


async def test_whatever_goes_wrong_further_in_is_answered_like_everything_else() -> None:
    transport = httpx2.ASGITransport(app=failing())
    async with httpx2.AsyncClient(transport=transport, base_url=OWN) as client:
        answer = await client.get("/early")
    assert answer.status_code == 500
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    (error,) = answer.json()["errors"]
    request_id = answer.headers["x-request-id"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
    assert "secret" not in answer.text


async def test_an_answer_that_has_begun_is_cut_off_for_the_client_to_notice() -> None:
    transport = httpx2.ASGITransport(app=failing())
    async with httpx2.AsyncClient(transport=transport, base_url=OWN) as client:
        with pytest.raises(KeyError):
            await client.get("/late")


async def test_another_servers_lifespan_starts_and_stops_the_application() -> None:
    told: list[str] = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        told.append(message["type"])

    middleware = [Middleware(Requests), Middleware(CrossOrigin, origins=())]
    await Starlette(middleware=middleware)({"type": "lifespan"}, receive, send)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
