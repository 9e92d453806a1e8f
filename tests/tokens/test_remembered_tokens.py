"""A signature that was verified need not be verified again; nothing else is taken on trust."""

from datetime import timedelta

import pytest
from conftest import MakeApp
from support.app import Application
from support.dialects import no_database
from support.documents import LOGOUT, ME

from authgql.tokens.access import AccessTokens, BadAccessToken
from authgql.tokens.compact import CompactJws, parse

pytestmark = no_database


def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down every token whose signature is looked at."""
    seen: list[str] = []

    def noting(token: str) -> CompactJws:
        seen.append(token)
        return parse(token)

    monkeypatch.setattr("authgql.tokens.access.parse", noting)
    return seen


async def test_a_signature_is_verified_once(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = await app.signed_up()
    seen = verifications(monkeypatch)
    for _ in range(3):
        assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    assert seen == [ada.access]


async def test_a_remembered_token_dies_with_its_session(app: Application) -> None:
    ada = await app.signed_up()
    assert (await app.gql(ME, token=ada.access)).only
    await app.gql(LOGOUT, token=ada.access)
    assert (await app.gql(ME, token=ada.access)).only is None


async def test_a_remembered_token_expires_at_its_second(make_app: MakeApp) -> None:
    app = await make_app(access_token_ttl=timedelta(seconds=300))
    ada = await app.signed_up()
    assert (await app.gql(ME, token=ada.access)).only
    app.clock.advance(300)
    assert (await app.gql(ME, token=ada.access)).only is None


async def test_a_remembered_token_dies_with_its_key(app: Application) -> None:
    ada = await app.signed_up()
    assert (await app.gql(ME, token=ada.access)).only
    await app.system.keys.retire(app.system.keys.current.kid)
    assert (await app.gql(ME, token=ada.access)).only is None


async def test_a_remembered_tokens_neighbour_is_nobody(app: Application) -> None:
    ada = await app.signed_up()
    assert (await app.gql(ME, token=ada.access)).only
    head, payload, signature = ada.access.split(".")
    other = "B" if signature[0] == "A" else "A"
    assert (await app.gql(ME, token=f"{head}.{payload}.{other}{signature[1:]}")).only is None


async def test_what_is_remembered_is_bounded_and_the_least_used_goes_first(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.register()
    first, second, third = [(await app.login()).access for _ in range(3)]
    tokens = AccessTokens(
        clock=app.clock,
        keys=app.system.keys,
        issuer="https://id.example.com",
        audience=app.system.settings.audience,
        remembered=2,
    )
    seen = verifications(monkeypatch)
    for token in (first, second, first, third, first, second):
        tokens.verify(token)
    assert seen == [first, second, third, second]


async def test_a_token_that_is_no_good_is_not_remembered(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await app.signed_up()
    app.clock.advance(days=1)
    seen = verifications(monkeypatch)
    for _ in range(2):
        with pytest.raises(BadAccessToken):
            app.system.access.verify(ada.access)
    assert len(seen) == 2
