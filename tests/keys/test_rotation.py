"""Keys are published, then sign, then verify, then retire; no good token is refused on the way."""

from datetime import timedelta

import jwt
import pytest
from conftest import MakeApp
from support.app import SECRET, Application
from support.documents import ME
from support.keys import keys_with

from authgql.core.sealing import CannotOpen
from authgql.keys.service import LEAD, KeyState, SigningKeys, UnknownKey

NEWER_SECRET = "a-newer-secret-that-only-the-tests-know-98765"


def _keys(app: Application) -> SigningKeys:
    return app.system.keys


def _kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def _published(app: Application) -> list[str]:
    jwks = (await app.client.get("/.well-known/jwks.json")).json()
    return [key["kid"] for key in jwks["keys"]]


async def _accepted(app: Application, token: str) -> bool:
    return (await app.gql(ME, token=token)).only is not None


async def test_a_new_key_is_published_before_it_signs(app: Application) -> None:
    old = _keys(app).current.kid
    new = await _keys(app).rotate()
    assert await _published(app) == [old, new.kid]
    assert _kid((await app.signed_up()).access) == old
    app.clock.advance(LEAD.total_seconds())
    assert _kid((await app.login()).access) == new.kid


async def test_tokens_of_the_old_key_are_good_until_they_expire(app: Application) -> None:
    ada = await app.signed_up()
    await _keys(app).rotate()
    app.clock.advance(LEAD.total_seconds())
    assert await _accepted(app, ada.access)
    refreshed = await app.refresh(ada.refresh)
    app.clock.advance(601)
    await _keys(app).tend()
    assert len(await _published(app)) == 2
    app.clock.advance(60)
    await _keys(app).tend()
    assert await _published(app) == [_kid(refreshed["tokens"]["accessToken"])]


async def test_a_retired_keys_tokens_are_refused_and_its_sessions_go_on(app: Application) -> None:
    ada = await app.signed_up()
    compromised = _keys(app).current.kid
    await _keys(app).retire(compromised)
    assert not await _accepted(app, ada.access)
    again = await app.refresh(ada.refresh)
    assert _kid(again["tokens"]["accessToken"]) != compromised
    assert await _accepted(app, again["tokens"]["accessToken"])
    assert (await app.events()).count("signing_key.retired") == 1


async def test_an_unknown_key_cannot_be_retired(app: Application) -> None:
    with pytest.raises(UnknownKey, match="authgql keys list"):
        await _keys(app).retire("nobody")


async def test_a_key_of_a_certain_age_is_followed_by_a_new_one(make_app: MakeApp) -> None:
    app = await make_app(signing_key_max_age=timedelta(days=1))
    first = _keys(app).current
    await _keys(app).tend()
    assert _keys(app).states() == [(first, KeyState.SIGNING)]
    app.clock.advance(days=1)
    await _keys(app).tend()
    await _keys(app).tend()
    assert [state for _, state in _keys(app).states()] == [KeyState.SIGNING, KeyState.PUBLISHED]
    app.clock.advance(LEAD.total_seconds())
    assert [state for _, state in _keys(app).states()] == [KeyState.VERIFYING, KeyState.SIGNING]


async def test_another_algorithm_comes_with_another_key(make_app: MakeApp) -> None:
    app = await make_app(signing_algorithm="EdDSA")
    ada = await app.signed_up()
    assert jwt.get_unverified_header(ada.access)["alg"] == "EdDSA"
    assert await _accepted(app, ada.access)
    (jwk,) = (await app.client.get("/.well-known/jwks.json")).json()["keys"]
    assert set(jwk) == {"crv", "kty", "x", "kid", "use", "alg"}


async def test_a_changed_algorithm_takes_over_without_refusing_anybody(app: Application) -> None:
    ada = await app.signed_up()
    other = keys_with(app.clock, algorithm="EdDSA")
    await other.prepare()
    await other.tend()
    await _keys(app).load()
    assert await _accepted(app, ada.access)
    app.clock.advance(LEAD.total_seconds())
    assert _keys(app).current.algorithm == "EdDSA"
    assert await _accepted(app, ada.access)


async def test_keys_are_sealed_anew_under_a_newer_secret_which_then_suffices(make_app: MakeApp) -> None:
    app = await make_app(secret_keys=(SECRET,))
    (sealed,) = await app.rows("SELECT sealed_private_key FROM signing_keys")
    newer = keys_with(app.clock, NEWER_SECRET, SECRET)
    await newer.tend()
    (resealed,) = await app.rows("SELECT sealed_private_key FROM signing_keys")
    assert resealed != sealed
    await keys_with(app.clock, NEWER_SECRET).prepare()
    with pytest.raises(CannotOpen, match="signing-key"):
        await keys_with(app.clock, SECRET).prepare()


async def test_of_several_nodes_that_find_a_key_too_old_one_makes_the_next(app: Application) -> None:
    other = keys_with(app.clock)
    await other.load()
    app.clock.advance(days=90)
    await _keys(app).rotate_if_due()
    await other.rotate_if_due()
    assert [state for _, state in other.states()] == [KeyState.SIGNING, KeyState.PUBLISHED]
