import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from authgql.web.account import pages
from authgql.web.account.assets import Asset
from authgql.web.account.pages import FILES, PAGES, routes

every_page = pytest.mark.parametrize("page", PAGES)
every_file = pytest.mark.parametrize("name", FILES)
every_script = pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=Starlette(routes=routes()))
    async with httpx2.AsyncClient(transport=transport, base_url="https://auth.example.com") as client:
        yield client


@every_page
async def test_a_page_allows_nothing_but_its_own_files_and_the_api(
    client: httpx2.AsyncClient, page: str
) -> None:
    answer = await client.get(f"/account/{page}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@every_page
async def test_a_page_is_not_kept_not_guessed_at_and_tells_nobody_where_it_was(
    client: httpx2.AsyncClient, page: str
) -> None:
    headers = (await client.get(f"/account/{page}")).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"


@every_page
async def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(
    client: httpx2.AsyncClient, page: str
) -> None:
    text = (await client.get(f"/account/{page}")).text
    assert not re.search(r"<script>|<style|\bon\w+=| style=|https?://", text)


@every_page
async def test_everything_that_a_page_names_is_served(client: httpx2.AsyncClient, page: str) -> None:
    text = (await client.get(f"/account/{page}")).text
    named = set(re.findall(r'(?:src|href)="([^"]+)"', text))
    assert named == {"icon.svg", "account.css", f"{page}.js"}
    for name in named:
        assert (await client.get(f"/account/{name}")).status_code == 200


@every_page
async def test_every_field_has_a_label_and_every_page_a_live_region(
    client: httpx2.AsyncClient, page: str
) -> None:
    text = (await client.get(f"/account/{page}")).text
    assert set(re.findall(r'<input id="(\w+)"', text)) == set(re.findall(r'<label for="(\w+)"', text))
    assert 'role="alert"' in text
    assert '<html lang="en">' in text


@every_page
async def test_a_page_shows_nothing_of_the_request(client: httpx2.AsyncClient, page: str) -> None:
    plain = await client.get(f"/account/{page}")
    asked = await client.get(f"/account/{page}?token=<b>secret</b>", headers={"host": "evil.example"})
    assert asked.content == plain.content


@every_file
async def test_a_file_has_its_own_type_and_is_asked_for_anew(client: httpx2.AsyncClient, name: str) -> None:
    answer = await client.get(f"/account/{name}")
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
    assert answer.headers["content-type"] == kinds[name.rpartition(".")[2]]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


@every_script
async def test_a_script_imports_only_what_is_served(client: httpx2.AsyncClient, name: str) -> None:
    source = (await client.get(f"/account/{name}")).text
    assert {found.removeprefix("./") for found in re.findall(r"from '([^']+)'", source)} <= set(FILES)


@every_script
async def test_a_script_never_makes_markup_or_code_of_text(client: httpx2.AsyncClient, name: str) -> None:
    source = (await client.get(f"/account/{name}")).text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", source)


@every_script
async def test_a_script_keeps_no_secret(client: httpx2.AsyncClient, name: str) -> None:
    source = (await client.get(f"/account/{name}")).text
    assert not re.search(r"localStorage|sessionStorage|document\.cookie|indexedDB|console\.", source)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "pages.py",
        "__init__.py",
        "assets.py",
        "verify-email.html",
        "%2e%2e/pages.py",
        "..%2fpages.py",
    ],
)
async def test_no_path_names_a_file_outside_of_the_table(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"/account/{path}")).status_code == 404


@pytest.mark.parametrize("path", [*PAGES, *FILES])
async def test_pages_and_files_can_only_be_read(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.post(f"/account/{path}")).status_code == 405
    head = await client.head(f"/account/{path}")
    assert (head.status_code, head.content) == (200, b"")


def test_every_file_of_the_folder_is_in_the_table() -> None:
    folder = Path(pages.__file__).parent
    there = {file.name for file in folder.iterdir() if file.suffix not in {".py", ""}}
    assert there == {*FILES, *(f"{page}.html" for page in PAGES)}


def test_a_file_of_an_unknown_kind_is_refused_at_the_start() -> None:
    with pytest.raises(KeyError, match=r"\.py"):
        Asset.read("authgql.web.account", "pages.py", path="/account/pages")


def test_routes_take_no_part_of_the_path_as_a_parameter() -> None:
    for route in routes():
        assert isinstance(route, Route)
        assert route.param_convertors == {}
