"""The example for single-page apps proves itself in a real browser, and its page shows its very text."""

import asyncio
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from browser import Witness, chromium_page
from graphql import build_schema, parse, validate
from playwright.async_api import Page, Route, expect
from support.app import PASSWORD
from support.binding_server import BindingServer, binding_server, proofs_of
from support.documents import REGISTER
from support.process import AUTHGQL, LiveServer, environment
from support.proofs import verify

import authgql
from authgql.tokens.dpop import InvalidProof

ROOT = Path(authgql.__file__).parents[1]
EXAMPLE = ROOT / "examples" / "spa-dpop"
SOURCE = (EXAMPLE / "dpop.js").read_text()
SNIPPETS = re.findall(r"```js\n(.*?)```", (ROOT / "docs" / "dpop.md").read_text(), re.DOTALL)

CONNECT: Final = "window.client ??= (await import('./dpop.js')).connect('/graphql');"
READ_KEY: Final = """new Promise((resolve) => {
  const opening = indexedDB.open('authgql');
  opening.onsuccess = () => {
    const reading = opening.result.transaction('dpop').objectStore('dpop').get('key');
    reading.onsuccess = () => resolve(reading.result);
  };
})"""

FORGET_KEY: Final = """
  const opening = indexedDB.open('authgql');
  opening.onsuccess = () => {
    const transaction = opening.result.transaction('dpop', 'readwrite');
    transaction.objectStore('dpop').clear();
    transaction.oncomplete = () => done();
  };
"""


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_page_about_dpop_shows_what_the_tests_run(snippet: str) -> None:
    assert any(snippet in file.read_text() for file in EXAMPLE.glob("*.js"))


@pytest.mark.parametrize("name", ["LOGIN", "REFRESH", "LOGOUT"])
def test_the_examples_operations_are_of_our_schema(name: str) -> None:
    constants = dict(re.findall(r"^const (\w+) = [`'](.*?)[`'];", SOURCE, re.DOTALL | re.MULTILINE))
    operation = constants[name].replace("${TOKENS}", constants["TOKENS"])
    schema = build_schema((ROOT / "schema.graphql").read_text(), assume_valid_sdl=True)
    assert validate(schema, parse(operation)) == []


@pytest.fixture
async def server() -> AsyncIterator[BindingServer]:
    async with binding_server(EXAMPLE) as server:
        yield server


@pytest.fixture
async def page(server: BindingServer) -> AsyncIterator[Page]:
    async with chromium_page() as page:
        await page.goto(server.url)
        await expect(page.get_by_role("status")).to_have_text("Not signed in")
        server.log.clear()
        yield page


async def run(page: Page, script: str) -> Any:
    """Run the body of an async function that has the module's `client`."""
    return await page.evaluate(f"async () => {{ {CONNECT} {script} }}")


async def sign_in(page: Page, password: str = "right") -> Any:
    return await run(page, f"return await client.login('ada', {json.dumps(password)});")


async def ask(page: Page, query: str = "query Guarded { guarded }") -> Any:
    return await run(page, f"return await client.fetchGraphQL({json.dumps(query)});")


@asynccontextmanager
async def another_tab(page: Page) -> AsyncIterator[Page]:
    async with page.expect_popup() as opening:
        await page.evaluate("void window.open(location.href)")
    tab = await opening.value
    await tab.wait_for_load_state()
    yield tab
    await tab.close()


@pytest.mark.browser
async def test_a_proof_made_in_the_browser_is_good_once(page: Page, server: BindingServer) -> None:
    proof = await run(page, "return await client.proof('an.access.token');")
    lax = proofs_of(server.url, require_nonce=False)
    key = await verify(lax, [proof], access_token="an.access.token")
    assert server.keys == {key}  # that of the page's first question
    with pytest.raises(InvalidProof, match="used before"):
        await verify(lax, [proof], access_token="an.access.token")


@pytest.mark.browser
async def test_the_key_cannot_be_taken_out_of_the_browser(page: Page) -> None:
    assert await page.evaluate(f"{READ_KEY}.then((key) => key.privateKey.extractable)") is False
    for form in ("jwk", "pkcs8"):
        taken = f"{READ_KEY}.then((key) => crypto.subtle.exportKey('{form}', key.privateKey))"
        assert await page.evaluate(f"{taken}.catch((error) => error.name)") == "InvalidAccessError"


@pytest.mark.browser
async def test_a_demanded_nonce_is_shown_at_once_and_kept(page: Page, server: BindingServer) -> None:
    assert (await sign_in(page))["__typename"] == "LoginSuccess"
    assert (await ask(page))["data"]["me"] == {"username": "ada"}
    assert server.log == ["use_dpop_nonce", "Login", "Guarded"]


@pytest.mark.browser
async def test_a_request_is_repeated_only_once(page: Page, server: BindingServer) -> None:
    server.proofs = proofs_of("https://another.example", require_nonce=True)
    assert (await ask(page))["errors"][0]["extensions"]["reason"] == "invalid_dpop_proof"
    assert server.log == ["invalid_dpop_proof"]


@pytest.mark.browser
async def test_a_wrong_clock_in_the_browser_is_made_up_for(page: Page, server: BindingServer) -> None:
    await page.evaluate("{ const now = Date.now; Date.now = () => now() + 3_600_000; }")
    assert (await sign_in(page))["__typename"] == "LoginSuccess"
    assert (await ask(page))["data"]["me"] == {"username": "ada"}
    assert server.log == ["use_dpop_nonce", "Login", "Guarded"]


@pytest.mark.browser
async def test_a_clock_that_jumps_is_made_up_for(page: Page, server: BindingServer) -> None:
    await sign_in(page)
    server.log.clear()
    await page.evaluate("{ const now = Date.now; Date.now = () => now() - 3_600_000; }")
    assert (await ask(page))["data"]["me"] == {"username": "ada"}
    assert server.log == ["invalid_dpop_proof", "Guarded"]


@pytest.mark.browser
async def test_a_reload_keeps_session_and_key(page: Page, server: BindingServer) -> None:
    await sign_in(page)
    await page.reload()
    await expect(page.get_by_role("status")).to_have_text("Signed in as ada")
    assert len(server.keys) == 1


@pytest.mark.browser
async def test_tokens_are_refreshed_before_they_expire(page: Page, server: BindingServer) -> None:
    server.expires_in = 0
    await sign_in(page)
    server.expires_in = 600
    await ask(page)
    await ask(page)
    assert server.log == ["use_dpop_nonce", "Login", "Refresh", "Guarded", "Guarded"]


@pytest.mark.browser
async def test_of_several_tabs_one_makes_the_key(page: Page) -> None:
    async with another_tab(page) as second, another_tab(page) as third:
        tabs = (page, second, third)
        await asyncio.gather(*(run(tab, "return await client.proof();") for tab in tabs))
        await page.evaluate(f"new Promise((done) => {{ {FORGET_KEY} }})")
        proofs = await asyncio.gather(*(run(tab, "return await client.proof();") for tab in tabs))
    assert len({proof.partition(".")[0] for proof in proofs}) == 1  # whose header shows the key


@pytest.mark.browser
async def test_of_several_tabs_one_refreshes(page: Page, server: BindingServer) -> None:
    await sign_in(page)
    async with another_tab(page) as second, another_tab(page) as third:
        for tab in (second, third):
            assert (await ask(tab))["data"]["me"] == {"username": "ada"}
        server.access_token = "no longer what the browser has"
        answers = await asyncio.gather(*(ask(tab) for tab in (page, second, third, page)))
    assert [answer["data"]["me"] for answer in answers] == [{"username": "ada"}] * 4
    assert server.log.count("Refresh") == 1
    assert len(server.keys) == 1


@pytest.mark.browser
async def test_the_end_of_the_session_signs_the_browser_out(page: Page, server: BindingServer) -> None:
    await sign_in(page)
    server.access_token = server.refresh_token = None
    answer = await ask(page)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await ask(page, "query Me { me }"))["data"] == {"me": None}
    assert server.log[2:] == ["Guarded", "Refresh", "Me"]


@pytest.mark.browser
async def test_a_token_that_is_nobodys_is_refreshed_also_where_that_is_no_error(
    page: Page, server: BindingServer
) -> None:
    await sign_in(page)
    server.log.clear()
    server.access_token = "of another key than the one that was retired"
    assert (await ask(page, "query Me { me }"))["data"] == {"me": {"username": "ada"}}
    assert server.log == ["Me", "Refresh", "Me"]


@pytest.mark.browser
async def test_who_is_nobody_with_a_new_token_too_is_asked_for_only_once_more(
    page: Page, server: BindingServer
) -> None:
    await sign_in(page)
    server.knows_nobody = True
    server.log.clear()
    assert (await ask(page, "query Me { me }"))["data"] == {"me": None}
    assert server.log == ["Me", "Refresh", "Me"]
    server.log.clear()
    server.refresh_token = None
    for _ in range(2):
        assert (await ask(page, "query Me { me }"))["data"] == {"me": None}
    assert server.log == ["Me", "Refresh", "Me"]  # the browser is signed out; nothing is left to refresh


@pytest.mark.browser
async def test_tokens_that_are_not_bound_are_not_kept(page: Page, server: BindingServer) -> None:
    server.token_type = "Bearer"
    answer = await run(page, "return await client.login('ada', 'right').catch((error) => error.message);")
    assert answer == "The server did not bind the tokens to our key."
    assert (await ask(page, "query Me { me }"))["data"] == {"me": None}


@pytest.mark.browser
async def test_a_person_signs_in_and_out_and_in_again_with_another_key(
    page: Page, server: BindingServer
) -> None:
    witness = Witness(page, origin=server.url)
    status = page.get_by_role("status")
    await page.get_by_label("Username or e-mail").fill("ada")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(status).to_have_text("Login was refused.")
    for keys in (1, 2):
        await page.get_by_label("Password").fill("right")
        await page.get_by_role("button", name="Sign in").click()
        await expect(status).to_have_text("Signed in as ada")
        assert len(server.keys) == keys
        await page.get_by_role("button", name="Sign out").click()
        await expect(status).to_have_text("Not signed in")
    assert witness.foreign == []
    assert witness.complaints == []


def retire_the_key(server: LiveServer) -> None:
    """Retire the signing key as an operator does, and wait until the server has noticed."""
    retired = published_keys(server)
    (kid,) = retired
    command = [str(AUTHGQL), "keys", "retire", kid]
    subprocess.run(command, cwd=server.log.parent, env=environment(server.url), check=True)  # noqa: S603 -- our own program
    deadline = time.monotonic() + 15
    while published_keys(server) & retired:
        assert time.monotonic() < deadline, "the server did not notice"
        time.sleep(0.1)


def published_keys(server: LiveServer) -> set[str]:
    keys = httpx2.get(f"{server.url}/.well-known/jwks.json").json()["keys"]
    return {key["kid"] for key in keys}


@pytest.mark.browser
async def test_the_example_binds_its_session_at_the_real_server(live_server: LiveServer) -> None:
    live_server.gql(
        REGISTER, {"input": {"username": "ada", "email": "ada@example.com", "password": PASSWORD}}
    )

    async def from_the_example(route: Route) -> None:
        await route.fulfill(path=EXAMPLE / route.request.url.rpartition("/")[2])

    async with chromium_page() as page:
        await page.route(f"{live_server.url}/spa/*", from_the_example)
        await page.goto(f"{live_server.url}/spa/index.html")
        await page.get_by_label("Username or e-mail").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("status")).to_have_text("Signed in as ada")
        question = "{ currentSession { token { senderConstrained refreshedCount } } }"
        answer = await ask(page, question)
        assert answer["data"]["currentSession"]["token"] == {"senderConstrained": True, "refreshedCount": 0}
        await asyncio.to_thread(retire_the_key, live_server)
        answer = await ask(page, question)
        assert answer["data"]["currentSession"]["token"] == {"senderConstrained": True, "refreshedCount": 1}
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("status")).to_have_text("Not signed in")
