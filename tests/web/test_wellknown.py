"""What machines ask for: the public keys, and whether this process should be sent requests."""

import sqlite3
from collections.abc import AsyncIterator

import pytest
from conftest import MakeApp
from support.app import Application
from support.dialects import no_database, on_postgres, on_sqlite
from support.documents import LOGIN, ME, REGISTER
from support.outage import Wire, wire_to

CREDENTIALS = {"input": {"username": "ada", "password": "violet-harbour-umbrella-27"}}


async def status_of(app: Application, path: str) -> tuple[int, object]:
    answer = await app.client.get(path)
    return answer.status_code, answer.json()


@no_database
async def test_the_keys_are_public_and_nothing_but_public(app: Application) -> None:
    answer = await app.client.get("/.well-known/jwks.json", headers={"origin": "https://anywhere.example"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    (key,) = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


@no_database
async def test_no_callback_makes_a_script_of_the_keys(app: Application) -> None:
    plain = await app.client.get("/.well-known/jwks.json")
    assert (await app.client.get("/.well-known/jwks.json?callback=evil")).content == plain.content


@no_database
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/.well-known/jwks.json"])
async def test_what_machines_ask_for_can_only_be_read(app: Application, path: str) -> None:
    assert (await app.client.head(path)).status_code == 200
    answer = await app.client.post(path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_a_server_with_its_database_is_ready(app: Application) -> None:
    assert await status_of(app, "/healthz") == (200, {"status": "ok"})
    assert await status_of(app, "/readyz") == (200, {"status": "ok"})


@no_database
async def test_a_draining_server_is_not_ready_but_answers(app: Application) -> None:
    app.asgi.state.routes.draining = True
    assert await status_of(app, "/readyz") == (503, {"status": "draining"})
    assert await status_of(app, "/healthz") == (200, {"status": "ok"})
    assert (await app.gql(ME)).status == 200


# ---------------------------------------------------------------- the database is away


@pytest.fixture
async def wire(database_url: str) -> AsyncIterator[Wire]:
    async with wire_to(database_url) as wire:
        yield wire


@on_postgres
async def test_without_its_database_a_server_says_so_and_recovers_by_itself(
    make_app: MakeApp, wire: Wire
) -> None:
    app = await make_app(database_url=wire.url)
    ada = await app.signed_up()
    await wire.cut()

    assert await status_of(app, "/readyz") == (503, {"status": "database away"})
    assert await status_of(app, "/healthz") == (200, {"status": "ok"})
    status, body = await status_of(app, "/revocations")
    assert (status, "SERVICE_UNAVAILABLE" in str(body)) == (503, True)
    new = {"username": "grace", "email": "grace@example.com", "password": "violet-harbour-umbrella-27"}
    for answer in (
        await app.gql(LOGIN, CREDENTIALS),
        await app.gql(LOGIN, {"input": {"username": "ada", "password": "wrong"}}),
        await app.gql(REGISTER, {"input": new}),
        await app.gql(ME, token=ada.access),
        await app.gql(LOGIN, CREDENTIALS, headers={"accept": "application/graphql-response+json"}),
    ):
        assert (answer.status, answer.codes) == (503, ["SERVICE_UNAVAILABLE"])
        assert "unavailable" in answer.body["errors"][0]["message"]
        assert not answer.body.get("data")
    assert (await app.gql(ME)).data == {"me": None}  # asks nothing of the database

    await wire.mend()
    assert await status_of(app, "/readyz") == (200, {"status": "ok"})
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    assert (await app.login()).user_id == ada.user_id
    assert (await app.gql(REGISTER, {"input": new})).only["__typename"] == "RegisterSuccess"


@on_sqlite
async def test_a_database_that_somebody_else_holds_is_unavailable_and_not_a_wrong_password(
    app: Application, database_url: str
) -> None:
    ada = await app.signed_up()
    await app.rows("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(database_url.removeprefix("sqlite://"), isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        answer = await app.gql(LOGIN, CREDENTIALS)
        assert (answer.status, answer.codes) == (503, ["SERVICE_UNAVAILABLE"])
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert (await app.login()).user_id == ada.user_id


@no_database
async def test_a_mistake_of_ours_in_a_check_is_no_outage(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.asgi.state.routes, "_pings", {"database": nonsense})
    assert (await app.client.get("/readyz")).status_code == 500


async def nonsense() -> None:
    raise KeyError("nobody expects this")
