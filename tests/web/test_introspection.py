"""Other services ask whether a token is good, and hear of an ended session at once."""

from base64 import b64encode

import httpx2
import pytest
from conftest import MakeApp
from support.app import Application
from support.dialects import on_postgres, on_sqlite
from support.documents import LOGOUT, REFRESH
from support.outage import wire_to
from support.proofs import ProofKey, claims_at

SECRET = "what-only-the-gateway-knows-0123456789"
INACTIVE = b'{"active":false}'


@pytest.fixture
async def service(make_app: MakeApp) -> Application:
    return await make_app(introspection_clients={"gateway": SECRET})


async def _ask(
    app: Application, token: str | None, name: str = "gateway", secret: str = SECRET
) -> httpx2.Response:
    form = {} if token is None else {"token": token}
    return await app.client.post("/oauth/introspect", data=form, auth=(name, secret))


async def test_a_living_sessions_token_is_described(service: Application) -> None:
    ada = await service.signed_up()
    found = (await _ask(service, ada.access)).json()
    assert found["active"] is True
    assert (found["sub"], found["sid"], found["username"]) == (ada.user_id, ada.session_id, "ada")
    assert (found["iss"], found["aud"], found["token_type"]) == (
        "https://id.example.com",
        "authgql",
        "Bearer",
    )
    assert found["exp"] - found["iat"] == 600


async def test_an_ended_session_is_inactive_at_once(service: Application) -> None:
    ada = await service.signed_up()
    await service.gql(LOGOUT, token=ada.access)
    assert (await _ask(service, ada.access)).content == INACTIVE


async def test_all_that_is_not_a_good_token_looks_alike(service: Application) -> None:
    ada = await service.signed_up()
    header, payload, signature = ada.access.split(".")
    for token in ("", "garbage", ada.refresh, f"{header}.{payload}.{signature[::-1]}", "é", "a" * 9000):
        response = await _ask(service, token or "-")
        assert (response.status_code, response.content) == (200, INACTIVE)
    service.clock.advance(600)
    assert (await _ask(service, ada.access)).content == INACTIVE


async def test_asking_does_not_keep_a_session_alive(service: Application) -> None:
    ada = await service.signed_up()
    service.clock.advance(300)
    await _ask(service, ada.access)
    await service.system.activity.flush()
    (row,) = await service.rows("SELECT logged_in_at, last_seen_at FROM sessions")
    assert row["logged_in_at"] == row["last_seen_at"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer x"},
        {"authorization": "Basic"},
        {"authorization": "Basic !!"},
        {"authorization": "Basic " + b64encode(b"gateway").decode()},
        {"authorization": "Basic " + b64encode(b"gateway:wrong").decode()},
        {"authorization": "Basic " + b64encode(b"nobody:" + SECRET.encode()).decode()},
        {"authorization": "Basic " + b64encode(b"nobody:").decode()},
        {"authorization": "Basic " + b64encode(b"\xff:").decode()},
    ],
)
async def test_strangers_learn_nothing(service: Application, headers: dict[str, str]) -> None:
    ada = await service.signed_up()
    response = await service.client.post("/oauth/introspect", data={"token": ada.access}, headers=headers)
    assert response.status_code == 401
    assert response.json() == {"error": "invalid_client"}
    assert response.headers["www-authenticate"].startswith("Basic ")


async def test_a_question_without_a_token_is_invalid(service: Application) -> None:
    assert (await _ask(service, None)).status_code == 400
    twice = await service.client.post(
        "/oauth/introspect",
        content="token=a&token=b",
        headers={"content-type": "application/x-www-form-urlencoded"},
        auth=("gateway", SECRET),
    )
    assert twice.status_code == 400
    for sent in (
        {"json": {"token": "a"}},
        {"content": b"token=\xff\xfe", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    ):
        response = await service.client.post("/oauth/introspect", auth=("gateway", SECRET), **sent)
        assert response.status_code == 400


async def test_without_clients_there_is_no_such_place(app: Application) -> None:
    assert (await _ask(app, "x")).status_code == 404


async def test_a_token_signed_before_its_session_was_bound_says_the_key(service: Application) -> None:
    ada, key = await service.signed_up(), ProofKey()
    proof = key.proof(claims_at(int(service.clock.now().timestamp()), htu="https://id.example.com/graphql"))
    bound = await service.gql(REFRESH, {"input": {"refreshToken": ada.refresh}}, headers={"dpop": proof})
    assert bound.only["tokens"]["tokenType"] == "DPoP"
    found = (await _ask(service, ada.access)).json()
    (row,) = await service.rows("SELECT key_thumbprint FROM sessions")
    assert (found["token_type"], found["cnf"]) == ("DPoP", {"jkt": row["key_thumbprint"]})


@on_postgres
async def test_without_the_database_nothing_is_said_of_a_token(make_app: MakeApp, database_url: str) -> None:
    async with wire_to(database_url) as wire:
        app = await make_app(database_url=wire.url, introspection_clients={"gateway": SECRET})
        ada = await app.signed_up()
        await wire.cut()
        response = await _ask(app, ada.access)
        assert response.status_code == 503
        assert response.json()["errors"][0]["extensions"] == {"code": "SERVICE_UNAVAILABLE"}
        await wire.mend()


@on_sqlite
async def test_a_mistake_of_ours_is_no_answer_about_a_token(service: Application) -> None:
    ada = await service.signed_up()
    await service.rows("DROP TABLE sessions")
    assert (await _ask(service, ada.access)).status_code == 500
