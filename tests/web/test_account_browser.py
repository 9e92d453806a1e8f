"""A person gets from a mail to a verified address and to a new password, in a real browser."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from browser import Witness, chromium_page
from playwright.async_api import Locator, Page, Route, expect
from support.process import LiveServer, ServerProcesses

pytestmark = pytest.mark.browser

PASSWORD = "violet-anchor-93-thimble"
NEW_PASSWORD = "marble-lantern-58-orchid"

REGISTER = """mutation ($input: RegisterInput!) { register(input: $input) { __typename } }"""
LOGIN = """mutation ($input: LoginInput!) {
  login(input: $input) { __typename ... on LoginSuccess { user { emailVerified } } }
}"""
REQUEST_RESET = """mutation ($email: String!) { requestPasswordReset(email: $email) { __typename } }"""
CHECK_RESET = """query ($token: String!) { passwordResetToken(token: $token) { __typename } }"""


@dataclass(frozen=True)
class Account:
    username: str
    email: str


async def call(server: LiveServer, query: str, **variables: object) -> dict[str, Any]:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        answer = await client.post("/graphql", json={"query": query, "variables": variables})
    body = answer.json()
    assert "errors" not in body
    (result,) = body["data"].values()
    assert isinstance(result, dict)
    return result


async def login(server: LiveServer, account: Account, password: str) -> dict[str, Any]:
    return await call(server, LOGIN, input={"username": account.username, "password": password})


@pytest.fixture(scope="module")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all of them: each has an account of its own."""
    with ServerProcesses(tmp_path_factory.mktemp("pages")) as processes:
        yield processes.start("--dev")


@pytest.fixture
async def account(live_server: LiveServer) -> Account:
    name = f"ada-{uuid4().hex[:12]}"
    account = Account(username=name, email=f"{name}@example.com")
    registered = await call(
        live_server,
        REGISTER,
        input={"username": account.username, "email": account.email, "password": PASSWORD},
    )
    assert registered["__typename"] == "RegisterSuccess"
    return account


async def open_mail(page: Page, server: LiveServer, account: Account, subject: str) -> None:
    await page.goto(f"{server.url}/dev/mailbox")
    # No reload here: the list brings a mail that is still on its way by itself.
    await page.get_by_role("link").filter(has_text=account.email).filter(has_text=subject).first.click()
    await expect(page.get_by_role("heading", name=subject)).to_be_visible()


async def follow(page: Page, button: str) -> Page:
    async with page.context.expect_page() as opened:
        await page.frame_locator("iframe").get_by_role("link", name=button).click()
    account_page = await opened.value
    await account_page.wait_for_load_state()
    return account_page


async def link_in(page: Page, button: str) -> str:
    link = await page.frame_locator("iframe").get_by_role("link", name=button).get_attribute("href")
    assert link is not None
    return link


def heading(page: Page, words: str) -> Locator:
    return page.get_by_role("heading", name=words)


async def test_only_the_button_verifies_an_address(live_server: LiveServer, account: Account) -> None:
    async with chromium_page() as mailbox:
        await open_mail(mailbox, live_server, account, "Confirm your e-mail address")
        page = await follow(mailbox, "Confirm this address")
        await expect(heading(page, "Confirm your e-mail address")).to_be_visible()
        assert (await login(live_server, account, PASSWORD))["user"]["emailVerified"] is False

        await page.get_by_role("button", name="Confirm this address").click()
        await expect(heading(page, "Your address is confirmed")).to_be_focused()
        await expect(page.get_by_text(account.username)).to_be_visible()
        assert (await login(live_server, account, PASSWORD))["user"]["emailVerified"] is True


async def test_a_spent_link_says_what_to_do(live_server: LiveServer, account: Account) -> None:
    async with chromium_page() as page:
        await open_mail(page, live_server, account, "Confirm your e-mail address")
        link = await link_in(page, "Confirm this address")
        await page.goto(link)
        await page.get_by_role("button", name="Confirm this address").click()
        await expect(heading(page, "Your address is confirmed")).to_be_visible()
        await page.goto(link)
        await page.get_by_role("button", name="Confirm this address").click()
        await expect(heading(page, "This link is no longer good")).to_be_focused()
        await expect(page.get_by_text("ask for the mail again")).to_be_visible()


async def test_a_mailed_link_sets_a_new_password(live_server: LiveServer, account: Account) -> None:
    asked = await call(live_server, REQUEST_RESET, email=account.email)
    assert asked["__typename"] == "PasswordResetRequested"
    async with chromium_page() as mailbox:
        await open_mail(mailbox, live_server, account, "Choose a new password")
        page = await follow(mailbox, "Choose a new password")
        await page.get_by_label("New password").fill(NEW_PASSWORD)
        await page.get_by_label("The same password again").fill("something else")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The two passwords are not the same.")).to_be_visible()
        await expect(page.get_by_label("The same password again")).to_be_focused()
        assert (await login(live_server, account, PASSWORD))["__typename"] == "LoginSuccess"

        await page.get_by_label("The same password again").fill(NEW_PASSWORD)
        await page.keyboard.press("Enter")
        await expect(heading(page, "Your password is changed")).to_be_focused()
        await expect(page.get_by_text("Every session of your account was ended")).to_be_visible()
    assert (await login(live_server, account, PASSWORD))["__typename"] == "InvalidCredentials"
    assert (await login(live_server, account, NEW_PASSWORD))["__typename"] == "LoginSuccess"


async def test_a_weak_password_is_refused_with_advice_and_the_link_stays_good(
    live_server: LiveServer, account: Account
) -> None:
    await call(live_server, REQUEST_RESET, email=account.email)
    async with chromium_page() as page:
        await open_mail(page, live_server, account, "Choose a new password")
        link = await link_in(page, "Choose a new password")
        await page.goto(link)
        for label in ("New password", "The same password again"):
            await page.get_by_label(label).fill("password")
        await page.get_by_role("button", name="Set this password").click()
        await expect(page.get_by_role("alert").get_by_role("listitem").first).to_be_visible()
        await expect(page.get_by_label("New password")).to_be_focused()
        token = link.partition("#token=")[2]
        assert (await call(live_server, CHECK_RESET, token=token))["__typename"] == "PasswordResetTokenValid"


async def test_a_reset_link_that_is_no_good_is_told_before_anything_is_typed(live_server: LiveServer) -> None:
    async with chromium_page() as page:
        await page.goto(f"{live_server.url}/account/reset-password#token=nonsense")
        await expect(heading(page, "This link is no longer good")).to_be_focused()
        await expect(page.get_by_label("New password")).to_be_hidden()


@pytest.mark.parametrize("name", ["verify-email", "reset-password"])
async def test_the_token_leaves_the_address_bar_and_never_the_origin(
    live_server: LiveServer, name: str
) -> None:
    async with chromium_page() as page:
        witness = Witness(page, origin=live_server.url)
        await page.goto(f"{live_server.url}/account/{name}#token=nonsense")
        await page.wait_for_function("document.querySelector('h1:not([hidden])') && !location.hash")
        assert page.url == f"{live_server.url}/account/{name}"
        assert (
            await page.evaluate("history.length") == 2
        )  # the empty page and this one: no entry with the token
        assert not any("nonsense" in address.partition("#")[0] for address in witness.addresses)
        assert (witness.foreign, witness.complaints) == ([], [])


@pytest.mark.parametrize("name", ["verify-email", "reset-password"])
async def test_without_a_token_a_page_says_where_to_find_it(live_server: LiveServer, name: str) -> None:
    async with chromium_page() as page:
        await page.goto(f"{live_server.url}/account/{name}")
        await expect(heading(page, "Please open the link again")).to_be_focused()


async def test_a_second_link_opened_in_the_same_tab_is_taken(live_server: LiveServer) -> None:
    async with chromium_page() as page:
        await page.goto(f"{live_server.url}/account/verify-email")
        await expect(heading(page, "Please open the link again")).to_be_visible()
        await page.evaluate("location.hash = 'token=second'")
        await expect(heading(page, "Confirm your e-mail address")).to_be_visible()


async def away(route: Route) -> None:
    await route.abort()


async def unavailable(route: Route) -> None:
    errors = [{"message": "Away", "extensions": {"code": "SERVICE_UNAVAILABLE"}}]
    await route.fulfill(status=503, json={"errors": errors})


async def limited(route: Route) -> None:
    await route.fulfill(json={"data": {"verifyEmail": {"__typename": "RateLimited", "retryAfter": 7200}}})


async def broken(route: Route) -> None:
    errors = [{"message": "Oh", "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "r-17"}}]
    await route.fulfill(json={"data": None, "errors": errors})


async def no_json(route: Route) -> None:
    await route.fulfill(status=502, body="<h1>Bad Gateway</h1>")


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (away, "See whether you are online"),
        (unavailable, "Wait a minute, then press the button again"),
        (no_json, "Wait a minute, then press the button again"),
        (limited, "Try again in 2 hours, at "),
        (broken, "reference r-17"),
    ],
)
async def test_what_goes_wrong_is_told_with_what_to_do_and_can_be_tried_again(
    live_server: LiveServer, answer: Callable[[Route], Awaitable[None]], advice: str
) -> None:
    async with chromium_page(width=375, height=740, color_scheme="dark") as page:
        await page.goto(f"{live_server.url}/account/verify-email#token=nonsense")
        await page.route("**/graphql", answer)
        button = page.get_by_role("button", name="Confirm this address")
        await button.click()
        await expect(page.get_by_role("alert")).to_contain_text(advice)
        await expect(button).to_be_focused()
        await page.unroute("**/graphql")
        await page.keyboard.press("Enter")
        await expect(heading(page, "This link is no longer good")).to_be_visible()


async def test_passwords_can_be_shown_and_hidden_again(live_server: LiveServer, account: Account) -> None:
    await call(live_server, REQUEST_RESET, email=account.email)
    async with chromium_page() as page:
        await open_mail(page, live_server, account, "Choose a new password")
        await page.goto(await link_in(page, "Choose a new password"))
        field = page.get_by_label("New password")
        await expect(field).to_have_attribute("type", "password")
        await expect(field).to_have_attribute("autocomplete", "new-password")
        await page.get_by_role("button", name="Show passwords").click()
        await expect(field).to_have_attribute("type", "text")
        await page.get_by_role("button", name="Hide passwords").click()
        await expect(field).to_have_attribute("type", "password")
