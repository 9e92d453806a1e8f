import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from conftest import MakeApp, StartServer
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from support.app import SECRET, Application, ManualClock
from support.databases import opened
from support.documents import ME
from support.keys import keys_with
from support.tokens import header_of

from authgql.core.database import current
from authgql.core.sealing import CannotOpen, Sealer
from authgql.keys.models import SigningKey

NEWER = "a-newer-secret-that-only-the-tests-know-987654321"
STORED = "SELECT * FROM signing_keys ORDER BY created_at"


async def stored() -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = await current().execute_query_dict(STORED)
    return rows


@pytest.mark.usefixtures("app")
async def test_the_private_half_is_sealed_at_rest() -> None:
    (row,) = await stored()
    pem = Sealer([SECRET]).open(row["sealed_private_key"], place=f"signing-key:{row['kid']}")
    assert pem.startswith("-----BEGIN PRIVATE KEY-----")
    secret_part = "".join(pem.splitlines()[1:-1])
    assert secret_part not in str(dict(row))
    assert "PRIVATE" not in str(dict(row))
    with pytest.raises(CannotOpen):
        Sealer([SECRET]).open(row["sealed_private_key"], place="signing-key:another")


async def test_the_published_keys_have_public_members_alone(app: Application) -> None:
    response = await app.client.get("/.well-known/jwks.json")
    (jwk,) = response.json()["keys"]
    assert set(jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert orjson.loads((await stored())[0]["public_jwk"]) == jwk


async def test_tokens_are_signed_with_the_published_key(app: Application) -> None:
    ada = await app.signed_up()
    (jwk,) = (await app.client.get("/.well-known/jwks.json")).json()["keys"]
    assert header_of(ada.access)["kid"] == jwk["kid"]


async def test_a_restart_keeps_the_key_and_the_tokens(app: Application, clock: ManualClock) -> None:
    ada = await app.signed_up()
    restarted = keys_with(clock, SECRET)
    await restarted.prepare()
    assert restarted.jwks() == app.system.keys.jwks()
    assert restarted.get(header_of(ada.access)["kid"]) is not None
    assert len(await stored()) == 1


async def test_the_first_key_is_made_once_however_many_begin_at_once(
    database_url: str, clock: ManualClock
) -> None:
    async with opened(database_url):
        everyone = [keys_with(clock, SECRET) for _ in range(8)]
        await asyncio.gather(*(keys.prepare() for keys in everyone))
        assert len(await stored()) == 1
        assert len({keys.current.kid for keys in everyone}) == 1


@pytest.mark.process
async def test_the_first_key_is_made_once_by_two_processes_that_start_at_once(
    database_url: str, start_server: StartServer
) -> None:
    shared = {"DATABASE_URL": database_url, "PUBLIC_URL": "http://localhost:9"}
    await asyncio.gather(*(asyncio.to_thread(start_server, **shared) for _ in range(2)))
    async with opened(database_url):
        assert len(await stored()) == 1


async def test_under_a_wrong_secret_the_server_does_not_start(make_app: MakeApp, database_url: str) -> None:
    async with opened(database_url):
        await keys_with(ManualClock(), NEWER).prepare()
    with pytest.raises(CannotOpen, match="signing-key"):
        await make_app()


async def test_the_newest_of_two_secrets_seals_and_either_opens(
    database_url: str, clock: ManualClock
) -> None:
    async with opened(database_url):
        await keys_with(clock, SECRET).prepare()
        rotating = keys_with(clock, NEWER, SECRET)
        await rotating.prepare()
        (kid,) = [row["kid"] for row in await stored()]
        assert rotating.current.kid == kid
        await current().execute_query("DELETE FROM signing_keys")
        await rotating.load()
        await rotating.prepare()
        await keys_with(clock, NEWER).prepare()
        with pytest.raises(CannotOpen):
            await keys_with(clock, SECRET).prepare()


async def test_a_token_of_an_unknown_key_is_refused_without_a_statement(app: Application) -> None:
    ada = await app.signed_up()
    await current().execute_query("UPDATE signing_keys SET retired_at=created_at")
    await app.run_loop("keys")
    with app.counting() as statements:
        assert (await app.gql(ME, token=ada.access)).only is None
    assert statements == []


async def test_of_several_keys_the_newest_signs_and_each_verifies(app: Application) -> None:
    ada = await app.signed_up()
    await current().execute_query("UPDATE signing_keys SET retired_at=created_at")
    app.clock.advance(1)
    await keys_with(app.clock, SECRET).prepare()  # as a rotation does: there is none in force
    await current().execute_query("UPDATE signing_keys SET retired_at=NULL")
    await app.run_loop("keys")
    newer = await app.login()
    assert header_of(newer.access)["kid"] == (await stored())[1]["kid"] != header_of(ada.access)["kid"]
    for token in (ada.access, newer.access):
        assert (await app.gql(ME, token=token)).only is not None
    assert len((await app.client.get("/.well-known/jwks.json")).json()["keys"]) == 2


async def test_a_key_of_a_kind_that_this_version_does_not_know_is_refused_at_the_start(
    database_url: str, clock: ManualClock
) -> None:
    private_key = Ed448PrivateKey.generate()
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sealed = Sealer([SECRET]).seal(pem, place="signing-key:future")
    async with opened(database_url):
        await SigningKey.create(
            kid="future",
            algorithm="EdDSA",
            public_jwk="{}",
            sealed_private_key=sealed,
            created_at=clock.now(),
            signs_from=clock.now(),
        )
        with pytest.raises(TypeError, match="Ed25519"):
            await keys_with(clock, SECRET).prepare()


def test_keys_are_not_used_before_they_are_loaded(clock: ManualClock) -> None:
    with pytest.raises(RuntimeError, match="before they were loaded"):
        _ = keys_with(clock, SECRET).current
