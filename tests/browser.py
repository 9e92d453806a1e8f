"""A headless Chromium for tests, and a witness of what its pages ask for and complain about."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import BrowserType, ConsoleMessage, Page, Request, async_playwright

# Without the last five, Chromium itself talks to hosts that no page of ours named.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def chromium_page(
    *,
    color_scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
    height: int = 800,
) -> AsyncIterator[Page]:
    """Open an empty page in a browser that knows nobody; skips the test where there is no Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_executable(playwright.chromium), args=ARGUMENTS
        )
        try:
            yield await browser.new_page(
                color_scheme=color_scheme, viewport={"width": width, "height": height}
            )
        finally:
            await browser.close()


class Witness:
    """Sees every request and every error of a page from now on."""

    def __init__(self, page: Page, *, origin: str) -> None:
        """Call everything foreign that is asked of another origin than this one."""
        self._origin = origin
        self.addresses: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._saw_request)
        page.on("console", self._saw_console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    @property
    def foreign(self) -> list[str]:
        ours = (f"{self._origin}/", "data:")
        return [address for address in self.addresses if not address.startswith(ours)]

    def _saw_request(self, request: Request) -> None:
        self.addresses.append(request.url)

    def _saw_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":  # a violated Content-Security-Policy is one, too
            self.complaints.append(message.text)


def _executable(chromium: BrowserType) -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), chromium.executable_path)
    if not Path(found).exists():
        pytest.skip("there is no Chromium on this machine")
    return found
