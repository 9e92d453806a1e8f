"""GraphiQL's page keeps to its policy and its table of files, and signs what is run in it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest
from browser import Witness, chromium_page
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from httpx2 import ASGITransport, AsyncClient
from playwright.async_api import Page, expect
from playwright.async_api import Response as HttpResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from support.documents import LOGIN, TERMINATE_OTHERS

from authgql.web.graphiql.examples import Example, read_examples
from authgql.web.graphiql.files import VENDORS
from authgql.web.graphiql.page import HERE, GraphiQL

EXAMPLES = read_examples(HERE / "examples.graphql")


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    for name in VENDORS:
        (tmp_path / name).write_text(f"/* {name} */")
    return tmp_path


def app_with(graphiql: GraphiQL) -> Starlette:
    async def page(request: Request) -> Response:
        return graphiql.respond(request)

    return Starlette(routes=[Route("/graphql", page), *graphiql.routes()])


def graphiql_with(assets: Path, *, mailbox: str | None = None) -> GraphiQL:
    numbers: Iterator[int] = count()
    return GraphiQL(nonce=lambda: f"nonce-{next(numbers)}", assets=assets, mailbox=mailbox)


def client_of(app: Starlette) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app=app), base_url="http://test")


@pytest.fixture
async def client(assets: Path) -> AsyncIterator[AsyncClient]:
    async with client_of(app_with(graphiql_with(assets))) as client:
        yield client


def directives(response_policy: str) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in response_policy.split(";"))


# ---------------------------------------------------------------- the page


async def test_each_response_has_a_nonce_of_its_own(client: AsyncClient) -> None:
    first = await client.get("/graphql")
    second = await client.get("/graphql")
    assert "'nonce-nonce-0'" in first.headers["content-security-policy"]
    assert "'nonce-nonce-1'" in second.headers["content-security-policy"]
    assert 'nonce="nonce-0"' not in second.text
    assert second.headers["cache-control"] == "no-store"


async def test_the_policy_names_no_other_host_and_nothing_inline(client: AsyncClient) -> None:
    policy = directives((await client.get("/graphql")).headers["content-security-policy"])
    assert policy == {
        "default-src": "'none'",
        "script-src": "'nonce-nonce-0'",
        "style-src": "'self' 'nonce-nonce-0'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
    }


async def test_the_page_tells_nobody_where_it_is_and_shares_its_window_with_nobody(
    client: AsyncClient,
) -> None:
    headers = (await client.get("/graphql")).headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["vary"] == "Accept"


async def test_every_script_bears_the_nonce_and_no_element_handles_events_inline(client: AsyncClient) -> None:
    html = (await client.get("/graphql")).text
    scripts = re.findall(r"<script ([^>]*)>", html)
    assert len(scripts) == 6
    assert [tag for tag in scripts if "nonce=" not in tag] == ['type="application/json" id="examples"']
    assert not re.search(r"<[^>]+\son\w+=", html)
    assert not re.search(r"<[^>]+\sstyle=", html)


async def test_the_mailbox_is_linked_only_where_there_is_one(client: AsyncClient, assets: Path) -> None:
    assert "Mailbox</a>" not in (await client.get("/graphql")).text
    async with client_of(app_with(graphiql_with(assets, mailbox="/dev/mailbox"))) as with_mailbox:
        assert '<a href="/dev/mailbox"' in (await with_mailbox.get("/graphql")).text


async def test_below_a_mount_every_address_starts_with_its_path(assets: Path) -> None:
    mounted = Starlette(routes=[Mount("/auth", app=app_with(graphiql_with(assets)))])
    async with client_of(mounted) as client:
        html = (await client.get("/auth/graphql")).text
        assert 'data-endpoint="/auth/graphql"' in html
        addresses = re.findall(r'(?:src|href)="(/[^"]*)"', html)
        assert len(addresses) == 7
        assert {(await client.get(address)).status_code for address in addresses} == {200}


# ---------------------------------------------------------------- the files


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("graphiql.min.js", "text/javascript; charset=utf-8"),
        ("graphiql.min.css", "text/css; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
    ],
)
async def test_files_are_what_they_are_called(client: AsyncClient, name: str, media_type: str) -> None:
    response = await client.get(f"/graphiql/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "name",
    [
        "page.py",
        "page.html",
        "examples.graphql",
        "graphiql.min.js.map",
        "..%2fpage.py",
        "%2e%2e/files.py",
        "",
        "a/b",
    ],
)
async def test_what_the_table_does_not_name_is_not_there(client: AsyncClient, name: str) -> None:
    assert (await client.get(f"/graphiql/{name}")).status_code == 404


async def test_an_unchanged_file_is_not_sent_twice(client: AsyncClient) -> None:
    first = await client.get("/graphiql/graphiql.min.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/graphiql/graphiql.min.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get("/graphiql/graphiql.min.css", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("missing", VENDORS)
async def test_without_its_files_the_page_loads_what_strawberry_vouches_for(
    assets: Path, missing: str
) -> None:
    (assets / missing).unlink()
    async with client_of(app_with(graphiql_with(assets))) as client:
        response = await client.get("/graphql")
        published = re.findall(
            r'nonce="nonce-0" (?:src|href)="https://[^"]+/([^"/]+)" integrity="sha384-[^"]{64}"',
            response.text,
        )
        assert published == list(VENDORS)
        assert "'nonce-nonce-0'" in response.headers["content-security-policy"]
        assert (await client.get("/graphiql/page.js")).status_code == 200
        assert {(await client.get(f"/graphiql/{name}")).status_code for name in VENDORS} == {404}


# ---------------------------------------------------------------- the examples


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    sdl = (HERE.parents[2] / "schema.graphql").read_text(encoding="utf-8")
    return build_schema(sdl, assume_valid=True, assume_valid_sdl=True)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["title"])
def test_every_example_is_one_operation_that_the_schema_understands(
    schema: GraphQLSchema, example: Example
) -> None:
    document = parse(example["query"])
    assert validate(schema, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = json.loads(example["variables"] or "{}")
    declared = operation.variable_definitions or ()
    read = get_variable_values(schema, declared, variables)
    assert not isinstance(read, list)  # it would be one of errors
    assert variables.keys() == {one.variable.name.value for one in declared}


async def test_the_page_holds_all_examples(client: AsyncClient) -> None:
    html = (await client.get("/graphql")).text
    (embedded,) = re.findall(r'<script type="application/json" id="examples">(.*?)</script>', html)
    assert json.loads(embedded) == EXAMPLES
    assert len(EXAMPLES) == 16


# ---------------------------------------------------------------- in a browser


class LiveServer(Protocol):
    @property
    def url(self) -> str: ...

    def gql(
        self, query: str, variables: dict[str, object] | None = None, token: str | None = None
    ) -> Any: ...

    def stop(self) -> int: ...


async def start_example(page: Page, title: str, operation: str) -> HttpResponse:
    await page.locator(".examples").get_by_role("button", name=title, exact=True).click()
    await expect(page.locator(".graphiql-tab-active")).to_contain_text(operation)
    await page.wait_for_timeout(700)  # GraphiQL reads the operation's name only once typing has paused
    async with page.expect_response(
        lambda answer: f'"{operation}"' in (answer.request.post_data or "")
    ) as answer:
        await page.get_by_role("button", name="Execute query").click()
    return await answer.value


async def run_example(page: Page, title: str, operation: str) -> str:
    return await (await start_example(page, title, operation)).text()


@pytest.mark.browser
@pytest.mark.skipif(not (HERE / "assets").is_dir(), reason="GraphiQL's files are not built (make graphiql)")
async def test_signing_in_by_the_example_signs_the_requests_that_follow(live_server: LiveServer) -> None:
    async with chromium_page() as page:
        witness = Witness(page, origin=live_server.url)
        status = page.get_by_role("status")
        await page.goto(f"{live_server.url}/graphql")
        await expect(status).to_have_text("Not signed in")

        assert '"ada@example.com"' in await run_example(page, "Register", "Register")
        assert '"accessToken"' in await run_example(page, "Sign in", "Login")
        await expect(status).to_have_text("Signed in as ada")
        await expect(page.get_by_role("timer")).to_contain_text("access token expires in")
        assert '"username":"ada"' in (await run_example(page, "Who am I?", "Me")).replace(" ", "")

        await page.reload()
        await expect(status).to_have_text("Signed in as ada")
        assert '"accessToken"' in await run_example(page, "Refresh the tokens", "Refresh")
        await page.get_by_role("button", name="Open settings dialog").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        await expect(status).to_have_text("Signed out")

        assert page.url == f"{live_server.url}/graphql"
        assert await page.evaluate("localStorage.length") == 0
        assert witness.foreign == []
        assert witness.complaints == []


WATCH = ("Watch my sessions", "WatchSessions")


async def log_in_elsewhere(live_server: LiveServer) -> str:
    variables = next(example["variables"] for example in EXAMPLES if example["title"] == "Sign in")
    answer = await asyncio.to_thread(live_server.gql, LOGIN, json.loads(variables))
    return str(answer["data"]["login"]["tokens"]["accessToken"])


@pytest.mark.browser
@pytest.mark.skipif(not (HERE / "assets").is_dir(), reason="GraphiQL's files are not built (make graphiql)")
async def test_a_subscription_shows_events_until_its_session_ends(live_server: LiveServer) -> None:
    async with chromium_page() as page:
        witness = Witness(page, origin=live_server.url)
        status, shown = page.get_by_role("status"), page.locator(".result-window")
        await page.goto(f"{live_server.url}/graphql")
        await run_example(page, "Register", "Register")
        await run_example(page, "Sign in", "Login")

        await start_example(page, *WATCH)
        token = await log_in_elsewhere(live_server)
        await expect(shown).to_contain_text('"STARTED"')
        await expect(page.get_by_role("button", name="Stop query")).to_be_visible()
        await asyncio.to_thread(live_server.gql, TERMINATE_OTHERS, token=token)
        await expect(shown).to_contain_text('"TERMINATED"')
        await expect(status).to_have_text("That session has ended: sign in again")
        await expect(page.get_by_role("button", name="Execute query")).to_be_visible()

        await start_example(page, *WATCH)
        await expect(shown).to_contain_text('"UNAUTHENTICATED"')
        assert witness.foreign == []
        assert witness.complaints == []


@pytest.mark.browser
@pytest.mark.skipif(not (HERE / "assets").is_dir(), reason="GraphiQL's files are not built (make graphiql)")
async def test_a_subscription_ends_by_its_button_with_its_tab_with_the_session_and_with_the_server(
    live_server: LiveServer,
) -> None:
    async with chromium_page() as page:
        witness = Witness(page, origin=live_server.url)
        status, execute = page.get_by_role("status"), page.get_by_role("button", name="Execute query")
        await page.goto(f"{live_server.url}/graphql")
        await run_example(page, "Register", "Register")
        await run_example(page, "Sign in", "Login")

        stop = page.get_by_role("button", name="Stop query")
        other_tab = page.locator(".examples").get_by_role("button", name="Who am I?")
        for ends_it in (stop, other_tab):
            await start_example(page, *WATCH)
            async with page.expect_event("requestfailed") as hung_up:
                await ends_it.click()
            assert "WatchSessions" in ((await hung_up.value).post_data or "")
            await expect(execute).to_be_visible()
            await expect(status).to_have_text("Signed in as ada")

        await start_example(page, *WATCH)
        await page.get_by_role("banner").get_by_role("button", name="Sign out").click()
        await expect(page.locator(".result-window")).to_contain_text('"LOGGED_OUT"')
        await expect(status).to_have_text("Signed out")
        assert witness.complaints == []

        await run_example(page, "Sign in", "Login")
        await start_example(page, *WATCH)
        await asyncio.to_thread(live_server.stop)
        await expect(status).to_have_text("The subscription broke off: run it again")
        await expect(execute).to_be_visible()
