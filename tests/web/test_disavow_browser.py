"""A person gets from the mail about a new device to that device being signed out, in a real browser."""

import re
from typing import Any

import httpx2
import pytest
from browser import chromium_page
from playwright.async_api import Page, expect
from support.app import IPHONE, PASSWORD
from support.documents import LOGIN, ME, REGISTER
from support.process import LiveServer

pytestmark = pytest.mark.browser

NAME, ADDRESS = "grace", "grace@example.com"
LIMITED = {"data": {"disavowSession": {"__typename": "RateLimited", "retryAfter": 30}}}


def ask(server: LiveServer, document: str, given: dict[str, str], token: str = "") -> Any:
    """Ask as a client of its own, without cookies."""
    headers = {"user-agent": IPHONE} | ({"authorization": f"Bearer {token}"} if token else {})
    body = {"query": document, "variables": {"input": given} if given else {}}
    answer = httpx2.post(f"{server.url}/graphql", json=body, headers=headers, timeout=30).json()
    (result,) = answer["data"].values()
    return result


def sign_in(server: LiveServer) -> str:
    result = ask(server, LOGIN, {"username": NAME, "password": PASSWORD})
    return str(result["tokens"]["accessToken"])


async def open_mail(page: Page, server: LiveServer, subject: str) -> None:
    await page.goto(f"{server.url}/dev/mailbox")
    await page.get_by_role("link").filter(has_text=ADDRESS).filter(has_text=subject).first.click()
    await expect(page.get_by_role("heading", name=subject)).to_be_visible()


async def test_only_the_button_signs_the_device_out(live_server: LiveServer) -> None:
    ask(live_server, REGISTER, {"username": NAME, "email": ADDRESS, "password": PASSWORD})
    sign_in(live_server)
    intruder = sign_in(live_server)
    async with chromium_page() as page:
        await open_mail(page, live_server, "Somebody signed in on a new device")
        button = page.frame_locator("iframe").get_by_role("link", name=re.compile("This wasn.t me"))
        link = await button.get_attribute("href")
        assert link is not None
        await page.goto(link)
        await expect(
            page.get_by_role("heading", name=re.compile("Somebody signed in, and it wasn.t you"))
        ).to_be_visible()
        assert "token" not in page.url
        assert ask(live_server, ME, {}, intruder) is not None

        await page.get_by_role("button", name="Sign that device out").click()
        await expect(page.get_by_role("heading", name="That device is signed out")).to_be_focused()
        await expect(page.get_by_text("Mobile Safari on iOS")).to_be_visible()
        assert ask(live_server, ME, {}, intruder) is None
        await open_mail(page, live_server, "Choose a new password")

        await page.goto(link)
        await page.get_by_role("button", name="Sign that device out").click()
        await expect(page.get_by_role("heading", name="This link is no longer good")).to_be_focused()


async def test_trying_too_often_says_when_to_try_again(live_server: LiveServer) -> None:
    async with chromium_page() as page:
        await page.route("**/graphql", lambda route: route.fulfill(json=LIMITED))
        await page.goto(f"{live_server.url}/account/disavow#token=agl_x")
        await page.get_by_role("button", name="Sign that device out").click()
        await expect(page.get_by_role("alert")).to_have_text(re.compile("Try again in 30 seconds"))
